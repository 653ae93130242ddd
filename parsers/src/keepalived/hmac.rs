//! `auth_hmac`.

use super::number::{Uint, argument};
use super::value::{refuse, silent};
use crate::ir::hmac::Mode;
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Directives, Fault, Value};

/// `auth_hmac` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "auth_hmac", within(k_auth_hmac))]
pub struct AuthHmac {
    /// A key with its number: 32 to 64 bytes as text, as `hex:…`, or in a file as `file:…`.
    #[row("key")]
    pub key: KeyLine,
    /// The number of the key that adverts are sent with.
    #[row("active_key")]
    pub active_key: Uint<1, 255>,
    /// How far a sender's clock may be off, seconds; three advert intervals, five seconds at least, unless said.
    #[row("time_window")]
    pub time_window: Uint<1, 300>,
    /// What keeps adverts from being said again: clocks, or numbers that grow.
    #[row("anti_replay")]
    pub anti_replay: AntiReplay,
    /// Whether adverts without a trailer count, and whether one is sent.
    #[row("mode")]
    pub mode: HmacMode,
}

/// A `key` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLine {
    /// Its number.
    pub id: u8,
    /// What stands there.
    pub text: String,
}

impl Value for KeyLine {
    const ARITY: Arity = Arity::range(0, 255);
    const SYNTAX: &'static str = "id text | hex:digits | file:path";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let owner = cx.owner.clone();
        let help = "key NUMBER hex:… with 64 to 128 digits";
        let (Some(id), Some(text)) = (directive.args.first(), directive.args.get(1)) else {
            let what = format!("({owner}) auth_hmac key needs an id and a value");
            return Err(refuse(cx, &directive.name, what, help));
        };
        match id.lossy().parse::<u8>().ok().filter(|id| *id > 0) {
            Some(number) => Ok(KeyLine { id: number, text: text.lossy().into_owned() }),
            None => {
                let what = format!("({owner}) auth_hmac key id '{}' must be between 1 and 255", id.lossy());
                Err(refuse(cx, id, what, help))
            }
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `anti_replay`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AntiReplay {
    /// Numbers that grow are enough.
    pub monotonic: bool,
}

impl Value for AntiReplay {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "time | monotonic";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        match &word.text[..] {
            b"time" => Ok(AntiReplay { monotonic: false }),
            b"monotonic" => Ok(AntiReplay { monotonic: true }),
            _ => Err(silent().at(word.span).help("time or monotonic")),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HmacMode(pub Mode);

impl Value for HmacMode {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "enforce | permissive | receive-only";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        let known = [Mode::Enforce, Mode::Permissive, Mode::ReceiveOnly].into_iter().find(|mode| word.is(mode.name()));
        known.map(HmacMode).ok_or_else(|| silent().at(word.span).help("enforce, permissive or receive-only"))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}
