//! Every recorded probe of keepalived's language, read by us: the same lines, the same exit code.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper of a test stops the test")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rkeep_parsers::keepalived::{Loopback, Machine, Mode, ScriptState, legacy_lines, load, test_code};
use rkeep_parsers::source::MapLoader;

/// The machine the probes ran on, some of them with a second interface.
#[derive(Default)]
struct Lab {
    second: bool,
}

impl Machine for Lab {
    fn interface(&self, name: &str) -> Option<Loopback> {
        let there = matches!(name, "eth0" | "lo") || (self.second && name == "eth1");
        there.then_some(Loopback(name == "lo"))
    }
    fn user(&self, user: &str, group: Option<&str>) -> bool {
        user == "root" && group.is_none_or(|group| group == "root")
    }
    fn script(&self, program: &str) -> ScriptState {
        match program {
            "/bin/nope" => ScriptState::Missing,
            "lex/ins.sh" => ScriptState::Insecure,
            _ if program.starts_with("/bin/") => ScriptState::ThroughLink,
            _ if program.starts_with('/') => ScriptState::Secure,
            _ => ScriptState::Missing,
        }
    }
    fn host_name(&self) -> String {
        "vm".to_owned()
    }
}

struct Probe {
    name: String,
    code: u8,
    lines: String,
    file: Vec<u8>,
}

fn probes(table: &str) -> Vec<Probe> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/keepalived").join(table);
    let table = std::fs::read_to_string(&path).expect("the recorded probes are there");
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let columns: Vec<&str> = row.splitn(4, '\t').collect();
        let [name, code, lines, file] = columns[..] else { panic!("four columns in {row}") };
        let code = code.parse().expect("a number");
        Probe { name: name.to_owned(), code, lines: lines.to_owned(), file: unescape(file) }
    })
    .collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some(kind @ ('x' | 'u')) => {
                let digits: String = chars.by_ref().take(if kind == 'x' { 2 } else { 4 }).collect();
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out.into_bytes()
}

#[test]
fn probes_say_what_keepalived_says() {
    assert!(compare("probes-2.4.3.tsv", &Lab::default()) > 120);
}

#[test]
fn more_words_are_judged_as_keepalived_judges_them() {
    assert!(compare("more-2.4.3.tsv", &Lab { second: true }) > 180);
}

#[test]
fn strict_mode_is_as_strict_as_keepalived_s() {
    assert!(compare("strict-2.4.3.tsv", &Lab { second: true }) > 60);
}

#[test]
fn with_the_pragma_they_are_judged_as_2_2_judges_them() {
    let alone = Lab::default();
    assert!(compare_with("probes-2.4.3.tsv", &alone, Some(&older("probes"))) > 120);
    let lab = Lab { second: true };
    assert!(compare_with("more-2.4.3.tsv", &lab, Some(&older("more"))) > 180);
    assert!(compare_with("strict-2.4.3.tsv", &lab, Some(&older("strict"))) > 60);
}

/// Makes keepalived 2.2 the model, at the end of a file, where it moves no line.
const PRAGMA: &[u8] = b"\n#rkeep: compat keepalived=2.2\n";

/// What 2.2.7 says otherwise of a table's cases: the code and the lines, by case.
type Older = HashMap<String, (u8, String)>;

fn older(table: &str) -> Older {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/keepalived/differs-2.2.7.tsv");
    let text = std::fs::read_to_string(&path).expect("the recorded differences are there");
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|row| row.splitn(4, '\t').collect::<Vec<_>>());
    let case = |row: Vec<&str>| {
        let [of, case, code, lines] = row[..] else { panic!("four columns in {row:?}") };
        (of == table).then(|| (case.to_owned(), (code.parse().expect("a number"), lines.to_owned())))
    };
    rows.filter_map(case).collect()
}

fn compare(table: &str, lab: &Lab) -> usize {
    compare_with(table, lab, None)
}

/// Compares a table of probes with what we say, as 2.4 or, where its differences are given, as 2.2; how many there are.
fn compare_with(table: &str, lab: &Lab, older: Option<&Older>) -> usize {
    let (mut compared, mut wrong) = (0, Vec::new());
    for mut probe in probes(table) {
        compared += 1;
        if let Some(older) = older {
            probe.file.extend_from_slice(PRAGMA);
            if let Some((code, lines)) = older.get(&probe.name) {
                (probe.code, probe.lines) = (*code, lines.clone());
            }
        }
        let name = format!("{}.conf", probe.name);
        let loader = MapLoader::default().file(&name, probe.file).file("lex/inc/a.conf", "");
        let loaded = load(Path::new(&name), "vm", &loader, lab, Mode::Test);
        let lines = legacy_lines(&loaded.diagnostics).collect::<Vec<_>>().join(" | ");
        let lines = lines.replace("'lex/", "'");
        let code = test_code(&loaded.diagnostics);
        if (code, lines.trim()) != (probe.code, probe.lines.trim()) {
            wrong.push(format!("{}\n  theirs {} {}\n  ours   {code} {lines}", probe.name, probe.code, probe.lines));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    compared
}

/// Recorded with lines of 1102 bytes: the first is left out, its tail is a line of its own and counts as one.
#[test]
fn long_lines_are_left_out_and_their_tails_read() {
    let file = format!("# {}\n", "x".repeat(1100));
    let loader = MapLoader::default().file("p.conf", file);
    let loaded = load(Path::new("p.conf"), "vm", &loader, &Lab::default(), Mode::Test);
    let lines: Vec<&str> = legacy_lines(&loaded.diagnostics).collect();
    let tail = "x".repeat(79);
    assert_eq!(lines.first().copied(), Some("line too long - ignoring"));
    assert_eq!(lines.get(1).copied(), Some(format!("(Line 2) Unknown keyword '{tail}'").as_str()));
    assert_eq!(lines.get(2).copied(), Some(format!("(p.conf: Line 2) Unknown keyword '{tail}'").as_str()));
    assert_eq!(test_code(&loaded.diagnostics), 5);
}

/// 2.2.7 reads the tail of a long line as one more, and a line as far as its NUL byte.
#[test]
fn long_lines_and_nul_bytes_as_2_2_reads_them() {
    let lines = |file: Vec<u8>| {
        let loader = MapLoader::default().file("p.conf", [file.as_slice(), PRAGMA].concat());
        let loaded = load(Path::new("p.conf"), "vm", &loader, &Lab::default(), Mode::Test);
        legacy_lines(&loaded.diagnostics).map(str::to_owned).collect::<Vec<_>>()
    };
    let tail = "x".repeat(79);
    let found = lines(format!("# {}\n", "x".repeat(1100)).into_bytes());
    assert_eq!(found.first(), Some(&format!("(Line 2) Unknown keyword '{tail}'")));
    assert_eq!(lines(b"global_defs {\n router_id a\0b\n}\n".to_vec()), [""; 0]);
}

const INSTANCE: &str =
    "vrrp_instance V {\n interface eth0\n virtual_router_id 5\n@\n virtual_ipaddress {\n  192.168.200.9\n }\n}\n";
const SERVICE: &str = "virtual_server 192.168.200.9 80 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n@virtual_server\n \
                       real_server 192.168.200.3 80 {\n  weight 1\n@real_server\n  TCP_CHECK {\n@TCP_CHECK\n  }\n }\n}\n";

/// The small file of a block with one more line in it.
fn with_line(block: &str, line: &str) -> String {
    let instance = INSTANCE.replace('@', "");
    match block {
        "global_defs" => format!("global_defs {{\n{line}\n}}\n{instance}"),
        "vrrp_instance" => INSTANCE.replace('@', line),
        "authentication" => INSTANCE.replace('@', &format!(" authentication {{\n{line}\n }}")),
        "vrrp_sync_group" => {
            let second = instance.replace("V {", "W {").replace("id 5", "id 6").replace(".9", ".10");
            format!("vrrp_sync_group G {{\n group {{\n V\n W\n }}\n{line}\n}}\n{instance}{second}")
        }
        _ => ["virtual_server", "real_server", "TCP_CHECK"].into_iter().fold(SERVICE.to_owned(), |file, place| {
            file.replace(&format!("@{place}\n"), &format!("{}\n", if place == block { line } else { "" }))
        }),
    }
}

#[test]
fn values_are_judged_as_keepalived_judges_them() {
    compare_values(None);
    compare_values(Some(&older("values")));
}

fn compare_values(older: Option<&Older>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/keepalived/values-2.4.3.tsv");
    let table = std::fs::read_to_string(&path).expect("the recorded values are there");
    let (mut compared, mut wrong) = (0, Vec::new());
    for row in table.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = row.splitn(4, '\t').collect();
        let [block, line, code, lines] = columns[..] else { panic!("four columns in {row}") };
        let hosts = ["0", "1.5"];
        let pragma = if older.is_some() { PRAGMA } else { b"" };
        let old = older.and_then(|older| older.get(&format!("{block}: {line}")));
        let old = old.map(|(code, lines)| (code.to_string(), lines));
        let (code, lines) = old.as_ref().map_or((code, lines), |(code, lines)| (code.as_str(), lines.as_str()));
        let file = [with_line(block, line).as_bytes(), pragma].concat();
        let loader = MapLoader::default().file("p.conf", file);
        let loader =
            hosts.into_iter().fold(loader, |loader, host| loader.host(host, &["0.0.0.0".parse().expect("an address")]));
        let loaded = load(Path::new("p.conf"), "vm", &loader, &Lab::default(), Mode::Test);
        let ours = legacy_lines(&loaded.diagnostics).collect::<Vec<_>>().join(" | ");
        compared += 1;
        if (test_code(&loaded.diagnostics).to_string().as_str(), ours.as_str()) != (code, lines) {
            wrong.push(format!(
                "{block}: {line}\n  theirs {code} {lines}\n  ours   {} {ours}",
                test_code(&loaded.diagnostics)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 500, "only {compared} values compared");
}
