//! Server-side includes: pages whose commands are run on their way to the client.

mod command;
mod lexer;
mod text;

use std::collections::{HashMap, VecDeque};

use super::compose::{self, Failed, Out};
use super::filters::gzip_ok::weaken_etag;
use super::filters::has_type;
use super::request::{Captures, RequestCtx};
use super::subrequest::Child;
use lexer::{Lexer, Token};

/// How `$date_local` and `$date_gmt` are written unless `config` says otherwise.
pub const TIME_FORMAT: &str = "%A, %d-%b-%Y %H:%M:%S %Z";
/// What stands in place of a command that failed, unless `config` says otherwise.
const ERROR_TEXT: &[u8] = b"[an error occurred while processing the directive]";
/// How many includes are under way at once; more wait for the first to be read.
const AT_ONCE: usize = 64;

/// What all pages of a client's request know.
#[derive(Debug, Default)]
pub struct Known {
    /// `set`, `include … set=`, named groups of `if`.
    variables: HashMap<String, Vec<u8>>,
    /// `block`
    blocks: HashMap<Vec<u8>, Vec<u8>>,
    /// `$1` …
    captures: Captures,
}

/// A page under way.
#[derive(Debug)]
pub struct Page {
    lexer: Lexer,
    branches: Vec<Branch>,
    /// The block being defined: its name and what it holds so far.
    block: Option<(Vec<u8>, Vec<u8>)>,
    error_text: Vec<u8>,
    /// What goes out once what is before it has.
    queue: VecDeque<Item>,
}

/// An `if` that is open.
#[derive(Clone, Copy, Debug)]
struct Branch {
    /// This branch is shown.
    shown: bool,
    /// One of its branches has been.
    taken: bool,
    /// `else` has come.
    last: bool,
}

#[derive(Debug)]
enum Item {
    Text(Vec<u8>),
    Include(Child),
}

/// Makes a page of the answer where it is to be one.
pub fn filter(cx: &mut RequestCtx) -> Option<Box<Page>> {
    let conf = &cx.conf().ssi;
    if !conf.on || cx.out.content_length == Some(0) || !has_type(&conf.types, &cx.out) {
        return None;
    }
    if !cx.is_subrequest() {
        let keeps_date = conf.last_modified;
        cx.out.body_is_made(keeps_date);
        if keeps_date {
            weaken_etag(cx);
        }
    }
    Some(Box::new(Page::new(cx)))
}

impl Page {
    /// A page of which nothing has come yet.
    pub fn new(cx: &RequestCtx) -> Self {
        Page {
            lexer: Lexer::new(cx.conf().ssi.value_length.0 as usize),
            branches: Vec::new(),
            block: None,
            error_text: ERROR_TEXT.to_vec(),
            queue: VecDeque::new(),
        }
    }

    /// Takes bytes in and passes on what they come to.
    ///
    /// # Errors
    /// [`Failed`]
    pub async fn feed(&mut self, cx: &mut RequestCtx, bytes: &[u8], out: &mut Out<'_>) -> Result<(), Failed> {
        self.lexer.feed(bytes);
        while let Some(token) = self.lexer.next() {
            self.take(cx, token, out).await?;
            if self.queue.len() >= AT_ONCE {
                self.flush(cx, out).await?;
            }
        }
        self.flush(cx, out).await
    }

    /// Passes on what is left at the end of the page.
    ///
    /// # Errors
    /// [`Failed`]
    pub async fn finish(&mut self, cx: &mut RequestCtx, out: &mut Out<'_>) -> Result<(), Failed> {
        let rest = self.lexer.rest();
        self.text(rest);
        self.flush(cx, out).await
    }

    async fn take(&mut self, cx: &mut RequestCtx, token: Token, out: &mut Out<'_>) -> Result<(), Failed> {
        if let Some((_, held)) = &mut self.block {
            match token {
                Token::Command(command, _) if command.name == b"endblock" => self.end_block(cx),
                Token::Text(raw) | Token::Command(_, raw) | Token::Invalid(raw) => held.extend_from_slice(&raw),
            }
            return Ok(());
        }
        match token {
            Token::Text(text) => self.text(text),
            Token::Invalid(_) => self.fail(cx),
            Token::Command(command, _) => self.command(cx, &command, out).await?,
        }
        Ok(())
    }

    /// Whether what comes now is shown.
    fn shows(&self) -> bool {
        self.branches.iter().all(|branch| branch.shown)
    }

    fn text(&mut self, text: Vec<u8>) {
        if self.shows() && !text.is_empty() {
            self.queue.push_back(Item::Text(text));
        }
    }

    /// A command could not be run.
    fn fail(&mut self, cx: &RequestCtx) {
        if !cx.conf().ssi.silent_errors {
            self.text(self.error_text.clone());
        }
    }

    fn end_block(&mut self, cx: &RequestCtx) {
        if let Some((name, held)) = self.block.take()
            && self.shows()
        {
            cx.know(|known| known.blocks.insert(name, held));
        }
    }

    /// Passes on all that waits, in its order.
    async fn flush(&mut self, cx: &RequestCtx, out: &mut Out<'_>) -> Result<(), Failed> {
        while let Some(item) = self.queue.pop_front() {
            match item {
                Item::Text(text) => out.put(&text).await?,
                Item::Include(child) => compose::join(cx, &child, out).await?,
            }
        }
        Ok(())
    }
}

impl RequestCtx {
    /// Looks at, or changes, what all pages of the client's request know.
    fn know<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(self.shared.pages.borrow_mut().get_or_insert_default())
    }

    /// A variable as pages see it, by its name in lower case.
    fn page_variable(&self, name: &str) -> Option<Vec<u8>> {
        if let Ok(group) = name.parse::<usize>() {
            return Some(self.know(|known| known.captures.get(group).to_vec()));
        }
        let known = self.know(|known| known.variables.get(name).cloned());
        known.or_else(|| {
            let mut value = Vec::new();
            let var = self.snapshot.plan.variables.find(name)?;
            self.var_into(&var, &mut value).then_some(value)
        })
    }
}
