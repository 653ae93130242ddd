//! Bytes for people.

use std::fmt::Write;

/// Printable, on one line; what is long is cut in its middle.
pub fn escaped(bytes: &[u8]) -> String {
    const LONGEST: usize = 400;
    if bytes.len() <= LONGEST {
        return plain(bytes);
    }
    let (head, tail) = (&bytes[..LONGEST / 2], &bytes[bytes.len() - LONGEST / 4..]);
    format!("{} …({} bytes, {:08x})… {}", plain(head), bytes.len(), checksum(bytes), plain(tail))
}

fn plain(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            byte => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// FNV-1a, so that a difference in what is cut shows.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
