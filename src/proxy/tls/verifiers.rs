//! What rustls asks about certificates of the other side. Signatures of the handshake are checked here; whether a
//! certificate is trusted is judged afterwards, where a verdict can become an answer.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::{der, shared_provider};

/// Takes every certificate whose key the other side has.
#[derive(Debug, Default)]
pub struct AnyCertificate {
    /// Whom clients are told that their certificates should be of.
    pub hints: Vec<DistinguishedName>,
}

/// Whether the key of `cert` has signed `message`.
fn check(
    message: &[u8],
    cert: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let bad = |error| Error::InvalidCertificate(error);
    let (_, cert) = X509Certificate::from_der(cert).map_err(|_| bad(CertificateError::BadEncoding))?;
    let key = der::public_key(cert.public_key().raw).ok_or_else(|| bad(CertificateError::BadEncoding))?;
    let provider = shared_provider();
    let known = provider.signature_verification_algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
    let fits =
        known.into_iter().flat_map(|(_, all)| all.iter()).filter(|known| known.public_key_alg_id().as_ref() == key.0);
    let mut verified = fits.map(|known| known.verify_signature(key.1, message, signed.signature()));
    match verified.any(|verified| verified.is_ok()) {
        true => Ok(HandshakeSignatureValid::assertion()),
        false => Err(bad(CertificateError::BadSignature)),
    }
}

fn schemes() -> Vec<SignatureScheme> {
    shared_provider().signature_verification_algorithms.supported_schemes()
}

/// What both of rustls' traits ask of signatures.
macro_rules! checks_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            check(message, cert, signed)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            check(message, cert, signed)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            schemes()
        }
    };
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    checks_signatures!();
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    checks_signatures!();
}
