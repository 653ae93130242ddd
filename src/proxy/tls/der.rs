//! As much of DER as is needed to take raw parts out of a certificate. Pure.

/// What a value holds, and what follows it.
pub fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// The parts of what is signed: the name of the algorithm, and the signature. `whole` is a certificate or a
/// revocation list.
pub fn signature(whole: &[u8]) -> Option<(&[u8], &[u8])> {
    let (parts, _) = split(whole)?;
    let (_, after) = split(parts)?;
    let (algorithm, after) = split(after)?;
    let (signature, _) = split(after)?;
    Some((algorithm, signature.strip_prefix(&[0])?))
}

/// The name of the algorithm and the key of a `SubjectPublicKeyInfo`.
pub fn public_key(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let (parts, _) = split(info)?;
    let (algorithm, after) = split(parts)?;
    let (key, _) = split(after)?;
    Some((algorithm, key.strip_prefix(&[0])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_forms() {
        assert_eq!(split(&[4, 1, 9, 7]), Some((&[9][..], &[7][..])));
        assert_eq!(split(&[4, 0x81, 1, 9]), Some((&[9][..], &[][..])));
        assert_eq!(split(&[4, 2, 9]), None);
        assert_eq!(split(&[4, 0x80, 0, 0]), None);
        assert_eq!(split(&[]), None);
    }
}
