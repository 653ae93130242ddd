//! A mail server that keeps what it is given, and can be away for a while.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Node, Task};

/// The longest dialogue and the largest mail it bears with.
const PATIENCE: Duration = Duration::from_secs(60);
const LARGEST: usize = 1 << 20;

/// A mail as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// When its last line came.
    pub at: Instant,
    /// The client's first word and its name: `HELO lb1`.
    pub greeting: String,
    /// The envelope's sender, as written in MAIL FROM.
    pub from: String,
    /// The envelope's recipients, as written in RCPT TO.
    pub to: Vec<String>,
    /// Everything between DATA and the dot, with dots unstuffed, lines ending in CRLF.
    pub data: String,
}

impl Mail {
    /// Its subject line.
    pub fn subject(&self) -> &str {
        self.data.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or("")
    }
}

/// The server. It ends when this is dropped.
#[derive(Debug)]
pub struct MailSink {
    mails: Mails,
    open: Option<watch::Sender<bool>>,
    task: Option<Task<io::Result<()>>>,
}

type Mails = Arc<Mutex<Vec<Mail>>>;

impl MailSink {
    /// Serves on port 25 of a node's address.
    ///
    /// # Errors
    /// The node has no such address.
    pub fn new(node: &Node, address: Ipv4Addr) -> io::Result<MailSink> {
        MailSink::at(node, SocketAddrV4::new(address, 25))
    }

    /// Serves on a node's address and port.
    ///
    /// # Errors
    /// The node has no such address.
    pub fn at(node: &Node, address: SocketAddrV4) -> io::Result<MailSink> {
        let mails = Mails::default();
        let (open, state) = watch::channel(true);
        let (listening, heard) = std::sync::mpsc::channel();
        let kept = Arc::clone(&mails);
        let task = node.thread(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let first = TcpListener::bind(address).await;
                let result = first.as_ref().map(drop).map_err(|error| io::Error::from(error.kind()));
                let _ = listening.send(result);
                serve(address, first?, state, kept).await
            })
        })?;
        heard.recv().map_err(|_| io::ErrorKind::BrokenPipe)??;
        Ok(MailSink { mails, open: Some(open), task: Some(task) })
    }

    /// Stops listening, or starts again. Dialogues under way go on.
    pub fn set_open(&self, open: bool) {
        if let Some(state) = &self.open {
            state.send_if_modified(|state| std::mem::replace(state, open) != open);
        }
    }

    /// All mails so far.
    pub fn mails(&self) -> Vec<Mail> {
        locked(&self.mails).clone()
    }

    /// The subjects of all mails so far.
    pub fn subjects(&self) -> Vec<String> {
        locked(&self.mails).iter().map(|mail| mail.subject().to_owned()).collect()
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.open = None;
        let _ = self.task.take().map(Task::join);
    }
}

fn locked(mails: &Mails) -> std::sync::MutexGuard<'_, Vec<Mail>> {
    mails.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts while open, until the sink is dropped.
async fn serve(
    address: SocketAddrV4,
    first: TcpListener,
    mut open: watch::Receiver<bool>,
    mails: Mails,
) -> io::Result<()> {
    let mut listener = Some(first);
    loop {
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = accept => {
                let mails = Arc::clone(&mails);
                let (stream, _) = accepted?;
                // A client that breaks off has failed for itself only.
                tokio::spawn(async move { tokio::time::timeout(PATIENCE, converse(stream, &mails)).await });
            }
            changed = open.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let wanted = *open.borrow_and_update();
                listener = if wanted { Some(TcpListener::bind(address).await?) } else { None };
            }
        }
    }
}

/// One dialogue.
async fn converse(stream: TcpStream, mails: &Mails) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut greeting, mut from, mut to) = (String::new(), String::new(), Vec::new());
    say(&mut stream, "220 sink ESMTP").await?;
    while let Some(line) = hear(&mut stream).await? {
        let answer = match line.get(..4).unwrap_or("").to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => {
                greeting = line;
                "250 sink"
            }
            "MAIL" => {
                from = line.get(10..).unwrap_or("").to_owned();
                "250 2.1.0 Ok"
            }
            "RCPT" => {
                to.push(line.get(8..).unwrap_or("").to_owned());
                "250 2.1.5 Ok"
            }
            "DATA" => {
                say(&mut stream, "354 End data with <CR><LF>.<CR><LF>").await?;
                let data = message(&mut stream).await?;
                let (greeting, from, to) = (greeting.clone(), std::mem::take(&mut from), std::mem::take(&mut to));
                locked(mails).push(Mail { at: Instant::now(), greeting, from, to, data });
                "250 2.0.0 Ok: queued"
            }
            "QUIT" => return say(&mut stream, "221 2.0.0 Bye").await,
            "RSET" | "NOOP" => "250 2.0.0 Ok",
            _ => "502 5.5.2 Error: command not recognized",
        };
        say(&mut stream, answer).await?;
    }
    Ok(())
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await
}

/// The next line without its end; nothing at the end of the stream.
async fn hear(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let count = stream.read_until(b'\n', &mut line).await?;
    Ok((count > 0).then(|| String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

async fn message(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut data = String::new();
    while data.len() < LARGEST {
        let line = hear(stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if line == "." {
            return Ok(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push_str("\r\n");
    }
    Err(io::ErrorKind::FileTooLarge.into())
}
