//! Several files of one checkpoint as one trace, and a trace without some of its samples.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Error,
    model::{SampleCounts, SampleMeta, TraceInfo, make_distinct, offsets_of},
    open_trace::{
        bad_samples::BadSample,
        parts::{Body, OpenTrace, Piece, overlaps},
    },
    text::shorten,
};

/// What the traces of one checkpoint joined to.
#[derive(Debug)]
pub struct Joined {
    /// The one trace.
    pub trace: OpenTrace,
    /// Samples that several files have with the same content; each counts once.
    pub repeated: usize,
}

impl OpenTrace {
    /// Makes one trace of several files of one checkpoint, their samples concatenated. A sample that a later file has
    /// again with the same selections counts once.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when layers, experts or the kind of gates differ, or when a sample has other selections in
    /// another file.
    pub fn join(mut parts: Vec<Self>) -> Result<Joined, Error> {
        let experts = parts.iter().map(|part| part.info.experts).max().unwrap_or(0);
        for part in &mut parts {
            if part.experts_are_guessed() {
                part.set_experts(experts)?;
            }
        }
        let Some(first) = parts.first().map(|part| part.info.clone()) else {
            return Err(Error::Empty { name: "no file".to_owned() });
        };
        check_shapes(&parts, &first)?;
        let count = parts.len();
        let (parts, repeated) = without_repetitions(parts)?;
        let infos = || parts.iter().map(|part| &part.info);
        let labelled = infos().all(|info| info.labelled);
        let mut samples: Vec<SampleMeta> = infos().flat_map(|info| info.samples.iter().cloned()).collect();
        // Each file numbers its unnamed samples from 0, with those that are left out.
        let places = places_in_files(&parts);
        for (place, sample) in places.iter().zip(&mut samples) {
            if is_number(&sample.id) && !labelled {
                sample.id = place.to_string();
            }
        }
        let left_out = left_out_of(&parts);
        let mut twice = Vec::new();
        make_distinct(&first.name, &mut samples, &mut twice);
        let all = |list: fn(&TraceInfo) -> Option<&[u32]>| {
            infos().map(list).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
        };
        let n_tokens = all(|info| info.n_tokens.as_deref());
        let lost = |info: &TraceInfo| vec![f32::NAN; info.samples.len()];
        let losses = || infos().flat_map(|info| info.loss.clone().unwrap_or_else(|| lost(info)));
        let has_topk = infos().all(|info| info.has_topk);
        let offsets = n_tokens.as_ref().filter(|_| has_topk).map(|counts| offsets_of(counts).into());
        let info = TraceInfo {
            name: format!("{} and {} more", first.name, count - 1),
            labelled,
            samples,
            loss: infos().any(|info| info.loss.is_some()).then(|| losses().collect()),
            n_tokens,
            has_topk,
            topk_ordered: infos().all(|info| info.topk_ordered),
            half_precision: infos().any(|info| info.half_precision),
            has_router: false,
            bytes: infos().map(|info| info.bytes).sum(),
            ..first
        };
        let pieces =
            parts.into_iter().map(|trace| Piece { rows: 0..trace.info.samples.len(), trace }).collect();
        let mut trace = Self::new(info, Body::Joined(pieces), offsets);
        trace.left_out = left_out.into();
        *trace.notices.borrow_mut() = twice;
        Ok(Joined { trace, repeated })
    }

    /// The trace without some of its samples, which are named by their rows.
    #[must_use]
    pub fn without(&self, left_out: &BTreeSet<usize>) -> Self {
        let kept: Vec<usize> = (0..self.info.samples.len()).filter(|row| !left_out.contains(row)).collect();
        let pieces = kept
            .chunk_by(|a, b| a + 1 == *b)
            .filter_map(|run| Some(*run.first()?..run.last()? + 1))
            .map(|rows| Piece { trace: self.clone(), rows })
            .collect();
        let offsets = self.offsets.as_ref().map(|offsets| {
            let mut sum = 0;
            let lengths = kept.iter().filter_map(|&row| Some(offsets.get(row + 1)? - offsets.get(row)?));
            let sums = lengths.map(|length| {
                sum += length;
                sum
            });
            std::iter::once(0).chain(sums).collect()
        });
        let info = TraceInfo {
            samples: kept.iter().filter_map(|&row| self.info.samples.get(row).cloned()).collect(),
            loss: self.info.loss.as_ref().map(|loss| chosen(loss, &kept)),
            n_tokens: self.info.n_tokens.as_ref().map(|counts| chosen(counts, &kept)),
            has_router: false,
            ..self.info.clone()
        };
        Self::new(info, Body::Joined(pieces), offsets)
    }

    /// The selections of one sample, where they are counts in memory.
    fn counts_in_memory<R>(&self, row: usize, look: impl FnOnce(SampleCounts<'_>) -> R) -> Option<R> {
        match &self.body {
            Body::Ids(body) => Some(look(body.counts(row..row + 1, self.info.experts)?.of(0))),
            Body::Joined(pieces) => {
                let (trace, rows) = overlaps(pieces, &(row..row + 1)).next()?;
                trace.counts_in_memory(rows.start, look)
            }
            Body::File(_) | Body::Memory(_) => None,
        }
    }

    /// Whether two samples have the same selections.
    fn has_same(&self, row: usize, other: &Self, other_row: usize) -> bool {
        let same = self.counts_in_memory(row, |own| {
            other.counts_in_memory(other_row, |theirs| {
                (own.k, own.tokens, own.values) == (theirs.k, theirs.tokens, theirs.values)
            })
        });
        same.flatten().unwrap_or(false)
    }
}

/// The place of every sample among those of all files, with those that are left out.
fn places_in_files(parts: &[OpenTrace]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut before = 0;
    for part in parts {
        places.extend(part.rows_in_file().into_iter().map(|row| before + row));
        before += part.samples_in_file();
    }
    places
}

/// The samples that the files are read without, with their places among those of all files.
fn left_out_of(parts: &[OpenTrace]) -> Vec<BadSample> {
    let mut all = Vec::new();
    let mut before = 0;
    for part in parts {
        let shifted = |bad: &BadSample| {
            let row = before + bad.row;
            let id = if part.info.labelled { bad.id.clone() } else { row.to_string() };
            BadSample { row, id, fault: bad.fault.clone() }
        };
        all.extend(part.left_out().iter().map(shifted));
        before += part.samples_in_file();
    }
    all
}

fn chosen<T: Copy>(list: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|&row| list.get(row).copied()).collect()
}

/// Whether an id is the sample's place in its file.
pub(super) fn is_number(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_shapes(parts: &[OpenTrace], first: &TraceInfo) -> Result<(), Error> {
    let alike = |info: &TraceInfo| {
        (info.layers, info.experts, info.top_k, info.gate_kind)
            == (first.layers, first.experts, first.top_k, first.gate_kind)
    };
    let Some(other) = parts.iter().find(|part| !alike(&part.info)) else { return Ok(()) };
    let words = |info: &TraceInfo| {
        format!("{} layers of {} experts, {} per token", info.layers, info.experts, info.top_k.unwrap_or(0))
    };
    Err(Error::Mismatch {
        name: first.name.clone(),
        given: format!("{} of the same checkpoint has {}", other.info.name, words(&other.info)),
        has: words(first),
        advice: "Keep files of one model in a folder.",
    })
}

/// Leaves out samples that an earlier part has already, and counts them.
fn without_repetitions(parts: Vec<OpenTrace>) -> Result<(Vec<OpenTrace>, usize), Error> {
    let mut kept: Vec<OpenTrace> = Vec::with_capacity(parts.len());
    let mut repeated = 0;
    for part in parts {
        let twice = repetitions(&kept, &part)?;
        repeated += twice.len();
        if twice.is_empty() {
            kept.push(part);
        } else if twice.len() < part.info.samples.len() {
            kept.push(part.without(&twice));
        }
    }
    Ok((kept, repeated))
}

/// Rows of a part whose samples the parts before it have.
fn repetitions(before: &[OpenTrace], part: &OpenTrace) -> Result<BTreeSet<usize>, Error> {
    let named =
        |trace: &OpenTrace| trace.info.labelled || !trace.info.samples.iter().all(|s| is_number(&s.id));
    if !named(part) {
        // Without names, only a whole file with the same selections is the same samples again.
        let same = |other: &&OpenTrace| {
            let count = part.info.samples.len();
            count == other.info.samples.len() && (0..count).all(|row| part.has_same(row, other, row))
        };
        let again = before.iter().any(|other| same(&other));
        return Ok(if again { (0..part.info.samples.len()).collect() } else { BTreeSet::new() });
    }
    let mut known: BTreeMap<&str, (&OpenTrace, usize)> = BTreeMap::new();
    for other in before.iter().filter(|other| named(other)) {
        for (row, sample) in other.info.samples.iter().enumerate() {
            known.insert(&sample.id, (other, row));
        }
    }
    let mut twice = BTreeSet::new();
    for (row, sample) in part.info.samples.iter().enumerate() {
        let Some(&(other, other_row)) = known.get(sample.id.as_str()) else { continue };
        if part.has_same(row, other, other_row) {
            twice.insert(row);
        } else if part.info.labelled {
            return Err(Error::Mismatch {
                name: part.info.name.clone(),
                given: format!(
                    "the sample `{}` has other experts in {}",
                    shorten(&sample.id),
                    other.info.name
                ),
                has: "one set of experts per sample and checkpoint".to_owned(),
                advice: "Keep one of the files, or give the samples ids of their own.",
            });
        }
    }
    // A prompt may have several completions, so that only a whole file of the same ones is a repetition.
    let whole = twice.len() == part.info.samples.len();
    Ok(if part.info.labelled || whole { twice } else { BTreeSet::new() })
}
