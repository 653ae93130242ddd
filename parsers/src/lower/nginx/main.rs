//! Values of the main context that need a look around: `user` and `load_module`. A module that is built in needs no
//! loading; one that is not is missed only where its directives are used.

use std::path::Path;

use super::Lowering;
use super::walk::INDEX;
use crate::nginx::unbuilt;
use crate::syntax::tree::Directive;
use crate::table::Fault;

impl Lowering<'_> {
    /// The user and the group of the workers must exist; who is not root cannot choose.
    pub(super) fn user(&mut self, directive: &Directive) -> Result<(), Fault> {
        let (user, group) = (directive.arg(0), directive.args.get(1).unwrap_or(directive.arg(0)));
        if !self.setup.privileged {
            let text = "the \"user\" directive makes sense only if the master process runs with super-user privileges, \
                        ignored";
            self.cx.warn(directive, "nginx::user", text, directive.name.span);
            return Ok(());
        }
        if !self.loader.knows_user(&user.lossy()) {
            return Err(Fault::new(format!("getpwnam(\"{}\") failed", user.lossy())).at(user.span));
        }
        if !self.loader.knows_group(&group.lossy()) {
            let fault = Fault::new(format!("getgrnam(\"{}\") failed", group.lossy())).at(group.span);
            return Err(fault.help("name the group: user NAME GROUP;"));
        }
        Ok(())
    }

    /// Remembers modules that are not built in, with a warning each.
    pub(super) fn load_module(&mut self, directive: &Directive) {
        let word = directive.arg(0);
        let path = word.lossy();
        let file = Path::new(path.as_ref()).file_name().map(|name| name.to_string_lossy().into_owned());
        let file = file.unwrap_or_else(|| path.clone().into_owned());
        let module = file.strip_suffix(".so").unwrap_or(&file).to_owned();
        if INDEX.has_module(&module) && !unbuilt::is_unbuilt(&module) {
            return;
        }
        let text = format!("module \"{path}\" is not built into rkeep, its directives are refused where they are used");
        self.cx.warn(directive, "nginx::module", text, word.span);
        self.missing_modules.push(module);
    }

    /// The loaded module that an unknown directive may belong to: they mostly share a word.
    pub(super) fn module_of(&self, name: &str) -> Option<&str> {
        let first = name.split('_').next().unwrap_or(name);
        let shares = |module: &&String| module.split('_').any(|part| part == first);
        self.missing_modules.iter().find(shares).map(String::as_str)
    }
}
