//! The VRRP speaker.
