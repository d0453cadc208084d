//! Bit matrices turned about their diagonal.

use super::lanes::{Lanes, Task};

/// Transposes a 64 by 64 bit matrix in every 64-bit word position: bit `i` of vector `r` changes place with bit
/// `r` of vector `i`. The vectors then go to every `step`th place of `to`.
pub(crate) struct Transpose<'a, L> {
    pub(crate) square: &'a mut [L; 64],
    pub(crate) to: &'a mut [L],
    pub(crate) step: usize,
}

impl<L: Lanes> Task for Transpose<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        exchange::<L, 32>(self.square, 0x0000_0000_ffff_ffff);
        exchange::<L, 16>(self.square, 0x0000_ffff_0000_ffff);
        exchange::<L, 8>(self.square, 0x00ff_00ff_00ff_00ff);
        exchange::<L, 4>(self.square, 0x0f0f_0f0f_0f0f_0f0f);
        exchange::<L, 2>(self.square, 0x3333_3333_3333_3333);
        exchange::<L, 1>(self.square, 0x5555_5555_5555_5555);
        for (position, vector) in self.square.iter().enumerate() {
            self.to[position * self.step] = *vector;
        }
    }
}

/// Exchanges the off-diagonal quarters of every `2 BLOCK` by `2 BLOCK` square.
#[inline(always)]
fn exchange<L: Lanes, const BLOCK: u32>(rows: &mut [L; 64], mask: u64) {
    let mask = L::splat(mask);
    for square in rows.chunks_exact_mut(2 * BLOCK as usize) {
        let (upper, lower) = square.split_at_mut(BLOCK as usize);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let moved = upper.shift_down::<BLOCK>().xor(*lower).and(mask);
            *lower = lower.xor(moved);
            *upper = upper.xor(moved.shift_up::<BLOCK>());
        }
    }
}

/// Transposes an 8 by 8 bit matrix whose row `r` is byte `r`: bit `i` of byte `r` changes place with bit `r` of
/// byte `i`.
#[inline(always)]
pub(crate) fn transpose_bytes(mut matrix: u64) -> u64 {
    let mut exchange = |shift: u32, mask: u64| {
        let moved = (matrix ^ matrix >> shift) & mask;
        matrix ^= moved ^ moved << shift;
    };
    exchange(7, 0x00aa_00aa_00aa_00aa);
    exchange(14, 0x0000_cccc_0000_cccc);
    exchange(28, 0x0000_0000_f0f0_f0f0);
    matrix
}
