//! What keepalived looks at once a value is read: whether interfaces, names, users and programs are there, whether
//! addresses fit together.

use super::report::Found;
use super::walk::Walk;
use super::{Loopback, Mode, Pass, Script};
use crate::diag::Class;
use crate::ir;
use crate::keepalived::number::written;
use crate::keepalived::value::Text;
use crate::source::{Span, Spanned};
use crate::syntax::tree::{Directive, Word};
use crate::table::Contexts as C;

const LONGEST_INTERFACE: usize = 15;

impl Walk<'_> {
    /// Looks at a keyword before its words.
    pub(super) fn before(&mut self, context: C, keyword: &str, span: Span) {
        match (context, keyword) {
            (C::K_INSTANCE, "lvs_sync_daemon_interface") => self.old_sync_daemon(span),
            (C::K_INSTANCE, "unicast_src_ip") => self.draft.unicast = true,
            _ => {}
        }
    }

    /// Looks at a directive that has just been written into its layer.
    pub(super) fn after(&mut self, context: C, directive: &Directive) {
        let keyword = directive.name.lossy();
        match (context, &*keyword) {
            (C::K_GLOBAL, keyword) => self.after_global(keyword, directive),
            (C::K_INSTANCE, "interface") => self.interface(),
            (C::K_INSTANCE, "virtual_ipaddress" | "virtual_ipaddress_excluded") => self.virtual_address(&keyword),
            (C::K_INSTANCE | C::K_SYNC_GROUP, keyword) if keyword.starts_with("track_") => self.track(keyword),
            (C::K_SCRIPT, "user") => self.watcher_user(directive),
            (C::K_TRACK_FILE, "file") => self.file_name(directive),
            (C::K_TRACK_PROCESS, "quorum_max") => self.quorum_max(directive.span),
            (C::K_INSTANCE, "unicast_peer") => self.unicast_peer(),
            (C::K_INSTANCE, "mcast_src_ip" | "unicast_src_ip") => self.source_address(&keyword),
            (C::K_INSTANCE, "use_vmac") => self.vmac(directive.span),
            (C::K_INSTANCE, "vrf") => self.vrf(directive.span),
            (C::K_INSTANCE, "mcast_dst_ip") => self.destination(directive.span),
            (C::K_INSTANCE, "linkbeat_use_polling") => {
                let owner = &self.cx.owner;
                let words = "'linkbeat_use_polling' in vrrp instance deprecated - use linkbeat_interfaces block";
                let text = format!("({owner}) {words}");
                self.report.say(self.place, Found::new(Class::Deprecated, text, "delete it").at(directive.span));
            }
            (C::K_INSTANCE, "vmac_garp_intvl") => self.old_word("vmac_garp_intvl", "garp_extra_if", directive.span),
            (C::K_INSTANCE, "thread_timer_expired") => {
                let owner = &self.cx.owner;
                let text =
                    format!("({owner}) thread_timer_expired - please replace with keyword 'timer_expired_backup'");
                self.general(directive.span, text, "write timer_expired_backup");
            }
            (C::K_TOP, "net_namespace" | "instance") if directive.args.is_empty() => {
                self.general(directive.span, format!("{keyword} name missing - ignoring"), "write a name after it");
            }
            (C::K_TOP, "linkbeat_interfaces") => self.known_interface("linkbeat interface", directive),
            (C::K_TOP, "interface_up_down_delays") => self.known_interface("up/down delay", directive),
            (C::K_TOP, "static_ipaddress") => self.static_address(),
            (C::K_INSTANCE, "garp_master_repeat" | "garp_master_refresh_repeat") => self.at_least_one(directive),
            (C::K_BFD_CHECK, "name") => self.bfd_check_name(directive),
            (C::K_TCP_CHECK, "bind_if") => self.bind_interface(),
            (C::K_GARP_GROUP, "garp_interval" | "gna_interval") => self.draft.garp_delayed = true,
            (C::K_GARP_GROUP, "interface") => self.garp_interfaces(),
            (C::K_BFD, "neighbor_ip" | "neighbour_ip" | "source_ip") => self.bfd_address(directive),
            (C::K_AUTH_HMAC, "key") => self.hmac_key(directive.span),
            (C::K_AUTHENTICATION, "auth_pass") => self.password(),
            _ if keyword.starts_with("notify") || keyword.starts_with("quorum_") => self.script(directive),
            _ => {}
        }
    }

    pub(super) fn general(&mut self, span: Span, text: String, help: &str) {
        self.report.say(self.place, Found::new(Class::General, text, help).at(span));
    }

    fn after_global(&mut self, keyword: &str, directive: &Directive) {
        let span = directive.span;
        match keyword {
            "smtp_server" => self.mail_server(span),
            "smtp_connect_timeout" if written(&self.draft.global.smtp_connect_timeout).is_some_and(|it| it.0 == 0) => {
                let text = "smtp_conect_timeout must be greater than 0, setting to 1".to_owned();
                self.general(span, text, "write at least 1");
            }
            "vrrp_rt_priority" => self.real_time_priority(span),
            "vrrp_mcast_group4" | "vrrp_mcast_group6" => self.multicast_group(keyword, span),
            "vrrp_vmac_garp_intvl" => self.old_word(keyword, "vrrp_garp_extra_if", span),
            "state_dump_file" | "stats_dump_file" | "json_dump_file" if directive.args.is_empty() => {
                self.general(span, format!("{keyword} requires a non-empty path"), "write a path after it");
            }
            "vrrp_garp_master_repeat" | "vrrp_garp_master_refresh_repeat" => self.at_least_one(directive),
            "router_id" | "notification_email_from" if directive.args.is_empty() => {
                let text = if keyword == "router_id" { "routerid name" } else { "emailfrom" };
                let help = format!("write a value after `{keyword}`");
                self.general(span, format!("{text} missing - ignoring"), &help);
            }
            "script_user" => {
                let user = written(&self.draft.global.script_user).and_then(|user| user.0);
                if user.is_some_and(|(user, group)| !self.machine.user(&user, group.as_deref())) {
                    self.general(
                        span,
                        "Error setting global script uid/gid".to_owned(),
                        "a user and group of this machine",
                    );
                    self.draft.global.script_user = None;
                }
            }
            // Whole triplets of bits came with 2.3.
            "umask" if self.cx.is_old_keepalived() => {
                let bits = directive.args.first().map(Word::lossy).unwrap_or_default();
                if matches!(&*bits, "IRWXU" | "IRWXG" | "IRWXO") {
                    self.general(span, format!("Unknown umask bit {bits}"), "such as IRUSR | IWUSR, or a number");
                }
            }
            "dynamic_interfaces" => {
                let option = written(&self.draft.global.dynamic_interfaces).and_then(|option| option.0);
                if let Some(option) = option.filter(|option| option != "allow_if_changes") {
                    let text = format!("Unknown dynamic_interfaces option '{option}'");
                    self.general(span, text, "allow_if_changes, or nothing");
                }
            }
            _ => {}
        }
    }

    fn real_time_priority(&mut self, span: Span) {
        let Some(field) = &mut self.draft.speaking.vrrp_rt_priority else { return };
        let given = field.value.0;
        field.value.0 = given.clamp(1, 99);
        let (text, help) = match given {
            0 => ("less than minimum 1 - setting to minimum", "write at least 1"),
            100.. => ("greater than maximum 99 - setting to maximum", "write at most 99"),
            _ => return,
        };
        self.general(span, format!("vrrp process real-time priority {given} {text}"), help);
    }

    fn multicast_group(&mut self, keyword: &str, span: Span) {
        let ipv4 = keyword == "vrrp_mcast_group4";
        let field =
            if ipv4 { &mut self.draft.global.vrrp_mcast_group4 } else { &mut self.draft.speaking.vrrp_mcast_group6 };
        let wrong = field.take_if(|field| !field.value.0.is_multicast());
        if let Some(wrong) = wrong {
            let text = format!("{keyword} [{}] is not multicast. Skipping", wrong.value.0);
            self.general(span, text, if ipv4 { "such as 224.0.0.18" } else { "such as ff02::12" });
        }
    }

    /// A word whose name has changed; it goes on working.
    fn old_word(&mut self, old: &str, new: &str, span: Span) {
        let text = format!("Keyword \"{old}\" is deprecated - please use \"{new}\"");
        self.report.say(self.place, Found::new(Class::Deprecated, text, &format!("write {new}")).at(span));
    }

    fn mail_server(&mut self, span: Span) {
        let Some(server) = written(&self.draft.global.smtp_server) else { return };
        // A role that would not say so does not ask: a name server that is away must not delay it.
        let asks = matches!(self.report.mode(), Mode::Test | Mode::Check { .. } | Mode::Run(Pass::Parent));
        if !asks || self.loader.resolve(&server.host).is_ok_and(|addresses| !addresses.is_empty()) {
            return;
        }
        let text = format!("Invalid smtp server {} {}", server.host, server.port);
        let help = "the name does not resolve here; rkeep asks again whenever a mail goes out, keepalived sends none";
        let class = if self.judges_machine() { Class::General } else { Class::Remark };
        self.report.say(self.place, Found::new(class, text, help).at(span));
    }

    /// Whether what this machine lacks counts.
    pub(super) fn judges_machine(&self) -> bool {
        !matches!(self.report.mode(), Mode::Check { own: false })
    }

    fn at_least_one(&mut self, directive: &Directive) {
        let keyword = directive.name.lossy().into_owned();
        if directive.args.first().is_none_or(|word| !word.is("0")) {
            return;
        }
        let owner = if self.cx.owner.is_empty() { String::new() } else { format!("({}): ", self.cx.owner) };
        let text = format!("{owner}{keyword} must be greater than 0, setting to 1");
        self.general(directive.span, text, "write at least 1");
    }

    fn interface(&mut self) {
        let Some(field) = self.draft.instance.interface.clone() else { return };
        let (name, span) = (field.value.0.clone(), field.span);
        if name.len() > LONGEST_INTERFACE {
            // Written and of no use: keepalived says no more about it.
            self.draft.instance.interface = Some(Spanned::new(Text::default(), span));
            return self.general(span, format!("Interface name '{name}' too long - ignoring"), "at most 15 bytes");
        }
        match self.machine.interface(&name) {
            Some(Loopback(true)) => {
                let owner = &self.cx.owner;
                let text = format!("({owner}) cannot use a loopback interface ({name}) for vrrp - ignoring");
                self.draft.instance.interface = None;
                self.general(span, text, "the interface that the boxes share, such as eth0");
            }
            Some(Loopback(false)) => {}
            None => {
                let owner = self.cx.owner.clone();
                self.no_interface(span, &format!("WARNING - interface {name} for vrrp_instance {owner} doesn't exist"));
            }
        }
    }

    fn bind_interface(&mut self) {
        let long = self.draft.tcp.bind_if.take_if(|field| field.value.0.len() > LONGEST_INTERFACE);
        if let Some(field) = long {
            let text = format!("Interface name {} is too long - ignoring", field.value.0);
            self.general(field.span, text, "at most 15 bytes");
        }
    }

    /// An interface is not there: a fault of the machine or of the file.
    pub(super) fn no_interface(&mut self, span: Span, text: &str) {
        if self.draft.global.dynamic_interfaces.is_some() {
            return;
        }
        let class = if self.judges_machine() { Class::General } else { Class::Remark };
        let help = "keepalived does not start without it; see `ip link`, or write dynamic_interfaces in global_defs";
        self.report.say(self.place, Found::new(class, text, help).at(span));
        self.interface_missing.get_or_insert(span);
    }

    fn virtual_address(&mut self, keyword: &str) {
        let excluded = keyword == "virtual_ipaddress_excluded";
        let layer = &mut self.draft.instance;
        let field = if excluded { &mut layer.virtual_ipaddress_excluded } else { &mut layer.virtual_ipaddress };
        let Some(line) = field.as_mut().and_then(|field| field.value.pop()) else { return };
        let (line, owner) = (line.0, self.cx.owner.clone());
        if let Some((text, help)) = self.misfit(&line, excluded, &owner) {
            return self.general(line.span, text, help);
        }
        let missing = line.device.clone().filter(|device| self.machine.interface(device).is_none());
        if let Some(device) = missing {
            let text = format!("WARNING - interface {device} for ip address {} doesn't exist", line.address);
            self.no_interface(line.span, &text);
        }
        let layer = &mut self.draft.instance;
        let field = if excluded { &mut layer.virtual_ipaddress_excluded } else { &mut layer.virtual_ipaddress };
        if let Some(field) = field {
            field.value.push(crate::keepalived::address::AddressLine(line));
        }
    }

    /// Why an address does not stand beside those before it.
    fn misfit(&self, line: &ir::vrrp::VirtualAddress, excluded: bool, owner: &str) -> Option<(String, &'static str)> {
        let address = line.address;
        let known = |field: &Option<crate::source::Spanned<Vec<crate::keepalived::address::AddressLine>>>| {
            field.iter().flat_map(|field| &field.value).map(|line| line.0.address).collect::<Vec<_>>()
        };
        let shown = match line.prefix {
            prefix if prefix == if address.is_ipv4() { 32 } else { 128 } => address.to_string(),
            prefix => format!("{address}/{prefix}"),
        };
        let kind = if excluded { "Excluded VIP" } else { "VIP" };
        let main = known(&self.draft.instance.virtual_ipaddress);
        let more = known(&self.draft.instance.virtual_ipaddress_excluded);
        if !excluded && self.family().is_some_and(|is_ipv4| is_ipv4 != address.is_ipv4()) {
            let text = format!("({owner}): address family must match VRRP instance [{address}] - ignoring");
            return Some((
                text,
                "write the other family's addresses in an instance of its own, or in virtual_ipaddress_excluded",
            ));
        }
        // 2.2 takes an address as often as it is written, and its adverts carry it as often.
        if self.cx.is_old_keepalived() {
            return None;
        }
        let twice = "write the address once";
        if main.contains(&address) {
            return Some((format!("({owner}): {kind} duplicates a VIP {shown} - ignoring"), twice));
        }
        if more.contains(&address) {
            return Some((format!("({owner}): {kind} duplicates an excluded VIP {shown} - ignoring"), twice));
        }
        None
    }

    /// Whether the instance is IPv4, if that is decided: by a source address, a peer or the first virtual address.
    fn family(&self) -> Option<bool> {
        let layer = &self.draft.instance;
        let source = layer.unicast_src_ip.as_ref().or(layer.mcast_src_ip.as_ref()).map(|field| field.value.0);
        let peer = || layer.unicast_peer.iter().flat_map(|field| &field.value).map(|line| line.peer.address).next();
        let first = || layer.virtual_ipaddress.iter().flat_map(|field| &field.value).map(|line| line.0.address).next();
        source.or_else(peer).or_else(first).map(|address| address.is_ipv4())
    }

    fn unicast_peer(&mut self) {
        let Some(peer) = self.draft.instance.unicast_peer.as_mut().and_then(|field| field.value.pop()) else { return };
        let (owner, address) = (self.cx.owner.clone(), peer.peer.address);
        if self.family().is_some_and(|is_ipv4| is_ipv4 != address.is_ipv4()) {
            let text = format!(
                "Configuration error: VRRP instance[{owner}] and unicast peer address[{address}] MUST be of the same family !!! Skipping..."
            );
            return self.general(peer.span, text, "a peer of the addresses' family");
        }
        let mut known = self.draft.instance.unicast_peer.iter().flat_map(|field| &field.value);
        if known.any(|known| known.peer.address == address) {
            return self.general(
                peer.span,
                format!("({owner}) {address} - duplicate unicast_peer"),
                "write the peer once",
            );
        }
        if let Some(field) = &mut self.draft.instance.unicast_peer {
            field.value.push(peer);
        }
    }

    fn source_address(&mut self, keyword: &str) {
        let layer = &mut self.draft.instance;
        let field = if keyword == "unicast_src_ip" { &mut layer.unicast_src_ip } else { &mut layer.mcast_src_ip };
        let Some(given) = field.take() else { return };
        let (address, owner) = (given.value.0, self.cx.owner.clone());
        if self.family().is_some_and(|is_ipv4| is_ipv4 != address.is_ipv4()) {
            let text = format!(
                "Configuration error: VRRP instance[{owner}] and src address[{address}] MUST be of the same family !!! Skipping..."
            );
            return self.general(given.span, text, "an address of the virtual addresses' family");
        }
        let layer = &mut self.draft.instance;
        let field = if keyword == "unicast_src_ip" { &mut layer.unicast_src_ip } else { &mut layer.mcast_src_ip };
        *field = Some(given);
    }

    fn vrf(&mut self, span: Span) {
        let owner = self.cx.owner.clone();
        if self.draft.instance.interface.is_some() {
            self.draft.travel.vrf = None;
            let text = format!("({owner}) Cannot specify VRF interface and interface - ignoring");
            return self.general(span, text, "delete one of the two");
        }
        let name = written(&self.draft.travel.vrf).unwrap_or_default().0;
        if self.machine.interface(&name).is_none() {
            self.no_interface(span, &format!("({owner}) WARNING - VRF interface {name} doesn't exist"));
        }
    }

    fn vmac(&mut self, span: Span) {
        let Some(field) = &mut self.draft.travel.use_vmac else { return };
        let name = field.value.0.name.clone();
        if name.is_empty() || self.machine.interface(&name).is_none() || self.machine.is_macvlan(&name) {
            return;
        }
        field.value.0.name.clear();
        let text = format!(
            "({}) interface {name} already exists and is not a private macvlan; ignoring vmac if_name",
            self.cx.owner
        );
        self.general(span, text, "a name that no interface has");
    }

    fn destination(&mut self, span: Span) {
        let wrong = self.draft.travel.mcast_dst_ip.take_if(|field| !field.value.0.is_multicast());
        if let Some(wrong) = wrong {
            let text = format!("({}) mcast_dst_ip {} not multicast. Skipping...", self.cx.owner, wrong.value.0);
            self.general(span, text, "such as 224.0.0.18");
        }
    }

    /// Remarks on an interface that is not there.
    fn known_interface(&mut self, what: &str, directive: &Directive) {
        let Some(word) = directive.args.first().map(|word| word.lossy().into_owned()) else { return };
        if self.machine.interface(&word).is_none() {
            let text = format!("unknown interface {word} specified for {what}");
            let class = if self.judges_machine() { Class::BadInterface } else { Class::Remark };
            self.report.say(self.place, Found::new(class, text, "see `ip link`").at(directive.span));
        }
    }

    fn static_address(&mut self) {
        let Some(field) = &self.draft.fixed.static_ipaddress else { return };
        let Some(line) = field.value.last().map(|line| line.0.clone()) else { return };
        if let Some(device) = line.device.clone().filter(|device| self.machine.interface(device).is_none()) {
            let text =
                format!("WARNING - interface {device} for ip address {}/{} doesn't exist", line.address, line.prefix);
            self.no_interface(line.span, &text);
        }
    }

    fn old_sync_daemon(&mut self, span: Span) {
        let owner = &self.cx.owner;
        let first = format!("({owner}) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.");
        // keepalived lines the second line up with the text of the first.
        let indent = " ".repeat((owner.len() + 4).max(7));
        let help = "write lvs_sync_daemon in global_defs";
        for text in [first, format!("{indent}Please use global lvs_sync_daemon")] {
            self.report.say(self.place, Found::new(Class::Deprecated, text, help).at(span));
        }
    }

    fn password(&mut self) {
        let Some(field) = self.draft.authentication.auth_pass.clone().filter(|field| field.value.0.len() > 8) else {
            return;
        };
        let help = "VRRP carries eight bytes; write the same eight on all boxes";
        self.general(field.span, "Truncating auth_pass to 8 characters".to_owned(), help);
    }

    /// Remembers whether scripts are there, for the remark on script security at the end.
    fn script(&mut self, directive: &Directive) {
        self.program(directive.args.first());
    }

    /// The same of the word that holds the program.
    pub(super) fn program(&mut self, word: Option<&Word>) {
        let Some(program) = word.map(|word| word.lossy().into_owned()) else { return };
        let program = program.split_ascii_whitespace().next().unwrap_or_default();
        match self.machine.script(program) {
            Script::Missing => {}
            Script::Secure | Script::ThroughLink => self.note_script(None),
            Script::Insecure => self.note_script(Some(program)),
        }
    }

    /// Notes that there is a script, and how one that others may change is mended.
    pub(super) fn note_script(&mut self, insecure: Option<&str>) {
        let usual = || "make the script and the directories above it writable by root alone".to_owned();
        let mend = insecure.map(|program| self.machine.mend(program).unwrap_or_else(usual));
        let known = self.draft.scripts.take().flatten();
        self.draft.scripts = Some(known.or(mend));
    }

    /// The remark on script security, once the pass that runs scripts has read them.
    pub(super) fn judge_scripts(&mut self) {
        let Some(mend) = self.draft.scripts.take() else { return };
        if self.draft.global.enable_script_security.is_some() || matches!(self.pass, Pass::Parent) {
            return;
        }
        let kind = if self.pass == Pass::Checkers { "check scripts" } else { "scripts" };
        let more = if mend.is_some() { " There are insecure scripts." } else { "" };
        let text = format!("SECURITY VIOLATION - {kind} are being executed but script_security not enabled.{more}");
        let help = "write enable_script_security in global_defs";
        let help = mend.map_or(help.to_owned(), |mend| format!("{help}; {mend}"));
        self.report.conclude(None, Found::new(Class::Security, text, &help));
    }
}
