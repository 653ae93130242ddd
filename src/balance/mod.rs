//! Choosing a server of a pool, and forgiving it its failures. Pure: the clock is an argument.
