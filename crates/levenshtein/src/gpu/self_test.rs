//! Self-test of a device: its distances must equal those of the CPU.

use super::device::Gpu;
use crate::error::Error;
use crate::instruction_set::InstructionSet;
use crate::sequences::Sequences;

/// Computes all pairs and a list of pairs of a small set, with several strips and all remainders of
/// a word.
pub(super) async fn run(gpu: &Gpu) -> Result<(), Error> {
    let mut state = 0x2506_2155_u64;
    let mut random = |below: u64| {
        // The multiplier is Knuth's for a 64-bit linear congruential generator; its high bits are
        // used.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut sequences = Sequences::new();
    for length in [0, 1, 31, 32, 33, 64, 65, 97, 130, 131, 140] {
        for _ in 0..8 {
            let symbols: Vec<u16> = (0..length).map(|_| random(7) as u16).collect();
            sequences.push(&symbols);
        }
    }
    let count = sequences.len() as u32;
    let set = gpu.load(&sequences)?;
    let expected = crate::all_pairs(InstructionSet::Scalar, &sequences);
    let list: Vec<(u32, u32)> = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).collect();
    let answers = [
        ("all pairs", set.all_pairs(&mut |_, _| {}).await?),
        ("a list of pairs", set.pairs(&list, &mut |_, _| {}).await?),
    ];
    for (what, found) in answers {
        for ((&(first, second), &expected), found) in list.iter().zip(&expected).zip(found) {
            if found != expected {
                let what = format!("{what}: sequences {first} and {second}");
                return Err(Error::GpuDisagrees { gpu: gpu.name().to_owned(), what, found, expected });
            }
        }
    }
    Ok(())
}

/// Whether the distances of the longest sequences are correct. Software drivers may end loops that
/// seem endless, so this runs the kernel with the most strips.
pub(super) async fn long_pair(gpu: &Gpu) -> Result<bool, Error> {
    let mut sequences = Sequences::new();
    let longest = gpu.longest() as u16;
    // Many symbols, so that there are many planes.
    let symbols: Vec<u16> = (0..longest).collect();
    sequences.push(&symbols);
    let more: Vec<u16> = (longest..longest + 2048).collect();
    more.chunks(gpu.longest()).for_each(|symbols| sequences.push(symbols));
    let found = gpu.load(&sequences)?.pairs(&[(0, 0), (0, 1)], &mut |_, _| {}).await?;
    Ok(found == [0, u32::from(longest)])
}
