//! TLS towards clients and backends, by rustls. What OpenSSL would do with the same directives decides: its names of
//! cipher suites and curves, its verdicts on certificates.

pub mod accept;
pub mod chain;
pub mod ciphers;
pub mod client;
pub mod context;
pub mod der;
pub mod inventory;
pub mod kept;
pub mod keys;
pub mod lints;
pub mod maker;
pub mod names;
pub mod ocsp;
mod offers;
pub mod pem_files;
mod secrets;
pub mod sessions;
pub mod stapling;
mod stream;
pub mod verifiers;

pub use context::{Contexts, Finding};
pub use stream::TlsStream;

use std::sync::Arc;

use rkeep_parsers::ir::http::Handler;
use rustls::crypto::CryptoProvider;

use crate::plan::ProxyPlan;
use client::ClientContext;

/// The cryptography that all of it uses.
pub fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    secrets::prepare(&mut provider);
    provider
}

/// The same, shared.
pub fn shared_provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::LazyLock<Arc<CryptoProvider>> = std::sync::LazyLock::new(|| Arc::new(provider()));
    PROVIDER.clone()
}

/// All that is to be said of a plan's TLS.
pub fn check(plan: &ProxyPlan) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Made for what is found; whoever serves makes its own.
    drop(Contexts::compile(plan, None, &mut findings));
    for location in plan.locations.values() {
        if matches!(&location.handler, Handler::Proxy(pass) if pass.may_be_https()) {
            drop(ClientContext::compile(location, plan, &mut findings));
        }
    }
    findings
}
