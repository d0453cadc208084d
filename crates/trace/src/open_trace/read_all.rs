//! Reads a whole trace into memory, for the writer.

use crate::{
    error::Error,
    model::{RouterTrace, TopK},
    open_trace::OpenTrace,
};

/// Values of gates read at once: 64 MiB.
const CHUNK: usize = 1 << 24;

impl OpenTrace {
    /// Reads the whole trace into memory, some samples at a time: the input of
    /// [`write_trace`](crate::write_trace).
    ///
    /// # Errors
    /// Those of [`OpenTrace::gates`], [`OpenTrace::topk`] and [`OpenTrace::router`].
    pub async fn read_all(&self) -> Result<RouterTrace, Error> {
        let info = &self.info;
        let count = info.samples.len();
        let at_once = (CHUNK / (info.layers * info.experts).max(1)).max(1);
        let mut gates = Vec::new();
        let mut topk: Option<TopK> = None;
        let mut start = 0;
        while start < count {
            let end = (start + at_once).min(count);
            gates.extend(self.gates(start..end).await?);
            if let Some(more) = self.topk(start..end).await? {
                match &mut topk {
                    None => topk = Some(more),
                    Some(all) => {
                        let tokens = all.offsets.last().copied().unwrap_or(0);
                        all.offsets.extend(more.offsets.iter().skip(1).map(|offset| offset + tokens));
                        all.ids.extend(more.ids);
                    }
                }
            }
            start = end;
        }
        Ok(RouterTrace {
            model: info.model.clone(),
            step: info.step,
            tokens: info.tokens,
            samples: info.labelled.then(|| info.samples.clone()),
            layers: info.layers,
            experts: info.experts,
            gate_kind: info.gate_kind,
            gates,
            loss: info.loss.clone(),
            n_tokens: info.n_tokens.clone(),
            router: self.router().await?,
            topk,
            topk_ordered: info.topk_ordered,
        })
    }
}
