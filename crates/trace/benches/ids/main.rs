//! Measures how fast files of expert ids are read from memory, as JSON lines and tables.
//! `cargo bench -p trace --bench ids`.

mod records;

use std::time::Instant;

/// Milliseconds of processor time of this thread, if the system counts them (Linux), so that other
/// programs do not matter.
fn on_processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}

fn main() {
    let start = Instant::now();
    let clock = || on_processor().unwrap_or_else(|| start.elapsed().as_secs_f64() * 1e3);
    println!("{}", records::measure(clock));
}
