//! The one binary; which face it shows is decided by the name it was called by.

use std::process::ExitCode;

/// A request's few allocations are larger than what the system's allocator keeps at hand for a thread.
#[global_allocator]
static ALLOCATOR: rkeep::sys::memory::Allocator = rkeep::sys::memory::Allocator;

fn main() -> ExitCode {
    rkeep::cli::main()
}
