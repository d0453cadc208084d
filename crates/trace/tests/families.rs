//! Router logits of other families become the gates that transformers' own routing gives (`tests/fixtures/families`).
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;

use std::rc::Rc;

use common::{Handmade, as_trace, fixture, open_bytes, tensor};
use futures::executor::block_on;
use trace::{FileKind, FileSource, GateKind, ModelConfig, OpenTrace, Opened, RouterRule};

/// Lengths of the six samples.
const LENGTHS: [usize; 6] = [1, 2, 5, 17, 33, 64];
const POSITIONS: usize = 64;
/// Mean gates, by the fixtures' README.
const TOLERANCE: f32 = 5e-6;

/// Family, MoE layers, experts, experts per token, and whether the largest logits are what is selected.
const FAMILIES: [(&str, usize, usize, usize, bool); 11] = [
    ("mixtral", 4, 8, 2, true),
    ("qwen2_moe", 4, 8, 2, true),
    ("qwen3_moe", 4, 16, 4, true),
    ("flex_olmo", 4, 6, 2, true),
    ("granitemoe", 4, 8, 3, true),
    ("gpt_oss", 4, 8, 2, true),
    ("deepseek_v2", 3, 8, 3, false),
    ("deepseek_v3", 3, 8, 2, false),
    ("dots1", 3, 8, 3, false),
    ("glm4_moe", 3, 8, 2, false),
    ("ernie4_5_moe", 3, 8, 2, false),
];

fn rule_of(family: &str) -> GateKind {
    if ["deepseek_v3", "dots1", "glm4_moe"].contains(&family) {
        GateKind::SigmoidNormalizedMean
    } else {
        GateKind::SoftmaxMean
    }
}

/// The samples' logits as one padded batch, a tensor per layer, with these lines of metadata.
fn dump(family: &str, layers: usize, experts: usize, metadata: &[(&str, &str)]) -> Vec<u8> {
    let path = format!("families/{family}/expected.safetensors");
    let samples: Vec<Vec<f32>> = (0..6).map(|i| tensor(&path, &format!("router_logits.{i}"))).collect();
    let mask: Vec<i64> =
        LENGTHS.iter().flat_map(|&n| (0..POSITIONS).map(move |at| i64::from(at < n))).collect();
    let mut file = Handmade::new().metadata(metadata).i64("attention_mask", &[6, POSITIONS as u64], &mask);
    for layer in 0..layers {
        let mut rows = vec![0.0; 6 * POSITIONS * experts];
        for ((sample, logits), tokens) in samples.iter().enumerate().zip(LENGTHS) {
            let from = layer * tokens * experts;
            let to = sample * POSITIONS * experts;
            rows[to..to + tokens * experts].copy_from_slice(&logits[from..from + tokens * experts]);
        }
        let shape = [6 * POSITIONS as u64, experts as u64];
        file = file.f32(&format!("router_logits.{layer}"), &shape, &rows);
    }
    file.bytes()
}

fn off(trace: &OpenTrace, family: &str) -> f32 {
    let expected = tensor(&format!("families/{family}/expected.safetensors"), "mean_gates");
    let gates = block_on(trace.gates(0..6)).expect("gates");
    assert_eq!(gates.len(), expected.len(), "{family}");
    gates.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn config(family: &str) -> ModelConfig {
    let source = FileSource::open(fixture(&format!("families/{family}/config.json"))).expect("a fixture");
    match block_on(trace::open(Rc::new(source))).expect("opens").what {
        FileKind::Config(config) => config,
        other => panic!("{family}: not a configuration: {other:?}"),
    }
}

/// Selected experts of all samples, `[T,L,k]`.
fn selected(family: &str, layers: usize, k: usize) -> Vec<u16> {
    let path = fixture(&format!("families/{family}/expected.safetensors"));
    let bytes = std::fs::read(path).expect("the fixture is there");
    let len = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + len]).expect("JSON");
    let mut all = Vec::new();
    for (sample, tokens) in LENGTHS.into_iter().enumerate() {
        let start = &header[format!("topk_ids.{sample}")]["data_offsets"][0];
        let start = 8 + len + start.as_u64().expect("an offset") as usize;
        for token in 0..tokens {
            for layer in 0..layers {
                for rank in 0..k {
                    let at = start + 4 * ((layer * tokens + token) * k + rank);
                    all.push(u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes")));
                }
            }
        }
    }
    all
}

#[test]
fn the_family_in_the_metadata_makes_its_gates() {
    for (family, layers, experts, k, by_rank) in FAMILIES {
        let kind = rule_of(family);
        assert_eq!(RouterRule::of_family(family), Some(RouterRule { kind, by_rank }), "{family}");
        let k_text = k.to_string();
        let lines = [("model_type", family), ("top_k", k_text.as_str())];
        let opened = open_bytes("dump.safetensors", dump(family, layers, experts, &lines)).expect(family);
        let warnings = opened.warnings.clone();
        let trace = as_trace(opened);
        assert_eq!(trace.info.gate_kind, kind, "{family}");
        assert!(!trace.takes_rule() && !trace.rule_is_assumed(), "{family}");
        let far = off(&trace, family);
        assert!(far <= TOLERANCE, "{family}: {far}");
        assert_eq!((trace.info.top_k, trace.info.has_topk), (Some(k), by_rank), "{family}");
        // Experts that logits alone do not tell are not guessed.
        assert_eq!(
            warnings.iter().any(|w| w.contains("selected experts are left out")),
            !by_rank,
            "{family}"
        );
        if by_rank {
            let topk = block_on(trace.topk(0..6)).expect("selections").expect("there are some");
            assert_eq!(topk.ids, selected(family, layers, k), "{family}");
        }
    }
}

#[test]
fn the_kind_in_the_metadata_makes_its_gates() {
    for (family, layers, experts, ..) in FAMILIES {
        let lines = [("gate_kind", rule_of(family).name())];
        let trace =
            as_trace(open_bytes("dump.safetensors", dump(family, layers, experts, &lines)).expect(family));
        let far = off(&trace, family);
        assert!(far <= TOLERANCE, "{family}: {far}");
        // The other rule makes another quantity.
        let other = GateKind::RULES.into_iter().find(|&kind| kind != rule_of(family)).expect("there are two");
        let lines = [("gate_kind", other.name())];
        let trace =
            as_trace(open_bytes("dump.safetensors", dump(family, layers, experts, &lines)).expect(family));
        assert!(off(&trace, family) > 1e-3, "{family}");
    }
}

#[test]
fn a_configuration_gives_dumps_without_a_word_the_rule() {
    for (family, layers, experts, k, _) in FAMILIES {
        let k_text = k.to_string();
        let bytes = dump(family, layers, experts, &[("top_k", k_text.as_str())]);
        let trace = as_trace(open_bytes("dump.safetensors", bytes).expect(family));
        assert_eq!(trace.info.gate_kind, GateKind::SoftmaxMean, "{family}");
        assert!(trace.takes_rule() && trace.rule_is_assumed() && trace.info.has_topk, "{family}");
        let config = config(family);
        assert_eq!(config.model_type, family);
        let rule = config.rule.expect("a known family");
        // This checkpoint of DeepSeek-V2 has one group.
        assert_eq!(
            rule.by_rank,
            RouterRule::of_family(family).expect("known").by_rank || family == "deepseek_v2"
        );
        let mut ruled = trace.clone();
        let said = ruled.set_rule(rule).expect("the rule fits");
        assert_eq!((ruled.info.gate_kind, ruled.info.has_topk), (rule_of(family), rule.by_rank), "{family}");
        assert_eq!(said.is_some(), !rule.by_rank, "{family}");
        assert!(!ruled.takes_rule(), "{family}");
        for _ in 0..2 {
            let far = off(&ruled, family);
            assert!(far <= TOLERANCE, "{family}: {far}");
        }
        let whole = block_on(ruled.read_all()).expect("a trace");
        assert_eq!((whole.gate_kind, whole.topk.is_some()), (rule_of(family), rule.by_rank));
        // The trace that was not told is as before.
        assert_eq!(trace.info.gate_kind, GateKind::SoftmaxMean);
        assert_eq!(block_on(trace.topk(0..1)).expect("selections").is_some(), trace.info.has_topk);
        let part = block_on(ruled.gates(2..4)).expect("gates");
        assert_eq!(part, whole.gates[2 * layers * experts..4 * layers * experts], "{family}");
    }
}

#[test]
fn what_does_not_fit_is_refused_or_told() {
    let open = |lines: &[(&str, &str)]| open_bytes("dump.safetensors", dump("dots1", 3, 8, lines));
    for kind in ["softmax", "selection-frequency"] {
        let text = open(&[("gate_kind", kind)]).expect_err("no rule").to_string();
        assert!(text.contains("\"softmax-mean\" or \"sigmoid-normalized-mean\""), "{text}");
    }
    let warned = |lines: &[(&str, &str)], word: &str| {
        let Opened { what, warnings } = open(lines).expect("a dump");
        let FileKind::Trace(trace) = what else { panic!("not a trace") };
        assert!(warnings.iter().any(|warning| warning.contains(word)), "{warnings:?}");
        trace
    };
    let trace = warned(&[("model_type", "new_moe")], "routing is not known");
    assert!(trace.rule_is_assumed());
    let trace = warned(&[("model_type", "dots1"), ("gate_kind", "softmax-mean")], "`gate_kind` is used");
    assert_eq!(trace.info.gate_kind, GateKind::SoftmaxMean);
}

#[test]
fn probabilities_of_a_sigmoid_family_are_asked_about() {
    let rows = [0.25, 0.75, 0.5, 0.5];
    let file = |lines: &[(&str, &str)]| {
        Handmade::new()
            .metadata(lines)
            .f32("router_logits.0", &[2, 2], &rows)
            .i64("attention_mask", &[1, 2], &[1, 1])
            .bytes()
    };
    let refused = open_bytes("dump.safetensors", file(&[("model_type", "deepseek_v3")]));
    let text = refused.expect_err("ambiguous").to_string();
    assert!(text.contains("probabilities") && text.contains("gate_kind"), "{text}");
    let stated = file(&[("gate_kind", "sigmoid-normalized-mean")]);
    let trace = as_trace(open_bytes("dump.safetensors", stated).expect("stated"));
    assert_eq!(block_on(trace.gates(0..1)).expect("gates"), [0.375, 0.625]);
    assert_eq!(trace.info.gate_kind, GateKind::SigmoidNormalizedMean);
    // Without a word they are taken as they are, until a configuration contradicts.
    let mut trace = as_trace(open_bytes("dump.safetensors", file(&[])).expect("a dump"));
    assert!(!trace.rule_is_assumed());
    let rule = RouterRule::of_family("deepseek_v3").expect("known");
    let text = trace.set_rule(rule).expect_err("ambiguous").to_string();
    assert!(text.contains("probabilities") && text.contains("gate_kind"), "{text}");
}

#[test]
fn sigmoid_scores_in_place_of_logits_are_noticed() {
    let file = |spread: f32| {
        let rows: Vec<f32> = (0..64).map(|at| (at * 7 % 10) as f32 / 10.0 * spread).collect();
        Handmade::new().f32("router_logits.0", &[8, 8], &rows).i64("attention_mask", &[2, 4], &[1; 8]).bytes()
    };
    let said = |spread| open_bytes("dump.safetensors", file(spread)).expect("a dump").warnings;
    assert!(said(1.0).iter().any(|warning| warning.contains("as sigmoid scores do")), "{:?}", said(1.0));
    assert!(said(1.2).is_empty(), "{:?}", said(1.2));
}

#[test]
fn trace_files_keep_the_rule() {
    let gates = [0.25, 0.75];
    let lines = [
        ("format", "grokscope.trace"),
        ("gate_kind", "sigmoid-normalized-mean"),
        ("step", "5"),
        ("version", "1"),
    ];
    let bytes = Handmade::new().metadata(&lines).f32("gates", &[1, 1, 2], &gates).bytes();
    let trace = as_trace(open_bytes("t.safetensors", bytes).expect("a trace"));
    assert_eq!(trace.info.gate_kind, GateKind::SigmoidNormalizedMean);
    let whole = block_on(trace.read_all()).expect("a trace");
    let written = trace::write_trace(&whole, trace::GateDtype::F32).expect("bytes");
    let again = as_trace(open_bytes("t.safetensors", written).expect("a trace"));
    assert_eq!(again.info.gate_kind, GateKind::SigmoidNormalizedMean);
    assert_eq!(block_on(again.gates(0..1)).expect("gates"), gates);
}

/// Families in a block `NAME = """ … """` of a Python module.
fn listed<'a>(script: &'a str, name: &str) -> Vec<&'a str> {
    let (_, rest) = script.split_once(&format!("\n{name} = \"\"\"")).expect("the block is there");
    rest.split_once("\"\"\"").expect("the block ends").0.split_whitespace().collect()
}

#[test]
fn the_python_package_has_the_same_rules() {
    let module = include_str!("../../../python/src/grokscope/gates.py");
    for (name, kind) in
        [("SOFTMAX_FAMILIES", GateKind::SoftmaxMean), ("SIGMOID_FAMILIES", GateKind::SigmoidNormalizedMean)]
    {
        let families = listed(module, name);
        assert!(families.len() > 15, "{families:?}");
        for family in families {
            assert_eq!(RouterRule::of_family(family).map(|rule| rule.kind), Some(kind), "{family}");
        }
    }
}
