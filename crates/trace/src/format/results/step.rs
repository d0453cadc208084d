//! The training step of a file of results that is of one checkpoint.

use crate::{
    error::Error,
    text::{shorten, step_name::step_from_name},
};

/// What to do about results without a step.
pub const GIVE_STEP: &str = "Put the file into a folder named by its step, such as `step-1000`.";

/// A step that a field of the file names, and the field's text.
pub fn step_in(text: &str) -> Option<u64> {
    // `pretrained=org/model,revision=step1000-tokens4B,dtype=bfloat16`: the revision says more than the model's name.
    let value = |wanted: &str| {
        text.split(',')
            .find_map(|pair| pair.trim().strip_prefix(wanted))
            .and_then(|value| value.strip_prefix('='))
    };
    let named = |text: &str| step_from_name(text).map(|named| named.step);
    let fields = ["revision", "pretrained", "path", "model"].into_iter().filter_map(value);
    fields.map(named).find(Option::is_some).flatten().or_else(|| named(text))
}

/// The step that a file's path or else its fields name; the first field that names one counts.
///
/// # Errors
/// [`Error::Text`] when neither does.
pub fn step_of<'a>(
    file: &str,
    fields: impl IntoIterator<Item = (&'static str, &'a str)>,
    warnings: &mut Vec<String>,
) -> Result<u64, Error> {
    let path = step_from_name(file).map(|named| named.step);
    let inside = fields.into_iter().find_map(|(field, text)| Some((field, text, step_in(text)?)));
    match (path, inside) {
        (Some(path), Some((field, text, inside))) if path != inside => {
            warnings.push(format!(
                "{file}: the path says step {path}, but `{field}` (`{}`) says {inside}. The path counts.",
                shorten(text)
            ));
            Ok(path)
        }
        (Some(step), _) | (None, Some((_, _, step))) => Ok(step),
        (None, None) => Err(Error::Text {
            name: file.to_owned(),
            place: "the training step".to_owned(),
            found: "none in the path or in the file".to_owned(),
            expected: "the step of the checkpoint that was evaluated".to_owned(),
            advice: GIVE_STEP,
        }),
    }
}

/// Folder and date of a file of lm-evaluation-harness, which `results_DATE.json` and `samples_TASK_DATE.jsonl` of one
/// evaluation share.
pub fn evaluation(file: &str) -> String {
    let file = file.split(['?', '#']).next().unwrap_or(file);
    let (folder, last) = file.rsplit_once(['/', '\\']).unwrap_or(("", file));
    let date = last.rsplit_once(".json").and_then(|(stem, _)| stem.rsplit_once('_')).map(|(_, date)| date);
    format!("{folder}/{}", date.filter(|date| is_date(date)).unwrap_or_default())
}

/// Whether a text begins like `2026-01-05T10-11-12.000000`.
pub fn is_date(text: &str) -> bool {
    let digits = |range| text.get(range).is_some_and(|part: &str| part.bytes().all(|b| b.is_ascii_digit()));
    digits(0..4) && digits(5..7) && digits(8..10) && text.get(10..11) == Some("T")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_arguments() {
        assert_eq!(step_in("pretrained=ckpt/step-1000"), Some(1000));
        assert_eq!(step_in("pretrained=org/x-step7,revision=step5000-tokens20B,dtype=bfloat16"), Some(5000));
        assert_eq!(step_in("ckpt/step-2000"), Some(2000));
        assert_eq!(step_in("pretrained=org/model,dtype=bfloat16"), None);
    }

    #[test]
    fn files_of_one_evaluation() {
        let results = evaluation("e/org__m/results_2026-01-05T10-11-12.000000.json");
        assert_eq!(results, "e/org__m/2026-01-05T10-11-12.000000");
        assert_eq!(results, evaluation("e/org__m/samples_arc_easy_2026-01-05T10-11-12.000000.jsonl"));
        assert_ne!(results, evaluation("e/org__m/samples_arc_easy_2026-01-06T10-11-12.000000.jsonl"));
        assert_eq!(evaluation("results.json"), evaluation("samples_arc_easy.jsonl"));
    }

    #[test]
    fn the_path_counts_and_a_contradiction_is_said() {
        let mut warnings = Vec::new();
        let step = step_of("step-1000/r.json", [("model_name", "ckpt/step-2000")], &mut warnings);
        assert_eq!(step, Ok(1000));
        assert_eq!(warnings.len(), 1);
        assert!(warnings.iter().all(|text| text.contains("1000") && text.contains("2000")), "{warnings:?}");
        let step = step_of("r.json", [("model_args", "x"), ("model_name", "step-3")], &mut warnings);
        assert_eq!(step, Ok(3));
        assert_eq!(warnings.len(), 1);
        let error = step_of("r.json", [], &mut warnings).unwrap_err().to_string();
        assert!(error.contains("r.json") && error.contains("step-1000"), "{error}");
    }
}
