//! Benchmark results of other programs: figures, warnings and errors.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod common;

use common::open_bytes;
use trace::{FileKind, Results};

/// The results of a file and its warnings.
fn read(name: &str, text: &str) -> (Results, String) {
    let opened = open_bytes(name, text).unwrap_or_else(|error| panic!("{error}"));
    match opened.what {
        FileKind::Results(results) => (results, opened.warnings.join("\n")),
        other => panic!("{name} is {other:?}"),
    }
}

/// Why a file is refused.
fn refused(name: &str, text: &str) -> String {
    open_bytes(name, text).expect_err("an error").to_string()
}

fn accuracies(results: &Results) -> Vec<(&str, u64, f64)> {
    results.accuracy.iter().map(|row| (row.domain.as_str(), row.step, row.accuracy)).collect()
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}

#[test]
fn a_table_with_other_names() {
    let (results, said) = read(
        "r.csv",
        "Global Step;Benchmark;acc_norm;score;eval_loss;subject\n1e3;math;0.5;nan;1.5;x\n2000.0;math;;0.75;;y\n;;;;;\n",
    );
    assert_eq!(accuracies(&results), [("math", 2000, 0.75)]);
    assert_eq!(results.steps, [1000, 2000]);
    assert_eq!(results.validation_loss.len(), 1);
    says(&said, &["`Benchmark` is read as domain", "`Global Step` as step", "`score` as accuracy"]);
    says(&said, &["`eval_loss` as validation_loss", "Not read: `acc_norm`, `subject`"]);
    let (results, said) = read("r.csv", "task,step,acc_norm\nmath,1,0.5\n");
    assert_eq!(accuracies(&results), [("math", 1, 0.5)]);
    says(&said, &["`acc_norm` as accuracy"]);
}

#[test]
fn a_table_of_items_with_other_names() {
    let (results, said) = read("r.csv", "doc_id,task,step,acc\n0,math,1.0,1.0\n0,math,2,NaN\n1,math,2,0.0\n");
    assert_eq!(results.steps, [1, 2]);
    let correct: Vec<_> = results.items.iter().map(|item| item.correct.clone()).collect();
    assert_eq!(correct, [vec![Some(true), None], vec![None, Some(false)]]);
    says(&said, &["`doc_id` is read as item", "`acc` as correct"]);
}

#[test]
fn a_table_whose_path_has_the_step() {
    let (results, said) = read("run/step-3000/results.csv", "task,accuracy\nmath,0.5\ncode,0.25\n");
    assert_eq!(accuracies(&results), [("code", 3000, 0.25), ("math", 3000, 0.5)]);
    says(&said, &["step 3000 is read from the file's path"]);
}

#[test]
fn tables_that_do_not_say_one_thing_are_refused() {
    let said = refused("r.csv", "domain,Global Step,accuracy\nmath,1000.5,0.5\n");
    says(&said, &["r.csv", "line 2", "`Global Step`", "1000.5", "whole number"]);
    let said = refused("r.csv", "dataset,subject,step,acc\nmmlu,a,1,0.5\nmmlu,b,1,0.25\n");
    says(&said, &["line 3, column `acc`", "`mmlu` at step 1", "0.5 on line 2", "another column"]);
    let said = refused("r.csv", "domain,step,accuracy\nmath,1,52.5\n");
    says(&said, &["line 2, column `accuracy`", "52.5", "Divide percentages"]);
}

const PANEL: &str = "\"Step\",\"a - b - eval/downstream/math_acc\",\"a - b - eval/downstream/math_acc__MIN\",\
                     \"a - b - eval/downstream/math_acc_norm\",\"a - b - train/loss\",\"a - b - _step\"\n";

#[test]
fn a_panel_of_weights_and_biases() {
    let text = format!(
        "{PANEL}\"1000\",\"0.25\",\"0.2\",\"0.5\",\"2.5\",\"1\"\n\"1500\",\"\",\"\",\"\",\"2\",\"2\"\n"
    );
    let (results, said) = read("wandb_export.csv", &text);
    assert_eq!(accuracies(&results), [("math", 1000, 0.25)]);
    says(&said, &["`train/loss`", "`eval/downstream/math_acc_norm`"]);
    assert!(!said.contains("MIN") && !said.contains("_step"), "{said}");
}

#[test]
fn a_panel_with_more_columns_than_are_looked_at() {
    let mut header = "\"Step\"".to_owned();
    let mut row = "\"7\"".to_owned();
    for task in 0..200 {
        for end in ["", "__MIN", "__MAX"] {
            header += &format!(",\"größe - eval/downstream/task{task}_acc{end}\"");
            row += ",\"0.5\"";
        }
    }
    let (results, _) = read("w.csv", &format!("{header}\n{row}\n"));
    assert_eq!((results.accuracy.len(), results.steps), (200, vec![7]));
}

#[test]
fn a_history_of_weights_and_biases() {
    let (results, said) =
        read("history.csv", ",_step,_runtime,train/loss,eval/code/acc\n0,5,1.5,2.5,0.5\n1,6,1.5,2.5,\n");
    assert_eq!(accuracies(&results), [("code", 5, 0.5)]);
    says(&said, &["`train/loss`"]);
}

#[test]
fn panels_that_are_refused() {
    let said = refused("w.csv", "\"Step\",\"one - math_acc\",\"two - math_acc\"\n1,0.5,0.5\n");
    says(&said, &["2 runs", "`one`", "`two`", "Show one run"]);
    let said = refused("w.csv", "\"Relative Time (Process)\",\"one - math_acc\"\n1.5,0.5\n");
    says(&said, &["Relative Time", "step on its x axis"]);
    let said = refused("w.csv", "\"Step\",\"one - train/loss\",\"one - lr\"\n1,0.5,0.5\n");
    says(&said, &["no accuracy", "`train/loss`", "`lr`", "TASK_acc"]);
    let said = refused("w.csv", "\"Step\",\"one - math_acc\"\n1.5,0.5\n");
    says(&said, &["line 2", "`Step`", "1.5"]);
}

fn harness(model_args: &str) -> String {
    format!(
        r#"{{"results": {{
            "math": {{"alias": "math", "acc,none": 0.5, "acc_stderr,none": NaN, "acc_norm,none": 0.75}},
            "swag": {{"alias": "swag", "acc,none": NaN, "acc_norm,none": 0.25}},
            "gsm8k": {{"exact_match,flexible-extract": 0.5, "exact_match,strict-match": 0.125}},
            "wikitext": {{"word_perplexity,none": 9.5, "bits_per_byte,none": "N/A"}}}},
          "config": {{"model": "hf", "model_args": {model_args}}}, "model_name": "org/model"}}"#
    )
}

#[test]
fn results_of_the_harness() {
    let text = harness(r#""pretrained=org/model,revision=step5000-tokens20B""#);
    let (results, said) = read("evals/org__model/results_2026-01-05T10-11-12.000000.json", &text);
    assert_eq!(accuracies(&results), [("gsm8k", 5000, 0.125), ("math", 5000, 0.5), ("swag", 5000, 0.25)]);
    assert_eq!(results.model.as_deref(), Some("org/model"));
    says(&said, &["exact_match (filter strict-match) of gsm8k", "acc_norm of swag", "`wikitext`"]);
    assert!(!said.contains("math"), "{said}");
    let (results, said) = read("evals/__ckpt__step-4000/results.json", &text);
    assert_eq!(results.steps, [4000]);
    says(&said, &["step 4000", "5000", "The path counts"]);
    let (results, _) = read("results.json", &harness(r#"{"pretrained": "ckpt/step-7", "dtype": "auto"}"#));
    assert_eq!(results.steps, [7]);
}

#[test]
fn results_of_the_harness_that_are_refused() {
    let said = refused("results_x.json", &harness("\"pretrained=org/model\""));
    says(&said, &["results_x.json", "training step", "`step-1000`"]);
    let said = refused("step-1/results.json", r#"{"results": {"wikitext": {"word_perplexity,none": 9.5}}}"#);
    says(&said, &["no accuracy of `wikitext`"]);
    let said = refused("step-1/results.json", r#"{"results": {"math": {"acc,none": 50.0}}}"#);
    says(&said, &["`acc` of `math`", "Divide percentages"]);
    let said = refused("step-1/results.json", "{\"results\": {\"math\": {\"acc,none\": 0.5}},\n \"x\": ]}");
    says(&said, &["line 2", "lm-evaluation-harness"]);
}

#[test]
fn old_results_of_the_harness() {
    let text = r#"{"results": {"piqa": {"acc": 0.5, "acc_stderr": 0.01, "acc_norm": 0.75}}, "versions": {"piqa": 0},
        "config": {"model": "gpt2", "model_args": "pretrained=EleutherAI/pythia-70m,revision=step3000"}}"#;
    let (results, said) = read("pythia.json", text);
    assert_eq!(accuracies(&results), [("piqa", 3000, 0.5)]);
    assert_eq!(said, "");
}

/// A line of samples that is longer than what formats are recognized by.
fn answer(doc: u64, metrics: &str) -> String {
    let question = "x".repeat(5000);
    format!(
        "{{\"doc_id\": {doc}, \"doc\": {{\"question\": \"{question}\", \"answer\": \"a\"}}, \"target\": \"0\", \
         \"resps\": [[[\"-1.0\", \"False\"]]], {metrics}}}\n"
    )
}

#[test]
fn answers_of_the_harness() {
    let name = "evals/__ckpt__step-10/samples_arc_easy_2026-01-05T10-11-12.000000.jsonl";
    let text =
        answer(0, "\"acc\": 1.0, \"acc_norm\": 0.0") + "\n" + &answer(1, "\"acc\": 0.0, \"acc_norm\": NaN");
    let (results, said) = read(name, &text);
    assert_eq!((results.steps.as_slice(), said.as_str()), ([10].as_slice(), ""));
    let items: Vec<_> = results
        .items
        .iter()
        .map(|item| (item.id.as_str(), item.domain.as_str(), item.correct[0], item.acc[0], item.acc_norm[0]))
        .collect();
    assert_eq!(
        items,
        [
            ("arc_easy/0", "arc_easy", Some(true), Some(true), Some(false)),
            ("arc_easy/1", "arc_easy", Some(false), Some(false), None),
        ]
    );
}

#[test]
fn answers_by_several_filters() {
    let text = answer(0, "\"filter\": \"flexible-extract\", \"exact_match\": 1.0")
        + &answer(1, "\"filter\": \"flexible-extract\", \"exact_match\": 0.5")
        + &answer(0, "\"filter\": \"strict-match\", \"exact_match\": 0.0");
    let (results, said) = read("step-1/samples_gsm8k.jsonl", &text);
    let correct: Vec<_> = results.items.iter().map(|item| item.correct[0]).collect();
    assert_eq!(correct, [Some(false), None]);
    says(
        &said,
        &["`exact_match`", "by the filter `strict-match` count, not by `flexible-extract`", "1 answers"],
    );
}

#[test]
fn answers_that_are_refused() {
    let said = refused("step-1/samples_x.jsonl", &(answer(0, "\"acc\": 1.0") + "{\"doc_id\": }\n"));
    says(&said, &["line 2", "lm-evaluation-harness"]);
    let said = refused("step-1/samples_x.jsonl", &answer(0, "\"bleu\": 1.0"));
    says(&said, &["line 1", "exact_match"]);
}

#[test]
fn metrics_of_a_trainer() {
    let text = "{\"step\": 100, \"train/loss\": 2.5, \"throughput/device\": 1}\n\
                {\"step\": 200, \"train/loss\": NaN, \"eval/downstream/arc_easy_acc\": 0.5, \
                 \"eval/downstream/hellaswag_len_norm\": 0.25, \"eval/c4/CrossEntropyLoss\": 3.5}\n\n\
                {\"step\": 300.0, \"eval/downstream/arc_easy_acc\": 0.75, \"eval/downstream/hellaswag_len_norm\": NaN}\n";
    let (results, said) = read("run-1/metrics.jsonl", text);
    assert_eq!(
        accuracies(&results),
        [("arc_easy", 200, 0.5), ("arc_easy", 300, 0.75), ("hellaswag", 200, 0.25)]
    );
    says(&said, &["len_norm of hellaswag", "`eval/c4/CrossEntropyLoss`"]);
    let (results, _) = read("wandb-summary.json", "{\"_step\": 9, \"eval/downstream/x (accuracy)\": 0.5}");
    assert_eq!(accuracies(&results), [("x", 9, 0.5)]);
    let (results, _) = read("step-40/metrics.json", "{\"eval/downstream/math_accuracy\": 0.5}");
    assert_eq!(accuracies(&results), [("math", 40, 0.5)]);
    let (results, _) =
        read("metrics.json", "{\"step\": 3, \"metrics\": {\"eval/downstream/math_accuracy\": 0.5}}");
    assert_eq!(accuracies(&results), [("math", 3, 0.5)]);
}

#[test]
fn metrics_of_olmes() {
    let one = r#"{"task_name": "arc_easy", "model_config": {"model": "olmoe", "revision": "step900-tokens3B",
        "model_type": "hf"}, "metrics": {"acc_raw": 0.5, "acc_per_char": 0.75, "primary_score": 0.75, "extra": {}}}"#;
    let (results, said) = read("task-000-arc_easy-metrics.json", one);
    assert_eq!(accuracies(&results), [("arc_easy", 900, 0.5)]);
    says(&said, &["acc_raw of arc_easy", "`acc_per_char of arc_easy`"]);
    let two = one.replace("\"arc_easy\"", "\"boolq\"").replace('\n', " ");
    let (results, _) = read("metrics-all.jsonl", &format!("{}\n{two}\n", one.replace('\n', " ")));
    assert_eq!(accuracies(&results), [("arc_easy", 900, 0.5), ("boolq", 900, 0.5)]);
    let all = r#"{"all_primary_scores": ["arc_easy: 0.5"], "tasks": [{"alias": "arc_easy", "metrics": {"acc_raw": 0.5}}]}"#;
    let (results, _) = read("step-7/metrics.json", all);
    assert_eq!(accuracies(&results), [("arc_easy", 7, 0.5)]);
}

#[test]
fn metrics_that_are_refused() {
    let said = refused("metrics.json", "{\"eval/downstream/math_acc\": 0.5}");
    says(&said, &["training step", "`step-1000`"]);
    let said = refused(
        "m.jsonl",
        "{\"step\": 1, \"eval/downstream/math_acc\": 0.5}\n{\"eval/downstream/math_acc\": 0.5}\n",
    );
    says(&said, &["record 2", "without a step"]);
    let said = refused("m.jsonl", "{\"step\": 1.5, \"eval/downstream/math_acc\": 0.5}\n");
    says(&said, &["record 1, `step`", "1.5"]);
    let said = refused(
        "m.jsonl",
        "{\"step\": 1, \"eval/downstream/math_acc\": 0.5}\n{\"step\": 1, \"eval/downstream/math_acc\": 0.25}\n",
    );
    says(&said, &["`eval/downstream/math_acc` at step 1", "0.5 and 0.25"]);
    let said = refused("m.jsonl", "{\"step\": 1, \"train/loss\": 0.5}\n");
    says(&said, &["no accuracy of a task"]);
}

#[test]
fn floats_that_json_does_not_have_are_absent_in_run_json() {
    let text = "{\"steps\": [1, 2], \"accuracy\": {\"math\": [NaN, 0.5]}, \"validation_loss\": {\"math\": [Infinity, 1.5]}}";
    let (results, _) = read("run.json", text);
    assert_eq!(accuracies(&results), [("math", 2, 0.5)]);
    assert_eq!(results.validation_loss.len(), 1);
}

#[test]
fn neighbours_stay_what_they_are() {
    let kind = |name: &str, text: &str| open_bytes(name, text).expect("a file").what.name();
    assert_eq!(
        kind("samples.jsonl", "{\"id\": \"eval/1\", \"domain\": \"x\", \"tokens\": 3}\n"),
        "list of samples"
    );
    assert_eq!(
        kind("items.jsonl", "{\"id\": 1, \"prompt\": \"a\", \"choices\": [\"b\"], \"answer\": 0}\n"),
        "benchmark items"
    );
    assert_eq!(
        kind("config.json", "{\"model_type\": \"olmoe\", \"architectures\": []}"),
        "configuration of a model"
    );
    assert_eq!(kind("x.csv", "step,accuracy\n1,0.5\n"), "not part of a run");
}
