//! The blocks in which a directive may stand.

/// A set of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contexts(pub u64);

macro_rules! contexts {
    ($($bit:literal $name:ident $shown:literal)*) => {
        impl Contexts {
            $(#[doc = concat!("`", $shown, "`")] pub const $name: Contexts = Contexts(1 << $bit);)*

            /// The names of the blocks in the set, as the manual prints them.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$((Contexts::$name, $shown)),*].into_iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, name)| name)
            }
        }
    };
}

contexts! {
    0 MAIN "main"
    1 EVENTS "events"
    2 HTTP "http"
    3 SERVER "server"
    4 LOCATION "location"
    5 SERVER_IF "if in server"
    6 LOCATION_IF "if in location"
    7 LIMIT_EXCEPT "limit_except"
    8 UPSTREAM "upstream"
    9 TYPES "types"
    10 MAP "map"
    11 STREAM "stream"
    12 STREAM_SERVER "server (stream)"
    13 STREAM_UPSTREAM "upstream (stream)"
    14 MAIL "mail"
    15 MAIL_SERVER "server (mail)"
    32 K_TOP "top level"
    33 K_GLOBAL "global_defs"
    34 K_INSTANCE "vrrp_instance"
    35 K_AUTHENTICATION "authentication"
    36 K_SYNC_GROUP "vrrp_sync_group"
    37 K_SCRIPT "vrrp_script"
    38 K_TRACK_FILE "track_file"
    39 K_TRACK_PROCESS "vrrp_track_process"
    40 K_VIRTUAL_SERVER "virtual_server"
    41 K_REAL_SERVER "real_server"
    42 K_TCP_CHECK "TCP_CHECK"
    43 K_HTTP_GET "HTTP_GET"
    44 K_SMTP_CHECK "SMTP_CHECK"
    45 K_MISC_CHECK "MISC_CHECK"
    46 K_DNS_CHECK "DNS_CHECK"
    47 K_UDP_CHECK "UDP_CHECK"
    48 K_PING_CHECK "PING_CHECK"
    49 K_BFD_CHECK "BFD_CHECK"
    50 K_BFD "bfd_instance"
    51 K_GARP_GROUP "garp_group"
    52 K_TRACK_GROUP "track_group"
    53 K_SSL "SSL"
    54 K_FILE_CHECK "FILE_CHECK"
    60 K_URL "url"
    61 K_HOST "host"
    62 K_AUTH_HMAC "auth_hmac"
    63 K_SERVER_GROUP "virtual_server_group"
}

impl Contexts {
    /// No block.
    pub const NONE: Contexts = Contexts(0);

    /// All of both.
    pub const fn or(self, other: Contexts) -> Contexts {
        Contexts(self.0 | other.0)
    }

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Contexts) -> bool {
        self.0 & other.0 == other.0
    }
}
