//! SGLang (`--enable-return-routed-experts`, `return_routed_experts` in the request): base64 of raw 32-bit integers
//! `[tokens - 1 - start, layers, k]` without a shape, in `meta_info.routed_experts`, or with the OpenAI interface in the
//! response's `sglext` (`sgl_ext`). All hidden layers have rows; those of dense layers are zero.

use crate::format::expert_ids::{
    record::{Record, ids},
    scan::{Fault, Scan},
    vllm,
};

/// Takes a field of a record if it is one of SGLang's.
///
/// # Errors
/// With the field's place.
pub fn field(record: &mut Record, scan: &mut Scan<'_>, key: &[u8]) -> Result<bool, Fault> {
    match key {
        b"meta_info" => {
            let mut usage = scan.clone();
            record.usage(&mut usage).map_err(|fault| fault.inside("meta_info"))?;
            extension(record, 0, scan).map_err(|fault| fault.inside("meta_info"))?;
        }
        b"sglext" | b"sgl_ext" => {
            let name = if key == b"sglext" { "sglext" } else { "sgl_ext" };
            extension(record, 0, scan).map_err(|fault| fault.inside(name))?;
        }
        b"routed_experts_start_len" => record.start = Some(scan.parse("a whole number from 0")?),
        b"choices" => vllm::choices(record, scan, "choices")?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes what SGLang adds to choice `i`.
///
/// # Errors
/// With the field's place.
pub fn extension(record: &mut Record, i: usize, scan: &mut Scan<'_>) -> Result<(), Fault> {
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
