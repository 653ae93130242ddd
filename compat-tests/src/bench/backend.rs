//! A backend that is cheap: `/N` is answered by N bytes, whatever was posted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

/// The largest head.
const HEAD: usize = 64 << 10;

/// Answers at all addresses until it is killed.
///
/// # Errors
/// It cannot listen.
pub fn serve(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(("0.0.0.0", port)).await?;
        loop {
            let (client, _) = listener.accept().await?;
            client.set_nodelay(true)?;
            // A client may leave at any time.
            spawn_local(async { answer(client).await.ok() });
        }
    })
}

async fn answer(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; HEAD];
    let mut filled = 0;
    loop {
        let end = loop {
            if let Some(end) = buffer[..filled].windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            match client.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                n => filled += n,
            }
        };
        let asked = Asked::read(&String::from_utf8_lossy(&buffer[..end]));
        let mut body = filled - end;
        while body < asked.body {
            match client.read(&mut buffer).await? {
                0 => return Ok(()),
                n => body += n,
            }
        }
        filled = 0;
        client.write_all(&asked.answer()).await?;
        if asked.close {
            return client.shutdown().await;
        }
    }
}

thread_local! {
    /// Answers that have been given: connections share them, of which many may wait for their clients.
    static ANSWERS: RefCell<HashMap<Asked, Rc<Vec<u8>>>> = RefCell::default();
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Asked {
    size: usize,
    /// Bytes of its own body.
    body: usize,
    /// It speaks HTTP/1.0, whose answer ends with the connection.
    close: bool,
}

impl Asked {
    fn read(head: &str) -> Asked {
        let mut words = head.split(' ');
        let path = words.nth(1).unwrap_or_default();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
        });
        Asked {
            size: path.trim_start_matches('/').parse().unwrap_or(0),
            body: length.unwrap_or(0),
            close: words.next().is_some_and(|version| version.starts_with("HTTP/1.0")),
        }
    }

    fn answer(self) -> Rc<Vec<u8>> {
        let key = Asked { body: 0, ..self };
        ANSWERS
            .with_borrow_mut(|known| known.entry(key).or_insert_with(|| Rc::new(text(self.size, self.close))).clone())
    }
}

fn text(size: usize, close: bool) -> Vec<u8> {
    let connection = if close { "close" } else { "keep-alive" };
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
         Content-Length: {size}\r\nConnection: {connection}\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + size, b'x');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let read = |text| Asked::read(text);
        assert_eq!(read("GET /12 HTTP/1.1\r\n\r\n"), Asked { size: 12, body: 0, close: false });
        let posted = "POST /0 HTTP/1.0\r\ncontent-Length: 7\r\n\r\n";
        assert_eq!(read(posted), Asked { size: 0, body: 7, close: true });
    }
}
