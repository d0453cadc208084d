//! Folds ids into counts of how often each sample selected each expert of each layer
//! (`docs/metrics.md#mean-gates`). Dense layers, which some servers write as zeros, and tokens
//! without recorded ids are omitted.

use crate::{
    archive::codecs,
    format::expert_ids::{
        block::{Block, MISSING},
        scan::Fault,
    },
    io::source::{ByteSource as _, Source},
};

/// The most bytes for the counts of a file: as many as a packed file of its size may unpack to.
/// Without the limit, a single id could require counts of 65,535 experts in each of a thousand
/// layers.
pub fn most_counts(source: &Source) -> usize {
    codecs::limit(source.len()) as usize
}

/// Rows after which ascending ids are no coincidence: the probability is 2^-32.
const RISING: u64 = 32;

const EACH_ONCE: &str =
    "Write distinct experts per token, -1 where nothing was recorded, and no shared experts.";

/// The counts of the samples so far.
#[derive(Debug)]
pub struct Fold {
    /// The number of experts, if given; ids are below it.
    given: Option<usize>,
    /// The most bytes for counts.
    most: usize,
    /// Counts per row: the number of experts, or a power of two above all ids so far.
    width: usize,
    /// Layers and `k` of the first sample, and its line.
    first: Option<(usize, usize, usize)>,
    counts: Vec<u32>,
    tokens: Vec<u32>,
    largest: u16,
    /// The row in which each expert was last seen, `[width]`; rows count from 1.
    seen: Vec<u32>,
    row: u32,
    /// Whether the second id of every row so far is larger than the first.
    rising: bool,
    rows: u64,
    /// Tokens without ids.
    pub missing: u64,
    /// The largest number of layers of zeros in a sample.
    pub dense: usize,
}

/// The result of folding samples.
#[derive(Debug)]
pub struct Folded {
    /// Counts, `[S,L,width]`.
    pub counts: Vec<u32>,
    /// Counts per row, more than the largest id.
    pub width: usize,
    /// Layers, `L`.
    pub layers: usize,
    /// Experts per token, `k`.
    pub k: usize,
    /// Recorded tokens of each sample, `[S]`.
    pub tokens: Vec<u32>,
    /// The largest id.
    pub largest: u16,
    /// Whether ids are sorted by id and not by weight.
    pub by_id: bool,
    /// With one expert per token, which of the file's layers have experts; otherwise each sample's
    /// zeros mark dense layers.
    pub live: Option<Vec<bool>>,
}

impl Fold {
    /// Starts with the number of experts, if given.
    pub fn new(given: Option<usize>, most: usize) -> Self {
        let given = given.filter(|experts| (1..=65_535).contains(experts));
        Self {
            given,
            most,
            width: given.unwrap_or(8),
            first: None,
            counts: Vec::new(),
            tokens: Vec::new(),
            largest: 0,
            seen: Vec::new(),
            row: 0,
            rising: true,
            rows: 0,
            missing: 0,
            dense: 0,
        }
    }

    /// Limits the bytes of the counts, where those of other checkpoints of the file take their share.
    pub fn limit(&mut self, most: usize) {
        self.most = most;
    }

    /// Bytes of the counts so far.
    pub fn bytes(&self) -> usize {
        self.counts.len().saturating_mul(4)
    }

    /// Whether the last sample has the counts and tokens of sample `i`.
    pub fn repeats(&self, i: usize) -> bool {
        let Some((layers, ..)) = self.first else { return false };
        let size = layers * self.width;
        let Some(last) = self.tokens.len().checked_sub(1) else { return false };
        let row = |i: usize| self.counts.get(i * size..(i + 1) * size);
        i < last && self.tokens.get(i) == self.tokens.get(last) && row(i) == row(last)
    }

    /// Takes the last sample back.
    pub fn drop_last(&mut self) {
        let size = self.first.map_or(0, |(layers, ..)| layers * self.width);
        if self.tokens.pop().is_some() {
            self.counts.truncate(self.counts.len().saturating_sub(size));
        }
    }

    /// Number of samples so far.
    pub fn samples(&self) -> usize {
        self.tokens.len()
    }

    /// Counts the ids of one sample; `false` if it has no recorded token and is skipped.
    ///
    /// # Errors
    /// With token and layer when ids repeat, or the shape differs from that of the previous
    /// samples.
    pub fn push(&mut self, parts: &[&Block], line: usize) -> Result<bool, Fault> {
        let Some((raw, k)) = parts.first().map(|block| (block.layers, block.k)) else { return Ok(false) };
        if let Some(other) = parts.iter().find(|block| (block.layers, block.k) != (raw, k)) {
            return Err(Fault::of_record(
                "",
                format!(
                    "ids of {} layers with {} experts after ids of {raw} with {k}",
                    other.layers, other.k
                ),
                "the same in prompt and answer",
                "Write both from one request.",
            ));
        }
        let live = live_layers(parts, raw, k);
        let layers = live.iter().filter(|&&live| live).count();
        if layers == 0 {
            self.missing += parts.iter().map(|block| block.tokens as u64).sum::<u64>();
            return Ok(false);
        }
        match self.first {
            None => self.first = Some((layers, k, line)),
            Some((first_layers, first_k, first_line)) if (first_layers, first_k) != (layers, k) => {
                return Err(Fault::of_record(
                    "",
                    format!("ids of {layers} layers that are not all zero, with {k} experts per token"),
                    &format!("{first_layers} layers with {first_k} experts, as line {first_line} has"),
                    "Write one model's records into a file.",
                ));
            }
            Some(_) => {}
        }
        self.dense = self.dense.max(raw - layers);
        let base = self.counts.len();
        self.room(base + layers * self.width, self.width)?;
        self.counts.resize(base + layers * self.width, 0);
        let mut tokens = 0_u32;
        let mut before = 0;
        for block in parts {
            for (i, token) in block.ids.chunks_exact((raw * k).max(1)).enumerate() {
                if !is_recorded(token, k) {
                    self.missing += 1;
                    continue;
                }
                self.count(token, &live, k, layers).map_err(|fault| Fault {
                    place: format!("token {}, {}", before + i, fault.place),
                    ..fault
                })?;
                tokens += 1;
            }
            before += block.tokens;
        }
        self.tokens.push(tokens);
        Ok(true)
    }

    /// Counts one token into the last sample.
    fn count(&mut self, token: &[u16], live: &[bool], k: usize, layers: usize) -> Result<(), Fault> {
        let mut left = layers;
        for (layer, ids) in token.chunks_exact(k.max(1)).enumerate() {
            if live.get(layer) != Some(&true) {
                continue;
            }
            if self.row == u32::MAX {
                self.seen.fill(0);
                self.row = 0;
            }
            self.row += 1;
            self.rows += 1;
            if self.rising
                && let [first, second, ..] = ids
            {
                self.rising = first < second;
            }
            let largest = ids.iter().copied().max().unwrap_or(0);
            if usize::from(largest) >= self.width {
                self.widen(largest).map_err(|fault| Fault { place: format!("layer {layer}"), ..fault })?;
            }
            self.largest = self.largest.max(largest);
            self.seen.resize(self.width, 0);
            let base = self.counts.len() - left * self.width;
            let Some(counts) = self.counts.get_mut(base..base + self.width) else { continue };
            let row = self.row;
            let mut twice = false;
            for &id in ids {
                let Some(seen) = self.seen.get_mut(usize::from(id)) else { continue };
                twice |= *seen == row;
                *seen = row;
                if let Some(count) = counts.get_mut(usize::from(id)) {
                    *count += 1;
                }
            }
            if twice {
                return Err(impossible(ids, layer, k));
            }
            left -= 1;
        }
        Ok(())
    }

    /// Widens every row for an id.
    fn widen(&mut self, id: u16) -> Result<(), Fault> {
        if id == MISSING {
            return Err(Fault::of_record(
                "",
                "no expert (-1) in one layer of a token that has experts in others".to_owned(),
                "all ids of a token, or none",
                EACH_ONCE,
            ));
        }
        if let Some(given) = self.given {
            return Err(Fault::of_record(
                "",
                format!("expert {id}"),
                &format!("ids from 0 to {}, because {given} experts are given", given.saturating_sub(1)),
                "Correct the number of experts, or the file.",
            ));
        }
        let wide = (usize::from(id) + 1).next_power_of_two();
        let rows = self.counts.len() / self.width;
        self.room(rows.saturating_mul(wide), wide)?;
        let mut counts = Vec::with_capacity(rows * wide);
        for row in self.counts.chunks_exact(self.width) {
            counts.extend_from_slice(row);
            counts.resize(counts.len() + wide - self.width, 0);
        }
        self.counts = counts;
        self.width = wide;
        Ok(())
    }

    fn room(&self, values: usize, experts: usize) -> Result<(), Fault> {
        let most = self.most;
        if values.saturating_mul(4) <= most {
            return Ok(());
        }
        Err(Fault::of_record(
            "",
            format!(
                "counts of more than {most} bytes ({} samples before, {experts} experts per layer)",
                self.samples(),
            ),
            &format!("at most {most} bytes for all samples of a file of this size"),
            "Check that the largest id is an expert's, or open fewer samples per checkpoint.",
        ))
    }

    /// All counts; `None` if no sample has a recorded token.
    pub fn finish(self) -> Option<Folded> {
        let (layers, k, _) = self.first?;
        let Self { counts, width, tokens, largest, rising, rows, .. } = self;
        let by_id = rising && k > 1 && rows >= RISING;
        let folded = Folded { counts, width, layers, k, tokens, largest, by_id, live: None };
        Some(if k == 1 { without_zeros(folded) } else { folded })
    }
}

/// Drops dense layers with one expert per token: those in which every token selects expert 0.
fn without_zeros(folded: Folded) -> Folded {
    let Folded { width, layers, .. } = folded;
    let mut live = vec![false; layers];
    for sample in folded.counts.chunks_exact((layers * width).max(1)) {
        for (live, row) in live.iter_mut().zip(sample.chunks_exact(width)) {
            *live = *live || row.iter().skip(1).any(|&count| count > 0);
        }
    }
    let kept = live.iter().filter(|&&live| live).count();
    if kept == layers || kept == 0 {
        return folded;
    }
    let rows = folded.counts.chunks_exact(width).zip(live.iter().cycle());
    let counts = rows.filter(|&(_, &live)| live).flat_map(|(row, _)| row).copied().collect();
    Folded { counts, layers: kept, live: Some(live), ..folded }
}

fn impossible(ids: &[u16], layer: usize, k: usize) -> Fault {
    let twice = ids.iter().enumerate().find(|(i, id)| ids.iter().take(*i).any(|before| before == *id));
    let id = twice.map_or(0, |(_, &id)| id);
    Fault::of_record(
        &format!("layer {layer}"),
        format!("expert {id} twice"),
        &format!("{k} different experts"),
        EACH_ONCE,
    )
}

/// Which layers have experts. A dense one is all zeros, which cannot be ids if a token selects
/// several experts.
pub fn live_layers(parts: &[&Block], layers: usize, k: usize) -> Vec<bool> {
    if k == 1 {
        let any = parts.iter().any(|block| block.ids.iter().any(|&id| id != MISSING));
        return vec![any; layers];
    }
    let mut live = vec![false; layers];
    let mut open = layers;
    for token in parts.iter().flat_map(|block| block.ids.chunks_exact((layers * k).max(1))) {
        for (live, ids) in live.iter_mut().zip(token.chunks_exact(k.max(1))) {
            if !*live && ids.iter().any(|&id| id != 0 && id != MISSING) {
                *live = true;
                open -= 1;
            }
        }
        if open == 0 {
            break;
        }
    }
    live
}

/// Whether a token has ids. Tokens of a cached prefix have -1, and some writers pad with zeros.
pub fn is_recorded(token: &[u16], k: usize) -> bool {
    token.iter().any(|&id| id != MISSING && (id != 0 || k == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1 << 20;

    fn block(tokens: usize, layers: usize, k: usize, ids: &[u16]) -> Block {
        assert_eq!(ids.len(), tokens * layers * k);
        Block { tokens, layers, k, ids: ids.to_vec() }
    }

    #[test]
    fn dense_layers_and_missing_tokens_are_omitted() {
        let mut fold = Fold::new(None, MOST);
        let first = block(
            3,
            3,
            2,
            &[0, 0, 1, 2, 3, 0, MISSING, MISSING, MISSING, MISSING, MISSING, MISSING, 0, 0, 2, 9, 0, 1],
        );
        assert!(fold.push(&[&first], 1).is_ok_and(|kept| kept));
        // The same layers without the dense one; the last token is padding.
        let second = block(2, 2, 2, &[1, 0, 3, 2, 0, 0, 0, 0]);
        assert!(fold.push(&[&second], 2).is_ok_and(|kept| kept));
        assert!(fold.push(&[&block(1, 2, 2, &[0; 4])], 3).is_ok_and(|kept| !kept));
        assert_eq!((fold.missing, fold.dense), (3, 1));
        let folded = fold.finish().expect("samples");
        assert_eq!((folded.layers, folded.k, folded.width, folded.largest), (2, 2, 16, 9));
        assert_eq!(folded.tokens, [2, 1]);
        assert_eq!(folded.counts[..10], [0, 1, 2, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(folded.counts[16..20], [2, 1, 0, 1]);
        assert_eq!(folded.counts[32..36], [1, 1, 0, 0]);
        assert!(!folded.by_id);
    }

    #[test]
    fn with_one_expert_per_token_a_layer_of_zeros_is_dense() {
        let mut fold = Fold::new(None, MOST);
        assert!(fold.push(&[&block(2, 3, 1, &[0, 0, 1, 0, 5, 0])], 1).is_ok());
        assert!(fold.push(&[&block(1, 3, 1, &[0, 0, 0])], 2).is_ok());
        let folded = fold.finish().expect("samples");
        assert_eq!((folded.layers, folded.live), (2, Some(vec![false, true, true])));
        assert_eq!(folded.counts[..8], [1, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(folded.tokens, [2, 1]);
    }

    #[test]
    fn impossible_ids_are_explained() {
        let message = |fold: &mut Fold, block: &Block| {
            fold.push(&[block], 7).expect_err("wrong").in_line("f", 7).to_string()
        };
        let mut fold = Fold::new(None, MOST);
        let twice = message(&mut fold, &block(2, 1, 2, &[1, 2, 3, 3]));
        assert!(twice.contains("line 7, token 1, layer 0: expert 3 twice"), "{twice}");
        let half = message(&mut Fold::new(None, MOST), &block(1, 2, 2, &[1, 2, 3, MISSING]));
        assert!(half.contains("token 0, layer 1: no expert (-1)"), "{half}");
        let beyond = message(&mut Fold::new(Some(4), MOST), &block(1, 1, 2, &[1, 4]));
        assert!(beyond.contains("expert 4; expected ids from 0 to 3"), "{beyond}");
        let mut fold = Fold::new(None, MOST);
        assert!(fold.push(&[&block(1, 1, 2, &[1, 2])], 1).is_ok());
        let other = message(&mut fold, &block(1, 2, 2, &[1, 2, 3, 4]));
        assert!(other.contains("2 layers") && other.contains("as line 1 has"), "{other}");
    }

    #[test]
    fn ids_that_always_ascend_are_sorted_by_id() {
        let mut fold = Fold::new(None, MOST);
        let ids: Vec<u16> = (0..64).flat_map(|i| [i % 4, 4 + i % 4]).collect();
        assert!(fold.push(&[&block(64, 1, 2, &ids)], 1).is_ok());
        assert!(fold.finish().expect("samples").by_id);
    }
}
