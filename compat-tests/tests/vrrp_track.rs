//! What an instance tracks and what it makes of it: the priority of its adverts, and whether it takes part.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rkeep::rehearse::INTERFACE;
use rkeep_compat_tests::speaker::{CONFIGURATION, Scene, VIP};

/// What scripts ask for: as long as it is there, all is well.
const FLAG: &str = "/etc/keepalived/well";
const CHECK: &str = "/etc/keepalived/check.sh";
const NUMBER: &str = "/etc/keepalived/number";

/// An instance that tracks this.
fn tracking(block: &str, definitions: &str) -> String {
    format!(
        "global_defs {{\n    script_user root\n}}\n{definitions}vrrp_instance VI_1 {{\n    interface {INTERFACE}\n    \
         virtual_router_id 51\n    priority 100\n    advert_int 1\n    version 3\n    virtual_ipaddress {{\n        \
         {VIP}\n    }}\n    {block}\n}}\n"
    )
}

fn script(more: &str) -> String {
    format!("vrrp_script well {{\n    script \"{CHECK}\"\n    interval 1\n    {more}\n}}\n")
}

/// A scene with a script that looks for the flag, which is there or not.
fn scene(configuration: &str, well: bool) -> Scene {
    let scene = Scene::new(configuration);
    scene.speaker.write(CHECK, format!("#!/bin/sh\ntest -e {FLAG}\n")).unwrap();
    scene.speaker.within(|| std::fs::set_permissions(CHECK, Permissions::from_mode(0o755))).unwrap();
    set(&scene, well);
    scene
}

fn set(scene: &Scene, well: bool) {
    match well {
        true => scene.speaker.write(FLAG, "").unwrap(),
        false => drop(scene.speaker.within(|| std::fs::remove_file(FLAG))),
    }
}

/// Waits until the last advert has this priority.
fn expect_priority(scene: &Scene, wanted: u8) {
    scene.wait(|scene| scene.adverts().last().is_some_and(|(_, _, priority)| *priority == wanted));
}

#[test]
fn a_script_that_fails_is_a_fault_and_one_that_succeeds_again_ends_it() {
    let mut scene = scene(&tracking("track_script {\n        well\n    }", &script("")), true);
    scene.start();
    scene.wait(|scene| scene.has(VIP));
    set(&scene, false);
    scene.wait(|scene| !scene.has(VIP));
    assert!(scene.zeros() > 0, "it says good-bye");
    set(&scene, true);
    scene.wait(|scene| scene.has(VIP));
    assert_eq!(scene.end(), Some(0));
}

#[test]
fn nothing_begins_before_a_script_has_said_something() {
    let mut scene = scene(&tracking("track_script {\n        well\n    }", &script("")), false);
    scene.start();
    std::thread::sleep(Duration::from_secs(5));
    assert!(scene.adverts().is_empty() && !scene.has(VIP));
    set(&scene, true);
    scene.wait(|scene| scene.has(VIP));
}

#[test]
fn weights_change_the_priority_of_adverts() {
    let block = "track_script {\n        well weight 20\n    }\n    track_file {\n        number weight 2\n    }";
    let file = format!("vrrp_track_file number {{\n    file {NUMBER}\n}}\n");
    let mut scene = scene(&tracking(block, &format!("{}{file}", script(""))), true);
    scene.speaker.write(NUMBER, "3\n").unwrap();
    scene.start();
    expect_priority(&scene, 126);
    set(&scene, false);
    expect_priority(&scene, 106);
    scene.speaker.write(NUMBER, "-5\n").unwrap();
    expect_priority(&scene, 90);
}

#[test]
fn a_reload_changes_weights_without_a_transition() {
    let block = |weight: u8| format!("track_script {{\n        well weight {weight}\n    }}");
    let mut scene = scene(&tracking(&block(20), &script("")), true);
    scene.start();
    expect_priority(&scene, 120);
    scene.speaker.write(CONFIGURATION, tracking(&block(30), &script(""))).unwrap();
    scene.signal(rustix::process::Signal::HUP);
    expect_priority(&scene, 130);
    assert_eq!(scene.zeros(), 0);
    assert!(scene.has(VIP));
}
