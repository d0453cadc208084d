//! Counts and frequencies of selected experts.

use crate::model::{Counts, TopK};

impl TopK {
    /// The selections `[T,L,k]` of the tokens of one sample; `None` for an index out of range.
    #[must_use]
    pub fn of(&self, sample: usize) -> Option<&[u16]> {
        let token = self.layers * self.k;
        let (start, end) = (self.offsets.get(sample)?, self.offsets.get(sample + 1)?);
        self.ids.get(start * token..end * token)
    }

    /// How often each expert was selected by each sample.
    #[must_use]
    pub fn counts(&self, experts: usize) -> Counts {
        let width = self.layers * experts;
        let samples = self.offsets.len().saturating_sub(1);
        let mut values = vec![0_u32; samples * width];
        let mut tokens = Vec::with_capacity(samples);
        let token = self.layers * self.k;
        for (sample, span) in values.chunks_exact_mut(width.max(1)).zip(self.offsets.windows(2)) {
            let (start, end) = if let [start, end] = span { (*start, *end) } else { (0, 0) };
            tokens.push((end - start) as u32);
            let ids = self.ids.get(start * token..end * token).unwrap_or_default();
            for token in ids.chunks_exact(token.max(1)) {
                for (layer, selected) in token.chunks_exact(self.k.max(1)).enumerate() {
                    for &expert in selected {
                        if let Some(slot) = sample.get_mut(layer * experts + usize::from(expert)) {
                            *slot += 1;
                        }
                    }
                }
            }
        }
        Counts { k: self.k, width, values, tokens }
    }

    /// Selection frequencies of each sample's experts, `[S,L,E]`; samples without tokens are
    /// skipped.
    #[must_use]
    pub fn frequencies(&self, experts: usize) -> Vec<f32> {
        let width = self.layers * experts;
        let token = self.layers * self.k;
        let mut all = Vec::with_capacity((self.offsets.len() - 1) * width);
        for span in self.offsets.windows(2) {
            let [start, end] = *span else { continue };
            if start == end {
                continue;
            }
            let mut counts = vec![0_u32; width];
            for selected in self.ids.get(start * token..end * token).unwrap_or_default().chunks_exact(token) {
                for (layer, experts_of) in selected.chunks_exact(self.k).enumerate() {
                    for &id in experts_of {
                        if let Some(count) = counts.get_mut(layer * experts + usize::from(id)) {
                            *count += 1;
                        }
                    }
                }
            }
            let total = (self.k * (end - start)) as f64;
            all.extend(counts.into_iter().map(|count| (f64::from(count) / total) as f32));
        }
        all
    }
}
