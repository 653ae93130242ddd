//! The user that a worker runs as.

use std::io;

use rkeep_parsers::table::value::{Level, User};

use crate::log::nginx::{Log, with_errno};
use crate::sys::process::{UserIds, become_user, group_by_name, user_by_name};

/// The user that a worker runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub name: String,
    /// Its ids.
    pub ids: UserIds,
}

/// Looks up whom `user` names; none when this process may not become anybody else.
///
/// # Errors
/// nginx's words for a name that nobody has.
pub fn of(user: &User) -> Result<Option<Account>, String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let found = user_by_name(&user.user).ok_or_else(|| format!("getpwnam(\"{}\") failed", user.user))?;
    let group = user.group.as_deref().unwrap_or(&user.user);
    let gid = group_by_name(group).or_else(|| (user.group.is_none()).then(|| group_by_name("nogroup"))?);
    let gid = gid.ok_or_else(|| format!("getgrnam(\"{group}\") failed"))?;
    Ok(Some(Account { name: user.user.clone(), ids: UserIds { uid: found.uid, gid } }))
}

/// Becomes the account's user for good.
///
/// # Errors
/// When it cannot; the log says why.
pub fn drop_privileges(account: &Account, log: &Log) -> Result<(), io::Error> {
    become_user(&account.name, account.ids).or_else(|fault| {
        let text = match fault.call {
            "initgroups" => format!("initgroups({}, {}) failed", account.name, fault.id),
            call => format!("{call}({}) failed", fault.id),
        };
        log.write(Level::Emerg, &with_errno(&text, &fault.error));
        // The groups are gone in any case; who cannot set new ones has fewer rights, not more.
        if fault.call == "initgroups" { Ok(()) } else { Err(fault.error) }
    })
}
