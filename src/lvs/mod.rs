//! Virtual servers: connections to real servers.
