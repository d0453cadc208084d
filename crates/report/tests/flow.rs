//! The flow between layers of `run-a`, against numbers computed with NumPy.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "other tests need the rest")]
mod golden;
#[expect(dead_code, reason = "other tests need the rest")]
mod support;

use futures::executor::block_on;
use report::{Analysis, Error, Group, NoProgress, Settings};

use golden::{close, run_a};
use support::parts;

/// Layer, expert, next expert and the mean of the products of both gates over the samples of `math`
/// at step 7000: `np.einsum("nle,nlf->lef", g[:, :-1], g[:, 1:]) / n`, with `g` in float64 divided by its sums.
const LINKS: [(usize, usize, usize, f64); 5] = [
    (0, 0, 0, 0.004_986_841_868_989_75),
    (0, 3, 5, 0.005_105_572_968_363_087),
    (1, 2, 7, 0.001_102_219_833_721_276),
    (2, 15, 0, 5.393_160_500_371_019e-5),
    (2, 9, 4, 0.142_731_602_768_727_34),
];

#[test]
fn links_and_masses_are_those_of_numpy() {
    let run = report::assemble(&parts(&run_a())).unwrap();
    let (analysis, settings) = (Analysis::new(), Settings::default());
    let flow = |domain, checkpoint| {
        block_on(analysis.flow(&run, &settings, domain, Group::All, checkpoint, &NoProgress))
    };
    let found = flow("math", 6).unwrap();
    assert_eq!((found.of, found.flow.samples, found.flow.layers, found.flow.experts), (24, 24, 4, 16));
    for (layer, from, to, expected) in LINKS {
        let link = found.flow.link(layer, from, to);
        close(link, Some(expected), 1e-12, &format!("layer {layer}, {from} to {to}"));
    }
    close(found.flow.mass.get(16 + 4).copied(), Some(0.011_482_520_919_344_626), 1e-12, "mass");
    assert!(matches!(flow("nowhere", 0), Err(Error::NoFlow { .. })));
    assert!(matches!(flow("math", 7), Err(Error::NoFlow { .. })));
}

#[test]
fn runs_of_one_layer_or_of_too_many_links_are_refused_before_memory_is_allocated() {
    let (analysis, settings) = (Analysis::new(), Settings::default());
    for (layers, experts, reason) in
        [(1, 16, "a single layer"), (1_000, 65_535, "links that can be computed")]
    {
        let mut run = report::assemble(&parts(&run_a())).unwrap();
        (run.layers, run.experts) = (layers, experts);
        let found = block_on(analysis.flow(&run, &settings, "math", Group::All, 6, &NoProgress));
        let message = found.unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
}
