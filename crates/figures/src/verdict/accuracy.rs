//! Whether accuracy changes, and when most of it did.

use report::{Domain, Group, Report};

use crate::{chart, number, series};

/// Describes a domain's accuracy in a clause.
pub(super) fn clause(report: &Report, domain: &Domain) -> String {
    let Some(accuracy) = report.course(&domain.name, "accuracy", Group::All) else {
        return "accuracy is missing".into();
    };
    let defined = series::defined(&accuracy.values, report.checkpoints.len());
    let (Some(&(first, start)), Some(&(last, end))) = (defined.first(), defined.last()) else {
        return "accuracy is missing".into();
    };
    if first == last {
        return format!("accuracy is {} at its only checkpoint", number::fixed(start, 2));
    }
    let course = format!("from {} to {}", number::fixed(start, 2), number::fixed(end, 2));
    if domain.items == 0 {
        return format!(
            "accuracy changes {course}, without an interval because the number of items is not given"
        );
    }
    let bound = half_interval(start, domain.items) + half_interval(end, domain.items);
    if (end - start).abs() <= bound {
        return format!(
            "accuracy changes {course}, within its interval ({})",
            chart::counted(domain.items as u64, "item")
        );
    }
    let verb = if end > start { "rises" } else { "falls" };
    format!("accuracy {verb} {course}{}", most_after(report, &defined))
}

/// `, most of it after step 3,500`: after the last checkpoint that is not beyond the middle between start and end.
///
/// At that checkpoint at most half of the change has happened, and all later values stay beyond the middle.
fn most_after(report: &Report, defined: &[(usize, f64)]) -> String {
    let (Some(&(first, start)), Some(&(_, end))) = (defined.first(), defined.last()) else {
        return String::new();
    };
    let middle = start + (end - start) / 2.0;
    let before =
        defined.iter().rev().find(|&&(_, value)| if end > start { value <= middle } else { value >= middle });
    match before.and_then(|&(at, _)| report.checkpoints.get(at).filter(|_| at != first)) {
        Some(found) => format!(", most of it after {}", chart::step_name(found.step)),
        None => String::new(),
    }
}

/// Half width of the 95 % interval of a share of `items` (Agresti and Coull: two successes and two failures are added,
/// so that shares of 0 and 1 have an interval).
fn half_interval(share: f64, items: usize) -> f64 {
    let items = items as f64 + 4.0;
    let share = (share.clamp(0.0, 1.0) * (items - 4.0) + 2.0) / items;
    1.96 * (share * (1.0 - share) / items).sqrt()
}

#[cfg(test)]
mod tests {
    use super::half_interval;

    #[test]
    fn a_share_of_none_has_an_interval() {
        assert!((half_interval(0.5, 96) - 0.098).abs() < 1e-12);
        assert!(half_interval(0.0, 10) > 0.1);
    }
}
