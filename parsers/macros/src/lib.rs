//! `#[derive(Directives)]`: see `rkeep_parsers::table` for the words it understands.

use proc_macro::TokenStream;
use proc_macro2::{Ident, Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, LitStr, Meta, Path, Result, Type};

/// Writes the layer struct and the `Module` implementation of a struct of directives.
#[proc_macro_derive(Directives, attributes(directives, row))]
pub fn directives(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// What `#[directives(…)]` says of the whole struct.
struct Header {
    module: LitStr,
    /// What every keyword begins with.
    prefix: String,
    within: Tokens,
}

/// One `#[row(…)]`.
struct Row {
    keyword: LitStr,
    default: Option<LitStr>,
    /// What holds where it is absent, for the manual alone: somebody else sees to it.
    usual: Option<LitStr>,
    own: bool,
    within: Option<Tokens>,
    by: Option<Path>,
    status: Tokens,
}

/// A field and its rows; without rows it is plain data that directives may write to.
struct Slot<'a> {
    name: &'a Ident,
    ty: &'a Type,
    doc: String,
    rows: Vec<Row>,
}

fn expand(input: &DeriveInput) -> Result<Tokens> {
    let header = header(input)?;
    let slots = fields(input)?.iter().map(|field| slot(field, &header.prefix)).collect::<Result<Vec<_>>>()?;
    let (name, vis) = (&input.ident, &input.vis);
    let layer = format_ident!("{name}Layer");
    let layer_doc = format!("What was written at one level of [`{name}`].");
    let layer_fields = slots.iter().map(Slot::layer_field);
    let rows = slots.iter().flat_map(|slot| slot.rows.iter().map(|row| row_tokens(&header, slot, row)));
    let setters = slots.iter().flat_map(|slot| slot.rows.iter().map(|row| setter(slot, row))).enumerate();
    let setters = setters.map(|(index, body)| quote!(#index => #body,));
    let inherits = slots.iter().filter_map(Slot::inherit);
    let defaults = slots.iter().filter_map(Slot::fill_default);
    let finishes = slots.iter().map(Slot::finish);
    let moves = slots.iter().map(Slot::merge);
    let owned = slots.iter().filter(|slot| slot.is_own()).map(|slot| slot.name);
    Ok(quote! {
        #[doc = #layer_doc]
        #[derive(Clone, Debug, Default, PartialEq)]
        #vis struct #layer { #(#layer_fields)* }

        impl crate::table::Module for #name {
            type Layer = #layer;
            const ROWS: &'static [crate::table::Row] = &[#(#rows),*];

            fn set(
                layer: &mut Self::Layer,
                row: usize,
                directive: &crate::syntax::tree::Directive,
                cx: &mut crate::table::Cx,
            ) -> ::core::result::Result<(), crate::table::Fault> {
                let _ = (&layer, &directive, &cx);
                match row {
                    #(#setters)*
                    _ => Ok(()),
                }
            }

            fn inherit(child: &mut Self::Layer, parent: &Self::Layer) {
                let _ = (&child, &parent);
                #(#inherits)*
            }

            fn has_own(layer: &Self::Layer) -> bool {
                let _ = &layer;
                false #(|| layer.#owned.is_some())*
            }

            fn fill_defaults(layer: &mut Self::Layer, cx: &mut crate::table::Cx) {
                let _ = (&layer, &cx);
                #(#defaults)*
            }

            fn finish(layer: &Self::Layer) -> Self {
                let _ = &layer;
                Self { #(#finishes)* }
            }

            fn merge(layer: Self::Layer, outer: &Self::Layer) -> Self {
                let _ = (&layer, &outer);
                Self { #(#moves)* }
            }
        }
    })
}

impl Slot<'_> {
    fn is_own(&self) -> bool {
        self.rows.iter().any(|row| row.own)
    }

    fn layer_field(&self) -> Tokens {
        let (name, ty, doc) = (self.name, self.ty, &self.doc);
        match self.rows.is_empty() {
            true => quote!(#[doc = #doc] pub #name: #ty,),
            false => quote!(#[doc = #doc] pub #name: Option<crate::source::Spanned<#ty>>,),
        }
    }

    fn inherit(&self) -> Option<Tokens> {
        let name = self.name;
        let inherited = !self.rows.is_empty() && !self.is_own();
        inherited.then(|| quote!(crate::table::module::inherit_field(&mut child.#name, &parent.#name);))
    }

    fn fill_default(&self) -> Option<Tokens> {
        let name = self.name;
        let row = self.rows.iter().find(|row| row.default.is_some() && !row.own)?;
        let (keyword, default) = (&row.keyword, &row.default);
        Some(quote!(crate::table::module::default_field(&mut layer.#name, #keyword, #default, cx);))
    }

    fn merge(&self) -> Tokens {
        let name = self.name;
        match (self.rows.is_empty(), self.is_own()) {
            (true, _) => quote!(#name: layer.#name,),
            (false, false) => quote!(#name: crate::table::module::merge_field(layer.#name, &outer.#name),),
            (false, true) => self.finish(),
        }
    }

    fn finish(&self) -> Tokens {
        let name = self.name;
        let own = self.rows.iter().find(|row| row.own && row.default.is_some());
        match (self.rows.is_empty(), own) {
            (true, _) => quote!(#name: layer.#name.clone(),),
            (false, None) => quote!(#name: crate::table::module::finish_field(&layer.#name),),
            (false, Some(row)) => {
                let (keyword, default) = (&row.keyword, &row.default);
                quote!(#name: {
                    let mut field = layer.#name.clone();
                    let cx = &mut crate::table::Cx::default();
                    crate::table::module::default_field(&mut field, #keyword, #default, cx);
                    crate::table::module::finish_field(&field)
                },)
            }
        }
    }
}

fn setter(slot: &Slot<'_>, row: &Row) -> Tokens {
    let name = slot.name;
    match &row.by {
        Some(path) => quote!(#path(&mut layer.#name, directive, cx)),
        None => quote!(crate::table::module::set_field(&mut layer.#name, directive, cx)),
    }
}

fn row_tokens(header: &Header, slot: &Slot<'_>, row: &Row) -> Tokens {
    let Row { keyword, own, status, .. } = row;
    let (module, doc, ty) = (&header.module, &slot.doc, slot.ty);
    let within = row.within.as_ref().unwrap_or(&header.within);
    let default = row.default.as_ref().or(row.usual.as_ref()).map_or(quote!(None), |text| quote!(Some(#text)));
    quote!(crate::table::Row {
        keyword: #keyword,
        module: #module,
        contexts: #within,
        arity: <#ty as crate::table::Value>::ARITY,
        syntax: <#ty as crate::table::Value>::SYNTAX,
        range: <#ty as crate::table::Value>::RANGE,
        default: #default,
        inherited: !#own,
        status: #status,
        doc: #doc,
    })
}

fn fields(input: &DeriveInput) -> Result<&syn::punctuated::Punctuated<Field, syn::Token![,]>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(&fields.named),
            _ => Err(Error::new_spanned(input, "Directives wants named fields")),
        },
        _ => Err(Error::new_spanned(input, "Directives wants a struct")),
    }
}

fn header(input: &DeriveInput) -> Result<Header> {
    let mut header = Header {
        module: LitStr::new("", Span::call_site()),
        prefix: String::new(),
        within: quote!(crate::table::Contexts::NONE),
    };
    let found = input.attrs.iter().find(|attr| attr.path().is_ident("directives"));
    let attr =
        found.ok_or_else(|| Error::new_spanned(&input.ident, "missing #[directives(module = \"…\", within(…))]"))?;
    attr.parse_nested_meta(|meta| {
        if meta.path.is_ident("module") {
            header.module = meta.value()?.parse()?;
        } else if meta.path.is_ident("prefix") {
            header.prefix = meta.value()?.parse::<LitStr>()?.value();
        } else if meta.path.is_ident("within") {
            header.within = within(&meta)?;
        } else {
            return Err(meta.error("unknown word"));
        }
        Ok(())
    })?;
    Ok(header)
}

fn slot<'f>(field: &'f Field, prefix: &str) -> Result<Slot<'f>> {
    let name = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a field needs a name"))?;
    let rows = field
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("row"))
        .map(|attr| row(attr, prefix))
        .collect::<Result<_>>()?;
    Ok(Slot { name, ty: &field.ty, doc: doc(&field.attrs), rows })
}

fn row(attr: &Attribute, prefix: &str) -> Result<Row> {
    let mut keyword = None;
    let mut row = Row {
        keyword: LitStr::new("", Span::call_site()),
        default: None,
        usual: None,
        own: false,
        within: None,
        by: None,
        status: quote!(crate::table::Status::Works),
    };
    attr.parse_args_with(|input: syn::parse::ParseStream<'_>| {
        keyword = Some(input.parse::<LitStr>()?);
        if input.is_empty() {
            return Ok(());
        }
        input.parse::<syn::Token![,]>()?;
        syn::meta::parser(|meta| word(&mut row, &meta)).parse2_stream(input)
    })?;
    let keyword = keyword.ok_or_else(|| Error::new_spanned(attr, "missing keyword"))?;
    row.keyword = LitStr::new(&format!("{prefix}{}", keyword.value()), keyword.span());
    Ok(row)
}

/// Lets a `syn::meta` parser run over what is left of a stream.
trait ParseRest {
    fn parse2_stream(self, input: syn::parse::ParseStream<'_>) -> Result<()>;
}

impl<P: syn::parse::Parser<Output = ()>> ParseRest for P {
    fn parse2_stream(self, input: syn::parse::ParseStream<'_>) -> Result<()> {
        self.parse2(input.parse()?)
    }
}

fn word(row: &mut Row, meta: &ParseNestedMeta<'_>) -> Result<()> {
    let text = |meta: &ParseNestedMeta<'_>| meta.value()?.parse::<LitStr>();
    if meta.path.is_ident("default") {
        row.default = Some(text(meta)?);
    } else if meta.path.is_ident("usual") {
        row.usual = Some(text(meta)?);
    } else if meta.path.is_ident("own") {
        row.own = true;
    } else if meta.path.is_ident("within") {
        row.within = Some(within(meta)?);
    } else if meta.path.is_ident("by") {
        row.by = Some(meta.value()?.parse()?);
    } else if meta.path.is_ident("proof") {
        let proof = text(meta)?;
        row.status = quote!(crate::table::Status::Proof(#proof));
    } else if meta.path.is_ident("ignored") {
        let why = text(meta)?;
        row.status = quote!(crate::table::Status::Ignored(#why));
    } else if meta.path.is_ident("refused") {
        let why = text(meta)?;
        row.status = quote!(crate::table::Status::Refused(#why));
    } else {
        return Err(meta.error("unknown word"));
    }
    Ok(())
}

/// `within(http, server)` as an expression of type `Contexts`.
fn within(meta: &ParseNestedMeta<'_>) -> Result<Tokens> {
    let mut all = quote!(crate::table::Contexts::NONE);
    meta.parse_nested_meta(|inner| {
        let ident = inner.path.require_ident()?;
        let constant = Ident::new(&ident.to_string().to_uppercase(), ident.span());
        all = quote!(#all.or(crate::table::Contexts::#constant));
        Ok(())
    })?;
    Ok(all)
}

fn doc(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}
