//! Reading ahead in a browser. Every read of a `File` waits some milliseconds for the browser's other process, whatever its
//! length, so that a reader that goes through a file piece by piece mostly waits. Whoever reads on where it ended before is
//! given from larger windows, of which the next is fetched while the pieces of this one are computed with.

use std::{cell::RefCell, collections::VecDeque};

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

/// Bytes of a window.
const WINDOW: u64 = 8 << 20;

/// Windows that are there or under way at once for one reader.
const AT_ONCE: usize = 2;

/// Readers that are followed at once, over all files; with the above they hold 64 MiB at most.
const READERS: usize = 4;

/// Shorter reads are headers, which do not tell what is read next; longer ones are worth their wait.
const FOLLOWED: std::ops::RangeInclusive<u64> = 64 << 10..=4 << 20;

thread_local! {
    /// The one that read last is the last.
    static FOLLOWING: RefCell<VecDeque<Reader>> = const { RefCell::new(VecDeque::new()) };
}

/// Someone who goes through a file.
struct Reader {
    blob: Blob,
    /// Where the last read ended.
    end: u64,
    /// From where it reads on, one behind the other.
    windows: VecDeque<Window>,
}

/// A part of a file that was asked for.
#[derive(Clone)]
struct Window {
    start: u64,
    end: u64,
    /// Its bytes, an `ArrayBuffer`.
    bytes: Promise,
}

impl Window {
    fn ask(blob: &Blob, start: u64, end: u64) -> Result<Self, JsValue> {
        // File sizes are far below 2^53, where f64 still counts in ones.
        let bytes = blob.slice_with_f64_and_f64(start as f64, end as f64)?.array_buffer();
        // Nobody may ever come for it; then its failing is nobody's concern either.
        drop(Promise::all_settled(&Array::of1(&bytes)));
        Ok(Self { start, end, bytes })
    }
}

impl Reader {
    /// The windows with the bytes up to `end`, asked for where they are not there yet, and the next ones.
    fn windows(&mut self, end: u64, total: u64) -> Result<Vec<Window>, JsValue> {
        let start = self.end;
        self.windows.retain(|window| window.end > start);
        loop {
            let next = self.windows.back().map_or(start, |window| window.end);
            if next >= total || (next >= end && self.windows.len() >= AT_ONCE) {
                break;
            }
            self.windows.push_back(Window::ask(&self.blob, next, total.min(next + WINDOW))?);
        }
        self.end = end;
        Ok(self.windows.iter().filter(|window| window.start < end).cloned().collect())
    }
}

/// The bytes `start..end` of a file of `total` bytes, if someone reads on with them; none where they are to be read by
/// themselves, which is also what helps when something went wrong here.
pub async fn read(blob: &Blob, total: u64, start: u64, end: u64) -> Option<Vec<u8>> {
    let windows = follow(blob, total, start, end)?;
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

/// The windows for a read, if it goes on where another one ended.
fn follow(blob: &Blob, total: u64, start: u64, end: u64) -> Option<Vec<Window>> {
    if !FOLLOWED.contains(&end.checked_sub(start)?) {
        return None;
    }
    FOLLOWING.with_borrow_mut(|following| {
        let known = following.iter().position(|reader| reader.end == start && reader.blob == *blob);
        let windows = match known.and_then(|at| following.remove(at)) {
            Some(mut reader) => {
                let windows = reader.windows(end, total).ok()?;
                following.push_back(reader);
                Some(windows)
            }
            None => {
                following.push_back(Reader { blob: blob.clone(), end, windows: VecDeque::new() });
                None
            }
        };
        // At its end a file has nothing more to give.
        following.retain(|reader| reader.end < total || reader.blob != *blob);
        if following.len() > READERS {
            following.pop_front();
        }
        windows
    })
}
