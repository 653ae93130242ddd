//! A stub's FastCGI: every request is answered with the same text.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stub::Stream;

/// With this byte begins every record.
pub const VERSION: u8 = 1;

const BEGIN: u8 = 1;
const END: u8 = 3;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
/// The flag of a request after which the connection stays open.
const KEEP: u8 = 1;

/// Answers each request once its body has come whole.
///
/// # Errors
/// The connection breaks.
pub async fn answer(mut stream: impl Stream, says: &str) -> io::Result<()> {
    let (page, mut keep) = (format!("Content-Type: text/plain\r\n\r\n{says}\n"), false);
    let mut head = [0; 8];
    loop {
        match stream.read_exact(&mut head).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        };
        let [_, kind, high, low, length_high, length_low, padding, _] = head;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let mut content = vec![0; length + usize::from(padding)];
        stream.read_exact(&mut content).await?;
        match kind {
            BEGIN => keep = content.get(2).is_some_and(|flags| flags & KEEP != 0),
            // An empty one ends the body.
            STDIN if length == 0 => {
                let parts = [(STDOUT, page.as_bytes()), (STDOUT, &[][..]), (END, &[0; 8][..])];
                let reply: Vec<u8> =
                    parts.into_iter().flat_map(|(kind, part)| record(kind, [high, low], part)).collect();
                stream.write_all(&reply).await?;
                if !keep {
                    return stream.shutdown().await;
                }
            }
            _ => {}
        }
    }
}

fn record(kind: u8, [high, low]: [u8; 2], content: &[u8]) -> Vec<u8> {
    let [length_high, length_low] = u16::try_from(content.len()).unwrap_or(0).to_be_bytes();
    [&[VERSION, kind, high, low, length_high, length_low, 0, 0], content].concat()
}
