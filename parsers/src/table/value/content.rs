//! Values about what is sent: media types, fields added, character sets.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::{Arity, Cx, Fault, Value, parse_time};
use crate::ir::expr::Expr;
use crate::source::Spanned;
use crate::syntax::tree::{Directive, Word};

/// Suffixes and media types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types(pub Arc<HashMap<String, String>>);

/// A set of media types; `*` is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaTypes {
    /// `*`
    pub all: bool,
    /// The types, lower case.
    pub types: Arc<Vec<String>>,
}

/// One `add_header` or `add_trailer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddHeader {
    /// The field's name as written.
    pub name: String,
    /// Its value; where empty nothing is added.
    pub value: Expr,
    /// Whatever the status.
    pub always: bool,
}

/// `expires`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expires {
    /// Nothing is added.
    #[default]
    Off,
    /// `epoch`: in the past.
    Epoch,
    /// `max`: in ten years.
    Max,
    /// Seconds from now, negative for the past.
    Access(i64),
    /// Seconds from the time of the file.
    Modified(i64),
    /// `@time`: seconds after midnight.
    Daily(u32),
    /// A variable that holds one of these; whether `modified` stands before it.
    Variable(Expr, bool),
}

/// `charset`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CharsetName(pub Option<Expr>);

/// What nginx knows without any `types`.
static BUILT_IN: LazyLock<Types> = LazyLock::new(|| {
    let known = [("html", "text/html"), ("gif", "image/gif"), ("jpg", "image/jpeg")];
    Types(Arc::new(known.map(|(suffix, media)| (suffix.to_owned(), media.to_owned())).into()))
});

impl Default for Types {
    fn default() -> Self {
        BUILT_IN.clone()
    }
}

impl Value for Types {
    const ARITY: Arity = Arity::NONE.with_block();
    const SYNTAX: &'static str = "{ … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut types = Types(Arc::default());
        add_types(&mut types, directive, cx);
        Ok(types)
    }
}

/// `types { … }`: blocks of one level add up, an inner level replaces the outer one.
///
/// # Errors
/// None: what is wrong inside is said in place.
pub fn set_types(field: &mut Option<Spanned<Types>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    let field = field.get_or_insert_with(|| Spanned::new(Types(Arc::default()), directive.span));
    add_types(&mut field.value, directive, cx);
    Ok(())
}

fn add_types(types: &mut Types, directive: &Directive, cx: &mut Cx) {
    let Some(block) = &directive.block else { return };
    let map: &mut HashMap<String, String> = Arc::make_mut(&mut types.0);
    for line in cx.walk(block) {
        if line.name.is("include") {
            cx.refuse(line, Fault::new("invalid number of arguments in \"include\" directive"));
            continue;
        }
        let media = line.name.lossy().into_owned();
        for word in &line.args {
            let suffix = word.lossy().to_ascii_lowercase();
            let Some(old) = map.insert(suffix, media.clone()) else { continue };
            let text = format!(
                "duplicate extension \"{}\", content type: \"{media}\", previous content type: \"{old}\"",
                word.lossy()
            );
            cx.warn(line, "nginx::duplicate-extension", text, word.span);
        }
    }
}

impl Value for MediaTypes {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "mime-type …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut media = MediaTypes { all: false, types: Arc::new(vec!["text/html".to_owned()]) };
        for word in &directive.args {
            if word.is("*") {
                media.all = true;
                break;
            }
            let name = word.lossy().to_ascii_lowercase();
            if media.types.contains(&name) {
                let text = format!("duplicate MIME type \"{name}\"");
                cx.warn(directive, "nginx::duplicate-media-type", text, word.span);
            } else {
                Arc::make_mut(&mut media.types).push(name);
            }
        }
        Ok(media)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.all |= more.all;
        let new = more.types.iter().filter(|name| !self.types.contains(name)).cloned().collect::<Vec<_>>();
        Arc::make_mut(&mut self.types).extend(new);
        Ok(())
    }
}

/// `add_header_inherit`, `add_trailer_inherit`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeadersInherit {
    /// Fields of the outer level hold where a level has none of its own.
    #[default]
    On,
    /// They never do.
    Off,
    /// They are added to the level's own.
    Merge,
}

impl Value for HeadersInherit {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "on | off | merge";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let list = [("on", HeadersInherit::On), ("off", HeadersInherit::Off), ("merge", HeadersInherit::Merge)];
        super::flags::one_of(directive.arg(0), &list)
    }
}

impl Value for AddHeader {
    const ARITY: Arity = Arity::range(2, 3);
    const SYNTAX: &'static str = "name value [always]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let value = Expr::of(directive.arg(1), cx)?;
        if let Some(word) = directive.args.get(2).filter(|word| !word.is("always")) {
            return Err(Fault::new(format!("invalid parameter \"{}\"", word.lossy())).at(word.span));
        }
        Ok(AddHeader { name: directive.arg(0).lossy().into_owned(), value, always: directive.args.len() == 3 })
    }
}

impl Value for Expires {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "[modified] time | epoch | max | off";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let modified = directive.args.len() == 2;
        if modified && !directive.arg(0).is("modified") {
            return Err(Fault::verdict("invalid value").at(directive.arg(0).span));
        }
        let word = directive.arg(usize::from(modified));
        let expr = Expr::of(word, cx)?;
        match (expr.as_text(), modified) {
            (None, _) => Ok(Expires::Variable(expr, modified)),
            (Some(b"epoch"), false) => Ok(Expires::Epoch),
            (Some(b"max"), false) => Ok(Expires::Max),
            (Some(b"off"), false) => Ok(Expires::Off),
            (Some(_), _) => relative(word, modified),
        }
    }
}

/// `@time`, `+time`, `-time`, `time`.
fn relative(word: &Word, modified: bool) -> Result<Expires, Fault> {
    let refuse = |text: &str| Fault::verdict(text).at(word.span);
    let (sign, digits) = match word.text.split_first() {
        Some((sign @ (b'@' | b'+' | b'-'), rest)) => (*sign, rest),
        _ => (b'+', word.text.as_slice()),
    };
    if sign == b'@' && modified {
        return Err(refuse("daily time cannot be used with \"modified\" parameter"));
    }
    let seconds = parse_time(digits, true).ok_or_else(|| refuse("invalid value"))? / 1000;
    let seconds = i64::try_from(seconds).map_err(|_| refuse("invalid value"))?;
    match (sign, modified) {
        (b'@', _) if seconds > 86_400 => Err(refuse("daily time value must be less than 24 hours")),
        (b'@', _) => Ok(Expires::Daily(seconds as u32)),
        (b'-', true) => Ok(Expires::Modified(-seconds)),
        (b'-', false) => Ok(Expires::Access(-seconds)),
        (_, true) => Ok(Expires::Modified(seconds)),
        (_, false) => Ok(Expires::Access(seconds)),
    }
}

impl Value for CharsetName {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "charset | off";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        match directive.arg(0).is("off") {
            true => Ok(CharsetName(None)),
            false => Expr::of(directive.arg(0), cx).map(|name| CharsetName(Some(name))),
        }
    }
}
