//! What goes over the wire, byte by byte. Pure.

pub mod accept;
pub mod advert;
pub mod ah;
pub mod arp;
pub mod hmac;
pub mod ipv4;
pub mod ipv6;
pub mod ndisc;
pub mod packet;
pub mod sight;

/// The Internet checksum's running sum (RFC 1071): add pieces of even length, the last may be odd, then [`finish`].
///
/// [`finish`]: Checksum::finish
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum(u32);

impl Checksum {
    /// Adds bytes.
    pub fn with(mut self, bytes: &[u8]) -> Self {
        for pair in bytes.chunks(2) {
            let word = u16::from_be_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]);
            self.0 += u32::from(word);
            self.0 = (self.0 & 0xffff) + (self.0 >> 16);
        }
        self
    }

    /// The checksum; over bytes that carry their right checksum it is zero.
    pub fn finish(self) -> u16 {
        !(self.0 as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    #[test]
    fn sums_as_rfc_1071_shows() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Checksum::default().with(&bytes).finish(), !0xddf2);
        let odd = Checksum::default().with(&[0x12, 0x34]).with(&[0x56]).finish();
        assert_eq!(odd, !(0x1234 + 0x5600));
    }
}
