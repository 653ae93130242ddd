//! `vrrp_script`, `track_file`, `vrrp_track_process`, and the lines of `track_…` blocks.

use super::number::{Milliseconds, Seconds, Uint, argument, remark, signed};
use super::value::{Flag, OptionalCommand, Words, refuse, silent};
use crate::diag::Class;
use crate::ir::track::{ArgumentMatch, Kind, Weight};
use crate::source::Span;
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Directives, Fault, Range, Value};

/// `vrrp_script` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "vrrp_script", within(k_script))]
pub struct VrrpScript {
    /// What is run: success is exit code 0. No shell.
    #[row("script")]
    pub script: OptionalCommand,
    /// Between two runs, seconds.
    #[row("interval", usual = "1")]
    pub interval: Milliseconds,
    /// How long a run may take, seconds; then it is ended and has failed.
    #[row("timeout", usual = "1")]
    pub timeout: Milliseconds,
    /// Added to the priority after success, or taken away after failure; 0 makes failure FAULT.
    #[row("weight", usual = "0")]
    pub weight: ScriptWeight,
    /// So many successes in a row make it good.
    #[row("rise", usual = "1")]
    pub rise: Uint<1, 2_147_483_647>,
    /// So many failures in a row make it bad.
    #[row("fall", usual = "1")]
    pub fall: Uint<1, 2_147_483_647>,
    /// The user and group it runs as.
    #[row("user")]
    pub user: super::global::ScriptUser,
    /// It has failed until it has succeeded.
    #[row("init_fail")]
    pub init_fail: Flag,
}

/// `track_file` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "track_file", within(k_track_file))]
pub struct FileBlock {
    /// The file whose number is read.
    #[row("file")]
    pub file: super::value::OptionalText,
    /// The file's number is multiplied by it.
    #[row("weight", usual = "1")]
    pub weight: WideWeight,
    /// Writes the number, 0 unless said, into the file if it is not there, or in any case with `overwrite`.
    #[row("init_file")]
    pub init_file: InitFile,
}

/// `vrrp_track_process` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "vrrp_track_process", within(k_track_process))]
pub struct ProcessBlock {
    /// The program, with arguments if they count.
    #[row("process")]
    pub process: Words<1>,
    /// How arguments are compared.
    #[row("param_match")]
    pub param_match: ParamMatch,
    /// Added to the priority while enough run, or taken away while too few do; 0 makes too few FAULT.
    #[row("weight", usual = "0")]
    pub weight: WideWeight,
    /// So many must run.
    #[row("quorum", usual = "1")]
    pub quorum: Uint<1, 65_535>,
    /// No more may run.
    #[row("quorum_max")]
    pub quorum_max: Uint<0, 65_535>,
    /// How long a change must last, seconds.
    #[row("delay", usual = "0")]
    pub delay: Seconds<1, 3_600_000_000>,
    /// How long too few must last, seconds.
    #[row("terminate_delay")]
    pub terminate_delay: Seconds<1, 3_600_000_000>,
    /// How long enough must last, seconds.
    #[row("fork_delay")]
    pub fork_delay: Seconds<1, 3_600_000_000>,
    /// The whole command line counts, not the short name.
    #[row("full_command")]
    pub full_command: Flag,
}

/// What an instance or a sync group tracks.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "vrrp_instance", within(k_instance, k_sync_group))]
pub struct Tracking {
    /// Interfaces whose loss is a fault, or changes the priority by their weight.
    #[row("track_interface")]
    pub track_interface: Vec<TrackLine>,
    /// Scripts whose failure is a fault, or changes the priority by their weight.
    #[row("track_script")]
    pub track_script: Vec<TrackLine>,
    /// Files whose number times the weight is added to the priority.
    #[row("track_file")]
    pub track_file: Vec<TrackLine>,
    /// Processes without which there is a fault, or another priority.
    #[row("track_process")]
    pub track_process: Vec<TrackLine>,
    /// BFD sessions whose loss is a fault, or changes the priority by their weight.
    #[row("track_bfd")]
    pub track_bfd: Vec<TrackLine>,
}

/// `weight` of a `vrrp_script`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptWeight(pub Weight);

impl Value for ScriptWeight {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "number [reverse]";
    const RANGE: Option<Range> = Some(Range::Whole(-253, 253));

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let value = signed(argument(directive)?, -253, 253, cx)? as i16;
        let option = directive.args.get(1);
        match option.map(|word| word.is("reverse")) {
            None => Ok(ScriptWeight(Weight { value, reverse: false })),
            Some(true) => Ok(ScriptWeight(Weight { value, reverse: true })),
            Some(false) => {
                let option = option.map(|word| word.lossy()).unwrap_or_default();
                let what = format!("vrrp_script {} unknown weight option {option}", cx.owner);
                cx.diagnostics.push(remark(&what, Class::General).at(directive.span, "").help("reverse, or nothing"));
                Ok(ScriptWeight(Weight { value, reverse: false }))
            }
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `weight` of a file or process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WideWeight(pub Weight);

impl Value for WideWeight {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "number [reverse]";
    const RANGE: Option<Range> = Some(Range::Whole(-254, 254));

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let value = signed(argument(directive)?, -254, 254, cx)? as i16;
        let reverse = directive.args.get(1).is_some_and(|word| word.is("reverse"));
        Ok(WideWeight(Weight { value, reverse }))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `init_file [VALUE] [overwrite]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InitFile {
    /// What is written.
    pub value: i32,
    /// Even where there is a file.
    pub overwrite: bool,
}

impl Value for InitFile {
    const ARITY: Arity = Arity::range(0, 2);
    const SYNTAX: &'static str = "[number] [overwrite]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut init = InitFile::default();
        for word in &directive.args {
            let text = word.lossy();
            match text.parse::<i32>() {
                _ if word.is("overwrite") => init.overwrite = true,
                Ok(value) => {
                    init.value = value;
                    if !(-254..=254).contains(&value) {
                        let owner = &cx.owner;
                        let what =
                            format!("Track file {owner} init value {value} is outside sensible range [-254, 254]");
                        cx.diagnostics.push(remark(&what, Class::General).at(word.span, "").help("-254 to 254"));
                    }
                }
                Err(_) => {
                    let what = format!("Unknown track file init option {text}");
                    cx.diagnostics.push(remark(&what, Class::General).at(word.span, "").help("a number, overwrite"));
                }
            }
        }
        Ok(init)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `param_match`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParamMatch(pub ArgumentMatch);

impl Value for ParamMatch {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "exact | initial | partial";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        match &word.text[..] {
            b"exact" => Ok(ParamMatch(ArgumentMatch::Exact)),
            b"initial" => Ok(ParamMatch(ArgumentMatch::Initial)),
            b"partial" => Ok(ParamMatch(ArgumentMatch::Partial)),
            _ => Err(silent().at(word.span).help("exact, initial or partial")),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// A line of a `track_…` block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackLine {
    /// What is tracked.
    pub name: String,
    /// Its weight, if the line says one; the number may be zero.
    pub weight: Option<i16>,
    /// `reverse`, or `noreverse` for one that is reversed itself.
    pub reverse: Option<bool>,
    /// The line.
    pub span: Span,
}

/// The kind of thing that a block's lines name.
pub fn kind(keyword: &str) -> Kind {
    match keyword {
        "track_script" => Kind::Script,
        "track_file" => Kind::File,
        "track_process" => Kind::Process,
        "track_bfd" => Kind::Bfd,
        _ => Kind::Interface,
    }
}

impl Value for TrackLine {
    const ARITY: Arity = Arity::SOME.with_block();
    const SYNTAX: &'static str = "{ name [weight number [reverse]] … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let name = argument(directive)?.lossy().into_owned();
        let words = Wording { kind: kind(&directive.name.lossy()), owner: cx.owner.clone(), name: name.clone() };
        let mut line = TrackLine { name, weight: None, reverse: None, span: directive.span };
        let mut options = directive.args.iter().skip(1);
        while let Some(word) = options.next() {
            match &word.text[..] {
                b"weight" => match options.next() {
                    Some(number) => line.weight = words.weight(number, cx),
                    None => return Err(refuse(cx, word, words.no_weight(), "write a number after `weight`")),
                },
                b"reverse" if line.weight.is_some() => line.reverse = Some(true),
                b"noreverse" if line.weight.is_some() && words.kind == Kind::Script => line.reverse = Some(false),
                _ => {
                    let what = words.unknown(&word.lossy(), line.weight.is_some());
                    let help = "weight NUMBER [reverse]";
                    if words.kind == Kind::Interface {
                        return Err(refuse(cx, word, what, help));
                    }
                    cx.diagnostics.push(remark(&what, Class::General).at(word.span, "").help(help));
                }
            }
        }
        Ok(line)
    }
}

/// keepalived's words about a line.
struct Wording {
    kind: Kind,
    owner: String,
    name: String,
}

impl Wording {
    /// How it calls the thing.
    fn thing(&self) -> &'static str {
        match self.kind {
            Kind::Interface => "track_interface",
            Kind::Script => "track script",
            Kind::File => "track file",
            Kind::Process => "track process",
            Kind::Bfd => "track bfd",
        }
    }

    fn most(&self) -> i32 {
        if matches!(self.kind, Kind::File | Kind::Process) { 254 } else { 253 }
    }

    fn weight(&self, word: &crate::syntax::tree::Word, cx: &mut Cx) -> Option<i16> {
        let (owner, name, most) = (&self.owner, &self.name, self.most());
        let help = format!("a number from -{most} to {most}");
        let fault = match signed(word, -254, 254, cx) {
            Ok(number) if number.abs() <= most => return Some(number as i16),
            Ok(number) => {
                let what = format!("({owner}) weight for {name} cannot be +/-254. Setting to +/-253");
                cx.diagnostics.push(remark(&what, Class::General).at(word.span, "").help(help));
                return Some(number.clamp(-most, most) as i16);
            }
            Err(fault) => fault,
        };
        cx.diagnostics.push(remark(&fault.text, Class::Number).at(word.span, "").help(help.clone()));
        let what = match self.kind {
            Kind::Script => format!("track script {name}: weight must be between [-253..253] inclusive, ignoring..."),
            _ => format!("weight for {} {name} must be in [-{most}..{most}] inclusive. Ignoring...", self.thing()),
        };
        cx.diagnostics.push(remark(&format!("({owner}) {what}"), Class::General).at(word.span, "").help(help));
        None
    }

    fn no_weight(&self) -> String {
        format!("({}) weight without value specified for {} {} - ignoring", self.owner, self.thing(), self.name)
    }

    fn unknown(&self, option: &str, weighed: bool) -> String {
        let (owner, name) = (&self.owner, &self.name);
        match (self.kind, weighed) {
            (Kind::Interface, false) => format!("({owner}) unknown track_interface {name} option {option} - ignoring"),
            (Kind::Interface, true) => {
                format!("({owner}) unknown track_interace {name} weight option {option} - ignoring")
            }
            _ => format!("({owner}) unknown {} option {option} - ignoring", self.thing()),
        }
    }
}
