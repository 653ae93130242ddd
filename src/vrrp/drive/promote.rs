//! `promote_secondaries`: while we run, the removal of an address of an interface lets the others of its network stay.

use super::Speaker;

fn path(interface: &str) -> String {
    format!("/proc/sys/net/ipv4/conf/{interface}/promote_secondaries")
}

impl Speaker {
    /// Asks the kernel for it where an instance does, and takes back what none asks for any more.
    pub(super) fn promote(&mut self, ends: bool) {
        let wanted = |router: &&rkeep_parsers::ir::vrrp::Router| router.speech.promote_secondaries && !ends;
        let wanted: Vec<String> = self.routers().filter(wanted).map(|router| router.bears().to_owned()).collect();
        for interface in &wanted {
            let off = std::fs::read_to_string(path(interface)).is_ok_and(|text| text.trim() == "0");
            if off && write(interface, "1") {
                self.promoted.push(interface.clone());
            }
        }
        self.promoted.retain(|interface| wanted.contains(interface) || !write(interface, "0"));
    }
}

fn write(interface: &str, value: &str) -> bool {
    std::fs::write(path(interface), value).is_ok()
}
