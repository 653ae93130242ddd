//! nginx.conf.5 and keepalived.conf.5: the tables of directives.

use std::collections::BTreeMap;

use rkeep_parsers::keepalived::hint::{self, BLOCKS};
use rkeep_parsers::keepalived::known::{self, Effect};
use rkeep_parsers::nginx::manual;
use rkeep_parsers::table::{Contexts, Row, Status};

use super::page::Page;

pub fn nginx() -> String {
    let page = Page::new("nginx.conf", "5", "configuration of rkeep's nginx face")
        .heading("DESCRIPTION")
        .text("The language of nginx 1.31, module by module. Sizes take k, m and g, times ms, s, m, h, d, w, M and y.")
        .paragraph(
            "Every directive of nginx is known. What is not built is an error with its place; what only tunes a \
                    part that is not there is taken and has no effect, and `rkeep check-config` says so.",
        )
        .paragraph("A comment of the form below, alone on its line, speaks to rkeep only; nginx skips it:")
        .example("#rkeep: compat nginx=1.22")
        .paragraph("This one brings back the defaults that nginx has changed since 1.22.");
    let mut modules: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in manual::rows() {
        modules.entry(row.module).or_default().push(row);
    }
    let page =
        page.heading("EXAMPLE").text("Requests in turn to two servers, with TLS towards clients:").example(NGINX);
    modules
        .into_iter()
        .fold(page, |page, (module, rows)| section(page.heading(module), &rows, true))
        .heading("SEE ALSO")
        .text("`nginx(8)`, `rkeep(8)`, `keepalived.conf(5)`")
        .end()
}

pub fn keepalived() -> String {
    let page = Page::new("keepalived.conf", "5", "configuration of rkeep's keepalived face")
        .heading("DESCRIPTION")
        .text("The language of keepalived 2.4, block by block. Everything after `!` or `#` is a comment.")
        .paragraph(
            "Every keyword of keepalived is known. One that is not built and without which the pair would not \
                    behave as written is an error with its place; the others are a warning, and rkeep runs on.",
        )
        .paragraph("A comment of the form below, alone on its line, speaks to rkeep only; keepalived skips it:")
        .example("#rkeep: vip follow-service=off")
        .paragraph(
            "In a `vrrp_instance`, or outside of all blocks for all of them: its priority stays as it is where nginx of \
                    the same box, or a virtual server, does not answer on its addresses.",
        );
    let page = page
        .paragraph(
            "Times are seconds, with a fraction where the range has one. A keyword that stands in a block and in another \
             around it means the inner one; words of `global_defs` that begin with `vrrp_` are what instances without \
             the word of their own have.",
        )
        .heading("EXAMPLE")
        .text("One of two boxes that share an address; the other has a lower `priority`:")
        .example(KEEPALIVED);
    let inner = BLOCKS.into_iter().filter(|(.., context)| *context != Contexts::NONE);
    let page = inner.fold(page, |page, (outer, block, context)| {
        let outer = outer.names().next().unwrap_or_default();
        let page = page.heading(block).text(&format!("A block within {outer}."));
        let rows: Vec<_> = hint::rows().filter(|row| row.contexts.contains(context)).collect();
        unbuilt_words(section(page, &rows, false), context)
    });
    unbuilt_words(page.heading("TOP LEVEL"), Contexts::K_TOP)
        .heading("SEE ALSO")
        .text("`keepalived(8)`, `rkeep(8)`, `nginx.conf(5)`")
        .end()
}

const NGINX: &str = "\
events {}
http {
    upstream app {
        server 10.0.0.11:8080 weight=2;
        server 10.0.0.12:8080 max_fails=1 fail_timeout=10s;
    }
    server {
        listen 443 ssl;
        server_name www.example.com;
        ssl_certificate www.pem;
        ssl_certificate_key www.key;
        location / {
            proxy_pass http://app;
            proxy_set_header Host $host;
        }
    }
}";

const KEEPALIVED: &str = "\
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.168.3.253
    }
}
virtual_server 192.168.3.253 80 {
    lb_algo rr
    protocol TCP
    real_server 192.168.3.1 80 {
        TCP_CHECK {
            connect_timeout 3
        }
    }
}";

/// The directives that work one by one; the others by what becomes of them.
fn section(page: Page, rows: &[&Row], contexts: bool) -> Page {
    let mut others: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut page = page;
    for row in rows {
        match row.status {
            Status::Works | Status::Proof(_) => page = directive(page, row, contexts),
            Status::Ignored(why) => others.entry(("Taken, without effect", why)).or_default().push(row.keyword),
            Status::Refused(why) => others.entry(("Refused", why)).or_default().push(row.keyword),
        }
    }
    others
        .into_iter()
        .fold(page, |page, ((what, why), words)| page.paragraph(&format!("{what} ({why}): {}", bold(words))))
}

fn directive(page: Page, row: &Row, contexts: bool) -> Page {
    let page = page.sub(row.keyword).field("Syntax", format!("{} {}", row.keyword, row.syntax).trim_end());
    let page = row.range.iter().fold(page, |page, range| page.field("Range", &range.to_string()));
    let page = row.default.into_iter().fold(page, |page, default| page.field("Default", default));
    let page = match contexts {
        true => page.field("Context", &row.contexts.names().collect::<Vec<_>>().join(", ")),
        false => page,
    };
    page.paragraph(row.doc)
}

fn unbuilt_words(page: Page, context: Contexts) -> Page {
    let kinds = [(Effect::Harmful, "Refused"), (Effect::Harmless, "Taken with a warning, without effect")];
    kinds.into_iter().fold(page, |page, (effect, what)| {
        let words: Vec<_> =
            known::words(context).filter(|word| known::unbuilt(context, word) == Some(effect)).collect();
        match words.is_empty() {
            true => page,
            false => page.paragraph(&format!("{what}: {}", bold(words))),
        }
    })
}

fn bold(mut words: Vec<&str>) -> String {
    words.sort_unstable();
    words.dedup();
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ")
}
