//! Looking for the end of a line, eight bytes at a time: heads are short, and every byte of them is looked at.

/// Where the first byte is that ends a line or spoils it: NUL, CR or LF.
pub fn line_stop(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        match first_below(u64::from_le_bytes(*word), CONTROLS) {
            None => at += 8,
            Some(index) => {
                at += index;
                if bytes.get(at).copied().is_some_and(stops) {
                    return Some(at);
                }
                at += 1;
            }
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|&byte| stops(byte)).map(|index| at + index)
}

/// Above the bytes that are looked for; nearly nothing else lies below it.
const CONTROLS: u8 = b'\r' + 1;

fn stops(byte: u8) -> bool {
    matches!(byte, 0 | b'\r' | b'\n')
}

/// The first byte below `limit`, which is at most 128.
fn first_below(word: u64, limit: u8) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // A byte's high bit is set where it was below; what it borrows may spoil only later ones.
    let below = word.wrapping_sub(ONES * u64::from(limit)) & !word & (ONES << 7);
    (below != 0).then(|| below.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_it_is() {
        for stop in [0, b'\r', b'\n'] {
            for at in 0..40 {
                let mut bytes = [b'\t', 0xff, b'a', 1, 0x80, b' ', 0x7f, 14].repeat(5);
                assert_eq!(line_stop(&bytes), None);
                bytes[at] = stop;
                assert_eq!(line_stop(&bytes), Some(at));
                assert_eq!(line_stop(&bytes[..at]), None);
            }
        }
    }
}
