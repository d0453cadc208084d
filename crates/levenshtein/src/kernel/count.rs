//! The sum of many differences in every lane, still in bits, and then as ordinary numbers.

use super::cell::Step;
use super::lanes::{Lanes, Task};
use super::transpose::bytes;

/// Adds up a row of differences in every lane. The sums, each increased by the number of differences, come out
/// as bit planes in `planes`, the lowest first; of larger sums than `most` only the low bits.
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
        self.planes.resize((count as usize).max(4), L::zeros());
        let [ones, twos, fours, eights @ ..] = self.planes.as_mut_slice() else { return };
        let (runs, rest) = self.steps.as_chunks::<4>();
        for [a, b, c, d] in runs {
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
            ripple(eights, carry);
        }
        for step in rest {
            let (sum, carry) = add(step.plus, not(step.minus), *ones);
            *ones = sum;
            let (sum, carry) = (twos.xor(carry), twos.and(carry));
            *twos = sum;
            let (sum, carry) = (fours.xor(carry), fours.and(carry));
            *fours = sum;
            ripple(eights, carry);
        }
    }
}

/// Adds one bit to a number in planes.
#[inline(always)]
fn ripple<L: Lanes>(planes: &mut [L], mut carry: L) {
    for plane in planes {
        let sum = plane.xor(carry);
        carry = plane.and(carry);
        *plane = sum;
    }
}

/// A full adder: the sum's low and high bit.
#[inline(always)]
fn add<L: Lanes>(a: L, b: L, c: L) -> (L, L) {
    (a.parity(b, c), a.majority(b, c))
}

#[inline(always)]
fn not<L: Lanes>(bits: L) -> L {
    L::ones().and_not(bits)
}

/// Reads every lane's number from its bits in `planes`, of which there may be 32.
pub(crate) struct Numbers<'a, L> {
    pub(crate) planes: &'a [L],
    /// [`Lanes::COUNT`] numbers.
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
            for (at, numbers) in out.iter_mut().enumerate() {
                let bytes = words[at % 8 * L::WORDS + at / 8].to_le_bytes();
                for (number, byte) in numbers.iter_mut().zip(bytes) {
                    let part = u32::from(byte) << (8 * octet);
                    *number = if octet == 0 { part } else { *number | part };
                }
            }
        }
    }
}
