//! Sequences in GPU memory.

use wgpu::BufferUsages;

use super::device::Gpu;
use super::packed::Packed;
use crate::error::Error;
use crate::kernel::library::Library;
use crate::sequences::Sequences;

/// Sequences in the memory of a [`Gpu`]. Equal sequences are stored once.
pub struct Set<'g> {
    pub(super) gpu: &'g Gpu,
    /// Number of each sequence in the library, which is sorted by length.
    pub(super) numbers: Vec<u32>,
    /// All sequences, shortest first.
    pub(super) order: Vec<u32>,
    /// Length of each sequence of the library.
    pub(super) lengths: Vec<u32>,
    pub(super) alphabet: usize,
    pub(super) planes: usize,
    pub(super) buffers: Buffers,
}

/// Input buffers of the distance shaders.
pub(super) struct Buffers {
    pub(super) texts: wgpu::Buffer,
    pub(super) places: wgpu::Buffer,
    pub(super) planes: wgpu::Buffer,
}

impl Gpu {
    /// Uploads sequences to the GPU.
    ///
    /// # Errors
    ///
    /// [`Error::GpuTooLong`] for a sequence longer than [`Gpu::longest`], [`Error::GpuTooLarge`] if
    /// they do not fit.
    pub fn load(&self, sequences: &Sequences) -> Result<Set<'_>, Error> {
        let longest = self.longest();
        if let Some(position) = sequences.iter().position(|sequence| sequence.len() > longest) {
            let length = sequences.get(position).len();
            return Err(Error::GpuTooLong { position, length, longest });
        }
        let (library, numbers) = Library::new(sequences.iter());
        let sizes = Packed::bytes(&library);
        for (what, bytes) in
            ["the sequences", "the sequences' bit planes", "the list of sequences"].into_iter().zip(sizes)
        {
            self.fits(what, bytes)?;
        }
        let packed = Packed::new(&library);
        let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
        order.sort_by_key(|&i| numbers[i as usize]);
        let upload = |words: &[u32]| self.upload(words, BufferUsages::STORAGE);
        Ok(Set {
            gpu: self,
            numbers,
            order,
            lengths: (0..library.len() as u32).map(|number| library.length(number)).collect(),
            alphabet: library.alphabet(),
            planes: packed.plane_count,
            buffers: Buffers {
                texts: upload(&packed.texts),
                places: upload(&packed.places),
                planes: upload(&packed.planes),
            },
        })
    }
}

impl Set<'_> {
    /// Number of sequences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are no sequences.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Length of a sequence of the library.
    pub(super) fn length(&self, number: u32) -> u32 {
        self.lengths[number as usize]
    }

    /// Sequences as items of a call: number in the library and position in the result.
    pub(super) fn items(&self, sequences: impl Iterator<Item = usize>) -> Vec<[u32; 2]> {
        let mut items: Vec<[u32; 2]> =
            (0..).zip(sequences).map(|(place, sequence)| [self.numbers[sequence], place]).collect();
        items.sort_unstable();
        items
    }
}
