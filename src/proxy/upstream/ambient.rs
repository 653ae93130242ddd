//! What the pure parts take as arguments: the time in seconds, and chance.

use std::cell::Cell;
use std::time::Instant;

use crate::balance::Seconds;
use crate::proxy::clock;

/// The wall clock's seconds as they would be had nobody set the clock since the start.
pub fn seconds() -> Seconds {
    clock::steady_seconds()
}

/// A number that nobody can foresee well enough to matter to balancing.
pub fn chance() -> u32 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(seed());
    }
    STATE.with(|state| {
        // xorshift64*
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    })
}

fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(Instant::now()) | 1
}
