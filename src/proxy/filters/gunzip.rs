//! `gunzip`: answers unpacked for clients that cannot.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use super::gzip_ok::{client_takes_it, weaken_etag};
use crate::proxy::request::RequestCtx;

/// Unpacks a gzip stream, of one member or more.
#[derive(Debug)]
pub struct Gunzip(MultiGzDecoder<Vec<u8>>);

/// Makes an unpacker where the answer is packed and the client takes it only plain, and tells so in the head.
pub fn filter(cx: &mut RequestCtx) -> Option<Gunzip> {
    if !cx.conf().gunzip.on || cx.out.fields.get(b"Content-Encoding").is_none_or(|it| !it.eq_ignore_ascii_case(b"gzip"))
    {
        return None;
    }
    cx.out.gzip_vary = true;
    // What a subrequest answers becomes part of a body that is not packed.
    if !cx.is_subrequest() && client_takes_it(cx) {
        return None;
    }
    cx.out.fields.remove(b"Content-Encoding");
    cx.out.content_length = None;
    cx.out.allow_ranges = false;
    cx.out.fields.remove(b"Accept-Ranges");
    weaken_etag(cx);
    Some(Gunzip::new())
}

impl Gunzip {
    fn new() -> Self {
        Gunzip(MultiGzDecoder::new(Vec::new()))
    }

    /// Unpacks bytes; what is ready is appended to `out`.
    ///
    /// # Errors
    /// They are not of a gzip stream.
    pub fn unpack(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()?;
        out.append(self.0.get_mut());
        Ok(())
    }

    /// The rest, at the end of the stream.
    ///
    /// # Errors
    /// It is not the end.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.0.try_finish()?;
        out.append(self.0.get_mut());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn members_follow_each_other() {
        let bytes = [packed(b"one "), packed(b"two")].concat();
        let (mut gunzip, mut out) = (Gunzip::new(), Vec::new());
        for piece in bytes.chunks(5) {
            gunzip.unpack(piece, &mut out).expect("valid");
        }
        gunzip.finish(&mut out).expect("whole");
        assert_eq!(out, b"one two");
    }

    #[test]
    fn what_is_not_packed_is_an_error() {
        assert!(Gunzip::new().unpack(b"plain text, surely", &mut Vec::new()).is_err());
    }
}
