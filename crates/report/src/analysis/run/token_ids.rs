//! Ids of the samples' tokens, from lists of samples.

use std::collections::BTreeMap;

use trace::{FileKind, SampleMeta, SampleRecord, TokenIds};

use super::{fit::UNSTATED, part::Part};

/// The token ids of each sample. The first list that has a sample counts; a list without domains is of all domains.
pub(super) fn of_samples(parts: &[Part], samples: &[SampleMeta]) -> Vec<Option<TokenIds>> {
    let mut records: BTreeMap<&str, &SampleRecord> = BTreeMap::new();
    for part in parts {
        if let FileKind::SampleList(list) = &part.what {
            for record in list.samples.iter().filter(|record| record.token_ids.is_some()) {
                records.entry(record.id.as_str()).or_insert(record);
            }
        }
    }
    let of = |sample: &SampleMeta| {
        let record = records.get(sample.id.as_str())?;
        let same = record.domain == sample.domain || record.domain == UNSTATED;
        record.token_ids.clone().filter(|_| same)
    };
    samples.iter().map(of).collect()
}
