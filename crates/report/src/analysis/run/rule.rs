//! The rule of router logits whose own file does not state it: from the model's `config.json` in
//! the same folder, or in the nearest one around it.

use trace::{FileKind, GateKind, ModelConfig, OpenTrace, SIGMOID_EXAMPLES};

use super::{
    layers::JoinedLayers,
    part::{Part, Verdict},
};

/// Folder of a path, empty for a file without one.
fn folder(path: &str) -> &str {
    path.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder)
}

/// Whether a file in one folder is in another one, at any depth.
fn is_inside(inner: &str, outer: &str) -> bool {
    let Some(rest) = inner.strip_prefix(outer) else { return false };
    outer.is_empty() || rest.is_empty() || rest.starts_with(['/', '\\'])
}

/// The configurations that apply to a dump: those in the nearest of the folders that contain it.
fn configs_of<'a>(dump: &str, parts: &'a [Part]) -> Vec<(usize, &'a ModelConfig)> {
    let mut nearest: Vec<(usize, &ModelConfig)> = Vec::new();
    for part in parts {
        let FileKind::Config(config) = &part.what else { continue };
        let depth = folder(&config.name).len();
        if !is_inside(folder(dump), folder(&config.name)) {
            continue;
        }
        let best = nearest.first().map(|(_, best)| folder(&best.name).len());
        if best.is_none_or(|best| best < depth) {
            nearest.clear();
        }
        if best.is_none_or(|best| best <= depth) {
            nearest.push((part.id, config));
        }
    }
    nearest
}

/// The sentence for a dump whose folder has configurations of different rules.
fn contradiction(dump: &str, configs: &[(usize, &ModelConfig)]) -> Option<String> {
    let (_, first) = configs.first()?;
    let (_, other) = configs.iter().find(|(_, other)| other.rule != first.rule)?;
    Some(format!(
        "{dump}: two configurations apply to it, {} of `{}` and {} of `{}`, and make gates by different rules. Remove the \
         one of another model, or write `gate_kind` into the dump's metadata.",
        first.name, first.model_type, other.name, other.model_type
    ))
}

/// Gives dumps of router logits the rule of the `config.json` in their folder, or else in the
/// nearest folder around it. A configuration that is used gets a verdict. A dump is left out if the
/// rule does not fit it, or if two configurations state different rules. The first dump without any
/// rule gets a note for all.
pub(super) fn state_rules(
    traces: &mut Vec<(usize, OpenTrace)>,
    parts: &[Part],
    joined: &mut JoinedLayers,
    verdicts: &mut Vec<Verdict>,
) {
    let mut configs: Vec<(usize, &ModelConfig, usize)> = Vec::new();
    let mut assumed: Vec<(usize, Option<&ModelConfig>)> = Vec::new();
    traces.retain_mut(|(id, trace)| {
        if !trace.takes_rule() {
            return true;
        }
        let found = configs_of(&trace.info.name, parts);
        if let Some(text) = contradiction(&trace.info.name, &found) {
            verdicts.push(Verdict { id: *id, used: false, text: Some(text) });
            return false;
        }
        let beside = found.first().copied();
        let Some((config_id, config, rule)) = beside.and_then(|(id, c)| Some((id, c, c.rule?))) else {
            if trace.rule_is_assumed() {
                assumed.push((*id, beside.map(|(_, config)| config)));
            }
            return true;
        };
        match trace.set_rule(rule) {
            Ok(note) => {
                if let Some(note) = note {
                    joined.note(*id, &note);
                }
                match configs.iter_mut().find(|(id, ..)| *id == config_id) {
                    Some((.., count)) => *count += 1,
                    None => configs.push((config_id, config, 1)),
                }
                true
            }
            Err(error) => {
                verdicts.push(Verdict { id: *id, used: false, text: Some(error.to_string()) });
                false
            }
        }
    });
    for (id, config, count) in configs {
        let kind = config.rule.map_or(GateKind::SoftmaxMean, |rule| rule.kind);
        let files = if count == 1 {
            "the router logits".to_owned()
        } else {
            format!("{count} files of router logits")
        };
        let text = format!(
            "{}: routers of `{}` make gates by {}, which is applied to {files} in its folder.",
            config.name,
            config.model_type,
            words(kind)
        );
        verdicts.push(Verdict { id, used: true, text: Some(text) });
    }
    if let Some(&(id, config)) = assumed.first() {
        let name = traces.iter().find(|(other, _)| *other == id).map_or("", |(_, trace)| &trace.info.name);
        let files = match assumed.len() {
            1 => name.to_owned(),
            count => format!("{name} and {} more", count - 1),
        };
        let unknown = config.map_or(String::new(), |config| {
            format!(" The routing of `{}` in {} is not known here.", config.model_type, config.name)
        });
        joined.note(
            id,
            &format!(
                "{files}: read as softmax router logits.{unknown} Models that route by sigmoid ({SIGMOID_EXAMPLES} and \
                 others) need `gate_kind` (`sigmoid-normalized-mean`) or `model_type` in the metadata, or the model's \
                 config.json in the same folder or one around it."
            ),
        );
    }
}

/// A rule in words.
fn words(kind: GateKind) -> &'static str {
    match kind {
        GateKind::SoftmaxMean => "softmax",
        GateKind::SigmoidNormalizedMean => "normalized sigmoid",
        GateKind::SelectionFrequency => "selection frequency",
    }
}
