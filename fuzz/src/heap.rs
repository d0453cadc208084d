//! Bounds of memory: readers may use a multiple of their input and a constant. The allocator counts live bytes; the first
//! allocation over the bound aborts the program with a backtrace.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    backtrace::Backtrace,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

#[global_allocator]
static HEAP: Counting = Counting;

/// Bytes that are allocated now.
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
/// The most bytes that may be.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);
/// The most bytes that were allocated since [`Bound::enforce`] was called.
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

impl Counting {
    fn add(bytes: usize) {
        let alive = LIVE_BYTES.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(alive, Relaxed);
        // Reporting a panic takes memory, and must succeed.
        if alive > LIMIT.load(Relaxed) && !std::thread::panicking() {
            // So does this report.
            let most = LIMIT.swap(usize::MAX, Relaxed);
            let place = Backtrace::force_capture();
            eprintln!("heap: {alive} bytes are allocated, {bytes} of them new; the bound is {most}\n{place}");
            std::process::abort();
        }
    }

    fn subtract(bytes: usize) {
        LIVE_BYTES.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: every call is forwarded unchanged to the system's allocator; counting touches no pointer.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: the caller upholds the contract of the forwarded call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: the caller upholds the contract of the forwarded call.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::subtract(layout.size());
        // SAFETY: the caller upholds the contract of the forwarded call.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both allocations exist while one is copied to the other.
        Self::add(size);
        Self::subtract(layout.size());
        // SAFETY: the caller upholds the contract of the forwarded call.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The most memory that reading may take: `per_byte` times the input and `constant`.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Bytes of heap per byte of input.
    pub per_byte: usize,
    /// Bytes of heap for any input.
    pub constant: usize,
}

impl Bound {
    /// Calls a function that reads an input of `bytes` bytes. The program aborts if it exceeds the bound.
    pub fn enforce<T>(self, bytes: usize, read: impl FnOnce() -> T) -> T {
        let before = LIVE_BYTES.load(Relaxed);
        let most = bytes.saturating_mul(self.per_byte).saturating_add(self.constant);
        PEAK.store(before, Relaxed);
        LIMIT.store(before.saturating_add(most), Relaxed);
        let result = read();
        LIMIT.store(usize::MAX, Relaxed);
        report_peak(bytes, PEAK.load(Relaxed).saturating_sub(before), most);
        result
    }
}

/// Prints every new maximum in proportion to its bound if `FUZZ_PEAKS` is in the environment.
fn report_peak(bytes: usize, peak: usize, most: usize) {
    static HIGHEST: AtomicUsize = AtomicUsize::new(0);
    let permille = peak.saturating_mul(1000) / most.max(1);
    if HIGHEST.fetch_max(permille, Relaxed) < permille && std::env::var_os("FUZZ_PEAKS").is_some() {
        eprintln!("heap: {peak} bytes for {bytes} of input, {permille} ‰ of the bound");
    }
}
