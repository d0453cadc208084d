//! How often samples selected each expert.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    error::Error,
    model::{Counts, GateKind},
    open_trace::parts::{Body, OpenTrace, overlaps},
};

impl OpenTrace {
    /// Counts of how often the samples of a range selected each expert. `None` unless the gates are
    /// selection frequencies and the counts are exact: from the selections, or from frequencies
    /// whose `k` and token counts are known and give whole numbers. Those of a bad sample are 0.
    ///
    /// # Errors
    /// Those of [`OpenTrace::topk`] and [`OpenTrace::gates`].
    pub async fn counts(&self, samples: Range<usize>) -> Result<Option<Counts>, Error> {
        if self.info.gate_kind != GateKind::SelectionFrequency {
            return Ok(None);
        }
        let width = self.info.layers * self.info.experts;
        match &self.body {
            Body::Ids(body) => {
                self.inside(&samples)?;
                return Ok(body.counts(samples, self.info.experts));
            }
            Body::Joined(pieces) => {
                self.inside(&samples)?;
                let mut all: Option<Counts> = None;
                for (part, range) in overlaps(pieces, &samples) {
                    let Some(found) = Box::pin(part.counts(range)).await? else { return Ok(None) };
                    match &mut all {
                        None => all = Some(found),
                        Some(all) => {
                            all.values.extend(found.values);
                            all.tokens.extend(found.tokens);
                        }
                    }
                }
                return Ok(all);
            }
            Body::File(_) | Body::Memory(_) => {}
        }
        if let Some(topk) = self.topk(samples.clone()).await? {
            return Ok(Some(topk.counts(self.info.experts)));
        }
        let (Some(k), Some(n_tokens)) = (self.info.top_k, &self.info.n_tokens) else { return Ok(None) };
        let Some(tokens) = n_tokens.get(samples.clone()) else { return Ok(None) };
        let first = samples.start;
        let (frequencies, bad) = self.gates_and_bad_samples(samples).await?;
        let bad: BTreeSet<usize> = bad.iter().map(|bad| bad.row).collect();
        let mut values = Vec::with_capacity(frequencies.len());
        for (row, (sample, &tokens)) in (first..).zip(frequencies.chunks_exact(width.max(1)).zip(tokens)) {
            if bad.contains(&row) {
                values.resize(values.len() + width, 0);
                continue;
            }
            let total = k as u64 * u64::from(tokens);
            for row in sample.chunks_exact(self.info.experts.max(1)) {
                let before = values.len();
                for &frequency in row {
                    let exact = f64::from(frequency) * total as f64;
                    let whole = exact.round();
                    if (exact - whole).abs() > 0.05 {
                        return Ok(None);
                    }
                    values.push(whole as u32);
                }
                let sum: u64 = values.iter().skip(before).map(|&v| u64::from(v)).sum();
                if sum != total {
                    return Ok(None);
                }
            }
        }
        Ok(Some(Counts { k, width, values, tokens: tokens.to_vec() }))
    }
}
