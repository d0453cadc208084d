//! The scripts of the OLMoE repository (`run_moe_analysis.py`): `c4_results_STEP.jsonl`, a block of text a line, with
//! `exp_ids` as `[tokens][k][layers]`: the layer is the last axis, and a token's experts come heaviest first.

use crate::format::expert_ids::{
    block::Block,
    packed::Packed,
    record::Record,
    scan::{Fault, Scan},
};

/// Takes a field of a record if it is one of theirs.
///
/// # Errors
/// With the field's place.
pub fn field(record: &mut Record, scan: &mut Scan<'_>, key: &[u8]) -> Result<bool, Fault> {
    if key != b"exp_ids" {
        return Ok(false);
    }
    let block = Block::read(scan, "rank", "layer").map_err(|fault| fault.inside("exp_ids"))?;
    record.choice(0).ids = Some(Packed::Block(block.turned()));
    Ok(true)
}
