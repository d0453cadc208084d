//! Reads a whole trace into memory, for the writer.

use crate::{
    error::Error,
    model::{RouterTrace, SampleMeta, TopK},
    open_trace::{
        OpenTrace,
        bad_samples::{BadSample, most_are_bad},
        join::is_number,
    },
};

/// Values of gates read at once: 64 MiB.
const CHUNK: usize = 1 << 24;

impl OpenTrace {
    /// Reads the whole trace into memory, some samples at a time: the input of
    /// [`write_trace`](crate::write_trace). Samples that cannot be used are left out, with a
    /// notice.
    ///
    /// # Errors
    /// [`Error::BadSamples`] if these are more than half; those of [`OpenTrace::topk`] and
    /// [`OpenTrace::router`], and errors of the source.
    pub async fn read_all(&self) -> Result<RouterTrace, Error> {
        let mut bad = Vec::new();
        let whole = self.read_rows(&mut bad).await?;
        if let Some(error) = most_are_bad(&bad, self.info.samples.len()) {
            return Err(error);
        }
        let Some(sentence) = BadSample::left_out(&bad) else { return Ok(whole) };
        let rows = bad.iter().map(|bad| bad.row).collect();
        let mut sound = self.without(&rows).read_rows(&mut Vec::new()).await?;
        sound.router = whole.router;
        self.add_notice(sentence);
        Ok(sound)
    }

    /// Reads all samples and adds those that cannot be used to `bad`.
    async fn read_rows(&self, bad: &mut Vec<BadSample>) -> Result<RouterTrace, Error> {
        let info = &self.info;
        let count = info.samples.len();
        let at_once = (CHUNK / (info.layers * info.experts).max(1)).max(1);
        let mut gates = Vec::new();
        let mut topk: Option<TopK> = None;
        let mut start = 0;
        while start < count {
            let end = (start + at_once).min(count);
            let (values, found) = self.gates_and_bad_samples(start..end).await?;
            gates.extend(values);
            bad.extend(found);
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
            samples: (info.labelled || !are_places(&info.samples)).then(|| info.samples.clone()),
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

/// Whether numbers among the ids are the places of their samples, which need no names in a file.
fn are_places(samples: &[SampleMeta]) -> bool {
    samples.iter().enumerate().all(|(i, sample)| !is_number(&sample.id) || sample.id == i.to_string())
}
