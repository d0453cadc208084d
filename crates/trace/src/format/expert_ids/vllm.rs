//! vLLM (`--enable-return-routed-experts`, `LLM(enable_return_routed_experts=True)`): ids without weights.
//!
//! Up to 0.21 `prompt_routed_experts` is at the response's level and `routed_experts` in each choice holds generated
//! tokens only, as nested lists in which `-1` stands for what came from the prefix cache. Later versions put one array
//! over prompt and answer into the choice, as base64 of a `.npy` file, or as an object with type, shape and data. Offline
//! one list stands in the record itself. The last generated token has no forward pass and may have a row or not.

use crate::format::expert_ids::{
    record::{Record, ids, tokens},
    scan::{Fault, Scan},
    sglang,
};

/// More answers to one prompt than any server gives.
const MAX_CHOICES: usize = 4096;

const LESS: &str = "Write fewer answers into a record.";

/// Takes a field of a record if it is one of vLLM's.
///
/// # Errors
/// With the field's place.
pub fn field(record: &mut Record, scan: &mut Scan<'_>, key: &[u8]) -> Result<bool, Fault> {
    match key {
        b"routed_experts" => {
            record.choice(0).ids = ids(scan).map_err(|fault| fault.inside("routed_experts"))?;
        }
        b"prompt_routed_experts" => {
            record.prompt_ids = ids(scan).map_err(|fault| fault.inside("prompt_routed_experts"))?;
        }
        b"choices" | b"outputs" => {
            choices(record, scan, if key == b"choices" { "choices" } else { "outputs" })?
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes the list of answers to one prompt.
///
/// # Errors
/// With the field's place.
pub fn choices(record: &mut Record, scan: &mut Scan<'_>, list: &str) -> Result<(), Fault> {
    scan.list(|scan, i| {
        if i >= MAX_CHOICES {
            return Err(scan.fault(format!("at most {MAX_CHOICES} choices"), LESS));
        }
        choice(record, scan, i).map_err(|fault| fault.inside(&format!("{list}[{i}]")))
    })
    .map(drop)
}

fn choice(record: &mut Record, scan: &mut Scan<'_>, i: usize) -> Result<(), Fault> {
    record.choice(i);
    scan.object(|scan, key| {
        match key {
            b"routed_experts" => {
                record.choice(i).ids = ids(scan).map_err(|fault| fault.inside("routed_experts"))?;
            }
            b"prompt_routed_experts" => {
                record.prompt_ids = ids(scan).map_err(|fault| fault.inside("prompt_routed_experts"))?;
            }
            // SGLang's extension, since its OpenAI interface puts it into each choice.
            b"sglext" | b"sgl_ext" if !scan.is_null() => {
                sglang::extension(record, i, scan).map_err(|fault| fault.inside("sgl_ext"))?;
            }
            b"token_ids" => record.choice(i).generated = tokens(scan)?.map(|tokens| tokens.count),
            b"prompt_token_ids" => record.prompt = tokens(scan)?.or(record.prompt),
            _ => drop(scan.value()?),
        }
        Ok(())
    })
}
