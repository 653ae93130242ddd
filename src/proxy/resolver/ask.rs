//! Asking name servers: by datagrams, over a stream where the answer is too long, the next server when one is silent.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rkeep_parsers::ir::http::Address;
use tokio::time::{Instant, timeout_at};

use super::gather::Gathered;
use super::message::{self, Kind, Reply};
use crate::proxy::io::{Connect, Datagram, Stream};

/// How long a server may be silent before the next one is asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A question that is out.
struct Question {
    id: u16,
    kind: Kind,
    bytes: Vec<u8>,
}

/// Asks until all is answered: the servers in turn, beginning with the `first`.
pub async fn ask(servers: &[SocketAddr], first: usize, name: &str, gathered: &mut Gathered) {
    for server in servers.iter().cycle().skip(first) {
        let deadline = Instant::now() + PATIENCE;
        let questions = questions(name, gathered.missing());
        if questions.is_empty() {
            return;
        }
        let asked = timeout_at(deadline, ask_one(*server, name, &questions, gathered)).await;
        if gathered.outcome().is_some() {
            return;
        }
        if matches!(asked, Ok(Err(_))) {
            // The next server is asked at the same time as if this one had been silent.
            tokio::time::sleep_until(deadline).await;
        }
    }
}

/// Asks one server until all is answered.
async fn ask_one(server: SocketAddr, name: &str, questions: &[Question], gathered: &mut Gathered) -> io::Result<()> {
    let socket = Datagram::connect(server).await?;
    for question in questions {
        socket.send(&question.bytes).await?;
    }
    let mut buffer = [0; 4096];
    while gathered.outcome().is_none() {
        let got = socket.receive(&mut buffer).await?;
        let Some((question, reply)) = read(buffer.get(..got).unwrap_or_default(), name, questions) else { continue };
        let reply = match reply {
            Reply::Truncated => over_stream(server, name, question).await?,
            reply => reply,
        };
        gathered.take(question.kind, reply);
    }
    Ok(())
}

/// The question that a message answers, and how.
fn read<'q>(bytes: &[u8], name: &str, questions: &'q [Question]) -> Option<(&'q Question, Reply)> {
    questions
        .iter()
        .find_map(|question| message::answer(bytes, question.id, name, question.kind).map(|reply| (question, reply)))
}

/// Asks again over a stream.
async fn over_stream(server: SocketAddr, name: &str, question: &Question) -> io::Result<Reply> {
    let stream = Stream::connect(&Address::Inet(server), Connect::default()).await?;
    let mut framed = u16::try_from(question.bytes.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    framed.extend_from_slice(&question.bytes);
    stream.write_all(&framed).await?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).await?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut bytes).await?;
    message::answer(&bytes, question.id, name, question.kind).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn questions(name: &str, kinds: &[Kind]) -> Vec<Question> {
    let question = |kind: &Kind| {
        let id = id();
        Some(Question { id, kind: *kind, bytes: message::question(id, name, *kind)? })
    };
    kinds.iter().filter_map(question).collect()
}

/// A number that nobody can foresee, lest strangers answer.
fn id() -> u16 {
    let mut id = [0; 2];
    let _ = rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty());
    u16::from_be_bytes(id)
}
