//! Names of logged metrics: which of them are accuracies, and of which task.

/// Metrics that are a share of right answers, the one to prefer first: plain accuracy, then the accuracy normalized by
/// length, then answers that match exactly.
const ACCURACIES: [&str; 17] = [
    "acc",
    "accuracy",
    "acc_raw",
    "acc_norm",
    "length-normalized accuracy",
    "len_norm",
    "acc_per_char",
    "acc_per_token",
    "acc_uncond",
    "pmi_dc",
    "exact_match",
    "em",
    "pass@1",
    "pass_at_1",
    "prompt_level_strict_acc",
    "accuracy v2",
    "length-normalized accuracy v2",
];

/// Path parts that name no task.
const GENERAL: [&str; 12] = [
    "",
    "eval",
    "evals",
    "val",
    "valid",
    "validation",
    "test",
    "train",
    "metrics",
    "downstream",
    "results",
    "average",
];

/// An accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric<'a> {
    /// The task.
    pub task: &'a str,
    /// How much other metrics are preferred; 0 for plain accuracy.
    pub rank: usize,
}

/// How much other metrics are preferred to one; `None` for a metric that is not an accuracy.
pub fn rank(metric: &str) -> Option<usize> {
    ACCURACIES.iter().position(|known| metric.eq_ignore_ascii_case(known))
}

/// The name of the metric of a rank.
pub fn metric(rank: usize) -> &'static str {
    ACCURACIES.get(rank).copied().unwrap_or_default()
}

/// Reads `eval/downstream/arc_easy_acc`, `arc_easy/accuracy` or `eval/downstream/arc_easy (accuracy)`; `None` for what is
/// no accuracy, or of no task.
pub fn accuracy(path: &str) -> Option<Metric<'_>> {
    let path = path.trim();
    let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
    let found = match rank(last) {
        Some(rank) => Metric { task: before.rsplit('/').next().unwrap_or(before), rank },
        None => in_parentheses(last).or_else(|| with_suffix(last))?,
    };
    let general = GENERAL.iter().any(|word| found.task.eq_ignore_ascii_case(word));
    (!general).then_some(found)
}

fn in_parentheses(part: &str) -> Option<Metric<'_>> {
    let (task, metric) = part.strip_suffix(')')?.rsplit_once('(')?;
    Some(Metric { task: task.trim_end(), rank: rank(metric)? })
}

/// The longest name of an accuracy at the end, after a separator.
fn with_suffix(part: &str) -> Option<Metric<'_>> {
    let found = ACCURACIES.iter().enumerate().filter_map(|(rank, name)| {
        let at = part.len().checked_sub(name.len())?;
        let suffix = part.get(at..)?;
        let task = part.get(..at)?.strip_suffix(['_', ' ', '-', '.', ':'])?;
        suffix.eq_ignore_ascii_case(name).then_some((name.len(), Metric { task, rank }))
    });
    found.max_by_key(|&(len, _)| len).map(|(_, metric)| metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_is_the_last_part_without_its_metric() {
        for (path, task, metric_name) in [
            ("eval/downstream/math_acc", "math", "acc"),
            ("eval/downstream/arc_easy_acc_norm", "arc_easy", "acc_norm"),
            ("eval/downstream/hellaswag_len_norm", "hellaswag", "len_norm"),
            ("eval/downstream/arc_challenge_rc_5shot (accuracy)", "arc_challenge_rc_5shot", "accuracy"),
            ("eval/downstream/x (length-normalized accuracy)", "x", "length-normalized accuracy"),
            ("code/acc", "code", "acc"),
            ("eval/code/Accuracy", "code", "accuracy"),
            ("math_accuracy", "math", "accuracy"),
            ("Algebra Accuracy", "Algebra", "accuracy"),
            ("gsm8k_exact_match", "gsm8k", "exact_match"),
            ("arc_easy_acc_raw", "arc_easy", "acc_raw"),
        ] {
            let found = accuracy(path).map(|found| (found.task, metric(found.rank)));
            assert_eq!(found, Some((task, metric_name)), "{path}");
        }
    }

    #[test]
    fn other_metrics_and_accuracies_of_no_task_are_none() {
        for path in [
            "train/loss",
            "eval/downstream/math_acc_stderr",
            "eval/downstream/math_acc__MIN",
            "train/acc",
            "eval/accuracy",
            "Train Accuracy",
            "acc",
            "_acc",
            "vacc",
            "ä_ac",
            "",
        ] {
            assert_eq!(accuracy(path), None, "{path}");
        }
    }
}
