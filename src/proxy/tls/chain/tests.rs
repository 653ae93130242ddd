//! Ways of all kinds, each judged here as OpenSSL 3 judges it; where `openssl` is installed it is asked, too.

use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use super::*;

/// Root, authority and client, before they are changed.
fn usual() -> [CertificateParams; 3] {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    };
    let mut leaf = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "a.example.com");
    [authority("root"), authority("between"), leaf]
}

/// The three as PEM.
fn issue(params: &[CertificateParams; 3]) -> [String; 3] {
    let [root, between, leaf] = params;
    let keys: [KeyPair; 3] = std::array::from_fn(|_| KeyPair::generate().unwrap());
    let first = root.self_signed(&keys[0]).unwrap().pem();
    let by_root = Issuer::from_params(root, &keys[0]);
    let second = between.signed_by(&keys[1], &by_root).unwrap().pem();
    let by_between = Issuer::from_params(between, &keys[1]);
    [first, second, leaf.signed_by(&keys[2], &by_between).unwrap().pem()]
}

fn judged([root, between, leaf]: &[String; 3]) -> Result<(), String> {
    let mut trust = Trust { depth: 9, ..Trust::default() };
    trust.add(root.as_bytes()).unwrap();
    let shown = pem_files::certificates(format!("{leaf}{between}").as_bytes()).unwrap();
    trust.judge(&shown, Purpose::Client, crate::proxy::tls::accept::now()).map_err(str::to_owned)
}

/// What OpenSSL says of them; none where it is not installed.
fn by_openssl(pems: &[String; 3], row: usize) -> Option<Result<(), String>> {
    let directory = std::env::temp_dir().join(format!("rkeep-chain-{}-{row}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    for (name, pem) in ["root", "between", "leaf"].iter().zip(pems) {
        std::fs::write(directory.join(name), pem).unwrap();
    }
    let words = ["verify", "-CAfile", "root", "-untrusted", "between", "-purpose", "sslclient", "leaf"];
    let said = Command::new("openssl").args(words).current_dir(&directory).output();
    std::fs::remove_dir_all(&directory).unwrap();
    let said = said.ok()?;
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    // Of several faults nginx tells the last, as the command does.
    let last = text.lines().filter_map(|line| line.split_once(" lookup: ")).next_back();
    Some(if said.status.success() { Ok(()) } else { Err(last.map_or(text.clone(), |(_, why)| why.to_owned())) })
}

fn dns(name: &str) -> GeneralSubtree {
    GeneralSubtree::DnsName(name.to_owned())
}

fn constrained(permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>) -> Option<NameConstraints> {
    Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded })
}

type Row = (fn(&mut [CertificateParams; 3]), Result<(), Distrust>);

const PURPOSE: Result<(), Distrust> = Err("unsuitable certificate purpose");

const ROWS: &[Row] = &[
    (|_| {}, Ok(())),
    // Who may sign.
    (|all| all[1].is_ca = IsCa::NoCa, Err("invalid CA certificate")),
    (|all| all[0].is_ca = IsCa::NoCa, Ok(())),
    (|all| (all[1].is_ca, all[1].key_usages) = (IsCa::NoCa, Vec::new()), Err("invalid CA certificate")),
    (|all| all[1].is_ca = IsCa::ExplicitNoCa, Err("invalid CA certificate")),
    (|all| all[1].key_usages = vec![KeyUsagePurpose::CrlSign], Err("invalid CA certificate")),
    (|all| all[0].key_usages = vec![KeyUsagePurpose::CrlSign], Err("invalid CA certificate")),
    (|all| all[1].is_ca = IsCa::Ca(BasicConstraints::Constrained(0)), Ok(())),
    (|all| all[0].is_ca = IsCa::Ca(BasicConstraints::Constrained(0)), Err("path length constraint exceeded")),
    // What for.
    (|all| all[2].extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth], Ok(())),
    (|all| all[2].extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], PURPOSE),
    (|all| all[2].extended_key_usages = vec![ExtendedKeyUsagePurpose::Any], PURPOSE),
    (|all| all[1].extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], PURPOSE),
    (|all| all[2].key_usages = vec![KeyUsagePurpose::DigitalSignature], Ok(())),
    (|all| all[2].key_usages = vec![KeyUsagePurpose::KeyEncipherment], PURPOSE),
    (|all| all[2].key_usages = vec![KeyUsagePurpose::KeyCertSign], PURPOSE),
    // When.
    (|all| all[2].not_after = date_time_ymd(2020, 1, 1), Err("certificate has expired")),
    (|all| all[1].not_after = date_time_ymd(2020, 1, 1), Err("certificate has expired")),
    (|all| all[0].not_before = date_time_ymd(3000, 1, 1), Err("certificate is not yet valid")),
    // Which names.
    (|all| all[1].name_constraints = constrained(vec![dns("example.com")], vec![]), Ok(())),
    (|all| all[1].name_constraints = constrained(vec![dns("example.org")], vec![]), Err("permitted subtree violation")),
    (|all| all[0].name_constraints = constrained(vec![dns("example.org")], vec![]), Err("permitted subtree violation")),
    (|all| all[1].name_constraints = constrained(vec![], vec![dns("example.com")]), Err("excluded subtree violation")),
    (|all| all[1].name_constraints = constrained(vec![], vec![dns("b.example.com")]), Ok(())),
    (
        |all| {
            all[2].subject_alt_names = Vec::new();
            all[1].name_constraints = constrained(vec![dns("example.org")], vec![]);
        },
        Err("permitted subtree violation"),
    ),
    (
        |all| {
            let here = std::net::IpAddr::from([10, 0, 0, 1]);
            all[2].subject_alt_names = vec![rcgen::SanType::IpAddress(here)];
            let net = GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([192, 168, 0, 0], 16));
            all[1].name_constraints = constrained(vec![net], vec![]);
        },
        Err("permitted subtree violation"),
    ),
    // What nobody understands.
    (
        |all| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![4, 0]);
            unknown.set_criticality(true);
            all[1].custom_extensions = vec![unknown];
        },
        Err("unhandled critical extension"),
    ),
    (
        // Constraints that cannot be read are not as good as none.
        |all| {
            all[1].is_ca = IsCa::NoCa;
            all[1].custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 0x05, 1])];
        },
        Err("invalid or inconsistent certificate extension"),
    ),
];

#[test]
fn openssl_and_rkeep_judge_alike() {
    let mut wrong = Vec::new();
    for (row, (change, expected)) in ROWS.iter().enumerate() {
        let mut params = usual();
        change(&mut params);
        let pems = issue(&params);
        let expected = expected.map_err(str::to_owned);
        let own = judged(&pems);
        let said = by_openssl(&pems, row);
        if own != expected || said.as_ref().is_some_and(|said| said.is_ok() != expected.is_ok()) {
            wrong.push(format!("row {row}: {own:?} instead of {expected:?}, OpenSSL says {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_other_certificate_stands_in_for_an_unreadable_one() {
    let [root, between, leaf] = issue(&usual());
    let mut trust = Trust { depth: 9, ..Trust::default() };
    trust.add(root.as_bytes()).unwrap();
    let mut shown = pem_files::certificates(format!("{leaf}{between}").as_bytes()).unwrap();
    shown.insert(0, CertificateDer::from(vec![0x30, 0]));
    assert!(trust.judge(&shown, Purpose::Client, crate::proxy::tls::accept::now()).is_err());
}

#[test]
fn bytes_behind_a_certificate_and_forged_signatures_are_refused() {
    let [root, between, leaf] = issue(&usual());
    let mut trust = Trust { depth: 9, ..Trust::default() };
    trust.add(root.as_bytes()).unwrap();
    let now = crate::proxy::tls::accept::now();
    let shown = pem_files::certificates(format!("{leaf}{between}").as_bytes()).unwrap();
    assert_eq!(trust.judge(&shown, Purpose::Client, now), Ok(()));
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut shown = shown.clone();
        let mut bytes = shown[0].to_vec();
        change(&mut bytes);
        shown[0] = CertificateDer::from(bytes);
        trust.judge(&shown, Purpose::Client, now)
    };
    assert!(changed(|bytes| bytes.push(0)).is_err());
    assert_eq!(changed(|bytes| *bytes.last_mut().unwrap() ^= 1), Err("certificate signature failure"));
    // The algorithm outside, ECDSA with SHA-256, becomes that with SHA-384.
    let other = changed(|bytes| {
        let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
        let at = bytes.windows(oid.len()).rposition(|window| window == oid).unwrap();
        bytes[at + oid.len() - 1] = 3;
    });
    assert_eq!(other, Err("certificate signature failure"));
}
