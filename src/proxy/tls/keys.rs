//! Private keys from PEM, encrypted ones by the passwords of `ssl_password_file`. Pure.

use cbc::cipher::{BlockDecryptMut, KeyIvInit, block_padding::Pkcs7};
use md5::{Digest, Md5};
use rustls::pki_types::PrivateKeyDer;

/// The first key of a PEM text.
///
/// # Errors
/// Why there is none, in OpenSSL's words where it has some.
pub fn read(pem: &[u8], passwords: &[Vec<u8>]) -> Result<PrivateKeyDer<'static>, String> {
    let block = first(pem)?;
    let cipher = block.headers().get("DEK-Info").map(str::to_owned);
    let contents = match (&cipher, block.tag()) {
        (Some(cipher), _) => decrypted(passwords, |password| traditional(cipher, block.contents(), password))?,
        (None, "ENCRYPTED PRIVATE KEY") => decrypted(passwords, |password| pkcs8(block.contents(), password))?,
        _ => block.contents().to_vec(),
    };
    match block.tag() {
        "RSA PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs1(contents.into())),
        "EC PRIVATE KEY" => Ok(PrivateKeyDer::Sec1(contents.into())),
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs8(contents.into())),
        tag => Err(format!("keys of the kind \"{tag}\" are not supported")),
    }
}

fn first(pem: &[u8]) -> Result<pem::Pem, String> {
    let blocks = pem::parse_many(pem).map_err(|error| error.to_string())?;
    Ok(blocks.into_iter().find(|block| block.tag().ends_with("PRIVATE KEY")).ok_or("no start line")?)
}

/// Whether the first key of a PEM text needs a password.
pub fn is_encrypted(pem: &[u8]) -> bool {
    first(pem).is_ok_and(|block| block.headers().get("DEK-Info").is_some() || block.tag().starts_with("ENCRYPTED"))
}

/// The passwords of a file, one a line.
pub fn passwords(file: &[u8]) -> Vec<Vec<u8>> {
    let lines = file.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn decrypted(passwords: &[Vec<u8>], decrypt: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    if passwords.is_empty() {
        return Err("the key is encrypted: name the file of its password in ssl_password_file".to_owned());
    }
    passwords.iter().find_map(|password| decrypt(password)).ok_or_else(|| "bad decrypt".to_owned())
}

fn pkcs8(der: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let key = pkcs8::EncryptedPrivateKeyInfo::try_from(der).ok()?.decrypt(password).ok()?;
    Some(key.as_bytes().to_vec())
}

/// OpenSSL's format of old: `DEK-Info: CIPHER,IV`.
fn traditional(info: &str, bytes: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let (cipher, iv) = info.split_once(',')?;
    let iv = unhex(iv.trim())?;
    let mut buffer = bytes.to_vec();
    let key = |length| stretched(password, iv.get(..8).unwrap_or_default(), length);
    macro_rules! by {
        ($cipher:ty, $length:literal) => {
            cbc::Decryptor::<$cipher>::new_from_slices(&key($length), &iv)
                .ok()?
                .decrypt_padded_mut::<Pkcs7>(&mut buffer)
        };
    }
    let plain = match cipher.trim() {
        "AES-128-CBC" => by!(aes::Aes128, 16),
        "AES-192-CBC" => by!(aes::Aes192, 24),
        "AES-256-CBC" => by!(aes::Aes256, 32),
        "DES-EDE3-CBC" => by!(des::TdesEde3, 24),
        "DES-CBC" => by!(des::Des, 8),
        _ => return None,
    };
    // A wrong password may leave a valid padding; no key begins with anything but a sequence.
    plain.ok().filter(|plain| plain.first() == Some(&0x30)).map(<[u8]>::to_vec)
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round.
fn stretched(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut last = Vec::new();
    while key.len() < length {
        last = Md5::new().chain_update(&last).chain_update(password).chain_update(salt).finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}
