//! Questions to name servers and their answers, as bytes. Pure.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

/// What is asked about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// What a name server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It does not fit into a datagram: ask again over a stream.
    Truncated,
    /// The name has these addresses, for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// It stands for another name, for so many seconds.
    Alias(String, u32),
    /// There is no such name, or no such address.
    Nothing,
    /// The server says no, by this code.
    Failed(u16),
}

impl Kind {
    fn record(self) -> RecordType {
        match self {
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
        }
    }
}

/// The bytes of a question; none for a name that cannot be one.
pub fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(absolute(name)?, kind.record()));
    message.to_vec().ok()
}

fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_str_relaxed(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// The answer in a message to the question with this id; none where the message is no answer to it, or where the server
/// did not understand it, so that it is better asked again.
pub fn answer(bytes: &[u8], id: u16, name: &str, kind: Kind) -> Option<Reply> {
    let message = Message::from_vec(bytes).ok()?;
    let head = &message.metadata;
    let asked = message.queries.first().filter(|query| query.query_type() == kind.record())?;
    let ours = absolute(name)?.eq_ignore_root(asked.name());
    if head.message_type != MessageType::Response || head.id != id || !ours {
        return None;
    }
    match head.response_code {
        ResponseCode::NoError if head.truncation => Some(Reply::Truncated),
        ResponseCode::NoError => Some(found(&message, kind)),
        ResponseCode::NXDomain => Some(Reply::Nothing),
        ResponseCode::ServFail | ResponseCode::NotImp | ResponseCode::Refused => {
            Some(Reply::Failed(head.response_code.into()))
        }
        _ => None,
    }
}

fn found(message: &Message, kind: Kind) -> Reply {
    let (mut addresses, mut alias, mut ttl) = (Vec::new(), None, u32::MAX);
    for record in &message.answers {
        match (&record.data, kind) {
            (RData::A(address), Kind::A) => addresses.push(IpAddr::V4(address.0)),
            (RData::AAAA(address), Kind::Aaaa) => addresses.push(IpAddr::V6(address.0)),
            (RData::CNAME(name), _) => alias = Some(&name.0),
            _ => continue,
        }
        ttl = ttl.min(record.ttl);
    }
    match alias {
        _ if !addresses.is_empty() => Reply::Addresses(addresses, ttl),
        Some(name) => Reply::Alias(name.to_ascii().to_ascii_lowercase().trim_end_matches('.').to_owned(), ttl),
        None => Reply::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::{A, CNAME};

    fn reply(change: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut message =
            Message::from_vec(&question(7, "a.example.net", Kind::A).expect("a question")).expect("valid");
        message.metadata.message_type = MessageType::Response;
        change(&mut message);
        message.to_vec().expect("valid")
    }

    fn name(text: &str) -> Name {
        absolute(text).expect("a name")
    }

    fn read(bytes: &[u8]) -> Option<Reply> {
        answer(bytes, 7, "A.example.net", Kind::A)
    }

    #[test]
    fn addresses_are_found_behind_an_alias() {
        let bytes = reply(|message| {
            let alias = RData::CNAME(CNAME(name("b.example.net")));
            message.add_answer(Record::from_rdata(name("a.example.net"), 5, alias));
            message.add_answer(Record::from_rdata(name("b.example.net"), 60, RData::A(A::new(127, 0, 0, 1))));
        });
        assert_eq!(read(&bytes), Some(Reply::Addresses(vec![IpAddr::from([127, 0, 0, 1])], 5)));
    }

    #[test]
    fn an_alias_alone_is_told() {
        let bytes = reply(|message| {
            let alias = RData::CNAME(CNAME(name("B.example.net")));
            message.add_answer(Record::from_rdata(name("a.example.net"), 5, alias));
        });
        assert_eq!(read(&bytes), Some(Reply::Alias("b.example.net".into(), 5)));
    }

    #[test]
    fn what_is_no_answer_is_left_aside() {
        assert_eq!(read(&reply(|_| {})), Some(Reply::Nothing));
        assert_eq!(read(&reply(|message| message.metadata.id = 8)), None);
        assert_eq!(read(&reply(|message| message.metadata.response_code = ResponseCode::FormErr)), None);
        assert_eq!(read(&reply(|message| message.metadata.truncation = true)), Some(Reply::Truncated));
        assert_eq!(
            read(&reply(|message| message.metadata.response_code = ResponseCode::ServFail)),
            Some(Reply::Failed(2))
        );
        assert_eq!(read(b"short"), None);
        assert_eq!(answer(&reply(|_| {}), 7, "other.example.net", Kind::A), None);
        assert_eq!(answer(&reply(|_| {}), 7, "a.example.net", Kind::Aaaa), None);
    }
}
