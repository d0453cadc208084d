//! The fields of records in which servers and scripts have expert ids. Fields that all writers
//! share are read in [`read`](crate::format::expert_ids::read).

use crate::format::expert_ids::{
    block::Block,
    packed::Packed,
    record::{Record, ids, tokens},
    scan::{Fault, Scan},
};

/// The most choices in one response.
const MAX_CHOICES: usize = 4096;

const LESS: &str = "Write fewer choices into a record.";

/// Reads a field of vLLM's records; `false` for other fields.
///
/// With `--enable-return-routed-experts` or `LLM(enable_return_routed_experts=True)` vLLM returns
/// ids without weights. Up to 0.21, `prompt_routed_experts` is at the response's level, and
/// `routed_experts` of each choice has generated tokens only, as nested lists in which `-1` marks
/// tokens from the prefix cache. Later versions put one array over prompt and completion into the
/// choice, as base64 of an `.npy` file, or as an object with type, shape and data. Offline
/// inference puts one list into the record itself. The last generated token has no forward pass,
/// and may or may not have a row.
///
/// # Errors
/// With the field's place.
pub fn vllm(record: &mut Record, scan: &mut Scan<'_>, key: &[u8]) -> Result<bool, Fault> {
    match key {
        b"routed_experts" => {
            record.choice(0).ids = ids(scan).map_err(|fault| fault.inside("routed_experts"))?;
        }
        b"prompt_routed_experts" => {
            record.prompt_ids = ids(scan).map_err(|fault| fault.inside("prompt_routed_experts"))?;
        }
        b"choices" => choices(record, scan, "choices")?,
        b"outputs" => choices(record, scan, "outputs")?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Reads the list of a response's choices.
fn choices(record: &mut Record, scan: &mut Scan<'_>, list: &str) -> Result<(), Fault> {
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
            // SGLang's OpenAI interface puts its extension into each choice.
            b"sglext" | b"sgl_ext" if !scan.is_null() => {
                sglang_extension(record, scan, i).map_err(|fault| fault.inside("sgl_ext"))?;
            }
            b"token_ids" => record.choice(i).generated = tokens(scan)?.map(|tokens| tokens.count),
            b"prompt_token_ids" => record.prompt = tokens(scan)?.or(record.prompt),
            _ => drop(scan.value()?),
        }
        Ok(())
    })
}

/// Reads a field of SGLang's records; `false` for other fields.
///
/// With `--enable-return-routed-experts`, and `return_routed_experts` in the request, SGLang
/// returns base64 of raw 32-bit integers `[tokens - 1 - start, layers, k]` without a shape. They
/// are in `meta_info.routed_experts` or, with the OpenAI interface, in the `sglext` (`sgl_ext`) of
/// the response or of each choice. All hidden layers have rows; those of dense layers are zero.
///
/// # Errors
/// With the field's place.
pub fn sglang(record: &mut Record, scan: &mut Scan<'_>, key: &[u8]) -> Result<bool, Fault> {
    match key {
        b"meta_info" => {
            let mut usage = scan.clone();
            record.usage(&mut usage).map_err(|fault| fault.inside("meta_info"))?;
            sglang_extension(record, scan, 0).map_err(|fault| fault.inside("meta_info"))?;
        }
        b"sglext" | b"sgl_ext" => {
            let name = if key == b"sglext" { "sglext" } else { "sgl_ext" };
            sglang_extension(record, scan, 0).map_err(|fault| fault.inside(name))?;
        }
        b"routed_experts_start_len" => record.start = Some(scan.parse("a whole number from 0")?),
        b"choices" => choices(record, scan, "choices")?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn sglang_extension(record: &mut Record, scan: &mut Scan<'_>, i: usize) -> Result<(), Fault> {
    scan.object(|scan, key| {
        match key {
            b"routed_experts" => {
                if let Some(found) = ids(scan).map_err(|fault| fault.inside("routed_experts"))? {
                    record.choice(i).ids = Some(found);
                }
            }
            b"routed_experts_start_len" => record.start = Some(scan.parse("a whole number from 0")?),
            _ => drop(scan.value()?),
        }
        Ok(())
    })
}

/// Reads a field of the OLMoE repository's scripts (`run_moe_analysis.py`); `false` for other
/// fields.
///
/// They write `c4_results_STEP.jsonl`, one block of text per line, with `exp_ids` as
/// `[tokens][k][layers]`: the layer is the last axis, and a token's experts are ordered by weight,
/// largest first.
///
/// # Errors
/// With the field's place.
pub fn olmoe(record: &mut Record, scan: &mut Scan<'_>, key: &[u8]) -> Result<bool, Fault> {
    if key != b"exp_ids" {
        return Ok(false);
    }
    let block = Block::read(scan, "rank", "layer").map_err(|fault| fault.inside("exp_ids"))?;
    record.choice(0).ids = Some(Packed::Block(block.transposed()));
    Ok(true)
}
