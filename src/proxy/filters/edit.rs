//! What changes the bytes of a body before it is packed: unpacking, strings replaced, recoding.

use std::io;

use super::charset;
use super::gunzip::{self, Gunzip};
use super::recode::Recoder;
use super::sub::{self, Substitution};
use crate::proxy::request::RequestCtx;

/// Changes to a body.
#[derive(Debug)]
pub struct Edits {
    gunzip: Option<Gunzip>,
    sub: Option<Substitution>,
    recoder: Option<Recoder>,
}

/// The changes that the location wants, if any; told in the head.
pub fn filter(cx: &mut RequestCtx) -> Option<Box<Edits>> {
    if !is_wanted(cx) {
        return None;
    }
    let edits = Edits { gunzip: gunzip::filter(cx), sub: sub::filter(cx), recoder: charset::filter(cx) };
    (edits.gunzip.is_some() || edits.sub.is_some() || edits.recoder.is_some()).then(|| Box::new(edits))
}

/// Whether the location has anything that may change a body.
fn is_wanted(cx: &RequestCtx) -> bool {
    let conf = cx.conf();
    conf.gunzip.on || !conf.sub.rules.is_empty() || charset::is_wanted(cx)
}

impl Edits {
    /// Changes bytes; what is ready is appended to `out`.
    ///
    /// # Errors
    /// They cannot be unpacked.
    pub fn edit(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let unpacked;
        let plain = match &mut self.gunzip {
            Some(gunzip) => {
                let mut plain = Vec::new();
                gunzip.unpack(bytes, &mut plain)?;
                unpacked = plain;
                unpacked.as_slice()
            }
            None => bytes,
        };
        self.replace(plain, out);
        Ok(())
    }

    /// The rest, at the end of the body.
    ///
    /// # Errors
    /// It cannot be unpacked.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(gunzip) = &mut self.gunzip {
            let mut plain = Vec::new();
            gunzip.finish(&mut plain)?;
            self.replace(&plain, out);
        }
        if let Some(sub) = &mut self.sub {
            let mut rest = Vec::new();
            sub.finish(&mut rest);
            self.recode(&rest, out);
        }
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(sub) = &mut self.sub else { return self.recode(bytes, out) };
        let mut replaced = Vec::with_capacity(bytes.len());
        sub.replace(bytes, &mut replaced);
        self.recode(&replaced, out);
    }

    fn recode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.recoder {
            Some(recoder) => recoder.recode(bytes, out),
            None => out.extend_from_slice(bytes),
        }
    }
}
