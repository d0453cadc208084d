//! Prints how often each statement of a report is made by chance, and how often it is made where it
//! is true, as the tables of docs/metrics.md#calibration. `cargo xtask calibrate` writes them there.
//!
//! `cargo run --release -p report --example calibrate -- [--pairs N]`

#![expect(clippy::expect_used, reason = "simulated input fits by construction")]

mod answers;
mod bare;
mod changes;
mod courses;
mod follow;
mod losses;
mod onsets;
mod others;
mod points;

use answers::Answers;
use courses::Kind;
use losses::Losses;
use others::Statement;

/// Checkpoints of the simulated runs: the paper's number, and the example run's.
const CHECKPOINTS: [usize; 2] = [10, 33];

/// Checkpoints of the simulated domains for statements that cost less: also every OLMoE checkpoint.
const LENGTHS: [usize; 3] = [10, 33, 244];

/// Domains of the simulated runs of test B.
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
    let tables = [following, changing, other, memorizing, generalizing].map(|table| table(pairs));
    print!("{}", tables.join("\n"));
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(2)
}

/// Percent with one digit.
fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// Rates of the tests against accuracy.
fn following(pairs: usize) -> String {
    let mut table = format!(
        "Percent of {pairs} simulated courses (A, A' and `follows`) and of as many runs of {DOMAINS} domains\n\
         (`exchanged`, test B):\n\n\
         | course and accuracy | checkpoints | A | A' | `follows` | `exchanged` |\n|---|---|---|---|---|---|\n"
    );
    for kind in Kind::INDEPENDENT.into_iter().chain(Kind::TRUE) {
        let related = if Kind::TRUE.contains(&kind) { "true: " } else { "independent: " };
        for n in CHECKPOINTS {
            let found = follow::rates(kind, n, DOMAINS, pairs);
            let [a, clock, follows, b] =
                [found.increments, found.given_clock, found.follows, found.exchanged].map(percent);
            table += &format!("| {related}{} | {n} | {a} | {clock} | {follows} | {b} |\n", kind.name());
        }
    }
    table
}

/// Rates of the interval of a change.
fn changing(pairs: usize) -> String {
    let mut table = format!(
        "Percent of {pairs} simulated groups with a claimed change of distance, by the interval of the ratio and by\n\
         the sum of both means' half widths, and how much wider the sum is:\n\n\
         | samples | pairs | no change: `falls` | `rises` | either, by sum | 5 % less: `falls` | `rises` | either, by sum \
         | width of sum |\n|---|---|---|---|---|---|---|---|---|\n"
    );
    let sizes = [(5, None), (10, None), (30, None), (100, None), (100, Some(1_000)), (300, Some(1_000))];
    for (samples, drawn) in sizes {
        let of = |factor| changes::rates(changes::Group { samples, pairs: drawn, factor }, pairs);
        let (same, less) = (of(1.0), of(0.95));
        let drawn = drawn.map_or_else(|| "all".to_owned(), |pairs| pairs.to_string());
        let [a, b, c] = [same.falls, same.rises, same.by_sum].map(percent);
        let [d, e, f] = [less.falls, less.rises, less.by_sum].map(percent);
        table += &format!(
            "| {samples} | {drawn} | {a} | {b} | {c} | {d} | {e} | {f} | {:.2} |\n",
            same.width_by_sum
        );
    }
    table
}

/// Rates of the other statements.
fn other(pairs: usize) -> String {
    let mut table = format!(
        "Percent of {pairs} simulated domains about which other statements are made:\n\n\
         | statement | null | checkpoints | by chance | true | percent |\n|---|---|---|---|---|---|\n"
    );
    for statement in Statement::ALL {
        let [name, null, truth] = statement.words();
        let lengths = if statement == Statement::Pairing { &LENGTHS[..1] } else { &LENGTHS[..] };
        for &n in lengths {
            let [chance, found] = [false, true].map(|is_true| percent(statement.rate(n, is_true, pairs)));
            let length = if statement == Statement::Pairing { "any".to_owned() } else { n.to_string() };
            table += &format!("| {name} | {null} | {length} | {chance} | {truth} | {found} |\n");
        }
    }
    table
}

/// Rates of the claim `memorized`.
fn memorizing(pairs: usize) -> String {
    let mut table = format!(
        "Percent of {pairs} simulated domains of 100 samples with the claim `memorized` by the causal rule, with a\n\
         state beyond *learning*, and with the claim by the paper's rule; and of the causal claims, the share of samples and the\n\
         share of these that relapse:\n\n\
         | losses | checkpoints | by t° | state | by t\\* | samples | relapsed |\n|---|---|---|---|---|---|---|\n"
    );
    for losses in Losses::NULL.into_iter().chain([Losses::Memorized]) {
        let truth = if losses == Losses::Memorized { "true: " } else { "not memorized: " };
        for n in LENGTHS {
            let found = onsets::memorized(losses, n, pairs);
            let [causal, state, paper] = [found.causal, found.state, found.paper].map(percent);
            let of_claims = |share: f64| if found.causal > 0.0 { percent(share) } else { String::new() };
            let [samples, relapsed] = [found.samples, found.relapsed].map(of_claims);
            table += &format!(
                "| {truth}{} | {n} | {causal} | {state} | {paper} | {samples} | {relapsed} |\n",
                losses.name()
            );
        }
    }
    table
}

/// Rates of the claim `generalized-after`.
fn generalizing(pairs: usize) -> String {
    let mut table = format!(
        "Percent of {pairs} simulated domains with the claim `generalized-after`, by both rules. Half of 100 samples\n\
         are memorized; and the share of 100 items that have a t°#:\n\n\
         | answers | checkpoints | by t°, t°# | by t\\*, t# | items |\n|---|---|---|---|---|\n"
    );
    for answers in Answers::ALL {
        let truth = if answers == Answers::Later { "true: " } else { "not later: " };
        for n in LENGTHS {
            let found = onsets::generalized(answers, n, pairs);
            let [causal, paper, items] = [found.causal, found.paper, found.items].map(percent);
            table += &format!("| {truth}{} | {n} | {causal} | {paper} | {items} |\n", answers.name());
        }
    }
    table
}
