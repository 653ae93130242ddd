//! `empty_gif`: one transparent pixel.

use bytes::Bytes;

use crate::proxy::body::Body;
use crate::proxy::request::{Answer, RequestCtx, Status};

/// A GIF of one transparent pixel.
const PIXEL: [u8; 43] = [
    b'G', b'I', b'F', b'8', b'9', b'a', 1, 0, 1, 0, 0x80, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1, 0, 0, 1,
    0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4c, 1, 0, 0x3b,
];

/// Answers with the picture; its date is always the same.
///
/// # Errors
/// 405 for methods that do not read.
pub fn answer(cx: &mut RequestCtx) -> Result<Answer, Status> {
    if cx.method != b"GET" && cx.method != b"HEAD" {
        return Err(Status(405));
    }
    cx.body_discard()?;
    cx.out.status = 200;
    cx.out.content_type.extend_from_slice(b"image/gif");
    cx.out.charset_open = true;
    cx.out.content_length = Some(PIXEL.len() as u64);
    cx.out.last_modified = Some(23_349_600);
    Ok(Answer::Body(Body::Memory(Bytes::from_static(&PIXEL))))
}
