//! Prints how often each statement of a report is made by chance, and how often it is made where it
//! is true, as the tables of docs/metrics.md#calibration. `cargo xtask calibrate` writes them there.
//!
//! `cargo run --release -p report --example calibrate -- [--pairs N]`

mod changes;
mod courses;
mod follow;

use courses::Kind;

/// Checkpoints of the simulated runs: the paper's number, and the example run's.
const CHECKPOINTS: [usize; 2] = [10, 33];

/// Domains of the simulated runs.
const DOMAINS: usize = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pairs: usize = match &arguments[..] {
        [] => 1_000,
        [name, number] if name == "--pairs" => match number.parse() {
            Ok(pairs) if pairs > 0 => pairs,
            _ => fail(&format!("--pairs needs a number of at least 1, not {number:?}")),
        },
        _ => fail("usage: calibrate [--pairs N]"),
    };
    print!("{}\n{}", following(pairs), changing(pairs));
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(2)
}

/// Rates of the tests against accuracy.
fn following(pairs: usize) -> String {
    let mut table = format!(
        "Percent of {pairs} simulated courses (A, A' and the rule) and of as many runs of {DOMAINS} domains (B).\n\n\
         | course and accuracy | checkpoints | A | A' | follows | B |\n|---|---|---|---|---|---|\n"
    );
    for kind in Kind::INDEPENDENT.into_iter().chain(Kind::TRUE) {
        let related = if Kind::TRUE.contains(&kind) { "true: " } else { "independent: " };
        for n in CHECKPOINTS {
            let found = follow::rates(kind, n, DOMAINS, pairs);
            let [a, clock, follows, b] =
                [found.increments, found.given_clock, found.follows, found.exchanged]
                    .map(|rate| 100.0 * rate);
            table += &format!(
                "| {related}{} | {n} | {a:.1} | {clock:.1} | {follows:.1} | {b:.1} |\n",
                kind.name()
            );
        }
    }
    table
}

/// Rates of the interval of a change.
fn changing(pairs: usize) -> String {
    let mut table = format!(
        "Percent of {pairs} simulated groups whose 95 % interval excludes \"no change\", beside that of the summed \
         errors of both means, and how much wider the latter is.\n\n\
         | samples | pairs | no change | no change, summed | 5 % less | 5 % less, summed | width, summed |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for (samples, pairs_drawn) in
        [(5, None), (10, None), (30, None), (100, None), (100, Some(1_000)), (300, Some(1_000))]
    {
        let of = |factor| changes::rates(changes::Group { samples, pairs: pairs_drawn, factor }, pairs);
        let (same, less) = (of(1.0), of(0.95));
        let drawn = pairs_drawn.map_or_else(|| "all".to_owned(), |pairs| pairs.to_string());
        let [a, b, c, d] = [same.excludes, same.excludes_by_sum, less.excludes, less.excludes_by_sum]
            .map(|rate| 100.0 * rate);
        table += &format!(
            "| {samples} | {drawn} | {a:.1} | {b:.1} | {c:.1} | {d:.1} | {:.2} |\n",
            same.width_by_sum
        );
    }
    table
}
