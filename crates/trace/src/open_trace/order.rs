//! Whether gates and ids of a file lie in the order that their shapes say. `safetensors.numpy.save_file` writes the memory
//! of a transposed view as it is, so that a file can have the layer axis outermost under the shape `[S,L,E]`. The rows are
//! still distributions, and only gates and ids together tell.

use std::{ops::Range, rc::Rc};

use crate::{
    error::Error,
    model::{RouterTrace, TopK},
    open_trace::{
        parts::{Body, FileBody, OpenTrace},
        router,
    },
};

/// Samples of the first look.
const LOOK: usize = 32;

/// Ids of the first look.
const MOST_IDS: u64 = 1 << 20;

/// Bytes of gates and ids that are read to compare orders.
const MOST_BYTES: u64 = 512 << 20;

/// Standard errors above chance from which a match of rows cannot be a coincidence.
const SURE: f64 = 6.0;

/// Standard errors above chance that the stored order needs to be a candidate.
const CHANCE: f64 = 3.0;

/// The order of an array in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// As its shape says.
    Stored,
    /// The layer axis outermost.
    LayersFirst,
}

/// Gates and ids of a range of samples, in memory.
struct Rows<'a> {
    /// Samples, layers, experts.
    shape: [usize; 3],
    k: usize,
    /// `[S,L,E]`, or `[L,S,E]`.
    gates: &'a [f32],
    /// `[T,L,k]`, or `[L,T,k]`.
    ids: &'a [u16],
    /// `[S+1]`, from 0.
    offsets: &'a [usize],
}

/// Compares gates with ids. Where they only agree with the layer axis outermost, the trace is read so, with a warning.
///
/// # Errors
/// [`Error::Tensor`] when they do not agree and are too large to try another order, and what the source returns.
pub(crate) async fn check(trace: OpenTrace, warnings: &mut Vec<String>) -> Result<OpenTrace, Error> {
    let Body::File(body) = &trace.body else { return Ok(trace) };
    let (Some(topk), Some(k), Some(offsets)) = (&body.topk, trace.info.top_k, trace.offsets.as_deref())
    else {
        return Ok(trace);
    };
    let (count, layers, experts) = (trace.info.samples.len(), trace.info.layers, trace.info.experts);
    let row = (layers * k) as u64;
    let few = (1..=count.min(LOOK))
        .take_while(|&n| offsets.get(n).is_some_and(|&end| end * row <= MOST_IDS))
        .last();
    let Some(few) = few.filter(|_| layers > 1) else { return Ok(trace) };
    let Some((gates, ids, places)) = read(body, offsets, [few, layers, experts], row).await? else {
        return Ok(trace);
    };
    let look = Rows { shape: [few, layers, experts], k, gates: &gates, ids: &ids, offsets: &places };
    let Some(matched) = look.matched(Order::Stored, Order::Stored) else { return Ok(trace) };
    if look.errors_above_chance(matched) > SURE {
        return Ok(trace);
    }
    let tokens = offsets.last().copied().unwrap_or(0);
    let bytes = body.gates.values().saturating_mul(4).saturating_add(tokens.saturating_mul(2 * row));
    if bytes > MOST_BYTES {
        return Err(Error::Tensor {
            name: trace.info.name.clone(),
            tensor: body.gates.name.clone(),
            found: format!("gates that do not go with `{}`: {}", topk.name, percent(matched)),
            expected: "gates that are nearest to the selection frequencies of their own layer".to_owned(),
            advice: "Write both with numpy.ascontiguousarray(array): safetensors.numpy writes the memory order of \
                     transposed views.",
        });
    }
    let Some((gates, ids, places)) = read(body, offsets, [count, layers, experts], row).await? else {
        return Ok(trace);
    };
    let all = Rows { shape: [count, layers, experts], k, gates: &gates, ids: &ids, offsets: &places };
    let Some(stored) = all.matched(Order::Stored, Order::Stored) else { return Ok(trace) };
    if all.errors_above_chance(stored) > CHANCE {
        return Ok(trace);
    }
    let mut best = (0.0, Order::Stored, Order::Stored);
    for (of_gates, of_ids) in [
        (Order::LayersFirst, Order::LayersFirst),
        (Order::LayersFirst, Order::Stored),
        (Order::Stored, Order::LayersFirst),
    ] {
        let matched = all.matched(of_gates, of_ids).unwrap_or(0.0);
        if all.errors_above_chance(matched) > SURE && matched > best.0 {
            best = (matched, of_gates, of_ids);
        }
    }
    let (matched, of_gates, of_ids) = best;
    let (gates_name, ids_name, name) = (&body.gates.name, &topk.name, &trace.info.name);
    let what = match (of_gates, of_ids) {
        (Order::Stored, Order::Stored) => return Ok(trace),
        (Order::LayersFirst, Order::LayersFirst) => format!("`{gates_name}` and `{ids_name}` have"),
        (Order::LayersFirst, Order::Stored) => format!("`{gates_name}` has"),
        (Order::Stored, Order::LayersFirst) => format!("`{ids_name}` has"),
    };
    warnings.push(format!(
        "{name}: {what} the layer axis outermost, although the shape says otherwise, and is read so. Read by the shape, {}; read \
         this way, {}. safetensors.numpy writes the memory order of transposed \
         views: write numpy.ascontiguousarray(array).",
        percent(stored),
        percent(matched),
    ));
    let router = match &body.router {
        Some(tensor) => Some(router::read(&body.file, tensor, layers, experts).await?),
        None => None,
    };
    let memory = RouterTrace {
        model: trace.info.model.clone(),
        step: trace.info.step,
        tokens: trace.info.tokens,
        samples: trace.info.labelled.then(|| trace.info.samples.clone()),
        layers,
        experts,
        gate_kind: trace.info.gate_kind,
        gates: if of_gates == Order::Stored { gates } else { samples_first(&gates, count, layers, experts) },
        loss: trace.info.loss.clone(),
        n_tokens: trace.info.n_tokens.clone(),
        router,
        topk: Some(TopK {
            k,
            layers,
            ids: if of_ids == Order::Stored { ids } else { samples_first(&ids, tokens as usize, layers, k) },
            offsets: places,
        }),
        topk_ordered: trace.info.topk_ordered,
    };
    Ok(OpenTrace { body: Body::Memory(Rc::new(memory)), ..trace })
}

/// Gates, ids and offsets of the first samples; `None` where an id is impossible, which reading them reports.
async fn read(
    body: &FileBody,
    offsets: &[u64],
    [count, layers, experts]: [usize; 3],
    row: u64,
) -> Result<Option<(Vec<f32>, Vec<u16>, Vec<usize>)>, Error> {
    let Some(topk) = &body.topk else { return Ok(None) };
    let Some(end) = offsets.get(count).copied() else { return Ok(None) };
    let gates = body.file.floats(&body.gates, 0..(count * layers * experts) as u64).await?;
    let ids = body.file.integers(topk, 0..end * row).await?;
    let narrow = |id: i64| u16::try_from(id).ok().filter(|&id| usize::from(id) < experts);
    let Some(ids) = ids.into_iter().map(narrow).collect::<Option<Vec<u16>>>() else { return Ok(None) };
    Ok(Some((gates, ids, offsets.iter().take(count + 1).map(|&offset| offset as usize).collect())))
}

/// `[L,n,width]` as `[n,L,width]`.
fn samples_first<T: Copy>(values: &[T], n: usize, layers: usize, width: usize) -> Vec<T> {
    let mut turned = Vec::with_capacity(values.len());
    for i in 0..n {
        for layer in 0..layers {
            let at = (layer * n + i) * width;
            turned.extend_from_slice(values.get(at..at + width).unwrap_or_default());
        }
    }
    turned
}

/// The share of matched rows in words.
fn percent(matched: f64) -> String {
    format!(
        "{:.0} % of the rows of gates are nearest to the frequencies of their own layer's ids",
        100.0 * matched
    )
}

impl Rows<'_> {
    /// A share of matched rows as standard errors above what chance gives.
    fn errors_above_chance(&self, matched: f64) -> f64 {
        let [count, layers, _] = self.shape;
        let chance = 1.0 / layers as f64;
        (matched - chance) / (chance * (1.0 - chance) / (count * layers) as f64).sqrt()
    }

    /// Share of the rows of gates to which, of all layers of their sample, their own layer's selection frequencies are
    /// nearest; `None` where no sample has tokens.
    fn matched(&self, of_gates: Order, of_ids: Order) -> Option<f64> {
        let [count, layers, experts] = self.shape;
        let (mut rows, mut matched) = (0_usize, 0_usize);
        for (sample, window) in self.offsets.windows(2).enumerate() {
            let &[start, end] = window else { continue };
            if start == end {
                continue;
            }
            let frequencies: Vec<Vec<f64>> =
                (0..layers).map(|layer| self.frequencies(start..end, layer, of_ids)).collect();
            for layer in 0..layers {
                let at = match of_gates {
                    Order::Stored => (sample * layers + layer) * experts,
                    Order::LayersFirst => (layer * count + sample) * experts,
                };
                let gates = self.gates.get(at..at + experts)?;
                let distance = |frequency: &[f64]| {
                    let differences = frequency.iter().zip(gates).map(|(f, &g)| f - f64::from(g));
                    differences.map(|difference| difference * difference).sum::<f64>()
                };
                let distances: Vec<f64> = frequencies.iter().map(|frequency| distance(frequency)).collect();
                let own = distances.get(layer).copied()?;
                let others = distances.iter().enumerate().filter(|&(other, _)| other != layer);
                rows += 1;
                matched += usize::from(others.into_iter().all(|(_, &other)| own < other));
            }
        }
        (rows > 0).then(|| matched as f64 / rows as f64)
    }

    /// Selection frequencies `[E]` of a range of tokens in a layer.
    fn frequencies(&self, tokens: Range<usize>, layer: usize, order: Order) -> Vec<f64> {
        let [_, layers, experts] = self.shape;
        let all = self.offsets.last().copied().unwrap_or(0);
        let share = 1.0 / (self.k * tokens.len()) as f64;
        let mut frequencies = vec![0.0; experts];
        for token in tokens {
            let at = match order {
                Order::Stored => (token * layers + layer) * self.k,
                Order::LayersFirst => (layer * all + token) * self.k,
            };
            for &id in self.ids.get(at..at + self.k).unwrap_or_default() {
                if let Some(frequency) = frequencies.get_mut(usize::from(id)) {
                    *frequency += share;
                }
            }
        }
        frequencies
    }
}
