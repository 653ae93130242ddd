//! Where this keepalived is: its network namespace, and where its pid files lie so that several of one machine do not meet.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rkeep_parsers::keepalived::global::Place;

use super::Wish;
use crate::sys::namespace::enter_network;

const DIRECTORY: &str = "/run/keepalived";
const NAMESPACES: &str = "/run/netns";

/// Goes where the file, or the command line before it, says.
///
/// # Errors
/// What cannot be entered or made.
pub fn settle(wish: &mut Wish, place: &Place) -> Result<(), String> {
    let namespace = wish.namespace.clone().or(place.net_namespace.clone());
    if let Some(name) = &namespace {
        let path = Path::new(NAMESPACES).join(name);
        let enter = || -> io::Result<()> { enter_network(File::open(&path)?) };
        enter().map_err(|error| format!("cannot enter network namespace {}: {error}", path.display()))?;
    }
    if namespace.is_none() && place.instance.is_none() && !place.pid_dir {
        return Ok(());
    }
    let directory = namespace.iter().fold(PathBuf::from(DIRECTORY), |directory, name| directory.join(name));
    fs::create_dir_all(&directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let suffix = place.instance.as_ref().map(|name| format!("_{name}")).unwrap_or_default();
    for (path, name) in
        [(&mut wish.pid, "keepalived"), (&mut wish.vrrp_pid, "vrrp"), (&mut wish.checkers_pid, "checkers")]
    {
        // What the command line says stays.
        if path.as_os_str() == format!("/run/{name}.pid").as_str() {
            *path = directory.join(format!("{name}{suffix}.pid"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_nothing_moves() {
        let mut wish = Wish::default();
        assert_eq!(settle(&mut wish, &Place::default()), Ok(()));
        assert_eq!(wish.pid, Path::new("/run/keepalived.pid"));
        let place = Place { net_namespace: Some("no such namespace".to_owned()), ..Place::default() };
        assert!(settle(&mut wish, &place).is_err());
    }
}
