//! Whatever the bytes: no panic, and every span lies where its text was written.

use std::path::Path;

use rkeep_parsers::keepalived::{AnyMachine, Mode, load};
use rkeep_parsers::source::{MapLoader, SourceMap};
use rkeep_parsers::syntax::keepalived::{Item, Source, read};
use rkeep_parsers::syntax::tree::Quote;

const SAMPLE: &str = r#"# a file with a little of everything
$VIP=192.168.3.253
global_defs { notification_email { a@b c@d } router_id "x y" # end
}
vrrp_instance V
{
	interface eth0#c
	virtual_router_id 51 ! number
	@other priority x
	@box priority 90
	notify_master "/bin/x 'a b' \"c\"" root
	virtual_ipaddress { $VIP
		~SEQ(N, 1, 3) 10.0.0.$N
	} }
virtual_server ${VIP} 80 {
 protocol TCP
 real_server 10.0.0.9 80 { weight 2
 TCP_CHECK { connect_timeout 3 } } }
"#;

#[test]
fn words_stand_where_their_spans_say() {
    let loader = MapLoader::default();
    let (mut sources, mut shown) = (SourceMap::default(), Vec::new());
    let source = Source { loader: &loader, config_id: "box", old: false };
    let lines = read(&source, Path::new("k.conf"), SAMPLE.as_bytes().into(), &mut sources, &mut shown);
    let mut plain = 0;
    for line in &lines {
        let Item::Words { words, .. } = &line.item else { continue };
        for word in words {
            let written = sources.text(word.span);
            let bare = match word.quote {
                Quote::Double => {
                    written.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or_default()
                }
                _ => written,
            };
            // A word made by a variable or a sequence stands at the place of its reference.
            if *bare == *word.text {
                plain += 1;
            } else {
                assert!(written.contains(&b'$'), "{:?} at {:?}", word.lossy(), String::from_utf8_lossy(written));
            }
        }
    }
    assert!(plain > 25, "{plain}");
}

#[test]
fn lines_and_gaps_are_the_file() {
    let loader = MapLoader::default();
    let (mut sources, mut shown) = (SourceMap::default(), Vec::new());
    let source = Source { loader: &loader, config_id: "box", old: false };
    let lines = read(&source, Path::new("k.conf"), SAMPLE.as_bytes().into(), &mut sources, &mut shown);
    let (mut at, mut out) = (0, Vec::new());
    for line in &lines {
        let span = line.span;
        if span.start < at {
            // A further line of the same sequence.
            continue;
        }
        out.extend_from_slice(&SAMPLE.as_bytes()[at as usize..span.start as usize]);
        out.extend_from_slice(sources.text(span));
        at = span.end;
    }
    out.extend_from_slice(&SAMPLE.as_bytes()[at as usize..]);
    assert_eq!(String::from_utf8_lossy(&out), SAMPLE);
}

/// A small generator of numbers, so that a failure can be repeated.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn broken_files_never_panic() {
    let pieces: [&[u8]; 16] = [
        b"{",
        b"}",
        b"\n",
        b"\"",
        b"'",
        b"\\",
        b"$",
        b"${VIP}",
        b"@box ",
        b"~SEQ(N,1,3) ",
        b"#",
        b"\0",
        b"\xff\xfe",
        b"-1",
        b"99999999999999999999",
        b"include k.conf\n",
    ];
    let mut state = 7;
    for _ in 0..150 {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for _ in 0..=random(&mut state) % 6 {
            let at = random(&mut state) % (bytes.len() + 1);
            let end = (at + random(&mut state) % 12).min(bytes.len());
            let piece = pieces[random(&mut state) % pieces.len()];
            bytes.splice(at..end, piece.iter().copied());
        }
        let loader = MapLoader::default().file("k.conf", bytes);
        for mode in [Mode::Test, Mode::Check { own: true }] {
            load(Path::new("k.conf"), "box", &loader, &AnyMachine, mode);
        }
    }
}

#[test]
fn definitions_that_explode_are_bounded() {
    let mut file = "$A0=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        file.push_str(&format!("$A{level}=${{A{before}}}${{A{before}}}\n"));
    }
    file.push_str("~SEQ(N, 1, 1000000000) x$N\n$A29\n");
    let loader = MapLoader::default().file("k.conf", file);
    let loaded = load(Path::new("k.conf"), "box", &loader, &AnyMachine, Mode::Check { own: false });
    assert!(loaded.diagnostics.len() < 200_000);
}
