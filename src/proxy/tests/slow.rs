//! Clients slower than the backend: they get every byte in its place, wherever it has waited.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::{Bench, Dir};

const LENGTH: usize = 3 << 20;

/// No two places near each other look alike.
fn body() -> Vec<u8> {
    (0..LENGTH as u32 / 4).flat_map(u32::to_le_bytes).collect()
}

/// A backend that answers all requests with the body, with its length or in chunks.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let mut request = [0; 4096];
    let n = stream.read(&mut request).expect("a request");
    let body = body();
    // Who was closed on in the meantime has been answered enough.
    let _ = if request.get(..n).expect("read").starts_with(b"GET /chunked") {
        let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{LENGTH:x}\r\n");
        stream.write_all(&[head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat())
    } else {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), &body].concat())
    };
}

/// The body as it comes to a client that begins to read late and pauses now and then.
fn read_slowly(bench: &Bench, uri: &str) -> Vec<u8> {
    let mut stream = bench.connect();
    stream.write_all(format!("GET {uri} HTTP/1.0\r\nHost: a\r\n\r\n").as_bytes()).expect("sent");
    thread::sleep(Duration::from_millis(100));
    let (mut answer, mut piece) = (Vec::new(), vec![0; 100_000]);
    while let n @ 1.. = stream.read(&mut piece).expect("an answer") {
        answer.extend_from_slice(&piece[..n]);
        if answer.len() % 7 == 0 {
            thread::sleep(Duration::from_millis(5));
        }
    }
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    answer.split_off(head + 4)
}

#[test]
fn every_byte_comes_in_its_place() {
    let (dir, backend, body) = (Dir::new("slow"), backend(), body());
    for how in [
        "",
        "proxy_max_temp_file_size 0;",
        "proxy_max_temp_file_size 64k; proxy_temp_file_write_size 16k;",
        "proxy_buffering off;",
        "proxy_buffers 4 8k; gzip on; gzip_types *;",
    ] {
        let location = format!(
            "location / {{ proxy_pass http://{backend}; proxy_http_version 1.1; proxy_temp_path {}; {how} }}",
            dir.0.display()
        );
        let bench = Bench::new(&location);
        SockRef::from(&bench.listener).set_send_buffer_size(16 * 1024).expect("a small buffer");
        for uri in ["/plain", "/chunked"] {
            assert!(read_slowly(&bench, uri) == body, "{uri} {how}");
        }
    }
}
