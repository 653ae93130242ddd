//! The workloads.

/// A workload.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in the table.
    pub text: &'static str,
    /// The path asked for. Of backends it is the size of the answer.
    pub path: &'static str,
    /// Connections at a time.
    pub connections: usize,
    /// Which of a proxy's ports.
    pub port: u16,
    /// Bytes posted with each request.
    pub post: usize,
    /// What the client speaks.
    pub by: By,
    /// Whether haproxy does that work, too.
    pub haproxy: bool,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// HTTP/1.1
    Http,
    /// The same by TLS.
    Tls,
    /// The same with a full handshake for each request.
    Handshakes,
    /// The same with a handshake for each request that takes up the client's session, of TLS 1.3.
    Resumptions,
    /// HTTP/2 without TLS, eight streams on each connection.
    Http2,
    /// The same with a call of gRPC on each stream.
    Grpc,
}

/// The port that keeps connections to backends, the one that does not, and the one of files.
pub const KEEP: u16 = 0;
/// See [`KEEP`].
pub const CLOSE: u16 = 1;
/// See [`KEEP`].
pub const FILES: u16 = 2;
/// As [`KEEP`], without an access log.
pub const UNLOGGED: u16 = 3;
/// As [`UNLOGGED`], by TLS with a key on a curve.
pub const TLS: u16 = 4;
/// As [`UNLOGGED`], by HTTP/2.
pub const HTTP2: u16 = 5;
/// As [`TLS`] with a key of RSA.
pub const RSA: u16 = 6;
/// As [`TLS`] where sessions may be taken up again.
pub const RESUMED: u16 = 7;
/// Calls of gRPC, to a backend that speaks HTTP/2, too.
pub const GRPC: u16 = 8;
/// What is answered without a backend.
pub const DIRECT: &str = "/direct";

const PROXIED: Case =
    Case { name: "", text: "", path: "/1024", connections: 64, port: KEEP, post: 0, by: By::Http, haproxy: true };
const SECRET: Case = Case { port: TLS, by: By::Tls, haproxy: false, ..PROXIED };
const HANDSHAKE: Case = Case { path: DIRECT, by: By::Handshakes, ..SECRET };
const FILE: Case = Case { port: FILES, haproxy: false, ..PROXIED };

/// Connections that only wait.
pub const IDLE: Case = Case { name: "idle", ..SECRET };

/// All of them.
pub const CASES: [Case; 16] = [
    Case { name: "1k", text: "1 KB, connections kept on both sides, 64 clients", ..PROXIED },
    Case { name: "1k-unlogged", text: "the same, no access log", port: UNLOGGED, ..PROXIED },
    Case { name: "1k-256", text: "1 KB, 256 clients", connections: 256, ..PROXIED },
    Case { name: "close", text: "1 KB, a new connection to the backend each time", port: CLOSE, ..PROXIED },
    Case { name: "64k", text: "64 KB, 32 clients", path: "/65536", connections: 32, ..PROXIED },
    Case { name: "10m", text: "10 MB, 8 clients", path: "/10485760", connections: 8, ..PROXIED },
    Case { name: "post", text: "POST of 16 KB, 32 clients", path: "/0", connections: 32, post: 16 << 10, ..PROXIED },
    Case { name: "file-1k", text: "a file of 1 KB", path: "/1k", ..FILE },
    Case { name: "file-100k", text: "a file of 100 KB", path: "/100k", ..FILE },
    Case { name: "tls-1k", text: "1 KB by TLS 1.3", ..SECRET },
    Case { name: "tls-64k", text: "64 KB by TLS 1.3, 32 clients", path: "/65536", connections: 32, ..SECRET },
    Case { name: "handshake", text: "a full handshake, ECDSA", ..HANDSHAKE },
    Case { name: "handshake-rsa", text: "a full handshake, RSA of 2048 bits", port: RSA, ..HANDSHAKE },
    Case {
        name: "handshake-resumed",
        text: "a handshake that takes a session up",
        connections: 4,
        port: RESUMED,
        by: By::Resumptions,
        ..HANDSHAKE
    },
    Case {
        name: "h2-1k",
        text: "1 KB by HTTP/2, 16 connections",
        connections: 16,
        port: HTTP2,
        by: By::Http2,
        ..SECRET
    },
    Case {
        name: "grpc-unary",
        text: "a unary call of gRPC, 16 connections",
        path: "/bench.Bench/Call",
        connections: 16,
        port: GRPC,
        by: By::Grpc,
        ..SECRET
    },
];
