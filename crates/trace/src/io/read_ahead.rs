//! Prefetching in browsers. Each read of a `File` waits some milliseconds for another process,
//! whatever its length, so that a reader of small pieces mostly waits. Sequential reads are served
//! from large prefetched windows.

use std::{cell::RefCell, collections::VecDeque};

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

/// Length of a window in bytes.
const WINDOW: u64 = 8 << 20;

/// Windows per reader that are in memory or being fetched at once.
const AT_ONCE: usize = 2;

/// The most readers that are tracked at once, over all files; their windows take at most 64 MiB.
const READERS: usize = 4;

/// Lengths of reads that are tracked, in bytes. Shorter reads are headers, after which the next
/// read cannot be predicted; longer ones need no prefetching.
const TRACKED_LENGTHS: std::ops::RangeInclusive<u64> = 64 << 10..=4 << 20;

thread_local! {
    /// Tracked readers, the most recent last.
    static READERS_BY_AGE: RefCell<VecDeque<Reader>> = const { RefCell::new(VecDeque::new()) };
}

/// A sequence of reads of one file.
struct Reader {
    blob: Blob,
    /// The end of the last read.
    end: u64,
    /// Contiguous windows from `end` on.
    windows: VecDeque<Window>,
}

/// A requested part of a file.
#[derive(Clone)]
struct Window {
    start: u64,
    end: u64,
    /// Its bytes, an `ArrayBuffer`.
    bytes: Promise,
}

impl Window {
    fn request(blob: &Blob, start: u64, end: u64) -> Result<Self, JsValue> {
        // File sizes are far below 2^53 and exact in f64.
        let bytes = blob.slice_with_f64_and_f64(start as f64, end as f64)?.array_buffer();
        // Suppresses the report of a rejected promise that is never awaited.
        drop(Promise::all_settled(&Array::of1(&bytes)));
        Ok(Self { start, end, bytes })
    }
}

impl Reader {
    /// The windows with the bytes up to `end`. Requests missing ones and prefetches the next ones.
    fn windows(&mut self, end: u64, total: u64) -> Result<Vec<Window>, JsValue> {
        let start = self.end;
        self.windows.retain(|window| window.end > start);
        loop {
            let next = self.windows.back().map_or(start, |window| window.end);
            if next >= total || (next >= end && self.windows.len() >= AT_ONCE) {
                break;
            }
            self.windows.push_back(Window::request(&self.blob, next, total.min(next + WINDOW))?);
        }
        self.end = end;
        Ok(self.windows.iter().filter(|window| window.start < end).cloned().collect())
    }
}

/// The bytes `start..end` of a file of `total` bytes, if they continue a sequence of reads. `None`
/// if the caller has to read them directly, also after an error here.
pub async fn read(blob: &Blob, total: u64, start: u64, end: u64) -> Option<Vec<u8>> {
    let windows = windows_for(blob, total, start, end)?;
    let mut bytes = vec![0; (end - start) as usize];
    let mut rest = bytes.as_mut_slice();
    for Window { start: first, end: last, bytes } in windows {
        let buffer = JsFuture::from(bytes).await.ok()?;
        let (from, to) = (start.max(first) - first, end.min(last) - first);
        let part = Uint8Array::new(&buffer).subarray(from as u32, to as u32);
        let (here, behind) = rest.split_at_mut_checked((to - from) as usize)?;
        if part.length() as usize != here.len() {
            return None;
        }
        part.copy_to(here);
        rest = behind;
    }
    rest.is_empty().then_some(bytes)
}

/// The windows for a read that starts at the end of another.
fn windows_for(blob: &Blob, total: u64, start: u64, end: u64) -> Option<Vec<Window>> {
    if !TRACKED_LENGTHS.contains(&end.checked_sub(start)?) {
        return None;
    }
    READERS_BY_AGE.with_borrow_mut(|readers| {
        let known = readers.iter().position(|reader| reader.end == start && reader.blob == *blob);
        let windows = match known.and_then(|at| readers.remove(at)) {
            Some(mut reader) => {
                let windows = reader.windows(end, total).ok()?;
                readers.push_back(reader);
                Some(windows)
            }
            None => {
                readers.push_back(Reader { blob: blob.clone(), end, windows: VecDeque::new() });
                None
            }
        };
        // Readers at the end of their file are removed.
        readers.retain(|reader| reader.end < total || reader.blob != *blob);
        if readers.len() > READERS {
            readers.pop_front();
        }
        windows
    })
}
