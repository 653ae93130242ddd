//! The allocator: mimalloc, asked for alignment only where its ordinary blocks may not have it. Its aligned call is
//! several times as slow for sizes that are no power of two.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_long};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// Keeps this process and those it starts from huge pages: the allocator asks for them, and each that is touched anywhere
/// counts whole, two megabytes.
extern "C" fn keep_pages_small() {
    // A kernel without them has none to keep from.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

// SAFETY: the section holds functions without arguments that are called before `main`; this one makes a single system call.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_ANY_IS_ASKED_FOR: extern "C" fn() = keep_pages_small;

/// mimalloc's `mi_option_purge_delay`: how many milliseconds it keeps pages that are free before the system gets them back.
const PURGE_DELAY: c_int = 15;

unsafe extern "C" {
    fn mi_option_get(option: c_int) -> c_long;
    fn mi_option_set(option: c_int, value: c_long);
}

/// While it lives, pages go back to the system as soon as they are free, rather than a second later: for work that frees
/// as much as it allocates and is over before that.
#[derive(Debug)]
pub struct Thrift {
    usual: c_long,
}

impl Thrift {
    /// Begins it.
    pub fn begin() -> Thrift {
        // SAFETY: the option is one that the allocator has; it takes any number, at any time.
        let usual = unsafe { mi_option_get(PURGE_DELAY) };
        // SAFETY: as above.
        unsafe { mi_option_set(PURGE_DELAY, 0) };
        Thrift { usual }
    }
}

impl Drop for Thrift {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { mi_option_set(PURGE_DELAY, self.usual) };
    }
}

/// What every block of at least this size is aligned to.
const NATURAL: usize = 16;

/// mimalloc.
#[derive(Debug)]
pub struct Allocator;

/// Whether a block of this size has its alignment anyway.
fn is_natural(size: usize, align: usize) -> bool {
    align <= size_of::<usize>() || (align <= NATURAL && size >= NATURAL)
}

// SAFETY: all memory is mimalloc's, which upholds the contract; small blocks are aligned to the word, and those of 16
// bytes and more to 16.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two as alignment are taken.
        unsafe { if is_natural(size, align) { mi_malloc(size).cast() } else { mi_malloc_aligned(size, align).cast() } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        unsafe { if is_natural(size, align) { mi_zalloc(size).cast() } else { mi_zalloc_aligned(size, align).cast() } }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller gives a block of this allocator.
        unsafe { mi_free(block.cast()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the caller gives a block of this allocator; sizes and alignments as above.
        unsafe {
            match is_natural(size, align) {
                true => mi_realloc(block.cast(), size).cast(),
                false => mi_realloc_aligned(block.cast(), size, align).cast(),
            }
        }
    }
}
