//! Several files with the same layers: parts of one checkpoint, whose samples come one after the other.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    error::Error,
    format::flame_moe::layer::{MAX_SELECTIONS, RowSamples, TraceLayer},
};

/// Makes one file of files whose columns name their samples; `None` where they do not, or have different layers. A sample
/// that several files have with the same experts is taken once.
///
/// # Errors
/// [`Error::Mismatch`] when two files have the same sample with other experts, [`Error::TooLarge`].
pub fn concat(files: &[&TraceLayer], warnings: &mut Vec<String>) -> Result<Option<TraceLayer>, Error> {
    let mut files = files.to_vec();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let Some(&first) = files.first() else { return Ok(None) };
    let numbers = |file: &TraceLayer| file.layers.iter().map(|&(number, _)| number).collect::<Vec<_>>();
    let alike = |file: &&TraceLayer| file.k == first.k && numbers(file) == numbers(first);
    if !files.iter().all(alike) {
        return Ok(None);
    }
    let tokens = files.iter().fold(0_usize, |sum, file| sum.saturating_add(file.tokens));
    let size = tokens.saturating_mul(first.k).saturating_mul(first.layers.len());
    if size > MAX_SELECTIONS {
        return Err(Error::TooLarge {
            name: first.folder.clone(),
            what: "its selections".to_owned(),
            bytes: 2 * size as u64,
            limit: 2 * MAX_SELECTIONS as u64,
            advice: "Write fewer tokens.",
        });
    }
    let mut layers: Vec<(u64, Vec<u16>)> =
        numbers(first).into_iter().map(|number| (number, Vec::new())).collect();
    let (mut names, mut offsets) = (Vec::new(), vec![0]);
    let mut seen: BTreeMap<Rc<str>, (usize, usize, &TraceLayer)> = BTreeMap::new();
    let mut twice = 0_usize;
    for file in &files {
        let Some(RowSamples { names: Some(own), offsets: ends }) = file.samples.as_deref() else {
            return Ok(None);
        };
        for (sample, span) in own.iter().zip(ends.array_windows()) {
            let [start, end] = span.map(|token| token * file.k);
            let selected = |(_, ids): &(u64, Rc<[u16]>)| ids.get(start..end).unwrap_or_default().to_vec();
            if let Some(&(before, len, other)) = seen.get(&sample.id) {
                let same = layers.iter().zip(&file.layers).all(|((_, ids), layer)| {
                    ids.get(before..before + len).unwrap_or_default() == selected(layer)
                });
                if !same {
                    return Err(Error::Mismatch {
                        name: file.name.clone(),
                        given: format!(
                            "sample `{}` with other tokens or experts",
                            crate::text::shorten(&sample.id)
                        ),
                        has: format!("that sample from {} already", other.name),
                        advice: "Give every sample its own sample_id, and write all its tokens into one file.",
                    });
                }
                twice += 1;
                continue;
            }
            let before = offsets.last().copied().unwrap_or(0);
            seen.insert(Rc::clone(&sample.id), (before * file.k, end - start, file));
            for ((_, ids), layer) in layers.iter_mut().zip(&file.layers) {
                ids.extend(selected(layer));
            }
            names.push(sample.clone());
            offsets.push(before + (end - start) / file.k.max(1));
        }
    }
    if twice > 0 {
        warnings.push(format!(
            "{}: {twice} samples are in several files with the same experts, as ranks that each write all of them do. Each \
             is taken once.",
            first.folder
        ));
    }
    Ok(Some(TraceLayer {
        tokens: offsets.last().copied().unwrap_or(0),
        ordered: files.iter().all(|file| file.ordered),
        experts: files.iter().filter_map(|file| file.experts).max(),
        bytes: files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes)),
        layers: layers.into_iter().map(|(number, ids)| (number, ids.into())).collect(),
        samples: Some(Rc::new(RowSamples { names: Some(names), offsets })),
        ..first.clone()
    }))
}
