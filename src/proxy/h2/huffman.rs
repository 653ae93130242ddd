//! HPACK's Huffman code. It is canonical, so the lengths of its words say all. Pure.

use std::sync::LazyLock;

/// Bits of the word of each byte, and of the end, which is never written (RFC 7541, appendix B).
const BITS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26, 30,
];

/// The longest word.
const LONGEST: usize = 30;

/// The code, made of the lengths.
struct Code {
    /// Words of each byte.
    words: [u32; 257],
    /// Bytes in the order of their words.
    order: Vec<u16>,
    /// For each length its first word, and where its bytes begin in `order`.
    first: [(u32, usize); LONGEST + 2],
}

static CODE: LazyLock<Code> = LazyLock::new(Code::new);

impl Code {
    fn new() -> Code {
        let mut order: Vec<u16> = (0..257).collect();
        let bits = |symbol: u16| BITS.get(usize::from(symbol)).copied().unwrap_or_default();
        order.sort_by_key(|symbol| (bits(*symbol), *symbol));
        let (mut words, mut first) = ([0; 257], [(0, 0); LONGEST + 2]);
        let (mut word, mut at) = (0_u32, 0);
        for (length, begin) in first.iter_mut().enumerate() {
            *begin = (word, at);
            while let Some(symbol) = order.get(at).filter(|symbol| usize::from(bits(**symbol)) == length) {
                if let Some(slot) = words.get_mut(usize::from(*symbol)) {
                    *slot = word;
                }
                word = word.wrapping_add(1);
                at += 1;
            }
            word = word.wrapping_shl(1);
        }
        Code { words, order, first }
    }

    /// The symbol of a word of so many bits, if it is one.
    fn symbol(&self, word: u32, bits: usize) -> Option<u16> {
        let (first, begin) = *self.first.get(bits)?;
        let (_, end) = *self.first.get(bits + 1)?;
        let at = begin + usize::try_from(word.checked_sub(first)?).ok()?;
        self.order.get(at).copied().filter(|_| at < end)
    }
}

/// Appends what the words stand for; none where they are no text. `filling`: the most bits that may fill up the end.
pub fn decode(packed: &[u8], text: &mut Vec<u8>, filling: usize) -> Option<()> {
    let (mut word, mut bits) = (0_u32, 0);
    for byte in packed {
        for shift in (0..8).rev() {
            word = word << 1 | u32::from(byte >> shift & 1);
            bits += 1;
            if bits < 5 {
                continue;
            }
            if let Some(symbol) = CODE.symbol(word, bits) {
                text.push(u8::try_from(symbol).ok()?);
                (word, bits) = (0, 0);
            } else if bits >= LONGEST {
                return None;
            }
        }
    }
    // The last byte is filled up with the beginning of the end.
    (bits <= filling && word.count_ones() as usize == bits).then_some(())
}

/// Appends the words of a text.
pub fn encode(text: &[u8], packed: &mut Vec<u8>) {
    let (mut held, mut bits) = (0_u64, 0);
    for byte in text {
        let (Some(word), Some(length)) = (CODE.words.get(usize::from(*byte)), BITS.get(usize::from(*byte))) else {
            continue;
        };
        held = held << length | u64::from(*word);
        bits += u32::from(*length);
        while bits >= 8 {
            bits -= 8;
            packed.push((held >> bits) as u8);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        let missing = 8 - bits;
        packed.push((held << missing) as u8 | ((1_u16 << missing) - 1) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for text in [&all[..], b"", b"/", b"localhost", b"www.example.com", b"GET"] {
            let (mut packed, mut back) = (Vec::new(), Vec::new());
            encode(text, &mut packed);
            assert_eq!(decode(&packed, &mut back, 7), Some(()), "{}", text.escape_ascii());
            assert_eq!(back, text);
        }
    }

    /// RFC 7541, C.4.1.
    #[test]
    fn the_rfcs_words() {
        let packed = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        let mut own = Vec::new();
        encode(b"www.example.com", &mut own);
        assert_eq!(own, packed);
    }

    #[test]
    fn only_the_beginning_of_the_end_fills_up() {
        let mut text = Vec::new();
        assert_eq!(decode(&[0x1f], &mut text, 7), Some(()));
        assert_eq!(decode(&[0x1e], &mut text, 7), None, "zeros");
        assert_eq!(decode(&[0x1f, 0xff], &mut text, 7), None, "a whole byte");
        assert_eq!(decode(&[0xff], &mut text, 8), Some(()), "where that is tolerated");
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff], &mut text, 7), None, "the end itself");
    }
}
