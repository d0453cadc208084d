//! Pathways: the experts of every sample and layer, heaviest first, and the prefix length for each
//! threshold (docs/metrics.md#pathway).

use levenshtein::Sequences;

use crate::characters::push_characters;
use crate::error::{Error, check_len, check_router};
use crate::order::Orderer;

/// Pathways of one checkpoint at several thresholds (docs/metrics.md#pathway), without its mean
/// gates.
///
/// A layer of a pathway is the shortest prefix of its experts, heaviest first, whose cumulative
/// weight is strictly greater than the threshold `tau`. Ties are ordered by expert id, lower first.
/// If rounding keeps the sum below `tau`, all experts are taken. Paper: section 4.1.
///
/// Takes `L * (E + 2 * taus)` bytes per sample up to 256 experts per layer,
/// `L * (2 * E + 2 * taus)` above.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    layers: usize,
    experts: usize,
    taus: Vec<f64>,
    /// Expert ids `[S, L, E]`, heaviest first.
    order: Order,
    /// Prefix lengths, `[S, L, taus]`.
    prefixes: Vec<u16>,
    samples: usize,
    /// Buffers for the order of one layer.
    orderer: Orderer,
    /// Buffer for the running sums of one layer.
    sums: Vec<f64>,
    /// Buffer for the order of one sample, so that a sample that fails changes nothing.
    row: Vec<u16>,
}

/// Expert ids in the smallest type that holds them.
#[derive(Clone, Debug, PartialEq)]
enum Order {
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
}

/// Denominator of the exact comparison of selection counts: thresholds are rounded to the nearest
/// millionth.
const TAU_PARTS: u32 = 1_000_000;

/// How far a sum of selection frequencies without counts must exceed a threshold. Such a sum, stored
/// in f32, is off by less than 1e-7; the smallest true excess is `1 / (k T)`.
pub const FREQUENCY_MARGIN: f64 = 1e-6;

impl Ranking {
    /// Creates an empty ranking; `taus` are the thresholds, in any order.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, there are more than 65,535 experts, or a threshold is negative or
    /// not finite.
    pub fn new(layers: usize, experts: usize, taus: &[f64]) -> Result<Self, Error> {
        check_router(layers, experts)?;
        if let Some(&tau) = taus.iter().find(|tau| !tau.is_finite() || **tau < 0.0) {
            return Err(Error::Tau { tau });
        }
        let order = if experts <= 256 { Order::Narrow(Vec::new()) } else { Order::Wide(Vec::new()) };
        let (orderer, sums, row) = (Orderer::default(), Vec::new(), Vec::with_capacity(layers * experts));
        let (taus, prefixes) = (taus.to_vec(), Vec::new());
        Ok(Self { layers, experts, taus, order, prefixes, samples: 0, orderer, sums, row })
    }

    /// Ranks one sample's mean gates `[L, E]` by the stored values, with the running sum in f64.
    ///
    /// # Errors
    ///
    /// The slice is not `[L, E]`, or a gate is NaN or infinite; nothing is then added.
    pub fn push_sample(&mut self, gates: &[f32]) -> Result<(), Error> {
        self.push_weights(gates, 0.0)
    }

    /// Ranks one sample's selection frequencies `[L, E]` whose counts are unknown.
    ///
    /// Sums of frequencies often equal `tau` exactly, and rounding of the stored values would decide.
    /// A sum must therefore exceed `tau` by more than [`FREQUENCY_MARGIN`].
    ///
    /// # Errors
    ///
    /// As [`Self::push_sample`].
    pub fn push_frequencies(&mut self, frequencies: &[f32]) -> Result<(), Error> {
        self.push_weights(frequencies, FREQUENCY_MARGIN)
    }

    /// Ranks weights; a prefix ends where its sum exceeds a threshold by more than `margin`.
    fn push_weights(&mut self, gates: &[f32], margin: f64) -> Result<(), Error> {
        check_len("mean gates of one sample [L, E]", self.layers * self.experts, gates.len())?;
        if let Some(place) = gates.iter().position(|gate| !gate.is_finite()) {
            let (layer, expert) = (place / self.experts, place % self.experts);
            return Err(Error::GateNotFinite { layer, expert, value: gates[place] });
        }
        self.row.clear();
        let largest = self.taus.iter().copied().fold(0.0, f64::max);
        for gates in gates.chunks_exact(self.experts) {
            self.rank(gates.iter().map(|&gate| descending(gate)));
            let ranked = &self.row[self.row.len() - self.experts..];
            // A sum above the largest threshold is above all.
            self.sums.clear();
            let mut sum = 0.0;
            for &id in ranked {
                sum += f64::from(gates[usize::from(id)]);
                self.sums.push(sum);
                if sum > largest + margin {
                    break;
                }
            }
            for &tau in &self.taus {
                let reached = self.sums.iter().position(|&sum| sum > tau + margin);
                self.prefixes.push(reached.map_or(self.experts, |place| place + 1) as u16);
            }
        }
        self.store();
        Ok(())
    }

    /// Ranks one sample's selection counts `[L, E]` in place of gates, for traces that hold only
    /// expert ids.
    ///
    /// The weight of an expert is `count / (k * tokens)`. Sums often equal `tau` exactly, so
    /// integers are compared: `10^6 * sum of counts > tau in millionths * k * tokens`. `tokens` is
    /// the number of recorded rows.
    ///
    /// # Errors
    ///
    /// The slice is not `[L, E]`, or `k` or `tokens` is 0; nothing is then added.
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
                // sum * 10^6 > tau * k * T in integers is the same as sum > floor(tau * k * T /
                // 10^6).
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

    /// Appends the ids of one layer to `row`, in ascending order of the weights' keys, then of the
    /// ids.
    fn rank(&mut self, keys: impl ExactSizeIterator<Item = u32>) {
        self.orderer.append_order(keys, &mut self.row);
    }

    /// Stores the sample whose ids are in `row`.
    fn store(&mut self) {
        match &mut self.order {
            Order::Narrow(ids) => ids.extend(self.row.iter().map(|&id| id as u8)),
            Order::Wide(ids) => ids.extend_from_slice(&self.row),
        }
        self.samples += 1;
    }

    /// An empty ranking of the same shape and thresholds.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let order = match self.order {
            Order::Narrow(_) => Order::Narrow(Vec::new()),
            Order::Wide(_) => Order::Wide(Vec::new()),
        };
        let (taus, prefixes, orderer) = (self.taus.clone(), Vec::new(), Orderer::default());
        Self { taus, order, prefixes, samples: 0, orderer, sums: Vec::new(), row: Vec::new(), ..*self }
    }

    /// Appends the samples of a ranking of the same shape and thresholds.
    ///
    /// # Panics
    ///
    /// The shapes or the thresholds differ.
    pub fn append(&mut self, other: &Self) {
        let shape = |of: &Self| (of.layers, of.experts);
        assert!(shape(self) == shape(other) && self.taus == other.taus, "rankings of the same kind");
        match (&mut self.order, &other.order) {
            (Order::Narrow(ids), Order::Narrow(others)) => ids.extend_from_slice(others),
            (Order::Wide(ids), Order::Wide(others)) => ids.extend_from_slice(others),
            // The number of experts decides the type.
            _ => {}
        }
        self.prefixes.extend_from_slice(&other.prefixes);
        self.samples += other.samples;
    }

    /// Number of layers, `L`.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Experts per layer, `E`.
    #[must_use]
    pub fn experts(&self) -> usize {
        self.experts
    }

    /// Thresholds in the given order.
    #[must_use]
    pub fn taus(&self) -> &[f64] {
        &self.taus
    }

    /// Index of a threshold in [`Self::taus`], if it is one of them.
    #[must_use]
    pub fn tau_index(&self, tau: f64) -> Option<usize> {
        self.taus.iter().position(|&known| known.to_bits() == tau.to_bits())
    }

    /// A ranking with reordered samples: sample `i` of the result is sample `places[i]` of this
    /// one.
    ///
    /// # Panics
    ///
    /// A sample is out of range.
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
            orderer: Orderer::default(),
            sums: Vec::new(),
            row: Vec::new(),
            ..*self
        }
    }

    /// Number of samples, `S`.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Symbol between two layers: the first number that is not an expert id.
    #[must_use]
    pub fn layer_break(&self) -> u16 {
        self.experts as u16
    }

    /// Number of experts of the pathway in one layer.
    ///
    /// # Panics
    ///
    /// The sample, layer or threshold is out of range.
    #[must_use]
    pub fn prefix_len(&self, sample: usize, layer: usize, tau_index: usize) -> usize {
        assert!(layer < self.layers && tau_index < self.taus.len(), "layer and threshold are in range");
        usize::from(self.prefixes[(sample * self.layers + layer) * self.taus.len() + tau_index])
    }

    /// Expert ids of the pathway in one layer, heaviest first.
    ///
    /// # Panics
    ///
    /// The sample, layer or threshold is out of range.
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

    /// Pathways of the listed samples as symbols: expert ids, with [`Self::layer_break`] between
    /// layers.
    ///
    /// # Panics
    ///
    /// A sample or the threshold is out of range.
    #[must_use]
    pub fn symbols(&self, tau_index: usize, samples: &[u32]) -> Sequences {
        let mut sequences = self.room_for_symbols(tau_index, samples);
        for &sample in samples {
            for layer in 0..self.layers {
                if layer > 0 {
                    sequences.push_symbol(self.layer_break());
                }
                self.push_layer(sample as usize, layer, tau_index, &mut sequences);
            }
            sequences.end();
        }
        sequences
    }

    /// An empty set with room for the pathways of the listed samples as symbols.
    pub(crate) fn room_for_symbols(&self, tau_index: usize, samples: &[u32]) -> Sequences {
        let of_layers = (0..self.layers).map(|layer| self.symbols_of_layer(tau_index, layer, samples));
        let breaks = samples.len() * (self.layers - 1);
        Sequences::with_capacity(samples.len(), of_layers.sum::<usize>() + breaks)
    }

    /// Experts of the listed samples' pathways in one layer.
    fn symbols_of_layer(&self, tau_index: usize, layer: usize, samples: &[u32]) -> usize {
        samples.iter().map(|&sample| self.prefix_len(sample as usize, layer, tau_index)).sum()
    }

    /// Appends the expert ids of the pathway in one layer.
    fn push_layer(&self, sample: usize, layer: usize, tau_index: usize, sequences: &mut Sequences) {
        let start = (sample * self.layers + layer) * self.experts;
        let place = start..start + self.prefix_len(sample, layer, tau_index);
        match &self.order {
            Order::Narrow(ids) => sequences.push_symbols(ids[place].iter().map(|&id| u16::from(id))),
            Order::Wide(ids) => sequences.push_symbols(ids[place].iter().copied()),
        }
    }

    /// Pathways of the listed samples as characters of their written form: digits are 0 to 9, a
    /// comma is 10, a hyphen is 11.
    ///
    /// # Panics
    ///
    /// A sample or the threshold is out of range.
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

    /// One layer of the listed samples' pathways, as expert ids (docs/metrics.md#layer-distance).
    ///
    /// # Panics
    ///
    /// A sample, the layer or the threshold is out of range.
    #[must_use]
    pub fn layer(&self, tau_index: usize, layer: usize, samples: &[u32]) -> Sequences {
        let mut sequences =
            Sequences::with_capacity(samples.len(), self.symbols_of_layer(tau_index, layer, samples));
        for &sample in samples {
            self.push_layer(sample as usize, layer, tau_index, &mut sequences);
            sequences.end();
        }
        sequences
    }

    /// Written form of one pathway: ids joined by `,` within a layer and by `-` between layers, as
    /// in `3,1,5-9,1`.
    ///
    /// # Panics
    ///
    /// The sample or the threshold is out of range.
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

/// A threshold in millionths. Shares never exceed 1, so larger thresholds are clamped, which keeps
/// products small.
#[expect(clippy::cast_sign_loss, reason = "thresholds are not negative")]
fn tau_parts(tau: f64) -> u128 {
    libm::round(tau.min(2.0) * f64::from(TAU_PARTS)) as u128
}

/// The listed rows of a matrix of that width.
fn rows<T: Copy>(matrix: &[T], width: usize, places: &[usize]) -> Vec<T> {
    places.iter().flat_map(|&place| &matrix[place * width..(place + 1) * width]).copied().collect()
}

/// Sort key that ascends as the gate descends; equal for equal gates, including both zeros.
fn descending(gate: f32) -> u32 {
    let bits = (gate + 0.0).to_bits();
    // Positive floats are ordered like their bits, negative ones in reverse.
    let ascending = if bits >> 31 == 0 { bits | (1 << 31) } else { !bits };
    !ascending
}
