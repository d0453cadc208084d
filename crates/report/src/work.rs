//! Work on all cores, or on this thread where there are no others (in browsers, whose workers share
//! no memory).
//!
//! Results are in the order of their inputs, and nothing is summed across pieces of work, so figures
//! do not depend on the number of threads.

use std::ops::Range;

#[cfg(feature = "parallel")]
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::error::Error;

/// Whether pieces of work run at the same time.
pub const PARALLEL: bool = cfg!(feature = "parallel");

/// Runs `work` on the pool, while other futures of this thread go on.
///
/// # Errors
/// [`Error::Distances`] if the work panicked.
#[cfg(feature = "parallel")]
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    // A thread of the pool would wait for itself.
    if rayon::current_thread_index().is_some() {
        return Ok(work());
    }
    let (sender, receiver) = futures::channel::oneshot::channel();
    rayon::spawn(move || {
        // Without a receiver, the analysis was cancelled.
        sender.send(work()).ok();
    });
    receiver.await.map_err(|_| Error::Distances { message: "a thread panicked".into() })
}

/// Runs `work` on this thread.
///
/// # Errors
/// None.
#[cfg(not(feature = "parallel"))]
pub fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Error>> {
    std::future::ready(Ok(work()))
}

/// Calls `f` with each item; results are in the order of the items.
pub fn map<T: Send, R: Send>(items: Vec<T>, f: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    #[cfg(feature = "parallel")]
    return items.into_par_iter().map(f).collect();
    #[cfg(not(feature = "parallel"))]
    items.into_iter().map(f).collect()
}

/// Calls `f` with each number; results are in the order of the numbers.
pub fn map_range<R: Send>(numbers: Range<usize>, f: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
    #[cfg(feature = "parallel")]
    return numbers.into_par_iter().map(f).collect();
    #[cfg(not(feature = "parallel"))]
    numbers.map(f).collect()
}
