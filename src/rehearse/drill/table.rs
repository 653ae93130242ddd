//! All drills, in the order in which they are played. A new one is a row here.

use super::{Address, Also, Drill, Leg, Script, steady};
use crate::rehearse::bound::Bound;
use crate::rehearse::pair::Pair;
use crate::rehearse::stage::Stage;

/// All drills.
pub const ALL: &[&Drill] =
    &[&STEADY, &STOP_MASTER, &KILL_VRRP, &KILL_ALL, &UNPLUG, &SPLIT, &KILL_PROXY, &HANG_PROXY, &KILL_WEB, &RELOAD];

const STEADY: Drill = Drill {
    name: "steady",
    what: "all is well; clients ask both directors and the virtual address",
    unfit: any,
    script: Script::Own(steady::play),
};

const STOP_MASTER: Drill = Drill {
    name: "stop-master",
    what: "keepalived and nginx of the master are stopped, as for maintenance, and started again",
    unfit: alone,
    script: Script::Legs(&[
        Leg { act: Stage::stop, address: Address::Moves, silence: Bound::goodbye, mail: Some("DOWN"), ..leg("stop") },
        Leg { act: Stage::start, address: Address::Returns, moved: Bound::back, mail: Some("UP"), ..leg("return") },
    ]),
};

const KILL_VRRP: Drill = Drill {
    name: "kill-vrrp",
    what: "the process that speaks VRRP on the master is killed; another takes its place and the address stays",
    unfit: alone,
    script: Script::Legs(&[Leg { act: Stage::kill_vrrp, moved: Bound::vanished, ..leg("kill") }]),
};

const KILL_ALL: Drill = Drill {
    name: "kill-all",
    what: "all processes of the master are killed at once, and started again",
    unfit: alone,
    script: Script::Legs(&[
        Leg { act: Stage::kill_all, address: Address::Moves, silence: Bound::vanished, ..leg("kill") },
        Leg { act: Stage::start, address: Address::Returns, moved: Bound::back, ..leg("return") },
    ]),
};

const UNPLUG: Drill = Drill {
    name: "unplug",
    what: "the master's cable is pulled, and plugged in again",
    unfit: alone,
    script: Script::Legs(&[
        Leg { act: Stage::unplug, address: Address::Moves, silence: Bound::unreachable, ..leg("pull") },
        Leg { act: Stage::replug, address: Address::Returns, moved: Bound::back, ..leg("return") },
    ]),
};

const SPLIT: Drill = Drill {
    name: "split",
    what: "the directors cannot hear each other, everybody else hears both; then they can again",
    unfit: alone,
    script: Script::Legs(&[
        Leg {
            act: Stage::split,
            address: Address::Splits,
            silence: Bound::split,
            moved: Bound::vanished,
            ..leg("split")
        },
        Leg {
            act: Stage::join,
            address: Address::Returns,
            silence: Bound::quarrel,
            moved: Bound::quarrel,
            ..leg("join")
        },
    ]),
};

const KILL_PROXY: Drill = Drill {
    name: "kill-proxy",
    what: "nginx of the master is killed, and started again; the address follows the ability to serve",
    unfit: asked_by_nobody,
    script: Script::Legs(&[
        Leg {
            act: Stage::kill_proxy,
            address: Address::Follows,
            silence: Bound::unable,
            moved: Bound::unable,
            ..leg("kill")
        },
        Leg { act: Stage::start_proxy, address: Address::Returns, moved: Bound::able, ..leg("return") },
    ]),
};

const HANG_PROXY: Drill = Drill {
    name: "hang-proxy",
    what: "nginx of the master hangs, and goes on; the address follows the ability to serve",
    unfit: asked_by_nobody,
    script: Script::Legs(&[
        Leg {
            act: Stage::hang_proxy,
            address: Address::Follows,
            silence: Bound::hanging,
            moved: Bound::unable,
            ..leg("hang")
        },
        Leg { act: Stage::continue_proxy, address: Address::Returns, moved: Bound::able, ..leg("return") },
    ]),
};

const KILL_WEB: Drill = Drill {
    name: "kill-web",
    what: "a web server dies, and is started again",
    unfit: no_other_server,
    script: Script::Legs(&[
        Leg { act: Stage::kill_web, ..leg("kill") },
        Leg { act: Stage::start_web, also: Some(SERVES_AGAIN), ..leg("return") },
    ]),
};

const SERVES_AGAIN: Also =
    Also { what: "the web server gets requests again", holds: Stage::first_web_serves, within: Bound::forgiven };

const RELOAD: Drill = Drill {
    name: "reload",
    what: "nginx and keepalived of both directors read their files again",
    unfit: any,
    script: Script::Legs(&[Leg { act: Stage::reload, ..leg("reload") }]),
};

/// A leg of which nobody should notice anything.
const fn leg(name: &'static str) -> Leg {
    Leg {
        name,
        act: Stage::nothing,
        address: Address::Stays,
        silence: Bound::room,
        moved: Bound::room,
        mail: None,
        also: None,
    }
}

fn any(_: &Pair) -> Option<&'static str> {
    None
}

fn alone(pair: &Pair) -> Option<&'static str> {
    pair.instances.is_empty().then_some("the files have no virtual router that both directors share")
}

fn asked_by_nobody(pair: &Pair) -> Option<&'static str> {
    pair.probes.is_empty().then_some("nothing answers HTTP on a virtual address")
}

fn no_other_server(pair: &Pair) -> Option<&'static str> {
    let spare = pair.direct.iter().flatten().any(|direct| direct.spare && !direct.shares.is_empty());
    (!spare).then_some("no server behind the directors takes turns with another one")
}
