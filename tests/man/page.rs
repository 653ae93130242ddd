//! What all pages have in common.

use roff::{Inline, Roff, bold, italic, roman};

/// A page under way.
pub struct Page(Roff);

impl Page {
    /// The beginning of a page: its title and its NAME section.
    pub fn new(name: &str, section: &str, what: &str) -> Page {
        let mut page = Page(Roff::new());
        let source = concat!("rkeep ", env!("CARGO_PKG_VERSION"));
        page.0.control("TH", [name, section, "", source, "rkeep"]);
        page.heading("NAME").text(&format!("{name} - {what}"))
    }

    /// A piece of a page that begins with a section.
    pub fn part(title: &str) -> Page {
        Page(Roff::new()).heading(title)
    }

    /// A section.
    pub fn heading(mut self, title: &str) -> Page {
        self.0.control("SH", [title]);
        self
    }

    /// A section within one.
    pub fn sub(mut self, title: &str) -> Page {
        self.0.control("SS", [title]);
        self
    }

    /// A paragraph; what stands between backquotes is bold.
    pub fn paragraph(mut self, text: &str) -> Page {
        self.0.control("PP", []);
        self.text(text)
    }

    /// Text that goes on where it stands.
    pub fn text(mut self, text: &str) -> Page {
        self.0.text(marked(text));
        self
    }

    /// A word with its explanation.
    pub fn item(mut self, what: &str, text: &str) -> Page {
        self.0.control("TP", []).text([bold(what)]);
        self.text(text)
    }

    /// Lines that stay as they are.
    pub fn example(mut self, lines: &str) -> Page {
        self.0.control("PP", []).control("EX", []).text([roman(lines)]).control("EE", []);
        self
    }

    /// A command line: bold words, the rest italic.
    pub fn synopsis(mut self, name: &str, rest: &str) -> Page {
        self.0.control("PP", []).text([bold(name), roman(" "), italic(rest)]);
        self
    }

    /// Two words beside each other at the beginning of an indented line.
    pub fn field(mut self, name: &str, text: &str) -> Page {
        self.0.control("br", []).text([italic(format!("{name}: ")), roman(text)]);
        self
    }

    /// The page's text.
    pub fn end(self) -> String {
        self.0.to_roff()
    }
}

/// Text in which backquotes mean bold.
fn marked(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { bold(part) } else { roman(part) }).collect()
}
