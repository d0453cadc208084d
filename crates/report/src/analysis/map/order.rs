//! Orders of the samples of a map.

use serde::{Deserialize, Serialize};

use super::{
    limits::MOST_CLUSTERED,
    measure::{block_size, measure, rectangle, sequences, triangle},
    samples::MapSamples,
};
use crate::{
    analysis::{Analysis, Distances, Run, Watch},
    error::Error,
    settings::Settings,
};

/// An order of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapOrder {
    /// By domain, similar samples adjacent within each.
    Cluster,
    /// By domain, then as in the files.
    Domain,
    /// By domain, then by memorization step; samples without one come last.
    TStar,
    /// The order of the files.
    File,
}

impl Analysis {
    /// Computes the positions of a map's samples in an order. Clusters are computed at
    /// `checkpoint`; the order is then used for all checkpoints, so that frames are comparable.
    ///
    /// # Errors
    /// [`Error::NoMap`] if the checkpoint is not analyzed; errors of the host.
    #[expect(clippy::too_many_arguments, reason = "the run, the request and the host")]
    pub async fn map_order(
        &self,
        run: &Run,
        settings: &Settings,
        samples: &MapSamples,
        order: MapOrder,
        checkpoint: usize,
        distances: &dyn Distances,
        watch: &dyn Watch,
    ) -> Result<Vec<u32>, Error> {
        let mut places: Vec<u32> = (0..samples.len() as u32).collect();
        let domain = |place: &u32| samples.domains.get(*place as usize).copied().unwrap_or(0);
        let t_star = |place: &u32| {
            let t_star = samples.t_star.get(*place as usize).copied().flatten();
            t_star.unwrap_or(usize::MAX)
        };
        // The sort is stable, so ties keep the order of the files.
        match order {
            MapOrder::File => return Ok(places),
            MapOrder::Domain => {
                places.sort_by_key(domain);
                return Ok(places);
            }
            MapOrder::TStar => {
                places.sort_by_key(|place| (domain(place), t_star(place)));
                return Ok(places);
            }
            MapOrder::Cluster => places.sort_by_key(domain),
        }
        let sequences = sequences(self, run, settings, samples, checkpoint)?;
        let most = || block_size(&sequences, distances);
        let mut ordered = Vec::with_capacity(places.len());
        for members in places.chunk_by(|a, b| domain(a) == domain(b)) {
            let (chosen, others) = spread(members, MOST_CLUSTERED);
            let pairs = pathway::pair_count(chosen.len());
            let mut condensed = Vec::with_capacity(pairs as usize);
            let blocks = triangle(&chosen, most);
            let take = |_, _, distance| condensed.push(distance);
            measure(&sequences, blocks, pairs, distances, watch, take).await?;
            let order = pathway::cluster_order(chosen.len(), &condensed)?;
            drop(condensed);
            let mut attached: Vec<Vec<u32>> = vec![Vec::new(); chosen.len()];
            let mut nearest: Option<(u32, u16, usize)> = None;
            let total = (others.len() * chosen.len()) as u64;
            let mut column = 0;
            let blocks = rectangle(&others, &chosen, most);
            let take = |other: u32, _, distance: u16| {
                // Ties take the first.
                if nearest.is_none_or(|(_, known, _)| distance < known) {
                    nearest = Some((other, distance, column));
                }
                column += 1;
                if column == chosen.len() {
                    if let Some((other, _, at)) = nearest.take()
                        && let Some(list) = attached.get_mut(at)
                    {
                        list.push(other);
                    }
                    column = 0;
                }
            };
            measure(&sequences, blocks, total, distances, watch, take).await?;
            for at in order {
                ordered.extend(chosen.get(at as usize));
                ordered.extend(attached.get(at as usize).into_iter().flatten());
            }
        }
        Ok(ordered)
    }
}

/// Splits members into at most `most` evenly spaced ones and the others.
fn spread(members: &[u32], most: usize) -> (Vec<u32>, Vec<u32>) {
    let number = members.len();
    if number <= most {
        return (members.to_vec(), Vec::new());
    }
    let (mut chosen, mut others) = (Vec::with_capacity(most), Vec::new());
    for (at, &member) in members.iter().enumerate() {
        // Take the next one as soon as its position is reached.
        if chosen.len() * number <= at * most { chosen.push(member) } else { others.push(member) }
    }
    (chosen, others)
}
