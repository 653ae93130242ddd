//! CRC-32 (IEEE 802.3, reflected), which `hash` and ketama are made of.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
}

/// A checksum in the making.
#[derive(Clone, Copy, Debug)]
pub struct Crc32(u32);

impl Crc32 {
    /// Of nothing yet.
    pub fn new() -> Self {
        Crc32(u32::MAX)
    }

    /// With more bytes.
    #[must_use]
    pub fn and(self, bytes: &[u8]) -> Self {
        Crc32(bytes.iter().fold(self.0, |crc, &byte| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)]))
    }

    /// The checksum.
    pub fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value() {
        assert_eq!(Crc32::new().and(b"1234").and(b"56789").finish(), 0xcbf4_3926);
    }
}
