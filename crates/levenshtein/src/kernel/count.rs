//! Sums of many differences in every lane, as bit planes and then as integers.

use super::cell::Step;
use super::lanes::{Lanes, Task};
use super::transpose::bytes;

/// Adds a row of differences in every lane. The sums, each increased by the number of differences,
/// are written to `planes` as bit planes, lowest first. Sums larger than `most` keep only their low
/// bits.
pub(crate) struct Sum<'a, L> {
    pub(crate) steps: &'a [Step<L>],
    pub(crate) most: u32,
    pub(crate) planes: &'a mut Vec<L>,
}

impl<L: Lanes> Task for Sum<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let count = u32::BITS - self.most.leading_zeros();
        self.planes.clear();
        self.planes.resize((count as usize).max(LOW), L::zeros());
        // The low planes stay in registers.
        let mut low = [L::zeros(); LOW];
        let (_, high) = self.planes.split_at_mut(LOW);
        let (runs, rest) = self.steps.as_chunks::<4>();
        for [a, b, c, d] in runs {
            let [ones, twos, fours, eights @ ..] = &mut low;
            let (sum, first) = add(a.plus, not(a.minus), *ones);
            let (sum, second) = add(sum, b.plus, not(b.minus));
            let (sum, third) = add(sum, c.plus, not(c.minus));
            let (sum, fourth) = add(sum, d.plus, not(d.minus));
            *ones = sum;
            let (sum, fifth) = add(first, second, *twos);
            let (sum, sixth) = add(sum, third, fourth);
            *twos = sum;
            let (sum, carry) = add(fifth, sixth, *fours);
            *fours = sum;
            let carry = ripple(eights, carry);
            if !high.is_empty() {
                ripple(high, carry);
            }
        }
        for step in rest {
            let [ones, more @ ..] = &mut low;
            let (sum, carry) = add(step.plus, not(step.minus), *ones);
            *ones = sum;
            let carry = ripple(more, carry);
            ripple(high, carry);
        }
        self.planes[..LOW].copy_from_slice(&low);
    }
}

/// Number of planes that are always built: enough for sequences of equal length below 256 symbols.
const LOW: usize = 8;

/// Adds one bit to a number in planes; returns the carry.
#[inline(always)]
fn ripple<L: Lanes>(planes: &mut [L], mut carry: L) -> L {
    for plane in planes {
        let sum = plane.xor(carry);
        carry = plane.and(carry);
        *plane = sum;
    }
    carry
}

/// A full adder: low and high bit of the sum.
#[inline(always)]
fn add<L: Lanes>(a: L, b: L, c: L) -> (L, L) {
    (a.parity(b, c), a.majority(b, c))
}

#[inline(always)]
fn not<L: Lanes>(bits: L) -> L {
    L::ones().and_not(bits)
}

/// Reads the number of every lane from its bits in at most 32 `planes`.
pub(crate) struct Numbers<'a, L> {
    pub(crate) planes: &'a [L],
    /// One number per lane, [`Lanes::COUNT`] in all.
    pub(crate) out: &'a mut [u32],
}

impl<L: Lanes> Task for Numbers<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (octet, planes) in self.planes.chunks(8).enumerate() {
            let mut eight = [L::zeros(); 8];
            eight[..planes.len()].copy_from_slice(planes);
            bytes(&mut eight);
            let words = L::words(&eight);
            let (out, _) = self.out.as_chunks_mut::<8>();
            let bytes = |at: usize| words[at % 8 * L::WORDS + at / 8].to_le_bytes();
            if octet == 0 {
                for (at, numbers) in out.iter_mut().enumerate() {
                    *numbers = bytes(at).map(u32::from);
                }
                continue;
            }
            for (at, numbers) in out.iter_mut().enumerate() {
                for (number, byte) in numbers.iter_mut().zip(bytes(at)) {
                    *number |= u32::from(byte) << (8 * octet);
                }
            }
        }
    }
}
