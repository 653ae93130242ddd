//! Processes, signals, sockets: everything around the engines.
