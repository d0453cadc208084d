//! The sum of many differences in every lane, still in bits, and then as ordinary numbers.

use super::cell::Step;
use super::lanes::{Lanes, Task};
use super::transpose::transpose_bytes;

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
        self.planes.resize((count as usize).max(3), L::zeros());
        let [ones, twos, fours @ ..] = self.planes.as_mut_slice() else { return };
        let mut pairs = self.steps.chunks_exact(2);
        for pair in &mut pairs {
            let (sum, first) = add(pair[0].plus, not(pair[0].minus), pair[1].plus);
            let (sum, second) = add(sum, not(pair[1].minus), *ones);
            *ones = sum;
            let (sum, carry) = add(first, second, *twos);
            *twos = sum;
            ripple(fours, carry);
        }
        for step in pairs.remainder() {
            let (sum, carry) = add(step.plus, not(step.minus), *ones);
            *ones = sum;
            let (sum, carry) = (twos.xor(carry), twos.and(carry));
            *twos = sum;
            ripple(fours, carry);
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
    let half = a.xor(b);
    (half.xor(c), a.and(b).or(half.and(c)))
}

#[inline(always)]
fn not<L: Lanes>(bits: L) -> L {
    L::ones().and_not(bits)
}

/// Calls `each` with every lane's number, read from its bits in `planes`.
pub(crate) fn numbers<L: Lanes>(planes: &[L], mut each: impl FnMut(usize, u32)) {
    let words = L::words(planes);
    for eight in 0..L::COUNT / 8 {
        let (word, shift) = (eight / 8, eight % 8 * 8);
        let mut numbers = [0u32; 8];
        for (octet, planes) in words.chunks(8 * L::WORDS).enumerate() {
            let mut matrix = 0;
            for (bit, plane) in planes.chunks_exact(L::WORDS).enumerate() {
                matrix |= (plane[word] >> shift & 0xff) << (8 * bit);
            }
            for (number, byte) in numbers.iter_mut().zip(transpose_bytes(matrix).to_le_bytes()) {
                *number |= u32::from(byte) << (8 * octet);
            }
        }
        for (lane, number) in numbers.into_iter().enumerate() {
            each(eight * 8 + lane, number);
        }
    }
}
