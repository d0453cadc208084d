//! Flow of gate mass between the layers for a group of samples (the view "Flow"). It needs the
//! traces, not only the report.

use std::ops::Range;

use pathway::{Flow, FlowSum};

use super::{Analysis, Run, Watch, plan::plan};
use crate::{error::Error, model::Group, settings::Settings};

/// Most products of two gates that one flow sums, which takes about two seconds.
const MOST_PRODUCTS: usize = 4_000_000_000;

/// Least number of samples of a reduced group.
const FEWEST_SAMPLES: usize = 64;

/// Rows between two samples that are read with them: a read costs more than some rows.
const GAP: usize = 16;

/// Most links of a flow, 128 MiB.
const MOST_LINKS: usize = 1 << 24;

/// Most bytes of gates in memory.
const CHUNK_BYTES: usize = 8 << 20;

/// Samples between two yields.
const SAMPLES_PER_YIELD: usize = 32;

/// Flow of one group at one checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupFlow {
    /// The flow.
    pub flow: Flow,
    /// Samples of the group; more than those of the flow if the group was reduced evenly.
    pub of: usize,
}

impl Analysis {
    /// Computes the flow of a domain's group at a checkpoint, given by index
    /// (docs/metrics.md#flow). Large groups are reduced evenly.
    ///
    /// # Errors
    /// [`Error::NoFlow`] if the run has no such domain, group or checkpoint, a single layer, or more than 2^24 links;
    /// errors of reading.
    pub async fn flow(
        &self,
        run: &Run,
        settings: &Settings,
        domain: &str,
        group: Group,
        checkpoint: usize,
        watch: &dyn Watch,
    ) -> Result<GroupFlow, Error> {
        let none = |reason: String| Error::NoFlow { reason };
        let at = run.checkpoints.get(checkpoint);
        let at = at.ok_or_else(|| none(format!("the run has no checkpoint {checkpoint}")))?;
        let index = run.domains.iter().position(|found| found.name == domain);
        let index = index.ok_or_else(|| none(format!("the run has no domain {domain:?}")))?;
        // Checked before memory is allocated.
        let links = run.layers.saturating_sub(1).saturating_mul(run.experts).saturating_mul(run.experts);
        if run.layers < 2 {
            return Err(none("the run has a single layer".to_owned()));
        }
        if links > MOST_LINKS {
            return Err(none(format!(
                "{} layers of {} experts have more than the {MOST_LINKS} links that can be computed",
                run.layers, run.experts
            )));
        }
        let plan = plan(run, settings);
        let members = plan.domains.get(index).and_then(|domain| domain.group(group));
        let members = members.map_or(&[][..], |members| &members.samples);
        if members.is_empty() {
            let group = if group == Group::Memorized { "memorized " } else { "" };
            return Err(none(format!("{domain:?} has no {group}samples")));
        }
        let mut sum = FlowSum::new(run.layers, run.experts)?;
        let width = run.layers * run.experts;
        let most = (MOST_PRODUCTS / (width * run.experts).max(1)).max(FEWEST_SAMPLES);
        let mut rows: Vec<usize> = evenly(members, most)
            .filter_map(|sample| at.row_of.get(sample as usize).map(|&row| row as usize))
            .collect();
        rows.sort_unstable();
        for range in ranges(&rows, (CHUNK_BYTES / (4 * width.max(1))).max(1)) {
            // Samples that cannot be used are not in the run.
            let (gates, _) = at.trace.gates_and_bad_samples(range.clone()).await?;
            let first = rows.partition_point(|&row| row < range.start);
            for (done, &row) in rows[first..].iter().take_while(|&&row| row < range.end).enumerate() {
                let start = (row - range.start) * width;
                if let Some(gates) = gates.get(start..start + width) {
                    sum.push(gates)?;
                }
                if (done + 1) % SAMPLES_PER_YIELD == 0 {
                    watch.yield_now().await;
                }
            }
            watch.yield_now().await;
        }
        let flow = sum.finish().ok_or_else(|| none(format!("the gates of {domain:?} are all zero")))?;
        Ok(GroupFlow { flow, of: members.len() })
    }
}

/// At most `most` of the samples, evenly spaced.
pub(super) fn evenly(samples: &[u32], most: usize) -> impl Iterator<Item = u32> {
    let number = samples.len().min(most);
    // In 64 bits: the product of two numbers of samples can exceed the 32 bits of WebAssembly.
    let place = move |at: usize| (at as u64 * samples.len() as u64 / number as u64) as usize;
    (0..number).filter_map(move |at| samples.get(place(at)).copied())
}

/// Ranges of at most `most` rows that contain all `rows`, which are ascending.
fn ranges(rows: &[usize], most: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for &row in rows {
        match ranges.last_mut() {
            Some(last) if row < last.end + GAP && row - last.start < most => last.end = row + 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::{evenly, ranges};

    #[test]
    fn ranges_contain_all_rows_and_are_not_longer_than_allowed() {
        assert_eq!(ranges(&[3, 4, 6, 40, 41], 100), [3..7, 40..42]);
        assert_eq!(ranges(&[0, 1, 2, 3, 4], 2), [0..2, 2..4, 4..5]);
        assert!(ranges(&[], 5).is_empty());
    }

    #[test]
    fn a_reduced_group_is_evenly_spaced() {
        let all: Vec<u32> = (10..20).collect();
        assert_eq!(evenly(&all, 5).collect::<Vec<_>>(), [10, 12, 14, 16, 18]);
        assert_eq!(evenly(&all, 50).collect::<Vec<_>>(), all);
    }
}
