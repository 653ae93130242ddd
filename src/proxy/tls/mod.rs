//! TLS towards clients and backends, by rustls. What OpenSSL would do with the same directives decides: its names of
//! cipher suites and curves, its verdicts on certificates.

pub mod accept;
pub mod chain;
pub mod ciphers;
pub mod context;
pub mod der;
pub mod keys;
pub mod names;
pub mod pem_files;
pub mod sessions;
mod stream;
pub mod verifiers;

pub use context::{Contexts, Finding};
pub use stream::TlsStream;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography that all of it uses.
pub fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// The same, shared.
pub fn shared_provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> = std::sync::LazyLock::new(|| Arc::new(provider()));
    PROVIDER.clone()
}
