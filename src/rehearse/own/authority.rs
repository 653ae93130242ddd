//! Certificates of a rehearsal: an authority made up for it, and what that signs.

use std::cell::OnceCell;
use std::io;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the authority calls itself.
const NAME: &str = "rkeep rehearse";

/// The kinds of keys that it signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Elliptic curves, by which handshakes cost little.
    #[default]
    Curve,
    /// For servers whose cipher suites may have none for other keys.
    Rsa,
}

/// The authority. All that it signs of a kind has one key: to make one takes time, and nobody is to be kept out.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
    curve: KeyPair,
    rsa: OnceCell<KeyPair>,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// The library makes no keys.
    pub fn new() -> io::Result<Authority> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let own = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&own).map_err(io::Error::other)?;
        let curve = KeyPair::generate().map_err(io::Error::other)?;
        Ok(Authority { issuer: Issuer::new(params, own), certificate, curve, rsa: OnceCell::new() })
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The key of all that it signs of a kind, as PEM.
    ///
    /// # Errors
    /// The library makes no such key.
    pub fn key_pem(&self, kind: Kind) -> io::Result<String> {
        Ok(self.key(kind)?.serialize_pem())
    }

    fn key(&self, kind: Kind) -> io::Result<&KeyPair> {
        match (kind, self.rsa.get()) {
            (Kind::Curve, _) => Ok(&self.curve),
            (Kind::Rsa, Some(key)) => Ok(key),
            (Kind::Rsa, None) => {
                let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(io::Error::other)?;
                Ok(self.rsa.get_or_init(|| key))
            }
        }
    }

    /// A certificate for these names and addresses, with its chain, as PEM. What is no name is left out.
    ///
    /// # Errors
    /// The library's.
    pub fn signed_pem(&self, names: &[String], kind: Kind) -> io::Result<String> {
        Ok(self.signed(names, kind)?.pem() + &self.pem())
    }

    /// The same for a server of ours, with the key.
    ///
    /// # Errors
    /// The library's.
    pub fn identity(&self, names: &[String]) -> io::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = vec![self.signed(names, Kind::Curve)?.der().clone(), self.certificate.der().clone()];
        Ok((chain, PrivatePkcs8KeyDer::from(self.curve.serialize_der()).into()))
    }

    /// A list of what it has revoked, which is nothing, as PEM.
    ///
    /// # Errors
    /// The library's.
    pub fn revoked_pem(&self) -> io::Result<String> {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(4096, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(io::Error::other)
    }

    fn signed(&self, names: &[String], kind: Kind) -> io::Result<Certificate> {
        let named = |name: &String| CertificateParams::new(vec![name.clone()]).is_ok();
        let names: Vec<String> = names.iter().filter(|name| named(name)).cloned().collect();
        let first = names.first().cloned().unwrap_or_else(|| NAME.to_owned());
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, first);
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(self.key(kind)?, &self.issuer).map_err(io::Error::other)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_names_and_addresses_and_leaves_out_what_is_neither() {
        let authority = Authority::new().unwrap();
        let names = ["a.example".to_owned(), "10.0.0.1".to_owned(), "bücher.example".to_owned()];
        for kind in [Kind::Curve, Kind::Rsa] {
            let pem = authority.signed_pem(&names, kind).unwrap();
            assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
            assert!(authority.key_pem(kind).unwrap().contains("PRIVATE KEY"));
        }
        assert!(authority.revoked_pem().unwrap().contains("X509 CRL"));
        assert_eq!(authority.identity(&[]).unwrap().0.len(), 2);
    }
}
