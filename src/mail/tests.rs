//! Mails against a small SMTP server that can be away, hesitate and refuse.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::compose::Mail;
use super::postman::{Postman, Route};
use super::queue::Spool;
use crate::bus::Publisher;

/// A server that keeps what clients say. A recipient that starts with a digit is answered with that class of codes.
struct Sink {
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink {
    fn on(listener: TcpListener) -> Self {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let all = heard.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(dialogue(stream, all.clone()));
            }
        });
        Sink { heard, task }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }

    async fn until(&self, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let wait = async {
            while !enough(&self.heard()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("heard only {:#?}", self.heard()));
        self.heard()
    }
}

async fn dialogue(stream: TcpStream, heard: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).split(b'\n');
    write.write_all(b"220 sink ESMTP\r\n").await.ok()?;
    let mut in_data = false;
    while let Some(line) = lines.next_segment().await.ok()? {
        let line = String::from_utf8_lossy(&line).into_owned() + "\n";
        heard.lock().expect("no panic").push(line.clone());
        let answer = match line.as_str() {
            ".\r\n" => "250 2.0.0 Ok: queued\r\n",
            _ if in_data => continue,
            "DATA\r\n" => "354 End data with <CR><LF>.<CR><LF>\r\n",
            "QUIT\r\n" => "221 Bye\r\n",
            "EHLO old\r\n" => "502 what?\r\n",
            _ if line.starts_with("EHLO") => "250-sink\r\n250 8BITMIME\r\n",
            _ if line.starts_with("RCPT TO:<4") => "450 later\r\n",
            _ if line.starts_with("RCPT TO:<5") => "550 never\r\n",
            _ => "250 Ok\r\n",
        };
        in_data = line == "DATA\r\n";
        write.write_all(answer.as_bytes()).await.ok()?;
    }
    Some(())
}

struct Office {
    dir: PathBuf,
    address: SocketAddr,
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Office {
    async fn new(name: &str) -> (Self, TcpListener) {
        let dir = std::env::temp_dir().join(format!("rkeep-mail-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        (Office { dir, address }, listener)
    }

    fn spool(&self) -> Spool {
        Spool::open(&[&self.dir]).expect("a directory")
    }

    fn postman(&self) -> Postman {
        self.postman_of("vm")
    }

    fn postman_of(&self, helo: &str) -> Postman {
        let port = self.address.port();
        let route =
            Route { host: "127.0.0.1".to_owned(), port, helo: helo.to_owned(), timeout: Duration::from_secs(5) };
        Postman::start(self.spool(), Some(route), Publisher::new().0)
    }
}

fn mail(to: &[&str]) -> Mail {
    Mail {
        from: "root@linuxzen.com".to_owned(),
        to: to.iter().map(|&to| to.to_owned()).collect(),
        subject: "s".to_owned(),
        data: "Subject: s\r\n\r\n.=> x <=\r\n".to_owned(),
    }
}

fn quits(heard: &[String]) -> usize {
    heard.iter().filter(|line| *line == "QUIT\r\n").count()
}

#[tokio::test]
async fn speaks_to_the_letter_and_doubles_leading_dots() {
    let (office, listener) = Office::new("letter").await;
    let sink = Sink::on(listener);
    office.postman().post(&mail(&["a@b.c", "d@e.f"]));
    let heard = sink.until(|heard| quits(heard) == 1).await;
    assert_eq!(
        heard,
        [
            "EHLO vm\r\n",
            "MAIL FROM:<root@linuxzen.com>\r\n",
            "RCPT TO:<a@b.c>\r\n",
            "RCPT TO:<d@e.f>\r\n",
            "DATA\r\n",
            "Subject: s\r\n",
            "\r\n",
            "..=> x <=\r\n",
            "\r\n",
            ".\r\n",
            "QUIT\r\n",
        ]
    );
}

#[tokio::test]
async fn a_mail_outlives_the_servers_absence_and_a_restart_and_arrives_once() {
    let (office, listener) = Office::new("absence").await;
    drop(listener);
    let postman = office.postman();
    postman.post(&mail(&["a@b.c"]));
    sleep(Duration::from_millis(300)).await;
    postman.stop(Duration::ZERO).await;
    assert_eq!(office.spool().waiting().len(), 1, "it waits on disk");
    let _postman = office.postman();
    sleep(Duration::from_millis(300)).await;
    let sink = Sink::on(TcpListener::bind(office.address).await.expect("the port again"));
    sink.until(|heard| quits(heard) == 1).await;
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(quits(&sink.heard()), 1);
    assert!(office.spool().waiting().is_empty());
}

#[tokio::test]
async fn one_refused_recipient_costs_the_others_nothing() {
    let (office, listener) = Office::new("refused").await;
    let sink = Sink::on(listener);
    let postman = office.postman();
    postman.post(&mail(&["5a@b.c", "a@b.c", "4a@b.c"]));
    sink.until(|heard| quits(heard) >= 2).await;
    let waiting = office.spool().waiting();
    let left: Vec<Vec<String>> = waiting.iter().filter_map(|path| Some(office.spool().claim(path)?.mail.to)).collect();
    assert!(left.is_empty() || left == [["4a@b.c"]], "{left:?}");
    let reached = sink.heard().iter().filter(|line| *line == "RCPT TO:<a@b.c>\r\n").count();
    assert_eq!(reached, 1, "it is not sent again to whom it reached");
    postman.post(&mail(&["b@b.c"]));
    sink.until(|heard| heard.iter().any(|line| line == "RCPT TO:<b@b.c>\r\n")).await;
}

#[tokio::test]
async fn a_server_that_does_not_know_ehlo_gets_helo() {
    let (office, listener) = Office::new("old").await;
    let sink = Sink::on(listener);
    let postman = office.postman_of("old");
    postman.post(&mail(&["a@b.c"]));
    let heard = sink.until(|heard| heard.iter().any(|line| line == ".\r\n")).await;
    let hello: Vec<_> = heard.iter().filter(|line| line.contains(" old")).collect();
    assert_eq!(hello, ["EHLO old\r\n", "HELO old\r\n"]);
}

#[tokio::test]
async fn what_is_refused_for_good_is_dropped() {
    let (office, listener) = Office::new("dropped").await;
    let sink = Sink::on(listener);
    office.postman().post(&mail(&["5a@b.c"]));
    sink.until(|heard| quits(heard) == 1).await;
    let gone = async {
        while !office.spool().waiting().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), gone).await.expect("dropped");
}

#[tokio::test]
async fn stopping_sends_what_is_just_posted() {
    let (office, listener) = Office::new("stopping").await;
    let sink = Sink::on(listener);
    let postman = office.postman();
    postman.post(&mail(&["a@b.c"]));
    postman.stop(Duration::from_secs(1)).await;
    assert!(sink.heard().iter().any(|line| line == ".\r\n"));
}
