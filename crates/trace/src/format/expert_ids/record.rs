//! One record of a file of ids: a server's response, or a block of text that was run. The fields
//! are read in [`read`](crate::format::expert_ids::read).

use crate::format::expert_ids::{
    block::Block,
    packed::{self, Packed},
    scan::{Fault, Scan},
};

/// Who wrote the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// vLLM, served or offline.
    Vllm,
    /// SGLang, its own interface or OpenAI's.
    Sglang,
    /// The scripts of the OLMoE repository.
    Olmoe,
}

impl Writer {
    /// The name of such files in the table of files.
    pub fn words(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM routed experts",
            Self::Sglang => "SGLang routed experts",
            Self::Olmoe => "OLMoE expert ids",
        }
    }
}

/// A prompt, identified by its length and a fingerprint of its token ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Number of tokens.
    pub count: usize,
    /// FNV-1a of the ids.
    pub fingerprint: u64,
}

/// Ids of one choice of a response.
#[derive(Debug, Default)]
pub struct Choice {
    /// The ids, if any.
    pub ids: Option<Packed>,
    /// Generated tokens, where the record lists them.
    pub generated: Option<usize>,
}

/// The content of one record.
#[derive(Debug, Default)]
pub struct Record {
    /// The sample's id, unless a server generated it.
    pub id: Option<String>,
    /// The sample's domain.
    pub domain: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Training step.
    pub step: Option<u64>,
    /// Mean loss of the sample, nats per token.
    pub loss: Option<f32>,
    /// Experts per layer, `E`.
    pub experts: Option<usize>,
    /// Layers, dense ones included.
    pub layers: Option<usize>,
    /// Experts per token, `k`.
    pub top_k: Option<usize>,
    /// The prompt's tokens.
    pub prompt: Option<Tokens>,
    /// Tokens of prompt and completion, as the server counted them.
    pub counted: [Option<usize>; 2],
    /// The first token whose ids were requested.
    pub start: Option<usize>,
    /// Ids of the prompt alone, shared by all choices.
    pub prompt_ids: Option<Packed>,
    /// The choices; a record that is not a response has one.
    pub choices: Vec<Choice>,
    /// How many objects of a batch surround the record's fields.
    pub(super) depth: usize,
}

impl Record {
    /// Reads the numbers of tokens that the server counted.
    pub fn usage(&mut self, scan: &mut Scan<'_>) -> Result<(), Fault> {
        scan.object(|scan, key| {
            match key {
                b"prompt_tokens" => self.counted[0] = scan.parse("a whole number from 0")?,
                b"completion_tokens" => self.counted[1] = scan.parse("a whole number from 0")?,
                _ => drop(scan.value()?),
            }
            Ok(())
        })
    }

    /// Choice `i`, which is added if it does not exist.
    pub fn choice(&mut self, i: usize) -> &mut Choice {
        if self.choices.len() <= i {
            self.choices.resize_with(i + 1, Choice::default);
        }
        &mut self.choices[i]
    }

    /// Tokens of prompt and choice `i`: as counted by the server, or else as listed.
    pub fn token_count(&self, i: usize) -> Option<usize> {
        let listed = self.choices.get(i).and_then(|choice| choice.generated);
        let prompt = self.counted[0].or(self.prompt.map(|tokens| tokens.count))?;
        // The server counts the tokens of all choices together.
        let counted = self.counted[1].filter(|_| self.choices.len() <= 1);
        counted.or(listed).and_then(|generated| prompt.checked_add(generated))
    }

    /// The parts of the ids of choice `i`, in the order of its tokens, without empty ones.
    pub fn parts(&self, i: usize) -> Vec<&Block> {
        let choice = self.choices.get(i);
        let own = choice.and_then(|choice| rows_of(choice.ids.as_ref()));
        let prompt = rows_of(self.prompt_ids.as_ref()).filter(|prompt| {
            // Later versions repeat the prompt's rows before those of the completion.
            let Some(own) = own else { return true };
            let generated = choice.and_then(|choice| choice.generated).or(self.counted[1]);
            generated.is_none_or(|generated| own.tokens <= generated || own.tokens < prompt.tokens)
        });
        prompt.into_iter().chain(own).collect()
    }

    /// Whether the record has ids.
    pub fn has_ids(&self) -> bool {
        self.prompt_ids.is_some() || self.choices.iter().any(|choice| choice.ids.is_some())
    }
}

fn rows_of(ids: Option<&Packed>) -> Option<&Block> {
    match ids {
        Some(Packed::Block(block)) if block.tokens > 0 => Some(block),
        _ => None,
    }
}

/// Reads ids in any form: lists, an object, or base64; `None` for null.
///
/// # Errors
/// With their column.
pub fn ids(scan: &mut Scan<'_>) -> Result<Option<Packed>, Fault> {
    match scan.peek() {
        Some(b'[') => Block::read(scan, "layer", "expert").map(|block| Some(Packed::Block(block))),
        Some(b'{') => packed::object(scan).map(|block| Some(Packed::Block(block))),
        Some(b'"') => packed::text(scan).map(Some),
        _ if scan.is_null() => scan.value().map(|_| None),
        _ => Err(scan.fault(
            "nested lists, an object with `data`, base64, or null",
            "Write the ids as the server returns them.",
        )),
    }
}

/// Counts a list of token ids; `None` when the value is something else.
pub fn tokens(scan: &mut Scan<'_>) -> Result<Option<Tokens>, Fault> {
    let mut probe = scan.clone();
    let mut fingerprint = 0xcbf2_9ce4_8422_2325_u64;
    let counted = probe.list(|scan, _| {
        let id = scan.integer()?;
        for byte in id.to_le_bytes() {
            fingerprint = (fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    });
    match counted {
        Ok(count) => {
            *scan = probe;
            Ok(Some(Tokens { count, fingerprint }))
        }
        Err(_) => scan.value().map(|_| None),
    }
}
