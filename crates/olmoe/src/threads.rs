//! Work on all threads of the processor; in a browser, where there are none, one piece after the other.

/// Values below which threads cost more than they bring.
#[cfg(not(target_arch = "wasm32"))]
const PARALLEL: usize = 1 << 15;

/// Threads of the processor, at least 1.
pub fn count() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    return rayon::current_num_threads().max(1);
    #[cfg(target_arch = "wasm32")]
    1
}

/// Calls `compute` for all jobs; the results are in their order.
pub fn all<J: Sync, T: Send>(jobs: &[J], compute: impl Fn(&J) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    if jobs.len() > 1 {
        use rayon::prelude::*;
        return jobs.par_iter().map(compute).collect();
    }
    jobs.iter().map(compute).collect()
}

/// Calls `compute` for all jobs, which it may change; the results are in their order.
pub fn all_mut<J: Send, T: Send>(jobs: &mut [J], compute: impl Fn(&mut J) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    if jobs.len() > 1 {
        use rayon::prelude::*;
        return jobs.par_iter_mut().map(compute).collect();
    }
    jobs.iter_mut().map(compute).collect()
}

/// Calls `each` for rows of `width` values with their numbers.
pub fn each_row(values: &mut [f32], width: usize, each: impl Fn(usize, &mut [f32]) + Sync + Send) {
    if width == 0 {
        return;
    }
    #[cfg(not(target_arch = "wasm32"))]
    if values.len() >= PARALLEL {
        use rayon::prelude::*;
        let rows = (PARALLEL / 4 / width).max(1);
        values.par_chunks_mut(width * rows).enumerate().for_each(|(chunk, values)| {
            for (row, values) in values.chunks_mut(width).enumerate() {
                each(chunk * rows + row, values);
            }
        });
        return;
    }
    values.chunks_mut(width).enumerate().for_each(|(row, values)| each(row, values));
}
