//! An open trace of ids. The counts are in memory; the ids of single tokens stay in the file and
//! are read again, record by record, on request.

use std::{fmt, ops::Range, rc::Rc};

use crate::{
    error::Error,
    format::expert_ids::{
        fold::{Folded, is_recorded, live_layers},
        lines::changed,
        megatron_steps::{Steps, belong_together},
        read::read,
        record::{Record, Writer},
        shape::Shape,
    },
    io::{
        lines::{self, Span},
        source::{ByteSource as _, Pending, Source},
    },
    model::{Counts, GateKind, TraceInfo},
    open_trace::{GatesFound, RecordedIds},
};

/// The location of the samples' ids.
#[derive(Clone, Debug)]
pub enum Places {
    /// Each sample has its own record.
    Records {
        /// Their writer.
        writer: Writer,
        /// The shape of arrays without one.
        shape: Shape,
        /// Line and choice of each sample, `[S]`.
        places: Vec<(Span, u32)>,
    },
    /// Each sample has one record per layer.
    Layers(Rc<Steps>),
    /// Only the counts are known.
    Nowhere,
}

/// The counts of a trace of ids, and the location of the ids.
#[derive(Clone)]
pub struct IdsBody {
    /// The file.
    pub source: Source,
    /// The counts.
    pub folded: Rc<Folded>,
    /// Whether the file or a setting states the number of experts; otherwise it is a lower bound.
    pub experts_given: bool,
    /// The location of the ids.
    pub places: Places,
    /// The router logits, if they were found beside the ids.
    pub logits: Option<Source>,
}

impl fmt::Debug for IdsBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdsBody").field("name", &self.source.name()).finish_non_exhaustive()
    }
}

impl IdsBody {
    /// Gates of a range of samples, `[n,L,E]`: from logits if known, otherwise selection
    /// frequencies.
    ///
    /// # Errors
    /// Errors of the logits' file.
    async fn mean_gates(&self, samples: Range<usize>, experts: usize) -> Result<GatesFound, Error> {
        if let (Some(logits), Places::Layers(steps)) = (&self.logits, &self.places) {
            return steps.gates(logits, samples, experts).await;
        }
        let mut gates = Vec::with_capacity(samples.len() * self.folded.layers * experts);
        for row in self.rows(samples) {
            let total: u64 = row.iter().map(|&count| u64::from(count)).sum();
            let total = total.max(1) as f64;
            let start = gates.len();
            gates.extend(row.iter().take(experts).map(|&count| (f64::from(count) / total) as f32));
            gates.resize(start + experts, 0.0);
        }
        Ok((gates, Vec::new()))
    }

    /// Counts of how often the samples of a range selected each expert; `None` if layers saw
    /// different numbers of tokens.
    fn exact_counts(&self, samples: Range<usize>, experts: usize) -> Option<Counts> {
        let mut values = Vec::with_capacity(samples.len() * self.folded.layers * experts);
        for row in self.rows(samples.clone()) {
            let start = values.len();
            values.extend(row.iter().take(experts));
            values.resize(start + experts, 0);
        }
        let tokens = self.folded.tokens.get(samples).unwrap_or_default().to_vec();
        let width = self.folded.layers * experts;
        let whole = values.chunks_exact(width.max(1)).zip(&tokens).all(|(sample, &tokens)| {
            let total = self.folded.k as u64 * u64::from(tokens);
            let sum = |row: &[u32]| row.iter().map(|&count| u64::from(count)).sum::<u64>();
            sample.chunks_exact(experts.max(1)).all(|row| sum(row) == total)
        });
        whole.then_some(Counts { k: self.folded.k, width, values, tokens })
    }

    fn rows(&self, samples: Range<usize>) -> impl Iterator<Item = &[u32]> {
        let sample = self.folded.layers * self.folded.width;
        let counts = self.folded.counts.get(samples.start * sample..samples.end * sample).unwrap_or_default();
        counts.chunks_exact(self.folded.width.max(1))
    }

    /// The selected experts of the tokens of a range of samples, `[T,L,k]`; `None` if the file does
    /// not list tokens.
    ///
    /// # Errors
    /// Errors of the source, and when the file has changed since it was opened.
    async fn selected(&self, samples: Range<usize>) -> Result<Option<Vec<u16>>, Error> {
        let (writer, shape, places) = match &self.places {
            Places::Nowhere => return Ok(None),
            Places::Layers(steps) => return steps.topk(&self.source, samples, self.folded.k).await.map(Some),
            Places::Records { writer, shape, places } => (*writer, *shape, places),
        };
        let mut ids = Vec::new();
        let mut last: Option<(Span, Record)> = None;
        for (sample, &(span, choice)) in samples.clone().zip(places.get(samples).unwrap_or_default()) {
            let record = match last.take() {
                Some((before, record)) if before == span => record,
                _ => {
                    let bytes = lines::read(&self.source, span).await?;
                    read(writer, &bytes, shape)
                        .map_err(|fault| fault.in_line(self.source.name(), span.number))?
                }
            };
            let before = ids.len();
            self.select(&record, choice as usize, &mut ids);
            let row = self.folded.layers * self.folded.k;
            let tokens = self.folded.tokens.get(sample).map_or(0, |&tokens| tokens as usize);
            if ids.len() - before != tokens * row {
                return Err(changed(self.source.name(), span.number));
            }
            last = Some((span, record));
        }
        Ok(Some(ids))
    }

    /// The recorded rows of a choice, without dense layers.
    fn select(&self, record: &Record, choice: usize, ids: &mut Vec<u16>) {
        let parts = record.parts(choice);
        let Some((layers, k)) = parts.first().map(|block| (block.layers, block.k)) else { return };
        let found;
        let live = match &self.folded.live {
            Some(live) => live,
            None => {
                found = live_layers(&parts, layers, k);
                &found
            }
        };
        for token in parts.iter().flat_map(|block| block.ids.chunks_exact((layers * k).max(1))) {
            if is_recorded(token, k) {
                let rows = token.chunks_exact(k.max(1)).zip(live).filter(|&(_, &live)| live);
                ids.extend(rows.flat_map(|(row, _)| row));
            }
        }
    }
}

impl RecordedIds for IdsBody {
    fn largest(&self) -> u16 {
        self.folded.largest
    }

    fn experts_given(&self) -> bool {
        self.experts_given
    }

    fn takes_logits(&self, trace: &str, logits: &str) -> bool {
        matches!(self.places, Places::Layers(_)) && belong_together(trace, logits)
    }

    fn with_logits(&self, info: &mut TraceInfo, logits: &Source) -> Result<Rc<dyn RecordedIds>, Error> {
        Ok(Rc::new(attach(info, self, logits)?))
    }

    fn gates(&self, samples: Range<usize>, experts: usize) -> Pending<'_, Result<GatesFound, Error>> {
        Box::pin(self.mean_gates(samples, experts))
    }

    fn counts(&self, samples: Range<usize>, experts: usize) -> Option<Counts> {
        self.exact_counts(samples, experts)
    }

    fn topk(&self, samples: Range<usize>) -> Pending<'_, Result<Option<Vec<u16>>, Error>> {
        Box::pin(self.selected(samples))
    }
}

/// Adds logits to a trace, whose gates are then mean routing weights.
///
/// # Errors
/// [`Error::Mismatch`] when the trace does not locate all its logits, [`Error::Truncated`] when the
/// file is too short.
fn attach(info: &mut TraceInfo, body: &IdsBody, logits: &Source) -> Result<IdsBody, Error> {
    let Places::Layers(steps) = &body.places else { return Err(no_logits(info)) };
    let Some(experts) = steps.experts else { return Err(no_logits(info)) };
    if steps.bytes > logits.len() {
        return Err(Error::Truncated {
            name: logits.name().to_owned(),
            part: format!("logits of {}", info.name),
            needed: steps.bytes,
            len: logits.len(),
        });
    }
    info.experts = experts;
    info.gate_kind = GateKind::SoftmaxMean;
    info.half_precision = true;
    info.bytes = steps.bytes;
    Ok(IdsBody { logits: Some(Rc::clone(logits)), experts_given: true, ..body.clone() })
}

fn no_logits(info: &TraceInfo) -> Error {
    Error::Mismatch {
        name: info.name.clone(),
        given: "a file of router logits was given".to_owned(),
        has: "no `logit_offset`, `logit_bytes` and `logit_shape` of one width in every record".to_owned(),
        advice: "Trace ids and logits in one pass.",
    }
}
