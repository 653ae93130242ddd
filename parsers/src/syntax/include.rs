//! Puts the files of one configuration together: each `include` is replaced by what its files hold.

use std::path::{Path, PathBuf};

use super::nginx::{Origin, parse};
use super::tree::{Block, Broken, Directive};
use crate::source::{FileId, Loader, SourceMap, Span};

/// Files of one configuration at most: nginx would run out of descriptors or of patience.
const MAX_FILES: usize = 10_000;

/// EMFILE, what nginx meets when a file includes itself.
const TOO_MANY_OPEN_FILES: i32 = 24;

/// Reads the main file and all it includes.
pub struct Reader<'a> {
    /// Where bytes come from.
    pub loader: &'a dyn Loader,
    /// All files read.
    pub sources: SourceMap,
    /// What relative names of `include` are below.
    pub conf_dir: PathBuf,
    open: Vec<PathBuf>,
}

impl<'a> Reader<'a> {
    /// A reader for one configuration.
    pub fn new(loader: &'a dyn Loader, conf_dir: PathBuf) -> Self {
        Reader { loader, sources: SourceMap::default(), conf_dir, open: Vec::new() }
    }

    /// The main file.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn main(&mut self, path: &Path) -> std::io::Result<Block> {
        self.file(path, None)
    }

    /// The directives of `-g`.
    pub fn command_line(&mut self, text: &str) -> Block {
        let id = self.sources.add(PathBuf::from("command line"), text.as_bytes(), None);
        let block = parse(id, text.as_bytes(), Origin::CommandLine);
        self.expand(block)
    }

    fn file(&mut self, path: &Path, included_at: Option<Span>) -> std::io::Result<Block> {
        if self.open.iter().any(|open| open == path) || self.sources.iter().count() >= MAX_FILES {
            return Err(std::io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES));
        }
        let bytes = self.loader.load(path)?;
        let id: FileId = self.sources.add(path.to_owned(), bytes.clone(), included_at);
        self.open.push(path.to_owned());
        let block = parse(id, &bytes, Origin::File);
        let block = self.expand(block);
        self.open.pop();
        Ok(block)
    }

    fn expand(&mut self, mut block: Block) -> Block {
        if !block.items.iter().any(|directive| included_path(directive).is_some()) {
            for inner in block.items.iter_mut().filter_map(|directive| directive.block.as_mut()) {
                **inner = self.expand(std::mem::take(inner));
            }
            return block;
        }
        let mut whole = Block { open: block.open, close: block.close, ..Block::default() };
        let mut broken = block.broken.into_iter().peekable();
        for (index, mut directive) in block.items.into_iter().enumerate() {
            while let Some(fault) = broken.next_if(|fault| fault.before <= index) {
                whole.broken.push(Broken { before: whole.items.len(), ..fault });
            }
            directive.block = directive.block.take().map(|inner| Box::new(self.expand(*inner)));
            match included_path(&directive) {
                Some(path) => self.include(&mut whole, &path, &directive),
                None => whole.items.push(directive),
            }
        }
        let before = whole.items.len();
        whole.broken.extend(broken.map(|fault| Broken { before, ..fault }));
        whole
    }

    fn include(&mut self, whole: &mut Block, path: &Path, directive: &Directive) {
        let pattern = self.conf_dir.join(path);
        for path in self.loader.glob(&pattern) {
            let before = whole.items.len();
            match self.file(&path, Some(directive.span)) {
                Ok(inner) => {
                    let shifted = |fault: Broken| Broken { before: fault.before.saturating_add(before), ..fault };
                    whole.broken.extend(inner.broken.into_iter().map(shifted));
                    whole.items.extend(inner.items);
                }
                Err(error) => {
                    let message = format!("open() \"{}\" failed", path.display());
                    let errno = error.raw_os_error();
                    let (span, end) = (directive.arg(0).span, directive.end);
                    whole.broken.push(Broken { before, message, errno, span, end, open: Vec::new() });
                }
            }
        }
    }
}

/// The path of a well-formed `include`; others stay, so that the walk can complain.
fn included_path(directive: &Directive) -> Option<PathBuf> {
    let [path] = &*directive.args else { return None };
    let plain = directive.name.is("include") && directive.block.is_none();
    plain.then(|| PathBuf::from(path.lossy().into_owned()))
}
