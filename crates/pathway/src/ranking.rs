//! The experts of every sample and layer, heaviest first, and how many of them each threshold takes (docs/metrics.md#pathway).

use levenshtein::Sequences;

use crate::characters::push_characters;
use crate::error::{Error, check_len, check_router};

/// Pathways of one checkpoint at several thresholds: a digest of its mean gates, without the gates.
///
/// A layer of a pathway is the shortest prefix of its experts, heaviest first, whose cumulative weight is
/// strictly greater than the threshold `tau`. Of equal weights the lower expert id comes first. Where rounding
/// never lets the sum exceed `tau`, all experts are taken. Paper: section 4.1.
///
/// Takes `L * (E + 2 * taus)` bytes a sample up to 256 experts a layer, twice the part of `E` above.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    layers: usize,
    experts: usize,
    taus: Vec<f64>,
    /// Expert ids `[S, L, E]`, heaviest first.
    order: Order,
    /// Experts taken, `[S, L, taus]`.
    prefixes: Vec<u16>,
    samples: usize,
    /// Room for one layer's sort keys.
    keys: Vec<u64>,
    /// Room for one sample's orders, so that a sample that fails leaves nothing behind.
    row: Vec<u16>,
}

/// Expert ids in the smallest type that holds them.
#[derive(Clone, Debug, PartialEq)]
enum Order {
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
}

/// Denominator of the exact comparison of selection counts: a threshold is taken to the nearest millionth.
const TAU_PARTS: u32 = 1_000_000;

impl Ranking {
    /// No samples yet; `taus` are the thresholds, in any order.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, the experts are more than 65,535, or a threshold is negative or not finite.
    pub fn new(layers: usize, experts: usize, taus: &[f64]) -> Result<Self, Error> {
        check_router(layers, experts)?;
        if let Some(&tau) = taus.iter().find(|tau| !tau.is_finite() || **tau < 0.0) {
            return Err(Error::Tau { tau });
        }
        let order = if experts <= 256 { Order::Narrow(Vec::new()) } else { Order::Wide(Vec::new()) };
        let (keys, row) = (Vec::with_capacity(experts), Vec::with_capacity(layers * experts));
        Ok(Self { layers, experts, taus: taus.to_vec(), order, prefixes: Vec::new(), samples: 0, keys, row })
    }

    /// Ranks one sample's mean gates `[L, E]`: on the stored values, with the running sum in f64.
    ///
    /// # Errors
    ///
    /// The slice is not `[L, E]`, or a gate is NaN or infinite; nothing is added then.
    pub fn push_sample(&mut self, gates: &[f32]) -> Result<(), Error> {
        check_len("mean gates of one sample [L, E]", self.layers * self.experts, gates.len())?;
        if let Some(place) = gates.iter().position(|gate| !gate.is_finite()) {
            let (layer, expert) = (place / self.experts, place % self.experts);
            return Err(Error::GateNotFinite { layer, expert, value: gates[place] });
        }
        self.row.clear();
        for gates in gates.chunks_exact(self.experts) {
            self.rank(gates.iter().map(|&gate| descending(gate)));
            let ranked = &self.row[self.row.len() - self.experts..];
            for &tau in &self.taus {
                let mut sum = 0.0;
                let reached = ranked.iter().position(|&id| {
                    sum += f64::from(gates[usize::from(id)]);
                    sum > tau
                });
                self.prefixes.push(reached.map_or(self.experts, |place| place + 1) as u16);
            }
        }
        self.store();
        Ok(())
    }

    /// Ranks one sample's selection counts `[L, E]` in place of gates, for traces that hold only expert ids.
    ///
    /// The weight of an expert is `count / (k * tokens)`. Its sums often hit `tau` exactly, so integers are
    /// compared: `10^6 * sum of counts > tau in millionths * k * tokens`. Use the rows actually recorded as
    /// `tokens`.
    ///
    /// # Errors
    ///
    /// The slice is not `[L, E]`, or `k` or `tokens` is 0; nothing is added then.
    pub fn push_counts(&mut self, counts: &[u32], k: usize, tokens: u32) -> Result<(), Error> {
        check_len("selection counts of one sample [L, E]", self.layers * self.experts, counts.len())?;
        if k == 0 || tokens == 0 {
            return Err(Error::NoSelections { tokens, k });
        }
        self.row.clear();
        for counts in counts.chunks_exact(self.experts) {
            self.rank(counts.iter().map(|&count| !count));
            let ranked = &self.row[self.row.len() - self.experts..];
            for &tau in &self.taus {
                // sum * 10^6 > tau * k * T in integers is the same as sum > floor(tau * k * T / 10^6).
                let bound = tau_parts(tau) * k as u128 * u128::from(tokens) / u128::from(TAU_PARTS);
                let mut sum = 0_u64;
                let reached = ranked.iter().position(|&id| {
                    sum += u64::from(counts[usize::from(id)]);
                    u128::from(sum) > bound
                });
                self.prefixes.push(reached.map_or(self.experts, |place| place + 1) as u16);
            }
        }
        self.store();
        Ok(())
    }

    /// Appends the ids of one layer to `row`, in ascending order of the weights' keys, then of the ids.
    fn rank(&mut self, weights: impl Iterator<Item = u32>) {
        self.keys.clear();
        self.keys.extend(weights.zip(0_u64..).map(|(weight, id)| (u64::from(weight) << 16) | id));
        self.keys.sort_unstable();
        self.row.extend(self.keys.iter().map(|&key| key as u16));
    }

    /// Keeps the sample whose ids stand in `row`.
    fn store(&mut self) {
        match &mut self.order {
            Order::Narrow(ids) => ids.extend(self.row.iter().map(|&id| id as u8)),
            Order::Wide(ids) => ids.extend_from_slice(&self.row),
        }
        self.samples += 1;
    }

    /// Layers, `L`.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Experts a layer, `E`.
    #[must_use]
    pub fn experts(&self) -> usize {
        self.experts
    }

    /// The thresholds, as given.
    #[must_use]
    pub fn taus(&self) -> &[f64] {
        &self.taus
    }

    /// The place of a threshold among [`Self::taus`], if it is one of them.
    #[must_use]
    pub fn tau_index(&self, tau: f64) -> Option<usize> {
        self.taus.iter().position(|&known| known.to_bits() == tau.to_bits())
    }

    /// The same digest with other samples in other places: sample `i` of the result is sample `places[i]` of this
    /// one.
    ///
    /// # Panics
    ///
    /// There is no such sample.
    #[must_use]
    pub fn reordered(&self, places: &[usize]) -> Self {
        let (width, prefixes) = (self.layers * self.experts, self.layers * self.taus.len());
        Self {
            order: match &self.order {
                Order::Narrow(ids) => Order::Narrow(rows(ids, width, places)),
                Order::Wide(ids) => Order::Wide(rows(ids, width, places)),
            },
            prefixes: rows(&self.prefixes, prefixes, places),
            samples: places.len(),
            taus: self.taus.clone(),
            keys: Vec::new(),
            row: Vec::new(),
            ..*self
        }
    }

    /// Samples so far, `S`.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The symbol that stands between two layers: the first that is no expert id.
    #[must_use]
    pub fn layer_break(&self) -> u16 {
        self.experts as u16
    }

    /// How many experts the pathway takes in one layer.
    ///
    /// # Panics
    ///
    /// Sample, layer or threshold does not exist.
    #[must_use]
    pub fn prefix_len(&self, sample: usize, layer: usize, tau_index: usize) -> usize {
        assert!(layer < self.layers && tau_index < self.taus.len(), "layer and threshold exist");
        usize::from(self.prefixes[(sample * self.layers + layer) * self.taus.len() + tau_index])
    }

    /// The pathway's expert ids in one layer, heaviest first.
    ///
    /// # Panics
    ///
    /// Sample, layer or threshold does not exist.
    #[must_use]
    pub fn prefix(
        &self,
        sample: usize,
        layer: usize,
        tau_index: usize,
    ) -> impl ExactSizeIterator<Item = u16> + use<'_> {
        let len = self.prefix_len(sample, layer, tau_index);
        let start = (sample * self.layers + layer) * self.experts;
        (start..start + len).map(move |place| match &self.order {
            Order::Narrow(ids) => u16::from(ids[place]),
            Order::Wide(ids) => ids[place],
        })
    }

    /// Pathways of the listed samples as symbols: expert ids, with [`Self::layer_break`] between layers.
    ///
    /// # Panics
    ///
    /// A sample or the threshold does not exist.
    #[must_use]
    pub fn symbols(&self, tau_index: usize, samples: &[u32]) -> Sequences {
        let mut sequences = Sequences::new();
        for &sample in samples {
            for layer in 0..self.layers {
                if layer > 0 {
                    sequences.push_symbol(self.layer_break());
                }
                for expert in self.prefix(sample as usize, layer, tau_index) {
                    sequences.push_symbol(expert);
                }
            }
            sequences.end();
        }
        sequences
    }

    /// Pathways of the listed samples as the characters of their written form: digits are 0 to 9, a comma is
    /// [`crate::COMMA`], a hyphen is [`crate::HYPHEN`].
    ///
    /// # Panics
    ///
    /// A sample or the threshold does not exist.
    #[must_use]
    pub fn characters(&self, tau_index: usize, samples: &[u32]) -> Sequences {
        let mut sequences = Sequences::new();
        for &sample in samples {
            let layers = (0..self.layers).map(|layer| self.prefix(sample as usize, layer, tau_index));
            push_characters(layers, |character| sequences.push_symbol(character));
            sequences.end();
        }
        sequences
    }

    /// One layer of the listed samples' pathways, as expert ids.
    ///
    /// # Panics
    ///
    /// A sample, the layer or the threshold does not exist.
    #[must_use]
    pub fn layer(&self, tau_index: usize, layer: usize, samples: &[u32]) -> Sequences {
        let mut sequences = Sequences::new();
        for &sample in samples {
            for expert in self.prefix(sample as usize, layer, tau_index) {
                sequences.push_symbol(expert);
            }
            sequences.end();
        }
        sequences
    }

    /// The written form of one pathway: ids joined by `,` inside a layer and by `-` between layers, as in
    /// `3,1,5-9,1`.
    ///
    /// # Panics
    ///
    /// The sample or the threshold does not exist.
    #[must_use]
    pub fn written(&self, sample: usize, tau_index: usize) -> String {
        let layer = |layer| {
            let ids: Vec<String> = self.prefix(sample, layer, tau_index).map(|id| id.to_string()).collect();
            ids.join(",")
        };
        let layers: Vec<String> = (0..self.layers).map(layer).collect();
        layers.join("-")
    }
}

/// A threshold in millionths. All from 1 on are alike to shares, so larger ones are cut, which keeps products
/// small.
#[expect(clippy::cast_sign_loss, reason = "thresholds are not negative")]
fn tau_parts(tau: f64) -> u128 {
    libm::round(tau.min(2.0) * f64::from(TAU_PARTS)) as u128
}

/// The listed rows of a matrix with rows of that width.
fn rows<T: Copy>(matrix: &[T], width: usize, places: &[usize]) -> Vec<T> {
    places.iter().flat_map(|&place| &matrix[place * width..(place + 1) * width]).copied().collect()
}

/// A key that ascends where the gate descends; equal for equal gates, so for both zeros.
fn descending(gate: f32) -> u32 {
    let bits = (gate + 0.0).to_bits();
    // Positive floats order like their bits, negative ones the other way round.
    let ascending = if bits >> 31 == 0 { bits | (1 << 31) } else { !bits };
    !ascending
}
