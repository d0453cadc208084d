//! Codes the lists of steps, one count per checkpoint, as columns of integers.

use super::{
    coder::AdaptiveModel,
    column::{self, Memory},
    courses::WEIGHT,
    numbers::Numbers,
    tree::Codec,
};
use crate::{Domain, Error, Report};

/// A list of a domain; `None` without items.
type List = fn(&mut Domain) -> Option<&mut Vec<usize>>;

/// Lists of a domain, in the order in which they are coded.
const LISTS: [List; 8] = [
    |domain| Some(&mut domain.memorization.causal.first),
    |domain| Some(&mut domain.memorization.causal.declared),
    |domain| Some(&mut domain.memorization.causal.relapses),
    |domain| Some(&mut domain.memorization.t_star),
    |domain| Some(&mut domain.generalization.as_mut()?.causal.first),
    |domain| Some(&mut domain.generalization.as_mut()?.causal.declared),
    |domain| Some(&mut domain.generalization.as_mut()?.causal.relapses),
    |domain| Some(&mut domain.generalization.as_mut()?.t_sharp),
];

/// Whether most links have each list.
const USUAL: [bool; 8] = [true, true, false, false, true, true, false, false];

/// Place of the declared members in each half of [`LISTS`]; they are mostly as expected.
const DECLARED: usize = 1;

/// Lists of all domains that have one count of at most 32 bits per checkpoint.
pub(super) type Lists = Vec<Option<Vec<i64>>>;

/// Removes the lists from the report. Lists of another length stay, and are coded with the tree.
pub(super) fn take(report: &mut Report) -> Lists {
    let checkpoints = report.checkpoints.len();
    let mut lists = Vec::new();
    for domain in &mut report.domains {
        for list in LISTS {
            let list = list(domain).filter(|list| !list.is_empty() && list.len() == checkpoints);
            let counts = list.as_ref().and_then(|list| {
                // Differences from expected counts are modulo 2^32; most are near 0.
                let signed = |count: &usize| Some(i64::from(u32::try_from(*count).ok()?.cast_signed()));
                list.iter().map(signed).collect::<Option<Vec<i64>>>()
            });
            if let Some(list) = list.filter(|_| counts.is_some()) {
                list.clear();
            }
            lists.push(counts);
        }
    }
    lists
}

/// Codes the lists that the report lacks, from `given` or for a reader, and puts them there.
pub(super) fn code(
    codec: &mut Codec<'_>,
    numbers: &mut Numbers,
    report: &mut Report,
    given: Option<Lists>,
) -> Result<(), Error> {
    let checkpoints = report.checkpoints.len();
    let mut given = given.unwrap_or_default().into_iter();
    let mut present = USUAL.map(|usual| AdaptiveModel::expecting(if usual { 0.05 } else { 0.95 }, 6));
    let members =
        report.domains.first().map_or([1.0; 2], |domain| [domain.samples, domain.items].map(|n| n as f64));
    let mut memories = [0, 1, 2, 3, 4, 5, 6, 7].map(|list| match list % 4 {
        DECLARED => Memory::expecting(0.3, 0.3, &[]),
        _ => Memory::expecting(0.1 * members[list / 4], 0.02 * members[list / 4], &[]),
    });
    for domain in &mut report.domains {
        for ((list, present), memory) in LISTS.iter().zip(&mut present).zip(&mut memories) {
            let counts = given.next().flatten();
            let Some(list) = list(domain).filter(|list| list.is_empty()) else { continue };
            if checkpoints == 0 || !codec.coder.bit(present, counts.is_some())? {
                continue;
            }
            codec.spend(checkpoints as u64 + WEIGHT)?;
            let counts = counts.unwrap_or_else(|| vec![0; checkpoints]);
            let mut column: Vec<Option<i64>> = counts.into_iter().map(Some).collect();
            column::code(&mut codec.coder, numbers, memory, &[], &mut column)?;
            let count = |count: i64| {
                let count = i32::try_from(count)
                    .map_err(|_| Error::LinkInvalid { place: "a count is out of range" })?;
                Ok(count.cast_unsigned() as usize)
            };
            *list = column.into_iter().flatten().map(count).collect::<Result<_, Error>>()?;
        }
    }
    Ok(())
}
