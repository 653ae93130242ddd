//! The whole cluster in network namespaces.
