//! What all pages have in common.

use roff::{Inline, Roff, bold, italic, roman};

/// A page under way.
pub struct Page {
    roff: Roff,
    /// Whether a heading has just begun, so that nothing needs to be parted from what is before.
    fresh: bool,
}

/// When the pages' words were last gone over.
const DATE: &str = "2026-11-26";

impl Page {
    /// The beginning of a page: its title and its NAME section.
    pub fn new(name: &str, section: &str, what: &str) -> Page {
        let mut page = Page { roff: Roff::new(), fresh: false };
        let source = concat!("rkeep ", env!("CARGO_PKG_VERSION"));
        page.roff.control("TH", [name, section, DATE, source, "rkeep"]);
        page.heading("NAME").text(&format!("{name} - {what}"))
    }

    /// A piece of a page that begins with a section.
    pub fn part(title: &str) -> Page {
        Page { roff: Roff::new(), fresh: false }.heading(title)
    }

    /// A section.
    pub fn heading(mut self, title: &str) -> Page {
        self.roff.control("SH", [title]);
        self.fresh = true;
        self
    }

    /// A section within one.
    pub fn sub(mut self, title: &str) -> Page {
        self.roff.control("SS", [title]);
        self.fresh = true;
        self
    }

    /// Parts what comes from what is before it, unless that is a heading.
    fn part_by(&mut self, request: &str) {
        if !std::mem::take(&mut self.fresh) {
            self.roff.control(request, []);
        }
    }

    /// A paragraph; what stands between backquotes is bold.
    pub fn paragraph(mut self, text: &str) -> Page {
        self.part_by("PP");
        self.text(text)
    }

    /// Text that goes on where it stands.
    pub fn text(mut self, text: &str) -> Page {
        self.fresh = false;
        self.roff.text(marked(text));
        self
    }

    /// A word with its explanation.
    pub fn item(mut self, what: &str, text: &str) -> Page {
        self.roff.control("TP", []).text([bold(what)]);
        self.text(text)
    }

    /// Lines that stay as they are.
    pub fn example(mut self, lines: &str) -> Page {
        self.part_by("PP");
        self.roff.control("EX", []).text([roman(lines)]).control("EE", []);
        self
    }

    /// A command line: bold words, the rest italic.
    pub fn synopsis(mut self, name: &str, rest: &str) -> Page {
        self.part_by("PP");
        self.roff.text([bold(name), roman(" "), italic(rest)]);
        self
    }

    /// Two words beside each other at the beginning of an indented line.
    pub fn field(mut self, name: &str, text: &str) -> Page {
        self.part_by("br");
        self.roff.text([italic(format!("{name}: ")), roman(text)]);
        self
    }

    /// The page's text.
    pub fn end(self) -> String {
        self.roff.to_roff()
    }
}

/// Text in which backquotes mean bold.
fn marked(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { bold(part) } else { roman(part) }).collect()
}
