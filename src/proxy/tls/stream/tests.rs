//! What leaves when, as a client at the other end of two sockets sees it.

use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;
use crate::proxy::tls::shared_provider;

struct Client {
    tls: ClientConnection,
    socket: UnixStream,
}

impl Client {
    /// Says what it has to say and hears what is there; gives how many bytes that was.
    fn turn(&mut self) -> usize {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket).expect("sent");
        }
        let mut bytes = vec![0; 64 * 1024];
        let heard = self.socket.read(&mut bytes).unwrap_or(0);
        let mut left = bytes.get(..heard).unwrap_or_default();
        while !left.is_empty() {
            self.tls.read_tls(&mut left).expect("taken");
            self.tls.process_new_packets().expect("TLS");
        }
        heard
    }
}

fn ends() -> (ServerConnection, ClientConnection) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(shared_provider()).with_safe_default_protocol_versions();
    let server = server.expect("versions").with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("an anchor");
    let client = ClientConfig::builder_with_provider(shared_provider()).with_safe_default_protocol_versions();
    let client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(client), name).expect("a client");
    (ServerConnection::new(Arc::new(server.expect("a server"))).expect("a server"), client)
}

/// Both ends after the handshake.
async fn shaken() -> (TlsStream, Client) {
    let (ours, theirs) = UnixStream::pair().expect("two sockets");
    ours.set_nonblocking(true).expect("set");
    theirs.set_nonblocking(true).expect("set");
    let stream = TlsStream::new(Stream::Unix(tokio::net::UnixStream::from_std(ours).expect("registered")));
    let (server, client) = ends();
    let mut client = Client { tls: client, socket: theirs };
    stream.begin(server, Vec::new());
    for _ in 0..100 {
        client.turn();
        tokio::task::yield_now().await;
        if stream.shake_hands().is_ok() {
            return (stream, client);
        }
    }
    panic!("no handshake");
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime").block_on(test);
}

#[test]
fn tickets_leave_with_an_answer() {
    run(async {
        let (stream, mut client) = shaken().await;
        assert_eq!(client.turn(), 0, "alone");
        stream.try_write_vectored(&[IoSlice::new(b"answer")]).expect("sent");
        assert!(client.turn() > 0);
        assert_eq!(client.tls.tls13_tickets_received(), 2);
    });
}

#[test]
fn tickets_leave_before_a_wait() {
    run(async {
        let (stream, mut client) = shaken().await;
        let waits = poll_fn(|cx| Poll::Ready(stream.poll_readable(cx).is_pending()));
        tokio::task::yield_now().await;
        let _ = stream.try_read(&mut [0]);
        assert!(waits.await);
        client.turn();
        assert_eq!(client.tls.tls13_tickets_received(), 2);
    });
}

#[test]
fn a_good_bye_comes_with_the_last_bytes() {
    run(async {
        let (stream, mut client) = shaken().await;
        for (last, closed) in [(false, false), (true, true)] {
            let sent = match last {
                true => stream.try_write_last(b"answer"),
                false => stream.try_write_vectored(&[IoSlice::new(b"answer")]),
            };
            assert_eq!(sent.ok(), Some(6));
            client.turn();
            let mut answer = [0; 9];
            assert_eq!(client.tls.reader().read(&mut answer).ok(), Some(6));
            assert_eq!(client.tls.reader().read(&mut answer).ok(), closed.then_some(0));
        }
    });
}
