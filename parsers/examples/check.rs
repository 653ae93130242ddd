//! `check CONF [PREFIX]`: what nginx's face would say, then the picture.
use std::path::{Path, PathBuf};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let path = PathBuf::from(&args[1]);
    let path = path.canonicalize().unwrap_or(path);
    let prefix = args.get(2).map_or_else(|| path.parent().unwrap_or(Path::new("/")).to_owned(), PathBuf::from);
    let start = std::time::Instant::now();
    let loaded =
        rkeep_parsers::nginx::load(&path, &prefix, None, &rkeep_parsers::source::DiskLoader, Default::default());
    let took = start.elapsed();
    for line in rkeep_parsers::diag::legacy::nginx(&loaded.diagnostics) {
        println!("{line}");
    }
    println!("{}", rkeep_parsers::diag::report::render(&loaded.diagnostics, &loaded.sources, Default::default()));
    println!("{took:?} ir: {}", loaded.ir.is_some());
    if let (Some(ir), Some(_)) = (&loaded.ir, std::env::var_os("IR")) {
        println!("{ir:#?}");
    }
}
