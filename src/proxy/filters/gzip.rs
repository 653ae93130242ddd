//! `gzip`: which answers are compressed, and the compressor.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// A gzip stream.
#[derive(Debug)]
pub struct Encoder {
    deflate: Compress,
    crc: Crc,
    begun: bool,
    /// Compressed bytes that wait for more: what leaves is worth a packet.
    held: Vec<u8>,
    written: u64,
}

/// How much leaves at once.
const PIECE: usize = 4096;

/// What a gzip stream begins with: deflate, no name, no time, made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

impl Encoder {
    /// At a level of 1 (fast) to 9 (small).
    pub fn new(level: u32) -> Self {
        Encoder {
            deflate: Compress::new(Compression::new(level.clamp(1, 9)), false),
            crc: Crc::new(),
            begun: false,
            held: Vec::new(),
            written: 0,
        }
    }

    /// Compresses `bytes`; what is ready is appended to `out` once there is enough of it.
    pub fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.crc.update(bytes);
        self.run(bytes, FlushCompress::None);
        if self.held.len() >= PIECE {
            self.release(out);
        }
    }

    /// Makes all that went in come out now.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.run(&[], FlushCompress::Sync);
        self.release(out);
    }

    /// Ends the stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.run(&[], FlushCompress::Finish);
        self.held.extend_from_slice(&self.crc.sum().to_le_bytes());
        self.held.extend_from_slice(&self.crc.amount().to_le_bytes());
        self.release(out);
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        self.written += self.held.len() as u64;
        out.append(&mut self.held);
    }

    /// Plain and compressed bytes so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.deflate.total_in(), self.written)
    }

    fn run(&mut self, mut bytes: &[u8], flush: FlushCompress) {
        if !self.begun {
            self.begun = true;
            self.held.extend_from_slice(&HEADER);
        }
        let out = &mut self.held;
        loop {
            out.reserve(PIECE);
            let (taken, made) = (self.deflate.total_in(), self.deflate.total_out());
            let Ok(status) = self.deflate.compress_vec(bytes, out, flush) else { return };
            let used = (self.deflate.total_in() - taken) as usize;
            bytes = bytes.get(used..).unwrap_or_default();
            let idle = used == 0 && self.deflate.total_out() == made;
            let full = out.len() == out.capacity();
            if status == Status::StreamEnd || idle || (bytes.is_empty() && !full) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_goes_in_comes_out() {
        let mut encoder = Encoder::new(1);
        let mut out = Vec::new();
        let plain: Vec<u8> = (0..100_000u32).flat_map(|n| n.to_le_bytes()).collect();
        for piece in plain.chunks(7000) {
            encoder.encode(piece, &mut out);
        }
        encoder.flush(&mut out);
        encoder.finish(&mut out);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(out.as_slice()).read_to_end(&mut back).expect("valid gzip");
        assert!(back == plain);
        assert_eq!(encoder.counts(), (400_000, out.len() as u64));
    }
}
