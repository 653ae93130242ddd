//! Scripts that watch nginx and stop keepalived, as articles pass them on: what is wrong with them. Not a shell: lines,
//! what they call, and which branch of an `if` they stand in.

use crate::diag::Diagnostic;
use crate::source::{FileId, Span};

/// A line without its comment.
struct Line<'a> {
    text: &'a str,
    span: Span,
}

/// Whether a line is only reached when nginx was found, or only when it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    Alive,
    Dead,
    Unknown,
}

impl Branch {
    fn other(self) -> Branch {
        match self {
            Branch::Alive => Branch::Dead,
            Branch::Dead => Branch::Alive,
            Branch::Unknown => Branch::Unknown,
        }
    }
}

/// What is wrong with a script.
pub fn findings(file: FileId, bytes: &[u8]) -> Vec<Diagnostic> {
    if bytes.contains(&0) {
        // A program, not a script.
        return Vec::new();
    }
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<Line<'_>> = lines(file, &text).collect();
    let mut found = Vec::new();
    found.extend(lines.iter().filter_map(not_a_pipe));
    found.extend(lines.iter().filter_map(finds_others));
    found.extend(wrong_way_round(&lines));
    found.extend(bash_only(&lines));
    found.extend(once(&lines));
    found.extend(needless(&lines));
    found
}

fn lines(file: FileId, text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |whole| {
        let at = start;
        start += whole.len();
        let text = without_comment(whole);
        let trimmed = text.trim();
        let indent = text.len() - text.trim_start().len();
        let span = Span { file, start: (at + indent) as u32, end: (at + indent + trimmed.len()) as u32 };
        (!trimmed.is_empty()).then_some(Line { text: trimmed, span })
    })
}

/// A `#` begins a comment at the start of a word, outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            ('#', None) if before.is_whitespace() || before == ';' => return line.get(..at).unwrap_or(line),
            _ => {}
        }
        before = character;
    }
    line
}

/// What looks like `|` in print.
const BARS: [char; 3] = ['¦', '｜', '│'];

fn not_a_pipe(line: &Line<'_>) -> Option<Diagnostic> {
    let bar = line.text.chars().find(|character| BARS.contains(character))?;
    let message = format!("`{bar}` is no pipe: the shell hands it to the command before it as a word");
    Some(Diagnostic::error("script::not-a-pipe", message).at(line.span, "").help("write `|`"))
}

/// The commands of a line, at `|`, `;`, `&` and what looks like a `|`, each as its words.
fn commands(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let ends = |character: char| "|;&`()".contains(character) || BARS.contains(&character);
    text.split(ends).map(|command| command.split_whitespace().collect()).filter(|words: &Vec<&str>| !words.is_empty())
}

/// The name of the program a command runs.
fn program<'a>(words: &[&'a str]) -> &'a str {
    let keyword = |word: &&&str| ["if", "elif", "then", "else", "do", "!", "sudo", "while", "until"].contains(*word);
    let word = words.iter().find(|word| !keyword(word)).copied().unwrap_or_default();
    word.rsplit('/').next().unwrap_or(word)
}

fn finds_others(line: &Line<'_>) -> Option<Diagnostic> {
    let mut listed = false;
    let greps = commands(line.text).any(|words| {
        listed |= program(&words) == "ps" && !words.contains(&"-C");
        listed && program(&words).ends_with("grep") && words.iter().any(|word| word.contains("nginx"))
    });
    let message = "`ps | grep nginx` also finds whoever has nginx in his command line: an editor with nginx.conf, a `tail` \
                   of its log, a script of that name; and a process that hangs";
    let help =
        "ask nginx itself: `curl -fs -m 2 -o /dev/null http://127.0.0.1/`; to look for the process, `pidof nginx`";
    greps.then(|| Diagnostic::warning("script::finds-others", message).at(line.span, "").help(help))
}

/// Whether a line looks for nginx, or starts it.
fn asks_for_nginx(text: &str) -> bool {
    commands(text).any(|words| {
        let looks =
            ["grep", "egrep", "pgrep", "pidof", "killall", "curl", "wget", "systemctl", "service", "ps", "nginx"];
        looks.contains(&program(&words)) && words.iter().any(|word| word.contains("nginx"))
    })
}

/// Whether a line stops keepalived.
fn stops_keepalived(text: &str) -> bool {
    let mut commands = commands(text);
    commands.any(|words| {
        let about = words.iter().any(|word| word.contains("keepalived"));
        let stops = words.contains(&"stop");
        match program(&words) {
            "pkill" | "killall" | "kill" => about && !words.contains(&"-0"),
            "service" | "systemctl" | "keepalived" => about && stops,
            _ => false,
        }
    }) || (text.contains("kill ") && text.contains("keepalived.pid"))
}

/// What `if CONDITION` says of nginx, whose state the line before has asked for.
fn condition(text: &str, before: &str) -> Branch {
    let (negated, asked) = (text.contains("! "), if text.contains("$?") { before } else { text });
    if !asks_for_nginx(asked) {
        return Branch::Unknown;
    }
    let branch = match text.contains("$?") {
        true if ["-eq 0", "== 0", "= 0", "-eq '0'", "== \"0\""].iter().any(|equal| text.contains(equal)) => {
            if text.contains("!= 0") { Branch::Dead } else { Branch::Alive }
        }
        true if text.contains("-ne 0") || text.contains("-gt 0") => Branch::Dead,
        // A count, or something else that is compared.
        true => Branch::Unknown,
        false if text.contains('[') => Branch::Unknown,
        false => Branch::Alive,
    };
    if negated && !text.contains("!= 0") { branch.other() } else { branch }
}

fn wrong_way_round(lines: &[Line<'_>]) -> Option<Diagnostic> {
    let (mut branches, mut before): (Vec<Branch>, &str) = (Vec::new(), "");
    for line in lines {
        match line.text.split(|c: char| !c.is_ascii_alphabetic()).next() {
            Some("if") => branches.push(condition(line.text, before)),
            Some("elif") => {
                branches.pop();
                branches.push(condition(line.text, before));
            }
            Some("else") => {
                let branch = branches.pop().unwrap_or(Branch::Unknown);
                branches.push(branch.other());
            }
            Some("fi") => drop(branches.pop()),
            _ => {}
        }
        let chained = line.text.split_once("&&").is_some_and(|(asked, then)| {
            asks_for_nginx(asked) && !asked.contains("! ") && stops_keepalived(then) && !asked.contains("||")
        });
        if (branches.last() == Some(&Branch::Alive) && stops_keepalived(line.text)) || chained {
            let message = "keepalived is stopped when nginx has been found, or was just started with success: the test is \
                           the wrong way round";
            let help = "stop it in the other branch: `if [ $? -ne 0 ]`";
            return Some(
                Diagnostic::error("script::stops-the-healthy", message).at(line.span, "nginx lives").help(help),
            );
        }
        if !["then", "do"].contains(&line.text) {
            before = line.text;
        }
    }
    None
}

fn bash_only(lines: &[Line<'_>]) -> Option<Diagnostic> {
    let line = lines.iter().find(|line| line.text.contains("[[ "))?;
    let message =
        "`[[` is bash's: started as `sh FILE` on Debian it is a command that is not found, which counts as false";
    let help = "start it with bash, or write `[ … ]`";
    Some(Diagnostic::note("script::bash-only", message).at(line.span, "").help(help))
}

fn watches(lines: &[Line<'_>]) -> bool {
    lines.iter().any(|line| asks_for_nginx(line.text))
}

fn once(lines: &[Line<'_>]) -> Option<Diagnostic> {
    let loops = lines.iter().any(|line| {
        let first = line.text.split_whitespace().next().unwrap_or_default();
        ["while", "until", "for"].contains(&first)
    });
    let waits = lines.iter().find(|line| line.text.starts_with("sleep "));
    let line = waits.filter(|_| !loops && watches(lines))?;
    let message = "this looks once, waits and ends: started in the background (`nohup sh FILE &`) it watches nothing from \
                   then on";
    Some(Diagnostic::warning("script::once", message).at(line.span, "").help("`while :; do … sleep 5; done`"))
}

fn needless(lines: &[Line<'_>]) -> Option<Diagnostic> {
    let line = lines.iter().find(|line| stops_keepalived(line.text)).filter(|_| watches(lines))?;
    let message = "rkeep needs no such script: where nginx does not serve, killed or hung, its priority falls and the peer \
                   takes the address over";
    Some(Diagnostic::note("script::needless", message).at(line.span, "").help("do not start it any more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLES: &str = "#!/bin/bash
ps aux ¦ grep nginx ¦ grep -v grep 2> /dev/null 1>&2   # look
if [[ $? -eq 0 ]]               # found
then
    sleep 5
else
# not found: start it, and stop keepalived if that fails
    /usr/local/nginx/sbin/nginx
    ps aux ¦ grep nginx ¦ grep -v grep 2> /dev/null 1>&2
    if [[ $? -eq 0 ]]
    then
        pkill keepalived
    fi
fi
";

    fn codes(text: &str) -> Vec<&'static str> {
        let mut codes: Vec<_> = findings(FileId(0), text.as_bytes()).iter().map(|found| found.code).collect();
        codes.dedup();
        codes
    }

    #[test]
    fn the_articles_script_has_them_all() {
        let all = [
            "script::not-a-pipe",
            "script::finds-others",
            "script::stops-the-healthy",
            "script::bash-only",
            "script::once",
            "script::needless",
        ];
        assert_eq!(codes(ARTICLES), all);
        let found = findings(FileId(0), ARTICLES.as_bytes());
        let place = found.iter().find(|found| found.code == "script::stops-the-healthy").and_then(|it| it.at.as_ref());
        let span = place.map(|label| label.span.start as usize..label.span.end as usize);
        assert_eq!(span.and_then(|span| ARTICLES.get(span)), Some("pkill keepalived"));
    }

    #[test]
    fn the_right_way_round_is_only_needless() {
        let right = ARTICLES.replace('¦', "|").replace("    if [[ $? -eq 0 ]]", "    if [[ $? -ne 0 ]]");
        assert!(!codes(&right).contains(&"script::stops-the-healthy"));
        let counting = "while true; do\nA=`ps -C nginx --no-header | wc -l`\nif [ $A -eq 0 ]; then\n/usr/sbin/nginx\nsleep 2\n\
                        if [ `ps -C nginx --no-header | wc -l` -eq 0 ]; then\nkillall keepalived\nfi\nfi\ndone\n";
        assert_eq!(codes(counting), ["script::needless"]);
        assert_eq!(codes("pidof nginx || systemctl stop keepalived\n"), ["script::needless"]);
        assert_eq!(codes("#!/bin/sh\nkillall -0 nginx\n"), [""; 0]);
        assert_eq!(codes("\0ELF pidof nginx && pkill keepalived\n"), [""; 0]);
    }

    #[test]
    fn other_ways_to_get_it_wrong() {
        let wrong = ["script::stops-the-healthy", "script::needless"];
        assert_eq!(codes("if pidof nginx\nthen\n service keepalived stop\nfi\n"), wrong);
        assert_eq!(codes("if ! pidof nginx; then\n true\nelse\n killall keepalived\nfi\n"), wrong);
        assert_eq!(codes("pidof nginx && pkill keepalived\n"), wrong);
        assert_eq!(codes("/usr/sbin/nginx\nif [ $? -ne 0 ]; then\n:\nelse\n/etc/init.d/keepalived stop\nfi\n"), wrong);
    }
}
