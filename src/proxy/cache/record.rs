//! What stands before the body in a file of the cache. Pure.
//!
//! Eight bytes name the format; four times follow at fixed places, so that they can be written anew alone; then the
//! length of all this, and the fields with their lengths. Numbers are little-endian.

use super::freshness::Times;
use super::key::Hash;

const MAGIC: &[u8; 8] = b"rkeep\0c1";
/// Where the times are.
pub const TIMES_AT: u64 = 8;
/// Up to where the length is known.
const FIXED: usize = 8 + 4 * 8 + 4;
const NO_DATE: i64 = i64::MIN;

/// What is known of a cached answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// How long it is good for.
    pub times: Times,
    /// `Last-Modified`, to ask whether it has changed.
    pub last_modified: Option<i64>,
    /// `ETag`, for the same.
    pub etag: Vec<u8>,
    /// The fields of requests it depends on.
    pub vary: Vec<u8>,
    /// Which variant it is.
    pub variant: Hash,
    /// The key: two keys may have one sum.
    pub key: Vec<u8>,
    /// Status line and fields as the backend sent them.
    pub head: Vec<u8>,
}

impl Times {
    /// As they are written at [`TIMES_AT`].
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let numbers = [self.date, self.fresh_until, self.updating, self.error];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

impl Record {
    /// As it is written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.times.to_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.last_modified.unwrap_or(NO_DATE).to_le_bytes());
        out.extend_from_slice(&self.variant.0);
        for field in [&self.etag, &self.vary, &self.key, &self.head] {
            out.extend_from_slice(&(field.len() as u32).to_le_bytes());
            out.extend_from_slice(field);
        }
        let len = (out.len() as u32).to_le_bytes();
        if let Some(place) = out.get_mut(FIXED - 4..FIXED) {
            place.copy_from_slice(&len);
        }
        out
    }

    /// How long it is, if the beginning of a file is one.
    pub fn length(bytes: &[u8]) -> Option<usize> {
        bytes.strip_prefix(MAGIC)?;
        let mut reader = Reader(bytes.get(FIXED - 4..)?);
        usize::try_from(reader.length()?).ok()
    }

    /// Reads it.
    pub fn of_bytes(bytes: &[u8]) -> Option<Record> {
        let mut reader = Reader(bytes.strip_prefix(MAGIC)?);
        let times = Times {
            date: reader.number()?,
            fresh_until: reader.number()?,
            updating: reader.number()?,
            error: reader.number()?,
        };
        reader.take(4)?;
        let last_modified = Some(reader.number()?).filter(|date| *date != NO_DATE);
        let variant = Hash(reader.take(16)?.try_into().ok()?);
        let (etag, vary) = (reader.field()?, reader.field()?);
        let (key, head) = (reader.field()?, reader.field()?);
        Some(Record { times, last_modified, etag, vary, variant, key, head })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn length(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn field(&mut self) -> Option<Vec<u8>> {
        let len = self.length()?;
        self.take(usize::try_from(len).ok()?).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let record = Record {
            times: Times { date: 1, fresh_until: 2, updating: 3, error: 4 },
            last_modified: Some(5),
            etag: b"\"e\"".to_vec(),
            vary: b"A,B".to_vec(),
            variant: Hash::of(b"v"),
            key: b"http://a/".to_vec(),
            head: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        };
        let bytes = record.to_bytes();
        assert_eq!(Record::length(&bytes), Some(bytes.len()));
        assert_eq!(Record::of_bytes(&bytes), Some(record));
        assert_eq!(bytes.get(TIMES_AT as usize..).unwrap_or_default().first(), Some(&1));
        for len in 0..bytes.len() {
            assert_eq!(Record::of_bytes(&bytes[..len]), None, "{len} bytes");
        }
        assert_eq!(Record::of_bytes(b"something else"), None);
        assert_eq!(Record::of_bytes(&Record::default().to_bytes()), Some(Record::default()));
    }
}
