//! Each target with its seeds and with mutations of them, for `RKEEP_FUZZ_SECONDS` (one unless said).
//! `RKEEP_FUZZ_SEED` chooses another sequence of mutations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

/// No input may take longer, on however slow a machine.
const HANG: Duration = Duration::from_secs(10);
/// Longer ones are cut.
const LONGEST: usize = 4096;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The target's own seeds, and what testdata has for it.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let own = root().join("fuzz/seeds").join(name);
    let kept: Vec<_> = files(&own).iter().map(|path| fs::read(path).expect("a seed")).collect();
    let made = match name {
        "nginx_conf" => texts(&["testdata/article", "testdata/nginx"]),
        "keepalived_conf" => texts(&["testdata/article", "testdata/keepalived"]),
        "advert" => adverts(),
        _ => Vec::new(),
    };
    let all = [kept, made].concat();
    assert!(!all.is_empty(), "no seeds for {name}");
    all
}

/// Texts of testdata: cases of a collection, rows of a table of cases, or whole files.
fn texts(directories: &[&str]) -> Vec<Vec<u8>> {
    let all = directories.iter().flat_map(|directory| files(&root().join(directory)));
    let texts = all.flat_map(|path| {
        let text = String::from_utf8_lossy(&fs::read(&path).expect("testdata")).into_owned();
        match path.extension().is_some_and(|extension| extension == "tsv") {
            true => text.lines().filter_map(|row| Some(unescape(row.rsplit('\t').next()?))).collect(),
            false => text.split("\n=== ").map(str::to_owned).collect::<Vec<_>>(),
        }
    });
    texts.map(String::into_bytes).collect()
}

fn unescape(cell: &str) -> String {
    cell.replace("\\n", "\n").replace("\\t", "\t")
}

/// The recorded adverts, each in its packet.
fn adverts() -> Vec<Vec<u8>> {
    use rkeep::vrrp::wire::ipv4::{Outgoing, VRRP, write_header};
    let lines =
        files(&root().join("testdata/vrrp")).into_iter().map(|path| fs::read_to_string(path).expect("testdata"));
    let packet = |line: &str| {
        let [source, destination, ttl, advert] = line.split('\t').take(4).collect::<Vec<_>>()[..] else { return None };
        let byte = |at: usize| u8::from_str_radix(advert.get(at..at + 2)?, 16).ok();
        let payload: Vec<u8> = (0..advert.len()).step_by(2).filter_map(byte).collect();
        let mut bytes = Vec::new();
        let (source, destination) = (source.parse().ok()?, destination.parse().ok()?);
        let header = Outgoing { id: 1, source, destination, ttl: ttl.parse().ok()?, protocol: VRRP };
        write_header(&mut bytes, &header, payload.len());
        Some([bytes, payload].concat())
    };
    lines.flat_map(|text| text.lines().filter_map(packet).collect::<Vec<_>>()).collect()
}

/// Changes an input a little, with pieces of another.
fn mutate(input: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let at = rng.usize(..=input.len());
    let to = (at + rng.usize(..8)).min(input.len());
    match rng.u8(..7) {
        0 => input.insert(at, rng.u8(..)),
        1 => drop(input.drain(at..to)),
        2 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(..8)),
        3 => input
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|byte| *byte = *rng.choice(b"\0\r\n{}\"'\\$;:#@!~0\xff ").unwrap()),
        4 => input.truncate(at),
        5 => {
            let again = input[at..to].to_vec();
            input.splice(at..at, again.repeat(rng.usize(1..40)));
        }
        _ => {
            let from = rng.usize(..=other.len());
            let piece = &other[from..(from + rng.usize(..64)).min(other.len())];
            input.splice(at..to, piece.iter().copied());
        }
    }
    input.truncate(LONGEST);
}

fn judge(name: &str, target: fn(&[u8]), input: &[u8]) {
    let begun = Instant::now();
    let held = catch_unwind(AssertUnwindSafe(|| target(input))).is_ok();
    assert!(held && begun.elapsed() < HANG, "{name}, {:?}: {}", begun.elapsed(), input.escape_ascii());
}

fn smoke(name: &str, target: fn(&[u8])) {
    let seeds = seeds(name);
    seeds.iter().for_each(|seed| judge(name, target, seed));
    let mut rng = Rng::with_seed(setting("RKEEP_FUZZ_SEED", 1));
    let end = Instant::now() + Duration::from_secs(setting("RKEEP_FUZZ_SECONDS", 1));
    let mut runs = 0;
    while Instant::now() < end {
        let mut input = rng.choice(&seeds).unwrap().clone();
        for _ in 0..rng.usize(1..12) {
            let other = rng.choice(&seeds).unwrap();
            mutate(&mut input, other, &mut rng);
        }
        judge(name, target, &input);
        runs += 1;
    }
    println!("{name}: {runs} mutations of {} seeds", seeds.len());
}

macro_rules! smoke {
    ($($name:ident)*) => {
        $(#[test] fn $name() { smoke(stringify!($name), rkeep_fuzz::$name); })*

        /// `RKEEP_REWRITE=1` writes the seeds that testdata gives to `fuzz/corpus`, for cargo-fuzz.
        #[test]
        fn seeds_are_there() {
            for name in [$(stringify!($name)),*] {
                let (seeds, corpus) = (seeds(name), root().join("fuzz/corpus").join(name));
                if std::env::var_os("RKEEP_REWRITE").is_some() {
                    fs::create_dir_all(&corpus).unwrap();
                    seeds.iter().enumerate().for_each(|(at, seed)| fs::write(corpus.join(format!("seed-{at}")), seed).unwrap());
                }
            }
        }
    };
}

smoke! { nginx_conf keepalived_conf advert request_head answer_head chunked hpack h2_client h2_backend }
