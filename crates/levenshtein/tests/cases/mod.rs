//! Deterministic test cases, the naive algorithm and the golden pairs.

#![expect(clippy::expect_used, reason = "a broken fixture must fail the test")]

use serde_json::Value;

/// A set of sequences with a name for failure messages.
pub struct Case {
    pub name: String,
    pub sequences: Vec<Vec<u16>>,
}

/// The textbook dynamic programming algorithm.
pub fn naive(a: &[u16], b: &[u16]) -> u32 {
    let mut row: Vec<u32> = (0..=b.len() as u32).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i as u32 + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + u32::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The generator `SplitMix64`.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn sequence(&mut self, length: usize, alphabet: usize) -> Vec<u16> {
        (0..length).map(|_| self.below(alphabet) as u16).collect()
    }

    /// Applies `edits` random insertions, deletions and substitutions to `sequence`.
    pub fn edited(&mut self, sequence: &[u16], edits: usize, alphabet: usize) -> Vec<u16> {
        let mut sequence = sequence.to_vec();
        for _ in 0..edits {
            let place = self.below(sequence.len() + 1);
            let symbol = self.below(alphabet) as u16;
            match self.below(3) {
                0 => sequence.insert(place, symbol),
                1 if place < sequence.len() => drop(sequence.remove(place)),
                _ if place < sequence.len() => sequence[place] = symbol,
                _ => sequence.push(symbol),
            }
        }
        sequence
    }
}

/// Lengths on both sides of every word boundary up to four words, and some longer ones.
const LENGTHS: [usize; 27] = [
    0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 70, 127, 128, 129, 191, 192, 193, 255, 256, 257, 400, 511, 512, 513,
    700, 701, 703,
];

/// For every alphabet: sequences of all [`LENGTHS`], each with an equal one, an edited one, a
/// prefix, a suffix, a rotated one, a reversed one and one without a common symbol.
pub fn relations() -> Vec<Case> {
    let mut random = Random(1);
    let alphabets = [1, 2, 3, 15, 63, 64, 65, 127, 255, 256, 1024];
    let case = |&alphabet: &usize| {
        let mut sequences = Vec::new();
        // The naive algorithm is slow for the longest lengths, so each alphabet has a part of them.
        for (place, &length) in LENGTHS.iter().enumerate() {
            let base = random.sequence(length, alphabet);
            let disjoint = base.iter().map(|symbol| symbol + 2048).collect();
            let edits = 1 + length / 12;
            let mut related = vec![
                base.clone(),
                random.edited(&base, edits, alphabet),
                base[..length / 2].to_vec(),
                base[length / 3..].to_vec(),
                [&base[length / 4..], &base[..length / 4]].concat(),
                base.iter().rev().copied().collect(),
                disjoint,
            ];
            if length > 260 {
                related.rotate_left((place + alphabet) % 7);
                related.truncate(2);
            }
            sequences.push(base);
            sequences.extend(related);
        }
        Case { name: format!("relations, alphabet {alphabet}"), sequences }
    };
    alphabets.iter().map(case).collect()
}

/// All lengths from 0 to 70.
pub fn short_lengths() -> Vec<Case> {
    let mut random = Random(2);
    let case = |&alphabet: &usize| Case {
        name: format!("lengths 0 to 70, alphabet {alphabet}"),
        sequences: (0..=70)
            .flat_map(|length| [length, length])
            .map(|n| random.sequence(n, alphabet))
            .collect(),
    };
    [1, 2, 6, 64, 65, 300].iter().map(case).collect()
}

/// Sets with more sequences than two groups of lanes.
pub fn large_sets() -> Vec<Case> {
    let mut random = Random(3);
    let mut cases = Vec::new();
    for (count, longest, alphabet) in [(700, 40, 64), (600, 24, 3), (530, 70, 65), (300, 12, 1000)] {
        let even = (0..count).map(|_| random.sequence(longest, alphabet)).collect();
        cases.push(Case { name: format!("{count} even, alphabet {alphabet}"), sequences: even });
        let ragged = (0..count).map(|_| {
            let length = random.below(longest + 1);
            random.sequence(length, alphabet)
        });
        cases
            .push(Case { name: format!("{count} ragged, alphabet {alphabet}"), sequences: ragged.collect() });
    }
    let few: Vec<Vec<u16>> = (0..90).map(|_| random.sequence(20, 8)).collect();
    let repeated = (0..400).map(|_| few[random.below(few.len())].clone()).collect();
    cases.push(Case { name: "400 of 90".to_owned(), sequences: repeated });
    let two_lengths = (0..420).map(|i| random.sequence(if i % 9 == 0 { 150 } else { 10 }, 64));
    cases.push(Case { name: "two lengths".to_owned(), sequences: two_lengths.collect() });
    cases
}

/// Near copies of one sequence, and a few unrelated sequences between them.
pub fn outliers() -> Vec<Case> {
    let mut random = Random(4);
    let mut cases = Vec::new();
    for (unrelated, edits) in [(3, 2), (40, 5), (150, 9)] {
        let base = random.sequence(90, 64);
        let mut sequences: Vec<Vec<u16>> = (0..560).map(|_| random.edited(&base, edits, 64)).collect();
        for _ in 0..unrelated {
            let length = 60 + random.below(60);
            let place = random.below(sequences.len());
            sequences[place] = random.sequence(length, 64);
        }
        // The cheapest alignment is far from the diagonal: the two halves of the base are swapped.
        sequences.push([&base[45..], &base[..45]].concat());
        sequences.push(base[60..].to_vec());
        cases.push(Case { name: format!("{unrelated} unrelated, {edits} edits"), sequences });
    }
    cases
}

/// Alphabets that need more than 8, 11 and 16 planes.
pub fn wide_alphabets() -> Vec<Case> {
    let mut random = Random(5);
    let mut cases = Vec::new();
    for alphabet in [500, 3000, 40_000, 65_536] {
        let base = random.sequence(60, alphabet);
        let mut sequences: Vec<Vec<u16>> = (0..300)
            .map(|_| {
                let edits = random.below(50);
                random.edited(&base, edits, alphabet)
            })
            .collect();
        sequences.push(vec![u16::MAX, 0, u16::MAX]);
        cases.push(Case { name: format!("alphabet {alphabet}"), sequences });
    }
    // All symbols, in sequences short enough for the naive algorithm.
    let all: Vec<u16> = (0..=u16::MAX).collect();
    let mut sequences: Vec<Vec<u16>> = all.chunks(230).map(<[u16]>::to_vec).collect();
    sequences.truncate(60);
    sequences.extend(all.chunks(1).step_by(211).map(<[u16]>::to_vec));
    cases.push(Case { name: "many symbols".to_owned(), sequences });
    cases
}

/// Sequences for lists where few sequences occur in most pairs.
pub fn hubs() -> Vec<Vec<u16>> {
    let mut random = Random(6);
    (0..1100)
        .map(|_| {
            let length = random.below(45);
            random.sequence(length, 64)
        })
        .collect()
}

/// A pair with a distance computed by another library.
pub struct Golden {
    pub a: Vec<u16>,
    pub b: Vec<u16>,
    pub distance: u32,
}

/// The golden pairs of both files.
pub fn golden_pairs() -> Vec<Golden> {
    let mut golden =
        from_safetensors(include_bytes!("../../../../tests/fixtures/distance/pairs.safetensors"));
    let short: Value =
        serde_json::from_slice(include_bytes!("../../../../tests/fixtures/distance/short-pairs.json"))
            .expect("short-pairs.json is JSON");
    let symbols = |value: &Value| -> Vec<u16> {
        let list = value.as_array().expect("a list of symbols");
        list.iter().map(|symbol| symbol.as_u64().expect("a symbol") as u16).collect()
    };
    golden.extend(short.as_array().expect("a list of pairs").iter().map(|pair| Golden {
        a: symbols(&pair["a"]),
        b: symbols(&pair["b"]),
        distance: pair["distance"].as_u64().expect("a distance") as u32,
    }));
    golden
}

/// Reads the file's header: eight bytes of length, JSON, then the tensors' bytes.
fn from_safetensors(file: &[u8]) -> Vec<Golden> {
    let (length, rest) = file.split_first_chunk::<8>().expect("a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: Value = serde_json::from_slice(header).expect("a JSON header");
    let bytes = |name: &str, dtype: &str| {
        assert_eq!(header[name]["dtype"], dtype, "type of {name}");
        let offset = |i: usize| header[name]["data_offsets"][i].as_u64().expect("an offset") as usize;
        &data[offset(0)..offset(1)]
    };
    let u16s = |name: &str| -> Vec<u16> {
        bytes(name, "U16").as_chunks::<2>().0.iter().map(|&chunk| u16::from_le_bytes(chunk)).collect()
    };
    let u32s = |name: &str| -> Vec<u32> {
        bytes(name, "U32").as_chunks::<4>().0.iter().map(|&chunk| u32::from_le_bytes(chunk)).collect()
    };
    let (a, b) = (u16s("a"), u16s("b"));
    let (a_offsets, b_offsets) = (u32s("a_offsets"), u32s("b_offsets"));
    let cut = |symbols: &[u16], offsets: &[u32], i: usize| {
        symbols[offsets[i] as usize..offsets[i + 1] as usize].to_vec()
    };
    u32s("distance")
        .into_iter()
        .enumerate()
        .map(|(i, distance)| Golden { a: cut(&a, &a_offsets, i), b: cut(&b, &b_offsets, i), distance })
        .collect()
}
