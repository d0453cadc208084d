//! Memory that readers may have: a multiple of what they were given, and a little more. The allocator counts what is
//! alive, and the first allocation beyond the bound ends the program, with its place in the code.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    backtrace::Backtrace,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

#[global_allocator]
static HEAP: Counting = Counting;

/// Bytes that are alive.
static ALIVE: AtomicUsize = AtomicUsize::new(0);
/// Bytes that may be.
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// The most that were since the last beginning of [`Bound::hold`].
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

impl Counting {
    fn more(bytes: usize) {
        let alive = ALIVE.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(alive, Relaxed);
        // A panic is told of at any price.
        if alive > MOST.load(Relaxed) && !std::thread::panicking() {
            // Telling of it takes memory too.
            let most = MOST.swap(usize::MAX, Relaxed);
            let place = Backtrace::force_capture();
            eprintln!("heap: {alive} bytes are alive, {bytes} of them new; at most {most} may be\n{place}");
            std::process::abort();
        }
    }

    fn less(bytes: usize) {
        ALIVE.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: everything is handed to the system's allocator as it comes; counting changes no pointer.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::more(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::more(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::less(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new are alive at once while one is copied to the other.
        Self::more(size);
        Self::less(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How much memory reading may take: `factor` times the bytes that are read, and `beside`.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Bytes of heap a byte of input.
    pub factor: usize,
    /// Bytes of heap for nothing.
    pub beside: usize,
}

impl Bound {
    /// Does something that reads so many bytes. Beyond the bound the program ends.
    pub fn hold<T>(self, bytes: usize, does: impl FnOnce() -> T) -> T {
        let before = ALIVE.load(Relaxed);
        let most = bytes.saturating_mul(self.factor).saturating_add(self.beside);
        PEAK.store(before, Relaxed);
        MOST.store(before.saturating_add(most), Relaxed);
        let done = does();
        MOST.store(usize::MAX, Relaxed);
        tell(bytes, PEAK.load(Relaxed).saturating_sub(before), most);
        done
    }
}

/// With `FUZZ_PEAKS` in the environment every new height in proportion to its bound is told.
fn tell(bytes: usize, peak: usize, most: usize) {
    static HIGHEST: AtomicUsize = AtomicUsize::new(0);
    let permille = peak.saturating_mul(1000) / most.max(1);
    if HIGHEST.fetch_max(permille, Relaxed) < permille && std::env::var_os("FUZZ_PEAKS").is_some() {
        eprintln!("heap: {peak} bytes for {bytes} of input, {permille} ‰ of the bound");
    }
}
