//! Seeded synthetic sequences like those of the project. Shared with the WebAssembly example.

use levenshtein::Sequences;

/// A kind of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Pathways of 16 layers of 64 experts at threshold 0.7 of flat gates: about 510 symbols.
    Pathways,
    /// The 8 experts with the largest gates in each of 16 layers: 128 symbols.
    TopLists,
    /// One layer's experts at threshold 0.78 of flat gates: about 37 symbols.
    LayerLists,
    /// 100 symbols drawn from 64, the length for which other projects publish GPU speeds.
    Hundred,
}

const LAYERS: usize = 16;
const EXPERTS: usize = 64;
/// Symbol between the layers of a pathway.
const BREAK: u16 = EXPERTS as u16;

impl Workload {
    pub const ALL: [Self; 4] = [Self::Pathways, Self::TopLists, Self::LayerLists, Self::Hundred];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pathways => "P",
            Self::TopLists => "T",
            Self::LayerLists => "C",
            Self::Hundred => "H",
        }
    }

    /// Generates `count` sequences. Their gates are independent, which is the hardest case:
    /// distances are about as large as the sequences are long.
    pub fn sequences(self, count: usize) -> Sequences {
        let mut random = Random(0x51ab + self as u64);
        let mut sequences = Sequences::new();
        for _ in 0..count {
            match self {
                Self::Pathways => {
                    for layer in 0..LAYERS {
                        if layer > 0 {
                            sequences.push_symbol(BREAK);
                        }
                        random.layer(Keep::Share(0.7), &mut sequences);
                    }
                }
                Self::TopLists => {
                    for _ in 0..LAYERS {
                        random.layer(Keep::Count(8), &mut sequences);
                    }
                }
                Self::LayerLists => random.layer(Keep::Share(0.78), &mut sequences),
                Self::Hundred => {
                    (0..100).for_each(|_| sequences.push_symbol((random.next() % EXPERTS as u64) as u16));
                }
            }
            sequences.end();
        }
        sequences
    }
}

/// Draws `count` random pairs of `of` sequences.
pub fn sample(count: usize, of: usize) -> Vec<(u32, u32)> {
    let mut random = Random(0xbeef);
    let mut index = || (random.next() % of as u64) as u32;
    (0..count).map(|_| (index(), index())).collect()
}

/// Number of a layer's experts in a sequence.
enum Keep {
    /// The shortest prefix, in order of gates, with this share of the weight.
    Share(f64),
    /// A fixed number.
    Count(usize),
}

/// The generator `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Adds the experts of one layer, the largest gate first.
    fn layer(&mut self, keep: Keep, sequences: &mut Sequences) {
        // A sum of four uniform numbers, squared, is positive and moderately uneven, like a mean
        // gate.
        let mut gates: Vec<(f64, u16)> = (0..EXPERTS as u16)
            .map(|expert| {
                let sum: f64 = (0..4).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum();
                (sum * sum, expert)
            })
            .collect();
        gates.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        let total: f64 = gates.iter().map(|gate| gate.0).sum();
        let mut held = 0.0;
        for (place, &(gate, expert)) in gates.iter().enumerate() {
            let enough = match keep {
                Keep::Share(share) => held >= share * total,
                Keep::Count(count) => place >= count,
            };
            if enough {
                break;
            }
            sequences.push_symbol(expert);
            held += gate;
        }
    }
}
