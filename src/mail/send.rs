//! One mail to the mail server: lettre's connection and EHLO dialogue, our bytes.
//!
//! The original says HELO and loses the mail at the first refusal; here one refused recipient does not cost the others
//! theirs, and what is refused only for now is told apart from what is refused for good.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::{ClientId, Extension};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tracing::debug;

use super::compose::Mail;
use super::helo::Helo;
use super::postman::Route;

/// What became of a mail that the server has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Recipients that were refused for good, each with the server's words.
    pub refused: Vec<(String, String)>,
    /// Recipients that were refused for now.
    pub deferred: Vec<String>,
}

/// Why the server has not taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub kind: Kind,
    /// A log line's beginning, in the original's words.
    pub text: String,
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The server cannot be spoken to: no mail gets out now.
    Away,
    /// It does not take this mail now.
    Later,
    /// It will never take this mail.
    Never,
}

/// Shows a server as keepalived does: `[192.168.3.100]:25`.
struct Shown(SocketAddr);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]:{}", self.0.ip(), self.0.port())
    }
}

/// Hands a mail in.
///
/// # Errors
/// When the server cannot be reached or takes it for no recipient.
pub async fn send(route: &Route, mail: &Mail) -> Result<Delivery, Failure> {
    let (stream, address) = connect(route).await?;
    let server = Shown(address);
    debug!("Remote SMTP server {server} connected.");
    let dialogue = Dialogue { wait: route.timeout, server };
    let hello = ClientId::Domain(route.helo.clone());
    let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello);
    let greeted = match dialogue.step("EHLO", greeting).await {
        Err(failure) if failure.kind == Kind::Never => {
            let (stream, _) = connect(route).await?;
            let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(Helo::new(stream)), &hello);
            dialogue.step("HELO", greeting).await
        }
        greeted => greeted,
    };
    // A server that does not even greet us is one that is away, whatever it says.
    let mut connection = greeted.map_err(|failure| Failure { kind: Kind::Away, ..failure })?;
    let result = dialogue.hand_in(&mut connection, mail).await;
    // The server has the mail or has not; how it says good-bye changes nothing.
    let _ = timeout(route.timeout, connection.quit()).await;
    if result.is_ok() {
        debug!("SMTP alert successfully sent.");
    }
    result
}

/// A connection to the first of the server's addresses that takes one.
async fn connect(route: &Route) -> Result<(TcpStream, SocketAddr), Failure> {
    let temporary = |text: String| Failure { kind: Kind::Away, text };
    let (host, port) = (route.host.as_str(), route.port);
    let named = |error: io::Error| temporary(format!("Invalid smtp server {host} {port} ({error})"));
    let addresses = match timeout(route.timeout, lookup_host((host, port))).await {
        Ok(found) => found.map_err(named)?,
        Err(_) => return Err(temporary(format!("Timeout resolving smtp server {host}"))),
    };
    let mut failure = temporary(format!("Invalid smtp server {host} {port} (it has no address)"));
    for address in addresses {
        let server = Shown(address);
        match timeout(route.timeout, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) => failure = temporary(format!("SMTP connection ERROR to {server} ({error})")),
            Err(_) => failure = temporary(format!("Timeout opening connection to remote SMTP server {server}")),
        }
    }
    Err(failure)
}

struct Dialogue {
    wait: Duration,
    server: Shown,
}

impl Dialogue {
    /// One command and its answer, which must come in time.
    async fn step<T>(&self, command: &str, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match timeout(self.wait, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failure(command, &error)),
            Err(_) => {
                let text = format!("Timeout waiting for SMTP server {} to answer {command}", self.server);
                Err(Failure { kind: Kind::Away, text })
            }
        }
    }

    fn failure(&self, command: &str, error: &Error) -> Failure {
        let text = match error.status() {
            Some(code) => {
                let why = source(error);
                format!("Error processing {command} cmd on SMTP server {}. SMTP status code = {code}{why}", self.server)
            }
            None => format!("Connection to SMTP server {} lost in {command} ({error})", self.server),
        };
        let kind = match (error.is_permanent(), error.is_transient()) {
            (true, _) => Kind::Never,
            (_, true) => Kind::Later,
            _ => Kind::Away,
        };
        Failure { kind, text }
    }

    async fn hand_in(&self, connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<Delivery, Failure> {
        let eight_bit = !mail.data.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime);
        let body = if eight_bit { " BODY=8BITMIME" } else { "" };
        let from = format!("MAIL FROM:<{}>{body}\r\n", mail.from);
        self.step("MAIL", connection.command(from)).await?;
        let delivery = self.recipients(connection, mail).await?;
        self.step("DATA", connection.command("DATA\r\n")).await?;
        self.step("message", connection.message(mail.data.as_bytes())).await?;
        Ok(delivery)
    }

    /// Names the recipients; at least one must be taken.
    async fn recipients(&self, connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<Delivery, Failure> {
        let mut delivery = Delivery::default();
        let mut last = Failure { kind: Kind::Never, text: "The mail has no recipient".to_owned() };
        for to in &mail.to {
            match timeout(self.wait, connection.command(format!("RCPT TO:<{to}>\r\n"))).await {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) if error.is_permanent() => delivery.refused.push((to.clone(), error.to_string())),
                Ok(Err(error)) if error.is_transient() => delivery.deferred.push(to.clone()),
                Ok(Err(error)) => return Err(self.failure("RCPT", &error)),
                Err(_) => return self.step("RCPT", std::future::pending()).await,
            }
            let kind = if delivery.deferred.is_empty() { Kind::Never } else { Kind::Later };
            let text = format!("SMTP server {} takes mail for none of {}", self.server, mail.to.join(", "));
            last = Failure { kind, text };
        }
        let taken = delivery.refused.len() + delivery.deferred.len() < mail.to.len();
        if taken { Ok(delivery) } else { Err(last) }
    }
}

/// The server's words behind a code.
fn source(error: &Error) -> String {
    std::error::Error::source(error).map(|why| format!(" ({why})")).unwrap_or_default()
}
