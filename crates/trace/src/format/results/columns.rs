//! Which column of a table is which, by its name: upper and lower case, spaces, underscores and dashes are alike, and
//! other programs' names are understood.

use crate::format::results::listed;

/// Role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Item,
    Domain,
    Step,
    Correct,
    Accuracy,
    Loss,
}

/// All roles with their names, without separators between words: first the documented name, then
/// others, the likeliest first.
const NAMES: [(Role, &str, &[&str]); 6] = [
    (Role::Item, "item", &["itemid", "exampleid", "docid", "id"]),
    (Role::Domain, "domain", &["task", "taskname", "dataset", "benchmark", "subject"]),
    (
        Role::Step,
        "step",
        &[
            "globalstep",
            "trainstep",
            "trainingstep",
            "iteration",
            "iter",
            "train/globalstep",
            "trainer/globalstep",
            "steps",
            "checkpoint",
        ],
    ),
    (Role::Correct, "correct", &["iscorrect"]),
    (Role::Accuracy, "accuracy", &["acc", "score", "accnorm"]),
    (Role::Loss, "validation_loss", &["valloss", "evalloss", "validloss", "testloss"]),
];

/// A name without what separates its words.
fn plain(name: &str) -> String {
    name.trim().chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect::<String>().to_lowercase()
}

/// The place of a column, and its name in the header.
pub fn find(header: &[String], role: Role) -> Option<usize> {
    let plain: Vec<String> = header.iter().map(|name| plain(name)).collect();
    names(role).find_map(|wanted| plain.iter().position(|name| *name == wanted))
}

/// The names of a role, the likeliest first.
fn names(role: Role) -> impl Iterator<Item = String> {
    let row = NAMES.iter().find(|(of, _, _)| *of == role);
    row.into_iter().flat_map(|(_, documented, others)| {
        [plain(documented)].into_iter().chain(others.iter().map(|&name| name.to_owned()))
    })
}

/// The name of a role in documentation.
fn documented(role: Role) -> &'static str {
    NAMES.iter().find(|(of, _, _)| *of == role).map_or("", |&(_, name, _)| name)
}

/// One sentence on the columns that are read under other than the documented names, and on those
/// that are not read because another column has their role.
pub fn understood(name: &str, header: &[String], taken: &[(Role, usize)]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut words = "is read as";
    for &(role, at) in taken {
        let Some(column) = header.get(at) else { continue };
        if plain(column) != plain(documented(role)) {
            parts.push(format!("{} {words} {}", listed([column.as_str()]), documented(role)));
            words = "as";
        }
    }
    let others = header.iter().enumerate().filter(|(at, column)| {
        let column = plain(column);
        let could_be = |role| names(role).any(|name| name == column && name != "id");
        taken.iter().all(|(_, taken)| taken != at) && taken.iter().any(|&(role, _)| could_be(role))
    });
    let others: Vec<&str> = others.map(|(_, column)| column.as_str()).collect();
    let mut sentences = Vec::new();
    if !parts.is_empty() {
        sentences.push(format!("{}.", parts.join(", ")));
    }
    if !others.is_empty() {
        sentences.push(format!("Not read: {}.", listed(others)));
    }
    (!sentences.is_empty()).then(|| format!("{name}: {}", sentences.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_of_other_programs_are_understood() {
        let header = header(&["", "Task", "Global Step", "acc", "Val-Loss"]);
        let find = |role| find(&header, role);
        assert_eq!(find(Role::Domain), Some(1));
        assert_eq!(find(Role::Step), Some(2));
        assert_eq!(find(Role::Accuracy), Some(3));
        assert_eq!(find(Role::Loss), Some(4));
        assert_eq!(find(Role::Item), None);
        let taken = [(Role::Domain, 1), (Role::Step, 2), (Role::Accuracy, 3)];
        assert_eq!(
            understood("r.csv", &header, &taken).unwrap(),
            "r.csv: `Task` is read as domain, `Global Step` as step, `acc` as accuracy."
        );
    }

    #[test]
    fn the_documented_name_comes_first_and_the_other_is_named() {
        let header = header(&["subject", "acc_norm", "Domain", "acc", "global_step", "STEP"]);
        assert_eq!(find(&header, Role::Domain), Some(2));
        assert_eq!(find(&header, Role::Accuracy), Some(3));
        assert_eq!(find(&header, Role::Step), Some(5));
        let said =
            understood("r.csv", &header, &[(Role::Domain, 2), (Role::Step, 5), (Role::Accuracy, 3)]).unwrap();
        assert_eq!(said, "r.csv: `acc` is read as accuracy. Not read: `subject`, `acc_norm`, `global_step`.");
    }

    #[test]
    fn documented_names_need_no_sentence() {
        let header = header(&["Domain", "Step", "Accuracy", "Validation Loss", "notes"]);
        let taken = [(Role::Domain, 0), (Role::Step, 1), (Role::Accuracy, 2), (Role::Loss, 3)];
        assert_eq!(understood("r.csv", &header, &taken), None);
    }
}
