//! Order of a tensor's bytes in its file. Readers get little-endian values with the last axis varying fastest,
//! whatever the file has.

/// How NumPy left a tensor's bytes in the file. The default is how safetensors has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Whether the bytes of each value are big-endian.
    pub big_endian: bool,
    /// Whether the first axis varies fastest (Fortran order).
    pub columns_first: bool,
}

/// Reverses the bytes of every value of `size` bytes.
pub(super) fn reverse_values(bytes: &mut [u8], size: usize) {
    match size {
        2 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|value| value.reverse()),
        4 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|value| value.reverse()),
        8 => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|value| value.reverse()),
        _ => {}
    }
}

/// Puts values that come with the first axis varying fastest into the order in which the last one does.
#[derive(Debug)]
pub(super) struct Transposer {
    /// Axes longer than one value: length, and the distance of neighbours in the result.
    axes: Vec<(usize, usize)>,
    /// Bytes per value.
    size: usize,
    /// Values taken so far.
    taken: usize,
    out: Vec<u8>,
}

impl Transposer {
    /// Creates a transposer for a tensor of this shape with values of `size` bytes. The caller has
    /// checked that the tensor fits into memory.
    pub fn new(shape: &[u64], size: usize) -> Self {
        let mut axes = Vec::new();
        let mut distance = 1_usize;
        for &len in shape.iter().rev() {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len != 1 {
                axes.push((len, distance));
            }
            distance = distance.saturating_mul(len);
        }
        axes.reverse();
        Self { axes, size, taken: 0, out: vec![0; distance.saturating_mul(size)] }
    }

    /// Takes the next values of the file.
    pub fn take(&mut self, bytes: &[u8]) {
        match self.size {
            1 => self.take_sized::<1>(bytes),
            2 => self.take_sized::<2>(bytes),
            4 => self.take_sized::<4>(bytes),
            _ => self.take_sized::<8>(bytes),
        }
    }

    fn take_sized<const N: usize>(&mut self, bytes: &[u8]) {
        let Some((&(len, distance), others)) = self.axes.split_first() else {
            self.out = bytes.to_vec();
            return;
        };
        let out = self.out.as_chunks_mut::<N>().0;
        let mut values = bytes.as_chunks::<N>().0;
        while !values.is_empty() && len > 0 {
            let (mut rest, first) = (self.taken / len, self.taken % len);
            let mut start = first.saturating_mul(distance);
            for &(len, distance) in others {
                start = start.saturating_add(rest % len.max(1) * distance);
                rest /= len.max(1);
            }
            let (run, after) = values.split_at(values.len().min(len - first));
            let places = out.iter_mut().skip(start).step_by(distance.max(1));
            for (place, value) in places.zip(run) {
                *place = *value;
            }
            self.taken += run.len();
            values = after;
        }
    }

    /// The tensor with the last axis varying fastest.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_pieces_give_the_transposed_tensor() {
        // Stored value `f` is the index in Fortran order; shape [2,3,1,4].
        let shape = [2_u64, 3, 1, 4];
        let stored: Vec<u8> = (0..24_u16).flat_map(u16::to_le_bytes).collect();
        let expected: Vec<u8> = (0..24_u16)
            .flat_map(|c| {
                let (i, j, l) = (c / 12, c / 4 % 3, c % 4);
                (i + 2 * j + 6 * l).to_le_bytes()
            })
            .collect();
        for piece in [1, 3, 5, 24] {
            let mut transposer = Transposer::new(&shape, 2);
            stored.chunks(2 * piece).for_each(|bytes| transposer.take(bytes));
            assert_eq!(transposer.finish(), expected, "{piece} values at once");
        }
    }

    #[test]
    fn values_are_reversed_by_their_size() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        reverse_values(&mut bytes, 2);
        assert_eq!(bytes, [2, 1, 4, 3, 6, 5, 8, 7]);
        reverse_values(&mut bytes, 8);
        assert_eq!(bytes, [7, 8, 5, 6, 3, 4, 1, 2]);
        reverse_values(&mut bytes, 1);
        assert_eq!(bytes, [7, 8, 5, 6, 3, 4, 1, 2]);
    }
}
