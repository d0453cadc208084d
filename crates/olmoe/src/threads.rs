//! Parallel loops over all CPU threads; sequential loops in a browser, which has no threads.

/// Number of values below which starting threads costs more than it saves.
#[cfg(not(target_arch = "wasm32"))]
const PARALLEL_VALUES: usize = 1 << 15;

/// Number of CPU threads, at least 1.
pub fn count() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    return rayon::current_num_threads().max(1);
    #[cfg(target_arch = "wasm32")]
    1
}

/// Calls `compute` for each input and returns the results in the order of the inputs.
pub fn map<I: Sync, T: Send>(inputs: &[I], compute: impl Fn(&I) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    if inputs.len() > 1 {
        use rayon::prelude::*;
        return inputs.par_iter().map(compute).collect();
    }
    inputs.iter().map(compute).collect()
}

/// Calls `compute` for each input, mutably, and returns the results in the order of the inputs.
pub fn map_mut<I: Send, T: Send>(inputs: &mut [I], compute: impl Fn(&mut I) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    if inputs.len() > 1 {
        use rayon::prelude::*;
        return inputs.par_iter_mut().map(compute).collect();
    }
    inputs.iter_mut().map(compute).collect()
}

/// Calls `compute` with the index and values of each row of `width` values.
pub fn for_each_row(values: &mut [f32], width: usize, compute: impl Fn(usize, &mut [f32]) + Sync + Send) {
    if width == 0 {
        return;
    }
    #[cfg(not(target_arch = "wasm32"))]
    if values.len() >= PARALLEL_VALUES {
        use rayon::prelude::*;
        let rows = (PARALLEL_VALUES / 4 / width).max(1);
        values.par_chunks_mut(width * rows).enumerate().for_each(|(chunk, values)| {
            for (row, values) in values.chunks_mut(width).enumerate() {
                compute(chunk * rows + row, values);
            }
        });
        return;
    }
    values.chunks_mut(width).enumerate().for_each(|(row, values)| compute(row, values));
}
