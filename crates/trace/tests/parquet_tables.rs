//! Parquet tables whose columns say what a row is of, as `tests/reference/containers.py` wrote them.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;

use common::{fixture, open_bytes};
use futures::executor::block_on;
use trace::{FileKind, OpenTrace, SampleRecord, StepSource, TraceLayer, join_layers};

fn opened(table: &str) -> Result<TraceLayer, String> {
    let bytes = std::fs::read(fixture(&format!("containers/tables/{table}.parquet"))).expect("the fixture");
    match open_bytes(&format!("run/step-500/{table}.parquet"), bytes) {
        Ok(opened) => match opened.what {
            FileKind::Layer(layer) => Ok(layer),
            other => Err(format!("{other:?}")),
        },
        Err(error) => Err(error.to_string()),
    }
}

fn records() -> Vec<SampleRecord> {
    [("c", "code", 4), ("b", "code", 2), ("a", "math", 3)]
        .map(|(id, domain, tokens)| SampleRecord {
            id: id.to_owned(),
            domain: domain.to_owned(),
            tokens: Some(tokens),
            embedding: None,
            token_ids: None,
        })
        .to_vec()
}

fn joined(tables: &[&str]) -> Result<(OpenTrace, Vec<String>), String> {
    let layers: Vec<TraceLayer> = tables.iter().map(|table| opened(table)).collect::<Result<_, _>>()?;
    let mut warnings = Vec::new();
    let layers: Vec<&TraceLayer> = layers.iter().collect();
    let trace = join_layers(&layers, &records(), &mut warnings).map_err(|error| error.to_string())?;
    Ok((trace, warnings))
}

/// The ids of samples a, b and c in the given layers, by the rule of the script.
fn expected(layers: &[usize]) -> Vec<u16> {
    let tokens = [(0, 3), (1, 2), (2, 4)];
    tokens
        .iter()
        .flat_map(|&(sample, tokens)| (0..tokens).map(move |token| (sample, token)))
        .flat_map(|(sample, token)| layers.iter().map(move |layer| 3 * sample + 5 * token + 2 * layer))
        .flat_map(|sum| [(sum % 8) as u16, ((sum + 4) % 8) as u16])
        .collect()
}

fn ids(trace: &OpenTrace) -> Vec<u16> {
    block_on(trace.topk(0..trace.info.samples.len())).expect("selections").expect("some").ids
}

fn names(trace: &OpenTrace) -> Vec<(&str, &str)> {
    trace.info.samples.iter().map(|sample| (sample.id.as_str(), sample.domain.as_str())).collect()
}

#[test]
fn rows_are_put_in_order_by_their_columns() {
    for table in ["lists", "rows"] {
        let (trace, warnings) = joined(&[table]).expect(table);
        assert_eq!((trace.info.layers, trace.info.top_k), (2, Some(2)), "{table}");
        assert_eq!(names(&trace), [("a", "math"), ("b", "code"), ("c", "code")], "{table}");
        assert_eq!(trace.info.n_tokens.as_deref(), Some(&[3, 2, 4][..]), "{table}");
        assert_eq!(ids(&trace), expected(&[1, 3]), "{table}");
        assert_eq!((trace.info.step, trace.info.step_from), (Some(500), StepSource::FileName), "{table}");
        let [gaps, experts] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(gaps.contains("layers 1 to 3") && experts.contains("8 are assumed"), "{warnings:?}");
    }
}

#[test]
fn without_names_samples_begin_where_positions_do() {
    let (trace, warnings) = joined(&["numbered"]).expect("a trace");
    assert_eq!(trace.info.n_tokens.as_deref(), Some(&[3, 2, 4][..]));
    assert_eq!((ids(&trace), trace.info.labelled), (expected(&[1, 3]), false));
    assert!(warnings.iter().any(|text| text.contains("positions begin again: 3 samples")), "{warnings:?}");
}

#[test]
fn columns_tell_domain_and_step_and_columns_of_one_value_do_no_harm() {
    let (trace, _) = joined(&["no-token"]).expect("a trace");
    assert_eq!(names(&trace), [("10", "math"), ("20", "code"), ("30", "code")]);
    assert_eq!((trace.info.step, trace.info.step_from), (Some(700), StepSource::Metadata));
    assert_eq!(ids(&trace), expected(&[1, 3]));
    assert_eq!(opened("no-token").expect("a file").folder, "run/step-500/step-700");
}

#[test]
fn layers_and_samples_in_several_files_are_joined() {
    let (trace, _) = joined(&["one-layer", "other-layer"]).expect("a trace");
    assert_eq!((ids(&trace), trace.info.layers), (expected(&[1, 3]), 2));
    let (trace, warnings) = joined(&["part-1", "part-0"]).expect("a trace");
    assert_eq!(names(&trace), [("a", "math"), ("b", "code"), ("c", "code")]);
    assert_eq!(ids(&trace), expected(&[1, 3]));
    assert!(warnings[0].contains("1 samples are in several files"), "{warnings:?}");
}

#[test]
fn a_column_of_steps_makes_several_checkpoints() {
    let bytes = std::fs::read(fixture("containers/tables/steps.parquet")).expect("the fixture");
    let opened = open_bytes("run/steps.parquet", bytes).expect("traces");
    let FileKind::Traces(traces) = opened.what else { panic!("{:?}", opened.what) };
    let steps: Vec<_> = traces.iter().map(|trace| (trace.info.step, trace.info.step_from)).collect();
    assert_eq!(steps, [(Some(1000), StepSource::Metadata), (Some(2000), StepSource::Metadata)]);
    for trace in &traces {
        assert_eq!((ids(trace), trace.info.experts), (expected(&[1, 3]), 8));
        assert_eq!(trace.info.name, "run/steps.parquet");
    }
    assert!(opened.warnings.iter().any(|text| text.contains("8 are assumed")), "{:?}", opened.warnings);
}

#[test]
fn what_cannot_be_told_apart_is_refused_by_name() {
    let cases: [(&[&str], &[&str]); 10] = [
        (&["steps-unnamed"], &["column `step`", "2 checkpoints", "columns `layer` and `sample_id`"]),
        (&["ranks"], &["column `tp_rank`", "0, and 1 in row 18", "rows of the same token once"]),
        (&["ranks-untold"], &["layer 1, sample `a`, token 0", "two rows", "for the same tokens"]),
        (
            &["prompts"],
            &["column `prompt`", "\"text of a\", and \"text of b\" in row 3", "name it sample_id"],
        ),
        (&["missing"], &["layer 3", "sample `c`, token 0", "sample `b`, token 1 next, as in layer 1"]),
        (&["rows-without-token"], &["one expert per row", "Add a column `token`"]),
        (&["restart-broken"], &["position 2 after 0 in row 1", "Write a column sample_id"]),
        (&["null"], &["column `sample_id`", "a null at index 1"]),
        (&["part-0", "part-changed"], &["sample `b` with other tokens or experts", "part-0.parquet already"]),
        (&["one-layer", "lists"], &["layer 3", "that layer from"]),
    ];
    for (tables, words) in cases {
        let error = joined(tables).expect_err("refused");
        for word in words {
            assert!(error.contains(word), "{tables:?}: {word}: {error}");
        }
    }
}
