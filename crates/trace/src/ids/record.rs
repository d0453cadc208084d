//! One record of a file of ids: a served answer, or a block of text that was run. What all formats may say of it is read
//! here; where each has its ids is in the format's own file.

use super::{
    block::Block,
    olmoe,
    packed::{self, Packed},
    scan::{BROKEN, Fault, Scan},
    sglang::{self, Shape},
    vllm,
};
use crate::{error::GIVE_SHAPE, text::IdText};

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
    /// What such a file is called in the table of files.
    pub fn words(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM routed experts",
            Self::Sglang => "SGLang routed experts",
            Self::Olmoe => "OLMoE expert ids",
        }
    }
}

/// A prompt, known by its length and a fingerprint of its token ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// How many.
    pub count: usize,
    /// FNV-1a of the ids.
    pub fingerprint: u64,
}

/// Ids of one choice of the answers to a prompt.
#[derive(Debug, Default)]
pub struct Choice {
    /// The ids, if any.
    pub ids: Option<Packed>,
    /// Generated tokens, where the record lists them.
    pub generated: Option<usize>,
}

/// What one record says.
#[derive(Debug, Default)]
pub struct Record {
    /// The sample's id, unless a server made it up.
    pub id: Option<String>,
    /// The sample's domain.
    pub domain: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Training step.
    pub step: Option<u64>,
    /// Mean loss of the sample, nats a token.
    pub loss: Option<f32>,
    /// Experts a layer, `E`.
    pub experts: Option<usize>,
    /// Layers, dense ones included.
    pub layers: Option<usize>,
    /// Experts a token, `k`.
    pub top_k: Option<usize>,
    /// The prompt's tokens.
    pub prompt: Option<Tokens>,
    /// Tokens of prompt and answer, as the server counted them.
    pub counted: [Option<usize>; 2],
    /// The first token whose ids were asked for.
    pub start: Option<usize>,
    /// Ids of the prompt alone, shared by all choices.
    pub prompt_ids: Option<Packed>,
    /// The answers; a record that is no answer has one.
    pub choices: Vec<Choice>,
    /// The record is of a batch: another is inside it.
    depth: usize,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// With the column and field of what is wrong.
    pub fn read(writer: Writer, bytes: &[u8]) -> Result<Self, Fault> {
        let mut record = Self::default();
        let mut scan = Scan::new(bytes);
        record.fields(writer, &mut scan)?;
        if !scan.is_done() {
            return Err(scan.fault("the end of the line: one JSON object a line", BROKEN));
        }
        Ok(record)
    }

    fn fields(&mut self, writer: Writer, scan: &mut Scan<'_>) -> Result<(), Fault> {
        scan.object(|scan, key| {
            if scan.is_null() {
                return scan.value().map(drop);
            }
            let field = match writer {
                Writer::Vllm => vllm::field,
                Writer::Sglang => sglang::field,
                Writer::Olmoe => olmoe::field,
            };
            if !field(self, scan, key)? {
                self.field(writer, scan, key)?;
            }
            Ok(())
        })
    }

    /// What any of them may say.
    fn field(&mut self, writer: Writer, scan: &mut Scan<'_>, key: &[u8]) -> Result<(), Fault> {
        const COUNT: &str = "a whole number from 0";
        let name = || String::from_utf8_lossy(key).into_owned();
        let told = |fault: Fault| fault.inside(&name());
        match key {
            // A sample's own name counts more than that of the request.
            b"sample_id" | b"custom_id" => self.id = Some(scan.parse::<IdText>("an id").map_err(told)?.0),
            b"id" => {
                let IdText(id) = scan.parse("an id").map_err(told)?;
                if self.id.is_none() && self.depth == 0 && !is_made_up(&id) {
                    self.id = Some(id);
                }
            }
            b"domain" => self.domain = Some(scan.parse("a name").map_err(told)?),
            b"model" => self.model = scan.parse::<Option<String>>("a name").unwrap_or(None),
            b"step" => self.step = Some(scan.parse(COUNT).map_err(told)?),
            b"loss" => self.loss = Some(scan.parse("a number").map_err(told)?),
            b"num_experts" | b"n_experts" | b"num_local_experts" | b"n_routed_experts" => {
                self.experts = Some(scan.parse(COUNT).map_err(told)?);
            }
            b"num_hidden_layers" | b"num_layers" | b"n_layers" => {
                self.layers = Some(scan.parse(COUNT).map_err(told)?);
            }
            // Not `top_k`: beside an answer that is how its text was drawn.
            b"num_experts_per_tok" => self.top_k = Some(scan.parse(COUNT).map_err(told)?),
            b"prompt_token_ids" | b"input_ids" => self.prompt = tokens(scan)?.or(self.prompt),
            b"token_ids" | b"output_ids" => {
                let count = tokens(scan)?.map(|tokens| tokens.count);
                self.choice(0).generated = count;
            }
            b"usage" => self.usage(scan).map_err(told)?,
            b"response" | b"body" if self.depth < 2 => {
                self.depth += 1;
                self.fields(writer, scan)?;
                self.depth -= 1;
            }
            _ => drop(scan.value()?),
        }
        Ok(())
    }

    /// How many tokens the server counted.
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

    /// Choice `i`, made if it is not there.
    pub fn choice(&mut self, i: usize) -> &mut Choice {
        if self.choices.len() <= i {
            self.choices.resize_with(i + 1, Choice::default);
        }
        // It is there now.
        &mut self.choices[i]
    }

    /// Tokens of prompt and answer `i`: as counted, or else as listed.
    pub fn token_count(&self, i: usize) -> Option<usize> {
        let listed = self.choices.get(i).and_then(|choice| choice.generated);
        let prompt = self.counted[0].or(self.prompt.map(|tokens| tokens.count))?;
        // What the server counts is of all choices together.
        let counted = self.counted[1].filter(|_| self.choices.len() <= 1);
        counted.or(listed).and_then(|generated| prompt.checked_add(generated))
    }

    /// Gives arrays without a shape the one that was found.
    ///
    /// # Errors
    /// When the length of one does not go with it.
    pub fn settle(&mut self, shape: Shape) -> Result<(), Fault> {
        for i in 0..self.choices.len() {
            let Some(Packed::Flat(ids)) = self.choices.get_mut(i).and_then(|choice| choice.ids.as_mut())
            else {
                continue;
            };
            let ids = std::mem::take(ids);
            let block = if ids.is_empty() { None } else { Some(sglang::shape(self, i, ids, shape)?) };
            self.choice(i).ids = block.map(Packed::Block);
        }
        match &mut self.prompt_ids {
            Some(Packed::Flat(_)) => Err(Fault::of_record(
                "`prompt_routed_experts`",
                "ids without a shape".to_owned(),
                "nested lists, or an array with its shape",
                GIVE_SHAPE,
            )),
            _ => Ok(()),
        }
    }

    /// The parts of the ids of choice `i`, in the order of its tokens; those without rows are left out.
    pub fn parts(&self, i: usize) -> Vec<&Block> {
        let choice = self.choices.get(i);
        let own = choice.and_then(|choice| rows_of(choice.ids.as_ref()));
        let prompt = rows_of(self.prompt_ids.as_ref()).filter(|prompt| {
            // Later versions repeat the prompt's rows before those of the answer.
            let Some(own) = own else { return true };
            let generated = choice.and_then(|choice| choice.generated).or(self.counted[1]);
            generated.is_none_or(|generated| own.tokens <= generated || own.tokens < prompt.tokens)
        });
        prompt.into_iter().chain(own).collect()
    }

    /// Whether there are ids at all.
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

/// The ids in whatever form they are: lists, an object, or base64; `None` for null.
///
/// # Errors
/// With their place.
pub fn ids(scan: &mut Scan<'_>) -> Result<Option<Packed>, Fault> {
    match scan.peek() {
        Some(b'[') => Block::read(scan, "layer", "expert").map(|block| Some(Packed::Block(block))),
        Some(b'{') => packed::object(scan).map(|block| Some(Packed::Block(block))),
        Some(b'"') => packed::text(scan).map(Some),
        _ if scan.is_null() => scan.value().map(|_| None),
        _ => Err(scan.fault("nested lists, an object with `data`, base64, or null", BROKEN)),
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

/// Whether an id is of the request and not of the sample: another one at every checkpoint.
fn is_made_up(id: &str) -> bool {
    let prefixes = ["cmpl-", "chatcmpl-", "resp_", "gen-", "batch_req_"];
    let bare: String = id.chars().filter(|&c| c != '-').collect();
    prefixes.iter().any(|prefix| id.starts_with(prefix))
        || (bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_requests_are_no_ids_of_samples() {
        assert!(is_made_up("cmpl-1234"));
        assert!(is_made_up("123e4567-e89b-12d3-a456-426614174000"));
        assert!(!is_made_up("s3") && !is_made_up("gsm8k-17"));
    }

    #[test]
    fn a_batch_has_its_answer_inside() {
        let text = br#"{"id":"batch_req_1","custom_id":"q7","response":{"status_code":200,"body":{"id":"cmpl-1","choices":[{"routed_experts":[[[1,0]]]}]}}}"#;
        let record =
            Record::read(Writer::Vllm, text).map_err(|fault| format!("{fault:?}")).expect("a record");
        assert_eq!(record.id.as_deref(), Some("q7"));
        assert!(record.has_ids());
    }

    #[test]
    fn the_rows_of_a_prompt_count_once() {
        let text = br#"{"prompt_routed_experts":[[[1,0]],[[2,0]]],"choices":[{"token_ids":[5],"routed_experts":[[[1,0]],[[2,0]]]}]}"#;
        let record =
            Record::read(Writer::Vllm, text).map_err(|fault| format!("{fault:?}")).expect("a record");
        assert_eq!(record.parts(0).len(), 1);
        let text = br#"{"prompt_routed_experts":[[[1,0]],[[2,0]]],"choices":[{"token_ids":[5,6],"routed_experts":[[[1,0]],[[2,0]]]}]}"#;
        let record =
            Record::read(Writer::Vllm, text).map_err(|fault| format!("{fault:?}")).expect("a record");
        assert_eq!(record.parts(0).len(), 2);
    }
}
