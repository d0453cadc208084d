//! The mapping dialog: a [`Proposal`] as rows that the user confirms or corrects, and the resulting
//! [`Mapping`].

use protocol::{MappingChoice, MappingRow};
use trace::{Axis, MappedTensor, Mapping, Proposal, ShownTensor, TensorGroup};

/// Maximum number of rows. Files with more tensors need a mapping file and the command line.
const MOST_ROWS: usize = 200;

/// The rows, mapped tensors first. Tensors that differ only in their layer share a row.
#[must_use]
pub fn rows(proposal: &Proposal) -> Vec<MappingRow> {
    groups(proposal).iter().filter_map(|group| row(proposal, group)).collect()
}

fn groups(proposal: &Proposal) -> Vec<TensorGroup<'_>> {
    let mut groups = proposal.groups();
    groups.sort_by_key(|group| mapped(proposal, group).is_none());
    groups.truncate(MOST_ROWS);
    groups
}

fn mapped<'a>(proposal: &'a Proposal, group: &TensorGroup<'_>) -> Option<&'a MappedTensor> {
    let (_, first) = group.first()?;
    proposal.mapping.tensors.iter().find(|mapped| mapped.name == first.name)
}

fn row(proposal: &Proposal, group: &TensorGroup<'_>) -> Option<MappingRow> {
    let (_, ShownTensor { name, dtype, shape }) = group.first()?;
    let mapped = mapped(proposal, group);
    Some(MappingRow {
        name: name.clone(),
        tensors: group.len(),
        dtype: dtype.clone(),
        shape: shape.clone(),
        choice: MappingChoice {
            role: mapped.map(|mapped| mapped.role),
            axes: mapped.map_or_else(|| usual_axes(shape.len()), |mapped| mapped.axes.clone()),
        },
    })
}

/// The usual axes of a tensor without a proposal.
fn usual_axes(count: usize) -> Vec<Axis> {
    match count {
        1 => vec![Axis::Samples],
        2 => vec![Axis::Samples, Axis::Experts],
        3 => vec![Axis::Samples, Axis::Layers, Axis::Experts],
        4 => vec![Axis::Samples, Axis::Tokens, Axis::Layers, Axis::Experts],
        more => vec![Axis::Single; more],
    }
}

/// The mapping with the chosen role of each row.
#[must_use]
pub fn mapping(proposal: &Proposal, choices: &[MappingChoice], experts: Option<usize>) -> Mapping {
    let mut mapping = Mapping { tensors: Vec::new(), experts };
    for (group, MappingChoice { role, axes }) in groups(proposal).iter().zip(choices) {
        let Some(role) = *role else { continue };
        let layered = group.len() > 1;
        mapping.tensors.extend(group.iter().map(|(number, tensor)| MappedTensor {
            name: tensor.name.clone(),
            role,
            axes: axes.clone(),
            layer: number.filter(|_| layered),
        }));
    }
    mapping
}

/// The row of the tensor that caused an error.
#[must_use]
pub fn row_of(proposal: &Proposal, error: &trace::Error) -> Option<usize> {
    let trace::Error::Tensor { tensor, .. } = error else { return None };
    groups(proposal).iter().position(|group| group.iter().any(|(_, shown)| shown.name == *tensor))
}

/// Whether the mapping of one file fits the other: the same names, types and numbers of axes.
#[must_use]
pub fn alike(one: &Proposal, other: &Proposal) -> bool {
    one.tensors.len() == other.tensors.len()
        && one
            .tensors
            .iter()
            .zip(&other.tensors)
            .all(|(a, b)| (&a.name, &a.dtype, a.shape.len()) == (&b.name, &b.dtype, b.shape.len()))
}

#[cfg(test)]
mod tests {
    use trace::Role;

    use super::*;

    fn proposal() -> Proposal {
        let tensor = |name: &str, shape: &[u64]| ShownTensor {
            name: name.to_owned(),
            dtype: "F32".to_owned(),
            shape: shape.to_vec(),
        };
        let layer = |number: u64| MappedTensor {
            name: format!("layer.{number}.probs"),
            role: Role::Probabilities,
            axes: vec![Axis::Rows, Axis::Experts],
            layer: Some(number),
        };
        Proposal {
            name: "dump.npz".to_owned(),
            tensors: vec![
                tensor("extra", &[3]),
                tensor("layer.10.probs", &[6, 8]),
                tensor("layer.9.probs", &[6, 8]),
            ],
            mapping: Mapping { tensors: vec![layer(9), layer(10)], experts: None },
            reasons: vec!["Because.".to_owned()],
        }
    }

    #[test]
    fn a_proposal_that_is_confirmed_is_the_mapping_itself() {
        let proposal = proposal();
        let rows = rows(&proposal);
        let shown: Vec<_> =
            rows.iter().map(|row| (row.name.as_str(), row.tensors, row.choice.role)).collect();
        assert_eq!(shown, [("layer.9.probs", 2, Some(Role::Probabilities)), ("extra", 1, None)]);
        let choices: Vec<MappingChoice> = rows.into_iter().map(|row| row.choice).collect();
        assert_eq!(mapping(&proposal, &choices, None), proposal.mapping);
    }

    #[test]
    fn what_is_corrected_counts() {
        let proposal = proposal();
        let choices = [
            MappingChoice { role: None, axes: Vec::new() },
            MappingChoice { role: Some(Role::Loss), axes: vec![Axis::Samples] },
        ];
        let mapping = mapping(&proposal, &choices, Some(8));
        assert_eq!(
            mapping.json(),
            r#"{"tensors":[{"name":"extra","role":"loss","axes":["samples"]}],"experts":8}"#
        );
    }

    #[test]
    fn errors_find_their_line() {
        let proposal = proposal();
        let error = |tensor: &str| trace::Error::Tensor {
            name: String::new(),
            tensor: tensor.to_owned(),
            found: String::new(),
            expected: String::new(),
            advice: "",
        };
        assert_eq!(row_of(&proposal, &error("layer.10.probs")), Some(0));
        assert_eq!(row_of(&proposal, &error("extra")), Some(1));
        assert_eq!(row_of(&proposal, &error("other")), None);
        assert_eq!(row_of(&proposal, &trace::Error::Empty { name: String::new() }), None);
    }

    #[test]
    fn files_of_one_run_are_alike() {
        let one = proposal();
        let mut longer = one.clone();
        longer.tensors[1].shape[0] = 60;
        assert!(alike(&one, &longer));
        longer.tensors[1].shape.push(2);
        assert!(!alike(&one, &longer));
    }
}
