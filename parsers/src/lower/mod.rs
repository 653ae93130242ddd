//! From the tree to the IR: each language by itself, then what touches both.
