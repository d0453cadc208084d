//! Reference checkpoints against the outputs of transformers. `tests/fixtures/olmoe/README.md` has
//! the tolerances.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod fixture;

use std::{cell::RefCell, collections::BTreeMap};

use fixture::{CASES, Case, assert_close};
use futures::executor::block_on;
use olmoe::{Inputs, Item, LocalFuture, ModelOutput, NoObserver, Observer, Processor, Progress, Sample, run};

/// The CPU; with the feature `gpu` also a GPU, if the system has one.
fn processors() -> Vec<Processor> {
    #[cfg(feature = "gpu")]
    match block_on(Processor::gpu()) {
        Ok(gpu) => return vec![Processor::cpu(), gpu],
        Err(error) => eprintln!("only the CPU is tested: {error}"),
    }
    vec![Processor::cpu()]
}

fn run_on_cpu(case: &Case, inputs: &Inputs) -> ModelOutput {
    block_on(run(&case.checkpoint, inputs, &Processor::cpu(), &NoObserver)).unwrap()
}

#[test]
fn gates_losses_and_selections_match() {
    for (name, processor) in CASES.iter().flat_map(|name| processors().into_iter().map(move |on| (*name, on)))
    {
        let case = Case::open(name);
        let ModelOutput { trace, .. } =
            block_on(run(&case.checkpoint, &case.inputs, &processor, &NoObserver)).unwrap();
        assert_close(name, "mean_gates", &trace.gates, &case.expected("mean_gates"), 2e-6);
        assert_close(name, "nll", trace.loss.as_deref().unwrap(), &case.expected("nll"), 2e-5);
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

/// Observer that keeps router logits and hidden states.
#[derive(Default)]
struct Recorder {
    /// Router logits `[T,E]` by sample and layer.
    logits: RefCell<BTreeMap<(usize, usize), Vec<f32>>>,
    /// Hidden states `[T,d]` by sample.
    hidden: RefCell<BTreeMap<usize, Vec<f32>>>,
}

impl Observer for Recorder {
    fn yield_now(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, _: Progress) {}

    fn router_logits(&self, sample: usize, layer: usize, logits: &[f32]) {
        self.logits.borrow_mut().insert((sample, layer), logits.to_vec());
    }

    fn wants_hidden_states(&self) -> bool {
        true
    }

    fn hidden_states(&self, sample: usize, states: &[f32]) {
        self.hidden.borrow_mut().insert(sample, states.to_vec());
    }
}

#[test]
fn router_logits_and_hidden_states_match() {
    for name in CASES {
        let case = Case::open(name);
        // Also with a budget so small that each sample takes a pass of its own.
        for (mut processor, budget) in
            processors().into_iter().flat_map(|on| [(on.clone(), None), (on, Some(1))])
        {
            processor.budget = budget.unwrap_or(processor.budget);
            let recorder = Recorder::default();
            let output = block_on(run(&case.checkpoint, &case.inputs, &processor, &recorder)).unwrap();
            assert_eq!(output.passes, if budget.is_some() { case.inputs.samples.len() } else { 1 });
            assert_close(name, "mean_gates", &output.trace.gates, &case.expected("mean_gates"), 2e-6);
            let (logits, hidden) = (recorder.logits.borrow(), recorder.hidden.borrow());
            for sample in 0..case.inputs.samples.len() {
                let layers = (0..case.checkpoint.config.layers).flat_map(|layer| &logits[&(sample, layer)]);
                let found: Vec<f32> = layers.copied().collect();
                assert_close(
                    name,
                    "router_logits",
                    &found,
                    &case.expected(&format!("router_logits.{sample}")),
                    5e-5,
                );
                let expected = case.expected(&format!("final_hidden.{sample}"));
                assert_close(name, "final_hidden", &hidden[&sample], &expected, 5e-5);
            }
        }
    }
}

#[test]
fn choices_as_branches_score_like_separate_sequences() {
    for name in CASES {
        let case = Case::open(name);
        let vocabulary = case.checkpoint.config.vocabulary as u32;
        let prompt = case.inputs.samples[3].tokens.clone();
        let choices: Vec<Vec<u32>> = (0..5)
            .map(|choice| (0..=choice).map(|at| (7 * choice + 3 * at + 1) % vocabulary).collect())
            .collect();
        let item = |choices: Vec<Vec<u32>>, gold| Item {
            id: format!("i{gold}"),
            domain: "math".to_owned(),
            prompt: prompt.clone(),
            answer: None,
            choice_lengths: None,
            choices: Some((choices, gold)),
        };
        let samples = case.inputs.samples.clone();
        let together = (0..5).map(|gold| item(choices.clone(), gold)).collect();
        let together = run_on_cpu(&case, &Inputs { samples: samples.clone(), items: together });
        // The most likely choice, from the losses of samples that end in each choice.
        let ends = choices.iter().enumerate().map(|(at, choice)| {
            let tokens: Vec<u32> = [prompt.as_slice(), choice].concat();
            let mut targets = vec![None; tokens.len()];
            for (place, &token) in choice.iter().enumerate() {
                targets[prompt.len() - 1 + place] = Some(token);
            }
            Sample { id: format!("e{at}"), domain: "math".to_owned(), tokens, targets }
        });
        let alone = run_on_cpu(&case, &Inputs { samples: ends.collect(), items: Vec::new() });
        let losses = alone.trace.loss.unwrap();
        let likelihood = |at: usize| -losses[at] * choices[at].len() as f32;
        let best = (0..5).max_by(|&a, &b| likelihood(a).total_cmp(&likelihood(b))).unwrap();
        let right: Vec<usize> = (0..5).filter(|&gold| together.scores[gold].choice == Some(true)).collect();
        assert_eq!(right, [best], "{name}");
    }
}

#[test]
fn batching_does_not_change_results() {
    // Sequences are sorted by length, and an expert computes all of its tokens at once.
    let case = Case::open("gqa-f32");
    let together = run_on_cpu(&case, &case.inputs).trace;
    let width = together.layers * together.experts;
    for (at, sample) in case.inputs.samples.iter().enumerate() {
        let alone = run_on_cpu(&case, &Inputs { samples: vec![sample.clone()], items: Vec::new() }).trace;
        assert_close("gqa-f32", "gates", &alone.gates, &together.gates[at * width..][..width], 1e-6);
    }
}

/// Token of the largest logit.
fn argmax(logits: &[f32]) -> u32 {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap() as u32
}

#[test]
fn items_are_scored_by_answer_and_choice() {
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
        for pair in run_on_cpu(&case, &inputs).scores.chunks(2) {
            assert_eq!((pair[0].greedy, pair[0].choice), (Some(true), Some(true)), "{name}");
            assert_eq!((pair[1].greedy, pair[1].choice), (Some(false), Some(false)), "{name}");
        }
    }
}

#[test]
fn answers_of_several_tokens_match_greedy_decoding() {
    // The tokens of greedy decoding are correct as one answer, and incorrect with the last changed.
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
        let scores = run_on_cpu(&case, &inputs).scores;
        let right: Vec<usize> = (0..128).filter(|&at| scores[at].greedy == Some(true)).collect();
        assert_eq!(right.len(), 1);
        answer.push(right[0] as u32);
        tokens.push(right[0] as u32);
    }
    let mut wrong = answer.clone();
    wrong[2] = (wrong[2] + 1) % 128;
    let items = vec![item(prompt.clone(), answer), item(prompt, wrong)];
    let scores = run_on_cpu(&case, &Inputs { samples: case.inputs.samples.clone(), items }).scores;
    assert_eq!((scores[0].correct(), scores[1].correct()), (Some(true), Some(false)));
}
