//! Routing of one layer as FLAME-MoE publishes it (CMU-FLAME/FLAME-MoE-Traces): one Parquet file
//! per layer with one row per token, `indices` (the selected experts) and `scores` (their
//! probabilities); row `i` of every layer is the same token. The layers of a checkpoint are in one
//! folder, which is named by its step.
//!
//! Only the selected experts have scores, so mean gates cannot be computed and selection
//! frequencies replace them (`docs/metrics.md#mean-gates`). The ends of samples are not recorded
//! either: see [`join_layers`].

mod join;
pub mod layer;

use std::rc::Rc;

pub use crate::format::flame_moe::join::join_layers;
use crate::{
    container::parquet::{self, Page, ParquetFile, Values},
    error::Error,
    format::{
        flame_moe::layer::{MAX_SELECTIONS, NAME, TraceLayer},
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
    },
    model::StepSource,
    open_trace::not_so_many,
    text::{shorten, step_name::step_from_name},
};

/// Parquet files of one layer.
pub const FORMAT: Format = Format {
    endings: &["parquet"],
    in_tensors: false,
    content: "a Parquet file of one layer (FLAME-MoE)",
    probe: |probe| {
        let found = parquet::looks_like(&probe.head);
        found.then(|| -> Match<'_> { Box::pin(async move { open(probe).await.map(Opened::plain) }) })
    },
};

/// Reads one layer, or only the footer of a file with other columns.
///
/// # Errors
/// [`Error::Format`] for a file that does not follow the format, and for impossible ids and scores.
async fn open(probe: &Probe) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let file = ParquetFile::open(Rc::clone(source)).await?;
    let Some(column) = file.column("indices") else {
        let mut names: Vec<String> = file.names().take(8).map(shorten).collect();
        names.dedup();
        return Ok(FileKind::Unrelated {
            reason: format!(
                "{name}: a Parquet file without a column `indices`; it has `{}`. Routing traces in Parquet (FLAME-MoE) have \
                 `indices` and `scores`, one list of each per token.",
                names.join("`, `")
            ),
        });
    };
    let mut ids: Vec<u16> = Vec::new();
    let mut rows = Rows::new(name, "indices");
    file.read(column, |page| {
        let Page { begins, values: Values::Ints(values) } = page else {
            return Err(rows.wrong("floats".to_owned(), "whole numbers", "Write the experts' ids there."));
        };
        rows.take(&begins)?;
        if ids.len() + values.len() > MAX_SELECTIONS {
            return Err(rows.wrong(
                format!("more than {MAX_SELECTIONS} ids"),
                "at most that many in a layer",
                "Write fewer tokens.",
            ));
        }
        for id in values {
            let at = ids.len();
            ids.push(u16::try_from(id).map_err(|_| {
                rows.wrong(
                    format!("expert {id} in row {}", rows.row_of(at)),
                    "ids from 0 to 65535",
                    "Leave out padding, and write the experts' own numbers.",
                )
            })?);
        }
        Ok(())
    })
    .await?;
    let k = rows.finish(file.rows)?;
    for (row, selected) in ids.chunks_exact(k).enumerate() {
        if let Some(twice) =
            selected.iter().enumerate().find_map(|(at, id)| selected.get(..at)?.contains(id).then_some(id))
        {
            return Err(rows.wrong(
                format!("expert {twice} twice in row {row}"),
                "different experts",
                "Write distinct experts per token.",
            ));
        }
    }
    if let Some(experts) = probe.settings.experts {
        let largest = ids.iter().copied().max().unwrap_or(0);
        if experts <= usize::from(largest) || experts > 1 << 16 {
            return Err(not_so_many(name, experts, format!("ids up to {largest}")));
        }
    }
    let ordered = match file.column("scores") {
        Some(column) => scores_fall(name, &file, column, k).await?,
        None => false,
    };
    let (folder, base) = name.rsplit_once(['/', '\\']).unwrap_or(("", name));
    let step = step_from_name(name).map(|named| named.step).or_else(|| numbered_folder(folder));
    Ok(FileKind::Layer(TraceLayer {
        name: name.to_owned(),
        format: NAME,
        folder: folder.to_owned(),
        layer: layer_number(base).ok_or_else(|| Error::Format {
            name: name.to_owned(),
            part: "name".to_owned(),
            found: "no number of a layer".to_owned(),
            expected: "a name like layer_02.parquet".to_owned(),
            advice: "Name each layer's file by its number.",
        })?,
        step,
        step_from: match step_from_name(name) {
            Some(named) => named.source(),
            None if step.is_some() => StepSource::FileName,
            None => StepSource::None,
        },
        tokens: ids.len() / k,
        k,
        experts: probe.settings.experts,
        ordered,
        bytes: source.len(),
        ids: ids.into(),
    }))
}

/// Counts rows and checks that all have the same number of values.
struct Rows<'a> {
    name: &'a str,
    column: &'static str,
    k: Option<usize>,
    rows: u64,
    /// Values of the current row so far.
    inside: usize,
}

impl<'a> Rows<'a> {
    fn new(name: &'a str, column: &'static str) -> Self {
        Self { name, column, k: None, rows: 0, inside: 0 }
    }

    fn wrong(&self, found: String, expected: &str, advice: &'static str) -> Error {
        Error::Format {
            name: self.name.to_owned(),
            part: format!("column `{}`", self.column),
            found,
            expected: expected.to_owned(),
            advice,
        }
    }

    /// The row of a value; 0 while the length of rows is unknown.
    fn row_of(&self, at: usize) -> usize {
        at.checked_div(self.k.unwrap_or(0)).unwrap_or(0)
    }

    fn take(&mut self, begins: &[bool]) -> Result<(), Error> {
        for &begin in begins {
            if begin {
                self.end_row()?;
                self.rows += 1;
                self.inside = 1;
            } else {
                self.inside += 1;
            }
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), Error> {
        if self.rows == 0 && self.inside == 0 {
            return Ok(());
        }
        match self.k {
            None => self.k = Some(self.inside),
            Some(k) if k == self.inside => {}
            Some(k) => {
                return Err(self.wrong(
                    format!("{} values in row {}", self.inside, self.rows.saturating_sub(1)),
                    &format!("{k}, as in the rows before"),
                    "Write the same number of experts for every token.",
                ));
            }
        }
        Ok(())
    }

    /// The length of all rows.
    fn finish(&mut self, rows: u64) -> Result<usize, Error> {
        self.end_row()?;
        if self.rows != rows {
            return Err(self.wrong(
                format!("{} rows", self.rows),
                &format!("{rows}, as the footer declares"),
                "The file is damaged; copy or download it again, or write it again with pyarrow.",
            ));
        }
        match self.k {
            // A list without a first value has empty rows.
            Some(k) if k > 0 => Ok(k),
            _ => Err(self.wrong("no rows".to_owned(), "one per token", "Check what the file was made from.")),
        }
    }
}

/// Whether every token's scores descend. They are probabilities of the selected experts, so their
/// sum is at most 1.
async fn scores_fall(
    name: &str,
    file: &ParquetFile,
    column: &parquet::Column,
    k: usize,
) -> Result<bool, Error> {
    let mut rows = Rows::new(name, "scores");
    let mut fall = true;
    let (mut before, mut sum, mut at) = (f32::INFINITY, 0.0_f64, 0_usize);
    file.read(column, |page| {
        let Page { begins, values: Values::Floats(values) } = page else {
            return Err(rows.wrong(
                "whole numbers".to_owned(),
                "probabilities",
                "Write the scores as floats.",
            ));
        };
        rows.take(&begins)?;
        for score in values {
            if at % k == 0 {
                (before, sum) = (f32::INFINITY, 0.0);
            }
            sum += f64::from(score);
            if !(0.0..=1.0).contains(&score) || sum > 1.01 {
                return Err(rows.wrong(
                    format!("{score} in row {}, where the scores sum to {sum:.4} so far", at / k),
                    "probabilities, which sum to at most 1",
                    "Write the softmax over all experts, of the selected ones.",
                ));
            }
            fall &= score <= before;
            before = score;
            at += 1;
        }
        Ok(())
    })
    .await?;
    let width = rows.finish(file.rows)?;
    if width == k {
        Ok(fall)
    } else {
        Err(rows.wrong(
            format!("{width} values per row"),
            &format!("{k}, one for each of `indices`"),
            "Write both columns from the same tokens.",
        ))
    }
}

/// The last number in a file's name.
fn layer_number(base: &str) -> Option<u64> {
    let stem = base.split(['?', '#', '.']).next().unwrap_or(base);
    let end = stem.trim_end_matches(|c: char| !c.is_ascii_digit());
    let start = end.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    end.get(start..)?.parse().ok()
}

/// The step in the name of a FLAME-MoE folder, which is a bare number.
fn numbered_folder(folder: &str) -> Option<u64> {
    folder.rsplit(['/', '\\']).find_map(|part| part.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_contain_layer_and_step() {
        assert_eq!(layer_number("layer_02.parquet"), Some(2));
        assert_eq!(layer_number("moe-12-topk.parquet"), Some(12));
        assert_eq!(layer_number("layer.parquet"), None);
        assert_eq!(numbered_folder("flame/290M/2640"), Some(2640));
        assert_eq!(numbered_folder("flame/actives/880/rank"), Some(880));
        assert_eq!(numbered_folder("flame"), None);
    }
}
