//! The fixture, and comparisons with its expected values.

use serde_json::Value;

const FOLDER: &str = "tests/fixtures/metrics/run-a";

macro_rules! bytes {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/fixtures/metrics/run-a/", $name)).as_slice()
    };
}

/// The part of the run that the metrics need.
pub struct Fixture {
    pub expected: Value,
    pub run: Value,
    pub steps: Vec<u64>,
    pub domains: Vec<String>,
    pub layers: usize,
    pub experts: usize,
    pub k: usize,
    pub width: usize,
    pub samples: Vec<Sample>,
    pub checkpoints: Vec<Checkpoint>,
    /// `[items, L, E]`, at the last checkpoint.
    pub item_gates: Vec<f32>,
    /// `[tokens, L, E]`, at the last checkpoint.
    pub token_gates: Vec<f32>,
}

pub struct Sample {
    pub id: String,
    pub domain: String,
    pub tokens: usize,
    /// Index of its first token.
    pub first_token: usize,
    pub embedding: Vec<f64>,
}

pub struct Checkpoint {
    /// `[S, L, E]`.
    pub gates: Vec<f32>,
    /// `[S]`.
    pub loss: Vec<f32>,
    /// `[L, E, d]`.
    pub router_weight: Vec<f32>,
    /// `[tokens, L, k]`.
    pub topk: Vec<u16>,
}

impl Fixture {
    pub fn load() -> Self {
        let run: Value = serde_json::from_slice(bytes!("run.json")).unwrap();
        let expected = serde_json::from_slice(bytes!("expected.json")).unwrap();
        let files = [
            bytes!("step-1000.safetensors"),
            bytes!("step-2000.safetensors"),
            bytes!("step-3000.safetensors"),
            bytes!("step-4000.safetensors"),
            bytes!("step-5000.safetensors"),
            bytes!("step-6000.safetensors"),
            bytes!("step-7000.safetensors"),
        ];
        let mut first_token = 0;
        let samples = array(&run["samples"]).iter().map(|sample| {
            let tokens = size(&sample["tokens"]);
            first_token += tokens;
            Sample {
                id: text(&sample["id"]),
                domain: text(&sample["domain"]),
                tokens,
                first_token: first_token - tokens,
                embedding: numbers(&sample["embedding"]),
            }
        });
        let checkpoint = |file: &&[u8]| Checkpoint {
            gates: floats(file, "gates"),
            loss: floats(file, "loss"),
            router_weight: floats(file, "router_weight"),
            topk: words(file, "topk_ids")
                .map(|word| u16::try_from(u32::from_le_bytes(word)).unwrap())
                .collect(),
        };
        Self {
            steps: array(&run["steps"]).iter().map(|step| step.as_u64().unwrap()).collect(),
            domains: array(&run["domains"]).iter().map(text).collect(),
            layers: size(&run["layers"]),
            experts: size(&run["experts"]),
            k: size(&run["top_k"]),
            width: size(&run["router_dim"]),
            samples: samples.collect(),
            checkpoints: files.iter().map(checkpoint).collect(),
            item_gates: floats(bytes!("items-last.safetensors"), "gates"),
            token_gates: floats(bytes!("tokens-7000.safetensors"), "gates"),
            expected,
            run,
        }
    }

    /// Mean gates `[L, E]` of a sample.
    pub fn gates(&self, checkpoint: usize, sample: u32) -> &[f32] {
        let size = self.layers * self.experts;
        &self.checkpoints[checkpoint].gates[sample as usize * size..][..size]
    }

    /// Selected experts `[T, L, k]` of a sample.
    pub fn topk(&self, checkpoint: usize, sample: u32) -> &[u16] {
        let Sample { tokens, first_token, .. } = self.samples[sample as usize];
        let size = self.layers * self.k;
        &self.checkpoints[checkpoint].topk[first_token * size..][..tokens * size]
    }

    pub fn last(&self) -> usize {
        self.steps.len() - 1
    }

    /// Samples of a domain.
    pub fn of_domain(&self, domain: &str) -> Vec<u32> {
        let samples = (0_u32..).zip(&self.samples);
        samples.filter(|(_, sample)| sample.domain == domain).map(|(index, _)| index).collect()
    }

    /// Losses `[C][S]` of a domain.
    pub fn losses(&self, domain: &str) -> Vec<Vec<f32>> {
        let members = self.of_domain(domain);
        let row = |checkpoint: &Checkpoint| members.iter().map(|&s| checkpoint.loss[s as usize]).collect();
        self.checkpoints.iter().map(row).collect()
    }

    /// `t*` of each sample of a domain, as computed.
    pub fn t_stars(&self, domain: &str) -> Vec<Option<usize>> {
        let losses = self.losses(domain);
        pathway::t_stars(&losses, pathway::search_eps(&losses, 0.05).eps, 0.05)
    }

    /// Samples of a domain whose `t*` satisfies `passes`.
    pub fn members(&self, domain: &str, passes: impl Fn(Option<usize>) -> bool) -> Vec<u32> {
        let members = self.of_domain(domain).into_iter().zip(self.t_stars(domain));
        members.filter(|&(_, t_star)| passes(t_star)).map(|(sample, _)| sample).collect()
    }

    /// Samples of `all` or `memorized`.
    pub fn group(&self, domain: &str, group: &str) -> Vec<u32> {
        match group {
            "all" => self.of_domain(domain),
            "memorized" => self.members(domain, |t| t.is_some_and(|t| t < self.last())),
            other => panic!("no group {other}"),
        }
    }

    /// Step of a checkpoint, or null.
    pub fn step(&self, checkpoint: Option<usize>) -> Value {
        checkpoint.map_or(Value::Null, |checkpoint| self.steps[checkpoint].into())
    }
}

/// The four-byte words of a tensor in a safetensors file: length of the header, header in JSON,
/// data.
fn words<'a>(file: &'a [u8], tensor: &str) -> impl Iterator<Item = [u8; 4]> + use<'a> {
    let header = usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap();
    let info: Value = serde_json::from_slice(&file[8..8 + header]).unwrap();
    let offsets = &info[tensor]["data_offsets"];
    assert!(offsets.is_array(), "{FOLDER} has no tensor {tensor}");
    let data = &file[8 + header..][size(&offsets[0])..size(&offsets[1])];
    data.as_chunks::<4>().0.iter().copied()
}

fn floats(file: &[u8], tensor: &str) -> Vec<f32> {
    words(file, tensor).map(f32::from_le_bytes).collect()
}

pub fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    array(value).iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Asserts that a number equals the expected one to a relative `tolerance`, or is undefined if that
/// is null.
#[track_caller]
pub fn assert_close(found: Option<f64>, expected: &Value, tolerance: f64, what: &str) {
    assert_eq!(found.is_some(), !expected.is_null(), "{what}: {found:?} for {expected}");
    if let (Some(found), Some(expected)) = (found, expected.as_f64()) {
        let error = (found - expected).abs();
        assert!(error <= tolerance * expected.abs().max(1e-3), "{what}: {found} for {expected}");
    }
}

/// [`assert_close`] to 1e-9.
#[track_caller]
pub fn assert_same(found: Option<f64>, expected: &Value, what: &str) {
    assert_close(found, expected, 1e-9, what);
}

/// [`assert_same`] for each number of a list.
#[track_caller]
pub fn assert_all_same(found: &[f64], expected: &Value, what: &str) {
    assert_eq!(found.len(), array(expected).len(), "{what}");
    for (&found, expected) in found.iter().zip(array(expected)) {
        assert_same(Some(found), expected, what);
    }
}
