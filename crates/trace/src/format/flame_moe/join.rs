//! Joins the layers of one folder into a trace.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    error::Error,
    format::flame_moe::{
        concat::concat,
        layer::{MAX_SELECTIONS, NAME, RowSamples, TraceLayer},
    },
    model::{GateKind, MAX_EXPERTS, RouterTrace, SampleMeta, StepSource, TopK, results::SampleRecord},
    open_trace::OpenTrace,
};

/// Default tokens per sample: a sequence of FLAME-MoE's evaluation.
const SEQUENCE: usize = 2048;

/// One layer of a file.
struct Layer<'a> {
    file: &'a TraceLayer,
    number: u64,
    ids: &'a [u16],
}

/// Joins the layers of one folder into a trace.
///
/// The samples are those that the files' columns name. Otherwise they are those of `records` if
/// their token counts sum to the number of rows, and without such a list every 2048 rows are one
/// sample. Such files do not contain the number of experts: unless the user gave it, it is the next
/// power of two above the largest id. Both defaults add a warning.
///
/// # Errors
/// [`Error::Mismatch`] when the layers do not fit together.
pub fn join_layers(
    layers: &[&TraceLayer],
    records: &[SampleRecord],
    warnings: &mut Vec<String>,
) -> Result<OpenTrace, Error> {
    let wrong = |layer: &TraceLayer, given: String, has: String, advice: &'static str| Error::Mismatch {
        name: layer.name.clone(),
        given,
        has,
        advice,
    };
    let mut files = layers.to_vec();
    let together;
    if repeated(&layers_of(&files)).is_some()
        && let Some(one) = concat(&files, warnings)?
    {
        together = one;
        files = vec![&together];
    }
    let layers = layers_of(&files);
    let (Some(lowest), Some(highest)) = (layers.first(), layers.last()) else {
        return Err(Error::Mismatch {
            name: NAME.to_owned(),
            given: "no layers were given".to_owned(),
            has: "at least one".to_owned(),
            advice: "This is a bug in Grokscope; please report it.",
        });
    };
    let first = lowest.file;
    if let Some((before, layer)) = repeated(&layers) {
        return Err(wrong(
            layer.file,
            format!("layer {}", layer.number),
            format!("that layer from {} already", before.file.name),
            "Give every checkpoint a folder of its own. If the files are parts of one, write a column sample_id.",
        ));
    }
    for Layer { file, .. } in &layers {
        if (file.tokens, file.k) != (first.tokens, first.k) {
            return Err(wrong(
                file,
                format!("{} tokens with {} experts each", file.tokens, file.k),
                format!("{} tokens with {} experts each in {}", first.tokens, first.k, first.name),
                "Write all layers from the same tokens.",
            ));
        }
        if file.samples != first.samples {
            return Err(wrong(
                file,
                "tokens of other samples, or in another order,".to_owned(),
                format!("those of {}", first.name),
                "Write all layers from the same tokens, with the same columns.",
            ));
        }
    }
    let shown = if first.folder.is_empty() { &first.name } else { &first.folder };
    if highest.number - lowest.number != layers.len() as u64 - 1 {
        warnings.push(format!(
            "{shown}: layers {} to {} with gaps: {} layers. If a layer between them is missing, the trace has only \
             the others.",
            lowest.number,
            highest.number,
            layers.len()
        ));
    }
    let (tokens, k) = (first.tokens, first.k);
    let with_step = files.iter().find(|file| file.step_from == StepSource::User).copied().unwrap_or(first);
    let size = tokens.checked_mul(k).and_then(|size| size.checked_mul(layers.len()));
    if size.is_none_or(|size| size > MAX_SELECTIONS) {
        return Err(Error::TooLarge {
            name: shown.clone(),
            what: "its selections".to_owned(),
            bytes: 2 * size.unwrap_or(usize::MAX / 2) as u64,
            limit: 2 * MAX_SELECTIONS as u64,
            advice: "Write fewer tokens.",
        });
    }
    let (samples, offsets) = match &first.samples {
        Some(samples) => named_samples(shown, samples, records, warnings),
        None => samples_of(shown, tokens, records, warnings),
    };
    let largest = layers.iter().flat_map(|layer| layer.ids.iter().copied()).max().unwrap_or(0);
    let least = (usize::from(largest) + 1).max(k);
    let given = files.iter().filter_map(|file| file.experts).max();
    let experts = given.unwrap_or_else(|| least.next_power_of_two()).max(least).min(MAX_EXPERTS);
    if given.is_none() {
        warnings.push(experts_assumed(shown, largest, experts));
    }
    let count = offsets.len() - 1;
    let values = count.checked_mul(layers.len()).and_then(|n| n.checked_mul(experts));
    if values.is_none_or(|values| values > MAX_SELECTIONS) {
        return Err(Error::TooLarge {
            name: shown.clone(),
            what: "its selection frequencies".to_owned(),
            bytes: 4 * values.unwrap_or(usize::MAX / 4) as u64,
            limit: 4 * MAX_SELECTIONS as u64,
            advice: "Write fewer tokens.",
        });
    }
    let mut ids = Vec::with_capacity(size.unwrap_or(0));
    for token in 0..tokens {
        for layer in &layers {
            ids.extend_from_slice(layer.ids.get(token * k..(token + 1) * k).unwrap_or_default());
        }
    }
    let format = if first.format == NAME { "FLAME-MoE layers" } else { first.format };
    let topk = TopK { k, layers: layers.len(), ids, offsets };
    let trace = RouterTrace {
        model: None,
        step: with_step.step,
        tokens: None,
        samples,
        layers: layers.len(),
        experts,
        gate_kind: GateKind::SelectionFrequency,
        gates: topk.frequencies(experts),
        loss: None,
        n_tokens: Some(topk.offsets.windows(2).map(|span| (span[1] - span[0]) as u32).collect()),
        router: None,
        topk: Some(topk),
        topk_ordered: files.iter().all(|file| file.ordered),
    };
    let mut open = OpenTrace::from_memory(shown, format, trace)?;
    open.info.step_from = with_step.step_from;
    open.info.bytes = files.iter().map(|file| file.bytes).sum();
    Ok(open)
}

/// The warning that the number of experts is a guess.
pub(super) fn experts_assumed(shown: &str, largest: u16, experts: usize) -> String {
    format!(
        "{shown}: such files do not state the number of experts per layer. The ids go up to {largest}, so {experts} are assumed, the \
         next power of two. If that is wrong, give the number (`--experts`, or beside the file on the page)."
    )
}

/// The layers of all files, ascending.
fn layers_of<'a>(files: &[&'a TraceLayer]) -> Vec<Layer<'a>> {
    let mut layers: Vec<Layer<'a>> = files
        .iter()
        .flat_map(|&file| file.layers.iter().map(move |(number, ids)| Layer { file, number: *number, ids }))
        .collect();
    layers.sort_by_key(|layer| layer.number);
    layers
}

/// The first two layers of one number.
fn repeated<'l, 'a>(layers: &'l [Layer<'a>]) -> Option<(&'l Layer<'a>, &'l Layer<'a>)> {
    layers.windows(2).find_map(|pair| match pair {
        [before, layer] if before.number == layer.number => Some((before, layer)),
        _ => None,
    })
}

/// Token counts of the records, where all are known.
fn counts_of(records: &[SampleRecord]) -> Option<Vec<usize>> {
    records.iter().map(|record| record.tokens.map(|n| n as usize).filter(|&n| n > 0)).collect()
}

fn named(records: &[SampleRecord]) -> Vec<SampleMeta> {
    records.iter().map(|record| SampleMeta { id: record.id.clone(), domain: record.domain.clone() }).collect()
}

/// The samples that the files' columns name, with the domains of records of the same ids.
fn named_samples(
    shown: &str,
    samples: &Rc<RowSamples>,
    records: &[SampleRecord],
    warnings: &mut Vec<String>,
) -> (Option<Vec<SampleMeta>>, Vec<usize>) {
    let offsets = samples.offsets.clone();
    let Some(names) = &samples.names else {
        let lengths =
            offsets.windows(2).map(|span| span.iter().rev().copied().reduce(|end, start| end - start));
        let same = counts_of(records).is_some_and(|counts| lengths.eq(counts.into_iter().map(Some)));
        if same {
            return (Some(named(records)), offsets);
        }
        warnings.push(format!(
            "{shown}: no column names the samples. One begins where the tokens' positions begin again: {} samples.",
            offsets.len().saturating_sub(1)
        ));
        return (None, offsets);
    };
    let domains: BTreeMap<&str, &str> =
        records.iter().map(|record| (record.id.as_str(), record.domain.as_str())).collect();
    let samples = names.iter().map(|sample| {
        let domain = sample.domain.as_deref().or_else(|| domains.get(&*sample.id).copied());
        SampleMeta { id: sample.id.to_string(), domain: domain.unwrap_or("all").to_owned() }
    });
    (Some(samples.collect()), offsets)
}

/// The samples of files that do not name them, and their token offsets.
fn samples_of(
    shown: &str,
    tokens: usize,
    records: &[SampleRecord],
    warnings: &mut Vec<String>,
) -> (Option<Vec<SampleMeta>>, Vec<usize>) {
    if let Some(counts) = counts_of(records).filter(|counts| counts.iter().sum::<usize>() == tokens) {
        let mut offsets = vec![0];
        let mut sum = 0;
        for count in counts {
            sum += count;
            offsets.push(sum);
        }
        return (Some(named(records)), offsets);
    }
    warnings.push(format!(
        "{shown}: such files do not state where samples end, so every {SEQUENCE} rows are taken as one sample. Add a list of \
         the samples whose token counts sum to {tokens}."
    ));
    let mut offsets: Vec<usize> = (0..tokens).step_by(SEQUENCE).collect();
    offsets.push(tokens);
    (None, offsets)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn layer(number: u64, ids: &[u16], k: usize) -> TraceLayer {
        TraceLayer {
            name: format!("run/5/layer_{number}.parquet"),
            format: NAME,
            folder: "run/5".to_owned(),
            layer: number,
            step: Some(5),
            step_from: StepSource::FileName,
            tokens: ids.len() / k,
            k,
            experts: None,
            ordered: true,
            bytes: 100,
            layers: vec![(number, ids.into())],
            samples: None,
        }
    }

    fn record(id: &str, tokens: u32) -> SampleRecord {
        SampleRecord {
            id: id.to_owned(),
            domain: "x".to_owned(),
            tokens: Some(tokens),
            embedding: None,
            token_ids: None,
        }
    }

    #[test]
    fn layers_are_sorted_and_rows_split_into_samples() {
        let (two, seven) = (layer(2, &[0, 1, 1, 0, 0, 1], 2), layer(7, &[5, 4, 5, 4, 4, 0], 2));
        let mut warnings = Vec::new();
        let open =
            join_layers(&[&seven, &two], &[record("a", 1), record("b", 2)], &mut warnings).expect("a trace");
        assert_eq!((open.info.layers, open.info.experts, open.info.top_k), (2, 8, Some(2)));
        assert_eq!((open.info.step, open.info.samples[1].id.as_str()), (Some(5), "b"));
        let [gaps, assumed] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(gaps.contains("layers 2 to 7"), "{gaps}");
        assert!(assumed.contains("go up to 5, so 8 are assumed"), "{assumed}");
        let topk = futures::executor::block_on(open.topk(1..2)).expect("selections").expect("some");
        assert_eq!(topk.ids, [1, 0, 5, 4, 0, 1, 4, 0]);
    }

    #[test]
    fn a_given_number_of_experts_is_used() {
        let mut layers = [layer(1, &[0, 1], 2), layer(2, &[5, 4], 2)];
        layers[1].experts = Some(64);
        let experts = |layers: &[TraceLayer; 2]| {
            let open = join_layers(&[&layers[0], &layers[1]], &[], &mut Vec::new()).expect("a trace");
            assert_eq!(block_on(open.gates(0..1)).expect("gates").len(), 2 * open.info.experts);
            open.info.experts
        };
        assert_eq!(experts(&layers), 64);
        layers[1].experts = None;
        assert_eq!(experts(&layers), 8);
    }

    #[test]
    fn layers_that_do_not_fit_are_explained() {
        let (one, other) = (layer(1, &[0, 1], 2), layer(2, &[0, 1, 2, 3], 2));
        let message = |layers: &[&TraceLayer]| {
            join_layers(layers, &[], &mut Vec::new()).expect_err("a mistake").to_string()
        };
        assert!(message(&[&one, &other]).contains("1 tokens with 2 experts each in run/5/layer_1.parquet"));
        assert!(message(&[&one, &one]).contains("already"));
        assert!(message(&[]).contains("no layers"));
    }
}
