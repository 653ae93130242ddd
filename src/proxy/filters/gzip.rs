//! `gzip`: which answers are compressed, and the compressor.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// A gzip stream.
#[derive(Debug)]
pub struct Encoder {
    deflate: Compress,
    crc: Crc,
    begun: bool,
    written: u64,
}

/// What a gzip stream begins with: deflate, no name, no time, made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

impl Encoder {
    /// At a level of 1 (fast) to 9 (small).
    pub fn new(level: u32) -> Self {
        Encoder {
            deflate: Compress::new(Compression::new(level.clamp(1, 9)), false),
            crc: Crc::new(),
            begun: false,
            written: 0,
        }
    }

    /// Compresses `bytes`; what is ready is appended to `out`.
    pub fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        self.begin(out);
        self.crc.update(bytes);
        self.run(bytes, FlushCompress::None, out);
        self.written += (out.len() - before) as u64;
    }

    /// Makes all that went in come out now.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        self.begin(out);
        self.run(&[], FlushCompress::Sync, out);
        self.written += (out.len() - before) as u64;
    }

    /// Ends the stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        self.begin(out);
        self.run(&[], FlushCompress::Finish, out);
        out.extend_from_slice(&self.crc.sum().to_le_bytes());
        out.extend_from_slice(&self.crc.amount().to_le_bytes());
        self.written += (out.len() - before) as u64;
    }

    /// Plain and compressed bytes so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.deflate.total_in(), self.written)
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            out.extend_from_slice(&HEADER);
        }
    }

    fn run(&mut self, mut bytes: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        loop {
            out.reserve(4096);
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
