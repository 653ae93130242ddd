//! `ngx_http_headers_filter_module`.

use crate::source::{Span, Spanned};
use crate::table::Directives;
use crate::table::value::{AddHeader, Expires, HeadersInherit};

/// Fields added to answers.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_headers_filter_module", within(http, server, location, location_if))]
pub struct Headers {
    /// `Expires` and `Cache-Control`.
    #[row("expires", default = "off")]
    pub expires: Expires,
    /// Fields added.
    #[row("add_header")]
    pub add_header: Vec<AddHeader>,
    /// Trailer fields added.
    #[row("add_trailer")]
    pub add_trailer: Vec<AddHeader>,
    /// How fields of the outer level hold.
    #[row("add_header_inherit", default = "on")]
    pub header_inherit: HeadersInherit,
    /// How trailer fields of the outer level hold.
    #[row("add_trailer_inherit", default = "on")]
    pub trailer_inherit: HeadersInherit,
}

impl HeadersLayer {
    /// Does what plain inheritance does not: `merge` and `off`, of this level or of the outer one.
    pub fn inherit_fields(written: &mut Option<Box<HeadersLayer>>, outer: &Headers) {
        let mode = |own: Option<&Spanned<HeadersInherit>>, outer| own.map_or(outer, |own| own.value);
        let layer = written.as_deref();
        let headers = mode(layer.and_then(|layer| layer.header_inherit.as_ref()), outer.header_inherit);
        let trailers = mode(layer.and_then(|layer| layer.trailer_inherit.as_ref()), outer.trailer_inherit);
        if headers == HeadersInherit::On && trailers == HeadersInherit::On {
            return;
        }
        let layer = written.get_or_insert_default();
        inherit(&mut layer.add_header, headers, &outer.add_header);
        inherit(&mut layer.add_trailer, trailers, &outer.add_trailer);
    }
}

fn inherit(own: &mut Option<Spanned<Vec<AddHeader>>>, mode: HeadersInherit, outer: &[AddHeader]) {
    match (own.as_mut(), mode) {
        (None, HeadersInherit::Off) => *own = Some(Spanned::new(Vec::new(), Span::NONE)),
        (Some(own), HeadersInherit::Merge) => own.value.extend_from_slice(outer),
        _ => {}
    }
}

impl Headers {
    /// Whether no answer is changed.
    pub fn adds_nothing(&self) -> bool {
        self.expires == Expires::Off && self.add_header.is_empty() && self.add_trailer.is_empty()
    }
}
