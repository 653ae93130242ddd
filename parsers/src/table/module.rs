//! What `#[derive(Directives)]` writes for a struct, and the few functions its code calls.

use super::{Cx, Fault, Row, Value};
use crate::source::{Span, Spanned};
use crate::syntax::tree::{Directive, Quote, Word};

/// One nginx module or one keepalived block.
pub trait Module: Sized {
    /// What was written at one level: for each field nothing, or a value with its place.
    type Layer: Clone + Default;

    /// Its directives.
    const ROWS: &'static [Row];

    /// Writes one occurrence of `ROWS[row]` into the layer.
    ///
    /// # Errors
    /// The value's [`Fault`].
    fn set(layer: &mut Self::Layer, row: usize, directive: &Directive, cx: &mut Cx) -> Result<(), Fault>;

    /// Fills what the child leaves open and may inherit.
    fn inherit(child: &mut Self::Layer, parent: &Self::Layer);

    /// Whether something is written here that inner levels do not inherit.
    fn has_own(layer: &Self::Layer) -> bool;

    /// Fills what is still open in an outermost layer with the defaults.
    fn fill_defaults(layer: &mut Self::Layer, cx: &mut Cx);

    /// The effective values.
    fn finish(layer: &Self::Layer) -> Self;

    /// The effective values of a layer inside another, where nothing more is inside.
    fn merge(layer: Self::Layer, outer: &Self::Layer) -> Self;
}

/// Reads a directive into its field.
///
/// # Errors
/// The value's fault, or `is duplicate`.
pub fn set_field<T: Value>(field: &mut Option<Spanned<T>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    if let Some(field) = field.as_mut().filter(|field| field.span.is_written()) {
        let more = T::parse(directive, cx)?;
        return field.value.repeat(more);
    }
    *field = Some(Spanned::new(T::parse(directive, cx)?, directive.span));
    Ok(())
}

/// Takes the parent's value where the child has none.
pub fn inherit_field<T: Clone>(child: &mut Option<Spanned<T>>, parent: &Option<Spanned<T>>) {
    if child.is_none() {
        child.clone_from(parent);
    }
}

/// Writes a default, as one would write it in the file, into an open field.
pub fn default_field<T: Value>(field: &mut Option<Spanned<T>>, keyword: &str, default: &str, cx: &mut Cx) {
    if field.is_some() {
        return;
    }
    let default = cx.defaults.get(keyword).cloned().unwrap_or_else(|| default.to_owned());
    let word = |text: &str| Word { text: text.as_bytes().into(), span: Span::NONE, quote: Quote::None };
    let args = default.split_ascii_whitespace().map(|text| word(if text == "\"\"" { "" } else { text })).collect();
    let directive = Directive { name: word(keyword), args, block: None, span: Span::NONE, end: Span::NONE };
    let value = T::parse(&directive, cx).unwrap_or_default();
    *field = Some(Spanned::new(value, Span::NONE));
}

/// The value of a field, that of the outer layer where it is open.
pub fn merge_field<T: Clone + Default>(field: Option<Spanned<T>>, outer: &Option<Spanned<T>>) -> T {
    field.map_or_else(|| finish_field(outer), Spanned::into_value)
}

/// The value of a field, the type's own default where it is open.
pub fn finish_field<T: Clone + Default>(field: &Option<Spanned<T>>) -> T {
    field.as_ref().map(|field| field.value.clone()).unwrap_or_default()
}
