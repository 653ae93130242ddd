//! Futures of what seldom waits, in boxes.

use std::pin::Pin;

/// A future in a box, made there: neither the future that awaits it nor its frame on the stack is any larger for it.
#[inline(never)]
pub fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    let place = Box::new_uninit();
    Box::into_pin(Box::write(place, make()))
}
