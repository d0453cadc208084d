//! Reference checkpoints against what transformers made of them (`tests/fixtures/olmoe/README.md`, which has the tolerances).
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod fixture;

use fixture::{CASES, Case, close};
use futures::executor::block_on;
use olmoe::{Inputs, Item, Processor, Sample, Traced, Unwatched, run};

fn traced(case: &Case, inputs: &Inputs) -> Traced {
    block_on(run(&case.checkpoint, inputs, &Processor::cpu(), &Unwatched)).unwrap()
}

#[test]
fn gates_losses_and_selections() {
    for name in CASES {
        let case = Case::open(name);
        let Traced { trace, .. } = traced(&case, &case.inputs);
        close(name, "mean_gates", &trace.gates, &case.expected("mean_gates"), 2e-6);
        close(name, "nll", trace.loss.as_deref().unwrap(), &case.expected("nll"), 2e-5);
        let topk = trace.topk.unwrap();
        let (layers, k) = (topk.layers, topk.k);
        for (sample, span) in topk.offsets.windows(2).enumerate() {
            let expected = case.expected_ids(&format!("topk_ids.{sample}"));
            let len = span[1] - span[0];
            for layer in 0..layers {
                for token in 0..len {
                    let ids = &topk.ids[((span[0] + token) * layers + layer) * k..][..k];
                    let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
                    assert_eq!(
                        ids,
                        expected[(layer * len + token) * k..][..k],
                        "{name} s{sample} layer {layer} token {token}"
                    );
                }
            }
        }
    }
}

#[test]
fn any_order_and_company_gives_the_same() {
    // Sequences are attended to by length and experts see all tokens at once; neither may show.
    let case = Case::open("gqa-f32");
    let together = traced(&case, &case.inputs).trace;
    let width = together.layers * together.experts;
    for (at, sample) in case.inputs.samples.iter().enumerate() {
        let alone = traced(&case, &Inputs { samples: vec![sample.clone()], items: Vec::new() }).trace;
        close("gqa-f32", "gates", &alone.gates, &together.gates[at * width..][..width], 1e-6);
    }
}

/// The tokens that the reference makes most likely, and their place among all.
fn argmax(logits: &[f32]) -> u32 {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap() as u32
}

#[test]
fn items_are_scored_by_answer_and_by_choice() {
    for name in CASES {
        let case = Case::open(name);
        let vocabulary = case.checkpoint.config.vocabulary;
        let logits = case.expected("last_logits");
        let mut inputs = case.inputs.clone();
        for (at, Sample { tokens, domain, .. }) in case.inputs.samples.iter().enumerate() {
            let row = &logits[at * vocabulary..][..vocabulary];
            let (best, other) = (argmax(row), (argmax(row) + 1) % vocabulary as u32);
            let mut item = |id: String, answer, gold| {
                let choices = Some((vec![vec![other], vec![best]], gold));
                let (domain, prompt) = (domain.clone(), tokens.clone());
                inputs.items.push(Item {
                    id,
                    domain,
                    prompt,
                    answer: Some(vec![answer]),
                    choices,
                    choice_lengths: None,
                });
            };
            item(format!("right-{at}"), best, 1);
            item(format!("wrong-{at}"), other, 0);
        }
        for pair in traced(&case, &inputs).scores.chunks(2) {
            assert_eq!((pair[0].greedy, pair[0].choice), (Some(true), Some(true)), "{name}");
            assert_eq!((pair[1].greedy, pair[1].choice), (Some(false), Some(false)), "{name}");
        }
    }
}

#[test]
fn longer_answers_are_greedy_decoding() {
    // What greedy decoding gives, token by token, is right as one answer; with its last token changed it is wrong.
    let case = Case::open("base-bf16");
    let mut tokens = case.inputs.samples[2].tokens.clone();
    let prompt = tokens.clone();
    let domain = "math".to_owned();
    let item = |prompt: Vec<u32>, answer: Vec<u32>| Item {
        id: "i".to_owned(),
        domain: domain.clone(),
        prompt,
        answer: Some(answer),
        choices: None,
        choice_lengths: None,
    };
    let mut answer = Vec::new();
    for _ in 0..3 {
        let items: Vec<Item> = (0..128).map(|token| item(tokens.clone(), vec![token])).collect();
        let inputs = Inputs { samples: case.inputs.samples.clone(), items };
        let scores = traced(&case, &inputs).scores;
        let right: Vec<usize> = (0..128).filter(|&at| scores[at].greedy == Some(true)).collect();
        assert_eq!(right.len(), 1);
        answer.push(right[0] as u32);
        tokens.push(right[0] as u32);
    }
    let mut wrong = answer.clone();
    wrong[2] = (wrong[2] + 1) % 128;
    let items = vec![item(prompt.clone(), answer), item(prompt, wrong)];
    let scores = traced(&case, &Inputs { samples: case.inputs.samples.clone(), items }).scores;
    assert_eq!((scores[0].correct(), scores[1].correct()), (Some(true), Some(false)));
}
