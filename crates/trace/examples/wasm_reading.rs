//! The reading of ids and of binary files in WebAssembly, for `tests/e2e/reading.mjs` to time. Natively it is not called.
#![expect(unsafe_code, reason = "exported functions keep their names")]

#[path = "../benches/ids/records.rs"]
mod records;

use std::{cell::RefCell, future::ready, hint::black_box, rc::Rc};

use futures::FutureExt as _;
use trace::{ByteSource, Error, Pending, Recognised, Source};

/// Bytes that are read at once where bytes alone are.
const PIECE: u64 = 4 << 20;

/// Samples whose gates are asked for at once, as an analysis does.
const AT_ONCE: usize = 1024;

/// Each file is read so many times, and the best counts.
const TIMES: usize = 3;

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "bench")]
unsafe extern "C" {
    /// Milliseconds.
    safe fn now() -> f64;
    /// Reads the file that is measured.
    safe fn read(offset: f64, len: usize, to: *mut u8);
}

#[cfg(not(target_arch = "wasm32"))]
extern "C" fn now() -> f64 {
    f64::NAN
}

#[cfg(not(target_arch = "wasm32"))]
extern "C" fn read(_: f64, _: usize, _: *mut u8) {}

/// A file that the page holds.
struct Dropped(u64);

impl ByteSource for Dropped {
    fn name(&self) -> &'static str {
        "step-1.safetensors"
    }

    fn len(&self) -> u64 {
        self.0
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        let mut bytes = vec![0; len];
        read(offset as f64, len, bytes.as_mut_ptr());
        Box::pin(ready(Ok(bytes)))
    }
}

fn best(mut work: impl FnMut()) -> f64 {
    let time = || {
        let start = now();
        work();
        now() - start
    };
    std::iter::repeat_with(time).take(TIMES).fold(f64::INFINITY, f64::min)
}

/// Measures the file of so many bytes that the page holds: milliseconds to read it, and to read and parse it.
#[unsafe(no_mangle)]
extern "C" fn measure_file(len: f64) -> usize {
    let len = len as u64;
    let reading = best(|| {
        for at in (0..len).step_by(PIECE as usize) {
            black_box(Dropped(len).read(at, PIECE.min(len - at) as usize).now_or_never());
        }
    });
    let parsing = best(|| {
        let source: Source = Rc::new(Dropped(len));
        let Some(Ok(found)) = trace::open(source).now_or_never() else { return };
        let Recognised::Trace(trace) = found.what else { return };
        let samples = trace.info.samples.len();
        for first in (0..samples).step_by(AT_ONCE) {
            black_box(trace.gates(first..samples.min(first + AT_ONCE)).now_or_never());
        }
    });
    let text = format!("[{reading},{parsing}]");
    let length = text.len();
    TABLE.set(text);
    length
}

thread_local! {
    static TABLE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Measures all, and gives the length of the table in bytes.
#[unsafe(no_mangle)]
extern "C" fn measure() -> usize {
    let table = records::measure(|| now());
    let length = table.len();
    TABLE.set(table);
    length
}

/// Where the table is.
#[unsafe(no_mangle)]
extern "C" fn table() -> *const u8 {
    TABLE.with_borrow(|table| table.as_ptr())
}
