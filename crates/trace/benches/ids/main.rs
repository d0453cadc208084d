//! How fast files of expert ids are read: JSON lines and tables, from memory. `cargo bench -p trace --bench ids`.

mod records;

use std::time::Instant;

fn main() {
    let start = Instant::now();
    println!("{}", records::measure(|| start.elapsed().as_secs_f64() * 1e3));
}
