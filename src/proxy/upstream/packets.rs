//! How SCGI and uwsgi put parameters in front of a request's body. Pure.

/// Appends a parameter of SCGI.
pub fn scgi_param(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for word in [name, value] {
        out.extend_from_slice(word);
        out.push(0);
    }
}

/// Appends what goes before the body: the parameters as a netstring, the body's length first of all.
pub fn scgi(length: u64, params: &[u8], out: &mut Vec<u8>) {
    let mut first = Vec::new();
    scgi_param(b"CONTENT_LENGTH", length.to_string().as_bytes(), &mut first);
    out.extend_from_slice(format!("{}:", first.len() + params.len()).as_bytes());
    out.extend_from_slice(&first);
    out.extend_from_slice(params);
    out.push(b',');
}

/// Appends a parameter of uwsgi. Says whether its parts fit.
pub fn uwsgi_param(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> bool {
    [name, value].iter().all(|word| {
        let Ok(length) = u16::try_from(word.len()) else { return false };
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(word);
        true
    })
}

/// Appends a packet of uwsgi. Says whether it fits.
pub fn uwsgi(modifiers: (u8, u8), content: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(length) = u16::try_from(content.len()) else { return false };
    let [low, high] = length.to_le_bytes();
    out.extend_from_slice(&[modifiers.0, low, high, modifiers.1]);
    out.extend_from_slice(content);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netstring_begins_with_the_length() {
        let (mut params, mut out) = (Vec::new(), Vec::new());
        scgi_param(b"A", b"bc", &mut params);
        scgi(7, &params, &mut out);
        assert_eq!(out, b"22:CONTENT_LENGTH\x007\0A\0bc\0,");
    }

    #[test]
    fn lengths_of_uwsgi_are_two_bytes() {
        let (mut params, mut out) = (Vec::new(), Vec::new());
        assert!(uwsgi_param(b"A", b"bc", &mut params) && uwsgi((1, 2), &params, &mut out));
        assert_eq!(out, b"\x01\x07\0\x02\x01\0A\x02\0bc");
        assert!(!uwsgi_param(b"A", &vec![0; 1 << 16], &mut params) && !uwsgi((0, 0), &vec![0; 1 << 16], &mut out));
    }
}
