//! Looking for the ends of lines and of names, eight bytes at a time: heads are short, and every byte of them is looked
//! at.

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

/// Where a field's name ends: at a colon, a space or a control byte; the length where there is none.
pub fn name_stop(bytes: &[u8]) -> usize {
    stop(bytes, b':', |word| below(word, b' ' + 1) | equal(word, b':') | equal(word, 0x7f))
}

/// Where a word ends: at a space or a control byte; the length where there is none.
pub fn word_stop(bytes: &[u8]) -> usize {
    stop(bytes, b' ', |word| below(word, b' ' + 1) | equal(word, 0x7f))
}

/// Where the first of two bytes is; the length where there is none.
pub fn either(bytes: &[u8], one: u8, other: u8) -> usize {
    stop(bytes, one, |word| equal(word, one) | equal(word, other))
}

/// The first place that `found` marks in a word of eight; the length where there is none. `stopper` is a byte it marks.
#[inline(always)]
fn stop(bytes: &[u8], stopper: u8, found: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let word = rest.first_chunk().copied().unwrap_or_else(|| ended(rest, stopper));
        match found(u64::from_le_bytes(word)) {
            0 => at += 8,
            marks => return at + first(marks),
        }
    }
}

/// Less than a word, with a stopper behind it.
fn ended(rest: &[u8], stopper: u8) -> [u8; 8] {
    let mut word = [stopper; 8];
    word.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    word
}

/// The first byte below `limit`, which is at most 128.
fn first_below(word: u64, limit: u8) -> Option<usize> {
    let found = below(word, limit);
    (found != 0).then(|| first(found))
}

const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The high bit of the first byte below `limit`, which is at most 128. Of later bytes it may be set wrongly.
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(all(1) * u64::from(limit)) & !word & all(0x80)
}

/// The same of bytes equal to one.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ all(byte), 1)
}

/// Which byte's bit is the first.
fn first(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_a_bytewise_look_finds_it() {
        for stop in 0..=255u8 {
            for at in 0..20 {
                let mut bytes = [b'a', 0xff, b'-', b'Z', 0x80, b'_', b'!', b'9'].repeat(3);
                bytes[at] = stop;
                let plain =
                    bytes.iter().position(|&byte| matches!(byte, 0..=b' ' | b':' | 0x7f)).unwrap_or(bytes.len());
                assert_eq!(name_stop(&bytes), plain, "{stop} at {at}");
                assert_eq!(name_stop(&bytes[..at]), at);
            }
        }
    }

    #[test]
    fn words_end_where_a_bytewise_look_finds_it() {
        for stop in 0..=255u8 {
            for at in 0..20 {
                let mut bytes = [b'a', 0xff, b'-', b':', 0x80, b'/', b'!', b'9'].repeat(3);
                bytes[at] = stop;
                let plain = bytes.iter().position(|&byte| byte == b' ' || byte.is_ascii_control());
                assert_eq!(word_stop(&bytes), plain.unwrap_or(bytes.len()), "{stop} at {at}");
                assert_eq!(word_stop(&bytes[..at]), at);
            }
        }
    }

    #[test]
    fn either_of_two() {
        for at in 0..20 {
            let mut bytes = [b'a', 0xff, b'$', b'-', b'/', 0, b'\'', b'&'].repeat(3);
            bytes[at] = if at % 2 == 0 { b'%' } else { b'.' };
            bytes[23] = b'%';
            assert_eq!(either(&bytes, b'%', b'.'), at);
            assert_eq!(either(&bytes[..at], b'%', b'.'), at);
        }
    }

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
