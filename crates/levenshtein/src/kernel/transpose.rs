//! Transposition of bit matrices.

use super::lanes::{Lanes, Task};

/// Transposes a 64 by 64 bit matrix in every 64-bit word position: swaps bit `i` of vector `r` with
/// bit `r` of vector `i`. Writes the vectors to every `step`th position of `to`.
pub(crate) struct Transpose<'a, L> {
    pub(crate) square: &'a mut [L; 64],
    pub(crate) to: &'a mut [L],
    pub(crate) step: usize,
}

impl<L: Lanes> Task for Transpose<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        exchange::<L, 32, 32>(self.square, 0x0000_0000_ffff_ffff);
        exchange::<L, 16, 16>(self.square, 0x0000_ffff_0000_ffff);
        exchange::<L, 8, 8>(self.square, 0x00ff_00ff_00ff_00ff);
        exchange::<L, 4, 4>(self.square, 0x0f0f_0f0f_0f0f_0f0f);
        exchange::<L, 2, 2>(self.square, 0x3333_3333_3333_3333);
        exchange::<L, 1, 1>(self.square, 0x5555_5555_5555_5555);
        for (position, vector) in self.square.iter().enumerate() {
            self.to[position * self.step] = *vector;
        }
    }
}

/// Converts eight planes to bytes: byte `b` of vector `c` gets bit `r` from bit `8 c + b` of plane
/// `r`, in every 64-bit word position.
#[inline(always)]
pub(crate) fn bytes<L: Lanes>(planes: &mut [L; 8]) {
    exchange::<L, 4, 32>(planes, 0x0000_0000_ffff_ffff);
    exchange::<L, 2, 16>(planes, 0x0000_ffff_0000_ffff);
    exchange::<L, 1, 8>(planes, 0x00ff_00ff_00ff_00ff);
    for matrix in planes {
        *matrix = square(*matrix);
    }
}

/// Exchanges the off-diagonal quarters of every square of `2 ROWS` rows by `2 BITS` bits.
#[inline(always)]
fn exchange<L: Lanes, const ROWS: usize, const BITS: u32>(rows: &mut [L], mask: u64) {
    let mask = L::splat(mask);
    for square in rows.chunks_exact_mut(2 * ROWS) {
        let (upper, lower) = square.split_at_mut(ROWS);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let moved = upper.shift_down::<BITS>().xor(*lower).and(mask);
            *lower = lower.xor(moved);
            *upper = upper.xor(moved.shift_up::<BITS>());
        }
    }
}

/// Exchanges the bits under `mask` with those `BITS` above them.
#[inline(always)]
fn exchange_within<L: Lanes, const BITS: u32>(matrix: L, mask: u64) -> L {
    let moved = matrix.shift_down::<BITS>().xor(matrix).and(L::splat(mask));
    matrix.xor(moved).xor(moved.shift_up::<BITS>())
}

/// Transposes, in every 64-bit word position, an 8 by 8 bit matrix whose row `r` is byte `r`: swaps
/// bit `i` of byte `r` with bit `r` of byte `i`.
#[inline(always)]
pub(crate) fn square<L: Lanes>(matrix: L) -> L {
    let matrix = exchange_within::<L, 7>(matrix, 0x00aa_00aa_00aa_00aa);
    let matrix = exchange_within::<L, 14>(matrix, 0x0000_cccc_0000_cccc);
    exchange_within::<L, 28>(matrix, 0x0000_0000_f0f0_f0f0)
}
