//! Reading gates, selections and routers of ranges of samples.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    container::tensors::Dtype,
    error::Error,
    io::source::MAX_READ,
    model::{Router, TopK},
    open_trace::{
        bad_samples::BadSample,
        check::{self, Checked},
        logits::FoldedGates,
        parts::{Body, OpenTrace, Rule, overlaps},
        router, stack,
    },
};

impl OpenTrace {
    /// Takes the warnings from reading gates, in full sentences; each is returned once.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.notices.borrow_mut())
    }

    /// Gates of a range of samples, `[n,L,E]`, widened to f32. Only their bytes are read.
    ///
    /// # Errors
    /// [`Error::Gates`] when a value is not a routing weight or a row not a distribution, and those
    /// of [`OpenTrace::gates_and_bad_samples`].
    pub async fn gates(&self, samples: Range<usize>) -> Result<Vec<f32>, Error> {
        let (values, bad) = self.gates_and_bad_samples(samples).await?;
        match bad.into_iter().next() {
            Some(first) => Err(first.fault),
            None => Ok(values),
        }
    }

    /// Gates of a range of samples, `[n,L,E]`, and those of the samples that cannot be used,
    /// ascending. The values of such a sample are as stored.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than 1 GiB at once, and errors of the source.
    pub async fn gates_and_bad_samples(
        &self,
        samples: Range<usize>,
    ) -> Result<(Vec<f32>, Vec<BadSample>), Error> {
        self.inside(&samples)?;
        let width = self.info.layers * self.info.experts;
        let bytes = (samples.len() as u64).saturating_mul(4 * width as u64);
        if bytes > MAX_READ {
            return Err(Error::TooLarge {
                name: self.info.name.clone(),
                what: format!("gates of {} samples", samples.len()),
                bytes,
                limit: MAX_READ,
                advice: "Ask for fewer samples at once.",
            });
        }
        let mut known: Vec<BadSample> = Vec::new();
        let (values, dtype) = match &self.body {
            Body::File(body) => {
                let width = width as u64;
                let range = samples.start as u64 * width..samples.end as u64 * width;
                (body.file.floats(&body.gates, range).await?, body.gates.dtype.clone())
            }
            Body::Memory(trace) => {
                let range = samples.start * width..samples.end * width;
                let dtype = if self.info.half_precision { Dtype::Bf16 } else { Dtype::F32 };
                let gates = match &self.rule {
                    Rule::Given(logits) => {
                        let FoldedGates { gates, bad } = logits.gates(self.info.gate_kind).await?;
                        known.extend(bad.iter().filter(|bad| samples.contains(&bad.row)).cloned());
                        gates.get(range).unwrap_or_default().to_vec()
                    }
                    Rule::OfLayers(layers) => stack::gates(layers, &samples).await?,
                    Rule::Own | Rule::Unstated(_) => trace.gates.get(range).unwrap_or_default().to_vec(),
                };
                (gates, dtype)
            }
            Body::Ids(body) => {
                let (gates, bad) = body.gates(samples.clone(), self.info.experts).await?;
                known.extend(bad);
                (gates, Dtype::F32)
            }
            Body::Joined(pieces) => {
                let mut values = Vec::with_capacity(samples.len() * width);
                let mut bad = Vec::new();
                let mut first = samples.start;
                for (part, range) in overlaps(pieces, &samples) {
                    let (start, count) = (range.start, range.len());
                    let (found, of_part) = Box::pin(part.gates_and_bad_samples(range)).await?;
                    values.extend(found);
                    bad.extend(of_part.into_iter().map(|bad| {
                        let row = first + (bad.row - start);
                        let id = self.info.samples.get(row).map_or(bad.id, |meta| meta.id.clone());
                        BadSample { row, id, fault: bad.fault }
                    }));
                    first += count;
                }
                self.notice(check::gates(&self.info, &Dtype::F32, &samples, &values).notice);
                return Ok((values, bad));
            }
        };
        let Checked { notice, bad } = check::gates(&self.info, &dtype, &samples, &values);
        self.notice(notice);
        Ok((values, self.merge(known, bad)))
    }

    /// Samples that are bad for either reason, ascending. The reason that is known already counts
    /// more.
    fn merge(&self, known: Vec<BadSample>, found: Vec<BadSample>) -> Vec<BadSample> {
        let id = |row: usize| self.info.samples.get(row).map(|sample| sample.id.clone());
        let known = known.into_iter().map(|bad| BadSample { id: id(bad.row).unwrap_or(bad.id), ..bad });
        let all = found.into_iter().chain(known).map(|bad| (bad.row, bad));
        all.collect::<BTreeMap<usize, BadSample>>().into_values().collect()
    }

    /// Adds a warning from reading.
    pub(super) fn add_notice(&self, notice: String) {
        self.notices.borrow_mut().push(notice);
    }

    /// Keeps the first warning from reading gates.
    fn notice(&self, notice: Option<String>) {
        let mut notices = self.notices.borrow_mut();
        if notices.is_empty() {
            notices.extend(notice);
        }
    }

    /// Selected experts of the tokens of a range of samples; `None` if the trace has none, or does
    /// not assign them to samples.
    ///
    /// # Errors
    /// [`Error::Selection`] for impossible ids, and errors of the source.
    pub async fn topk(&self, samples: Range<usize>) -> Result<Option<TopK>, Error> {
        self.inside(&samples)?;
        let Some(offsets) = &self.offsets else { return Ok(None) };
        let Some(window) = offsets.get(samples.start..=samples.end) else { return Ok(None) };
        let (Some(&first), Some(&last)) = (window.first(), window.last()) else { return Ok(None) };
        let layers = self.info.layers;
        let relative = window.iter().map(|&o| (o - first) as usize).collect();
        match &self.body {
            Body::File(body) => {
                let (Some(topk), Some(k)) = (&body.topk, self.info.top_k) else { return Ok(None) };
                let row = (layers * k) as u64;
                let range = first * row..last * row;
                let first = first as usize;
                // The two common types are read without conversion to 64-bit integers.
                let ids = match topk.dtype {
                    Dtype::Uint(1) => {
                        let bytes = body.file.bytes(topk, range).await?;
                        check::selections(&self.info, k, first, bytes.iter().map(|&id| i64::from(id)))?
                    }
                    Dtype::Uint(2) => {
                        let bytes = body.file.bytes(topk, range).await?;
                        let ids = bytes.as_chunks().0.iter().map(|&id| i64::from(u16::from_le_bytes(id)));
                        check::selections(&self.info, k, first, ids)?
                    }
                    _ => {
                        let ids = body.file.integers(topk, range).await?;
                        check::selections(&self.info, k, first, ids.into_iter())?
                    }
                };
                Ok(Some(TopK { k, layers, ids, offsets: relative }))
            }
            Body::Memory(trace) => {
                let Some(topk) = &trace.topk else { return Ok(None) };
                let row = layers * topk.k;
                let ids =
                    topk.ids.get(first as usize * row..last as usize * row).unwrap_or_default().to_vec();
                Ok(Some(TopK { k: topk.k, layers, ids, offsets: relative }))
            }
            Body::Ids(body) => {
                let (Some(k), Some(ids)) = (self.info.top_k, body.topk(samples).await?) else {
                    return Ok(None);
                };
                Ok(Some(TopK { k, layers, ids, offsets: relative }))
            }
            Body::Joined(pieces) => {
                let Some(k) = self.info.top_k else { return Ok(None) };
                let mut ids = Vec::new();
                for (part, range) in overlaps(pieces, &samples) {
                    let Some(found) = Box::pin(part.topk(range)).await? else { return Ok(None) };
                    ids.extend(found.ids);
                }
                Ok(Some(TopK { k, layers, ids, offsets: relative }))
            }
        }
    }

    /// The routers, if the trace has them.
    ///
    /// # Errors
    /// [`Error::Tensor`] for values that are not finite, [`Error::TooLarge`], and errors of the
    /// source.
    pub async fn router(&self) -> Result<Option<Router>, Error> {
        let body = match &self.body {
            Body::Memory(trace) => return Ok(trace.router.clone()),
            Body::Ids(_) | Body::Joined(_) => return Ok(None),
            Body::File(body) => body,
        };
        match &body.router {
            None => Ok(None),
            Some(tensor) => {
                router::read(&body.file, tensor, self.info.layers, self.info.experts).await.map(Some)
            }
        }
    }
}
