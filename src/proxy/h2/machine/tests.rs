use super::*;

const LIMITS: Limits = Limits { streams: 2, preread: 65_536, block: 32 * 1024, field: 8192, frame: USUAL };

fn greeted() -> Machine {
    let mut machine = Machine::new(LIMITS);
    machine.receive(PREFACE);
    let mut settings = Vec::new();
    frame::settings(&mut settings, &[]);
    machine.receive(&settings);
    machine.out.clear();
    while machine.event().is_some() {}
    machine
}

fn request(stream: u32, ends: bool) -> Vec<u8> {
    let mut out = Vec::new();
    frame::headers(&mut out, stream, &[0x82, 0x84, 0x86], ends, 100);
    out
}

fn data(stream: u32, bytes: &[u8], flags: u8) -> Vec<u8> {
    let mut out = Vec::new();
    frame::head(&mut out, bytes.len(), kind::DATA, flags, stream);
    out.extend_from_slice(bytes);
    out
}

fn kinds(mut out: &[u8]) -> Vec<(u8, u8)> {
    let mut kinds = Vec::new();
    while let Some(head) = Head::read(out) {
        kinds.push((head.kind, head.flags));
        out = &out[HEAD + head.len..];
    }
    kinds
}

#[test]
fn requests_come_in_pieces_of_any_size() {
    let mut machine = greeted();
    for byte in request(1, false).into_iter().chain(data(1, b"abc", flag::END_STREAM)) {
        machine.receive(&[byte]);
    }
    assert!(
        matches!(machine.event(), Some(Event::Request { stream: 1, fields, ends: false, .. }) if fields.len() == 3)
    );
    let mut body = [0; 8];
    assert_eq!(machine.read(1, &mut body), Some(3));
    assert_eq!(machine.read(1, &mut body), Some(0));
}

#[test]
fn the_end_stands_on_the_last_frame() {
    let mut machine = greeted();
    machine.receive(&request(1, true));
    machine.send_fields(1, &[0x88], false);
    assert_eq!(machine.send(1, &[0; 10_000], 8192), 10_000);
    machine.end(1);
    assert_eq!(kinds(&machine.out), [(1, 4), (0, 0), (0, 1)]);
    machine.release(1);
    assert_eq!(machine.open(), 0);
}

#[test]
fn windows_hold_back_and_open() {
    let mut machine = greeted();
    machine.receive(&request(1, true));
    assert_eq!(machine.send(1, &[0; 70_000], 8192), 65_535);
    assert!(!machine.is_writable(1));
    let mut update = Vec::new();
    frame::number(&mut update, kind::WINDOW_UPDATE, 0, 10);
    frame::number(&mut update, kind::WINDOW_UPDATE, 1, 7);
    machine.receive(&update);
    assert_eq!(machine.send(1, &[0; 70_000], 8192), 7);
}

#[test]
fn too_many_streams_are_refused() {
    let mut machine = greeted();
    for id in [1, 3, 5] {
        machine.receive(&request(id, true));
    }
    assert_eq!(kinds(&machine.out), [(kind::RST_STREAM, 0)]);
    assert_eq!(machine.open(), 2);
}

#[test]
fn floods_end_the_connection() {
    let mut ping = Vec::new();
    frame::head(&mut ping, 8, kind::PING, 0, 0);
    ping.extend_from_slice(&[0; 8]);
    let mut machine = greeted();
    for _ in 0..30_000 {
        machine.receive(&ping);
    }
    assert!(machine.over);
    let mut machine = greeted();
    for id in (1..2000).step_by(2) {
        machine.receive(&request(id, true));
        let mut reset = Vec::new();
        frame::number(&mut reset, kind::RST_STREAM, id, 8);
        machine.receive(&reset);
        machine.release(id);
    }
    assert!(machine.over, "rapid reset");
    assert_eq!(machine.flood, Some(Flood::Resets));
}

#[test]
fn a_body_keeps_its_promise() {
    let mut machine = greeted();
    let mut block = vec![0x83, 0x84, 0x86];
    super::super::hpack::encode(&mut block, b"content-length", b"4");
    let mut bytes = Vec::new();
    frame::headers(&mut bytes, 1, &block, false, 100);
    machine.receive(&bytes);
    machine.receive(&data(1, b"abc", flag::END_STREAM));
    assert!(machine.is_faulty(1) && !machine.is_reset(1), "its reader answers");
    machine.send_fields(1, &[0x8c], true);
    machine.release(1);
    assert_eq!(kinds(&machine.out), [(kind::HEADERS, 5), (kind::RST_STREAM, 0)]);
}

fn reset(stream: u32, code: u32) -> Vec<u8> {
    let mut out = Vec::new();
    frame::number(&mut out, kind::RST_STREAM, stream, code);
    out
}

/// What comes for a stream that is over: an answer where the client must know, silence where it cannot yet.
#[test]
fn closed_streams_take_nothing() {
    let late = |ours: bool, released: bool| {
        let mut machine = greeted();
        machine.receive(&request(1, false));
        match ours {
            true => machine.break_off(1, Code::NoError),
            false => machine.receive(&reset(1, 8)),
        }
        if released {
            machine.release(1);
        }
        machine.out.clear();
        machine.receive(&data(1, b"late", 0));
        std::mem::take(&mut machine.out)
    };
    for released in [false, true] {
        assert_eq!(late(false, released), reset(1, Code::StreamClosed as u32), "released: {released}");
        assert_eq!(late(true, released), b"", "released: {released}");
    }
}

#[test]
fn frames_have_the_size_that_holds_unasked() {
    for kind in [kind::DATA, kind::HEADERS, kind::CONTINUATION, 0x77] {
        let mut machine = greeted();
        let mut head = Vec::new();
        frame::head(&mut head, USUAL + 1, kind, 0, 1);
        if kind == kind::CONTINUATION {
            let mut first = Vec::new();
            frame::head(&mut first, 1, kind::HEADERS, 0, 1);
            machine.receive(&[&first[..], &[0x82]].concat());
        }
        machine.receive(&head);
        assert_eq!(machine.why(), Some(Ended::Faulty(Code::FrameSize)), "{kind}");
    }
}

#[test]
fn a_body_that_is_read_gets_room_in_large_pieces() {
    let mut machine = greeted();
    machine.receive(&request(1, false));
    let (mut buffer, mut updates, mut allowed) = (vec![0; 65_536], 0, 65_536_usize);
    for _ in 0..64 {
        machine.receive(&data(1, &[0; 16_384], 0));
        allowed -= 16_384;
        assert_eq!(machine.read(1, &mut buffer), Some(16_384));
        let out = std::mem::take(&mut machine.out);
        if let Some(delta) = out.get(HEAD..).and_then(|rest| rest.first_chunk()) {
            updates += 1;
            allowed += u32::from_be_bytes(*delta) as usize;
        }
        assert!((16_384..=128 * 1024).contains(&allowed), "{allowed}");
    }
    assert!(updates <= 17, "{updates}");
}

#[test]
fn who_depends_on_itself_is_sent_away() {
    let mut machine = greeted();
    let mut bytes = Vec::new();
    frame::head(&mut bytes, 5, kind::PRIORITY, 0, 3);
    bytes.extend_from_slice(&[0, 0, 0, 3, 9]);
    machine.receive(&bytes);
    assert_eq!(machine.why(), Some(Ended::Faulty(Code::Protocol)));
}

/// What a client sends over and over, and how the connection ends.
#[test]
fn whatever_is_sent_too_often_is_answered_with_calm() {
    let framed = |len: usize, kind: u8, flags: u8, stream: u32| {
        let mut out = Vec::new();
        frame::head(&mut out, len, kind, flags, stream);
        out.resize(out.len() + len, 0);
        out
    };
    for (name, first, again) in [
        ("settings", vec![], framed(0, kind::SETTINGS, 0, 0)),
        ("settings with values", vec![], framed(6 * 64, kind::SETTINGS, 0, 0)),
        ("priority", vec![], framed(5, kind::PRIORITY, 0, 3)),
        ("unknown", vec![], framed(0, 0x77, 0, 0)),
        ("empty data", request(1, false), data(1, b"", 0)),
        ("padding alone", request(1, false), {
            let mut padded = framed(1, kind::DATA, flag::PADDED, 1);
            padded[HEAD] = 0;
            padded
        }),
    ] {
        let mut machine = greeted();
        machine.receive(&first);
        let (mut most, mut count) = (0, 0);
        while !machine.over && count < 100_000 {
            machine.receive(&again);
            most = most.max(machine.out.len());
            machine.out.clear();
            while machine.event().is_some() {}
            count += 1;
        }
        assert!(machine.over, "{name}");
        assert_eq!(machine.why(), Some(Ended::Faulty(Code::EnhanceYourCalm)), "{name}");
        assert_eq!(machine.flood, Some(Flood::Frames), "{name}");
        assert!(most < 1024, "{name}: {most}");
    }
}

#[test]
fn endless_heads_are_cut() {
    let mut machine = greeted();
    let mut first = Vec::new();
    frame::head(&mut first, 3, kind::HEADERS, 0, 1);
    first.extend_from_slice(&[0x82, 0x84, 0x86]);
    machine.receive(&first);
    for _ in 0..100_000 {
        // A field without a name or a value takes three bytes.
        let mut more = Vec::new();
        frame::head(&mut more, 3, kind::CONTINUATION, 0, 1);
        more.extend_from_slice(&[0, 0, 0]);
        machine.receive(&more);
        if machine.over {
            break;
        }
    }
    assert_eq!(machine.why(), Some(Ended::Faulty(Code::EnhanceYourCalm)));
    assert!(machine.event().is_none(), "no request");
    assert_eq!(machine.flood, Some(Flood::Heads));
}

#[test]
fn a_field_that_grows_when_it_is_unpacked_is_refused() {
    let mut machine = greeted();
    let mut block = vec![0x82, 0x84, 0x86, 0x40, 1, b'n', 0x7f, 0x80 + 0x51, 0x0e];
    block.resize(block.len() + 2000, b'v');
    block.extend([0xbe; 100]);
    let mut bytes = Vec::new();
    frame::headers(&mut bytes, 1, &block, true, 16_384);
    machine.receive(&bytes);
    assert_eq!(machine.why(), Some(Ended::Faulty(Code::EnhanceYourCalm)));
}

#[test]
fn who_reads_slowly_makes_nothing_pile_up() {
    let mut machine = greeted();
    machine.receive(&request(1, true));
    let sent: usize = (0..100).map(|_| machine.send(1, &[0; 65_536], 8192)).sum();
    assert_eq!(sent, 65_535);
    assert!(machine.out.len() < 70_000);
}

#[test]
fn who_is_told_of_the_end_may_ask_until_it_knows() {
    let mut machine = greeted();
    machine.receive(&request(1, true));
    machine.announce_leave();
    machine.announce_leave();
    assert_eq!(kinds(&machine.out), [(kind::GOAWAY, 0), (kind::PING, 0)]);
    let mut answer = Vec::new();
    frame::head(&mut answer, 8, kind::PING, flag::ACK, 0);
    answer.extend_from_slice(&machine.out[machine.out.len() - 8..]);
    machine.receive(&request(3, true));
    machine.release(1);
    machine.out.clear();
    assert!(!machine.has_left());
    // Another answer means nothing.
    let mut other = answer.clone();
    other[HEAD] ^= 1;
    machine.receive(&other);
    assert!(machine.out.is_empty());
    machine.receive(&answer);
    let mut last = Vec::new();
    frame::goaway(&mut last, 3, Code::NoError);
    assert_eq!(machine.out, last);
    machine.out.clear();
    machine.receive(&request(5, true));
    assert_eq!(kinds(&machine.out), [(kind::RST_STREAM, 0)]);
    machine.release(3);
    assert!(machine.has_left());
}

/// What a client still says on a stream whose answer it has, and what it is told.
#[test]
fn who_has_an_answer_may_end_the_request() {
    let mut overflow = Vec::new();
    (0..2).for_each(|_| frame::number(&mut overflow, kind::WINDOW_UPDATE, 1, LARGEST as u32));
    let told = |code: Code| reset(1, code as u32);
    for (name, said, answer, waits) in [
        ("nothing", vec![], vec![], true),
        ("more of it", data(1, b"abc", 0), vec![], true),
        ("its end", data(1, b"abcd", flag::END_STREAM), vec![], false),
        ("less than promised", data(1, b"abc", flag::END_STREAM), told(Code::Protocol), false),
        ("more than promised", data(1, b"abcde", 0), told(Code::Protocol), false),
        ("trailers", [data(1, b"abcd", 0), request(1, true)].concat(), vec![], false),
        ("too large a window", overflow, told(Code::FlowControl), false),
        ("a reset", reset(1, 8), vec![], false),
    ] {
        let mut machine = greeted();
        let mut block = vec![0x83, 0x84, 0x86];
        super::super::hpack::encode(&mut block, b"content-length", b"4");
        let mut bytes = Vec::new();
        frame::headers(&mut bytes, 1, &block, false, 100);
        machine.receive(&bytes);
        machine.send_fields(1, &[0x88], true);
        machine.release(1);
        machine.out.clear();
        assert_eq!((machine.open(), machine.has_answered()), (0, true), "{name}");
        machine.receive(&said);
        assert_eq!((&machine.out, machine.has_answered()), (&answer, waits), "{name}");
        machine.out.clear();
        machine.dismiss();
        assert_eq!(machine.out, if waits { told(Code::NoError) } else { vec![] }, "{name}");
        assert_eq!(machine.streams.len(), 0, "{name}");
    }
}

#[test]
fn answered_streams_are_in_nobodys_way() {
    let mut machine = greeted();
    for id in [1, 3, 5, 7] {
        machine.receive(&request(id, false));
        machine.send_fields(id, &[0x88], true);
        machine.release(id);
    }
    assert!(machine.streams.len() <= LIMITS.streams);
    let resets =
        |machine: &Machine| kinds(&machine.out).into_iter().filter(|(kind, _)| *kind == kind::RST_STREAM).count();
    assert_eq!(resets(&machine), 2, "the first two made room");
    machine.leave();
    assert_eq!(resets(&machine), 4);
    assert!(machine.has_left());
}

#[test]
fn a_number_without_an_end_is_not_waited_for() {
    for (flags, over) in [(flag::END_HEADERS, true), (flag::END_HEADERS | flag::PRIORITY, false)] {
        let mut machine = greeted();
        let mut bytes = Vec::new();
        frame::head(&mut bytes, 5, kind::HEADERS, flags, 1);
        bytes.extend([0xff; 4]);
        machine.receive(&bytes);
        assert_eq!(machine.why(), over.then_some(Ended::Faulty(Code::Compression)));
    }
}

/// The stream, an even one, is at fault as well.
#[test]
fn what_is_wrong_first_is_said_however_the_bytes_come() {
    let mut bytes = Vec::new();
    frame::head(&mut bytes, 5, kind::HEADERS, flag::END_HEADERS, 2);
    bytes.extend([0xff; 5]);
    for piece in [1, 4, bytes.len()] {
        let mut machine = greeted();
        bytes.chunks(piece).for_each(|piece| machine.receive(piece));
        assert_eq!(machine.why(), Some(Ended::Faulty(Code::Compression)), "{piece}");
    }
}
