//! Gates of a range of samples, as read from a trace.

use std::ops::Range;

use trace::{Counts, SampleCounts};

/// Gates of a range of samples, without those that cannot be used or are not of the run.
#[derive(Debug)]
pub struct Block {
    /// `[n, L * E]`.
    gates: Vec<f32>,
    /// Layers times experts.
    width: usize,
    /// Selection counts, if the gates are selection frequencies.
    counts: Option<Counts>,
    /// Place in `gates` and number in the run of each sample, in the order of the trace.
    samples: Vec<(usize, u32)>,
}

/// One sample of a block.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Number in the run.
    pub number: u32,
    /// Mean gates, `[L, E]`.
    pub gates: &'a [f32],
    /// Selection counts, if the gates are selection frequencies.
    pub counts: Option<SampleCounts<'a>>,
}

impl Block {
    /// A block of gates `[n, width]`; `samples` are places in them and numbers in the run.
    pub fn new(gates: Vec<f32>, width: usize, counts: Option<Counts>, samples: Vec<(usize, u32)>) -> Self {
        Self { gates, width, counts, samples }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// The samples of a range, in the order of the trace.
    pub fn samples(&self, range: Range<usize>) -> Vec<Sample<'_>> {
        let sample = |&(place, number): &(usize, u32)| {
            let start = place * self.width;
            let gates = self.gates.get(start..start + self.width)?;
            Some(Sample { number, gates, counts: self.counts.as_ref().map(|counts| counts.of(place)) })
        };
        self.samples.get(range).unwrap_or_default().iter().filter_map(sample).collect()
    }
}
