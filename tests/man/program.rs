//! rkeep.8: its commands, as clap knows them.

use clap::Command;
use clap_mangen::Man;

use super::page::Page;

pub fn page() -> String {
    let rkeep = rkeep::cli::manual::rkeep();
    let head = Page::new("rkeep", "8", "nginx and keepalived in one program that reads their files unchanged")
        .heading("SYNOPSIS")
        .synopsis("rkeep", "COMMAND [OPTION...]")
        .synopsis("nginx", "[OPTION...]")
        .synopsis("keepalived", "[OPTION...]")
        .heading("DESCRIPTION")
        .text("Called `nginx` or `keepalived` (by a copy of that name, or with that word as first argument) it is the one \
               or the other: see `nginx(8)` and `keepalived(8)`. Called `rkeep` it has the commands below.")
        .end();
    let commands = rkeep.get_subcommands().filter(|command| !command.is_hide_set()).map(command);
    head + &commands.collect::<String>() + &see_also()
}

/// One command as a section, its own sections one level down.
fn command(command: &Command) -> String {
    let name = command.get_name();
    let man = Man::new(command.clone().bin_name(format!("rkeep {name}")));
    let mut text = Vec::new();
    let parts = [Man::render_description_section, Man::render_synopsis_section, Man::render_options_section];
    for part in parts {
        part(&man, &mut text).expect("memory can be written");
    }
    let text = String::from_utf8(text).expect("clap writes text");
    format!(".SH {}\n", name.to_uppercase()) + &text.replace(".SH DESCRIPTION\n", "").replace(".SH ", ".SS ")
}

fn see_also() -> String {
    Page::part("SEE ALSO").text("`nginx(8)`, `keepalived(8)`, `nginx.conf(5)`, `keepalived.conf(5)`").end()
}
