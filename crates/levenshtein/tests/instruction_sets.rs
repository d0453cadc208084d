//! Every instruction set against the textbook algorithm and golden distances.

mod cases;

use cases::{Case, naive};
use levenshtein::{Error, InstructionSet, Prepared, Sequences, all_pairs, distance, pairs};

/// Runs the same function as a native test and in a browser.
macro_rules! everywhere {
    ($(#[doc = $doc:literal] fn $name:ident() $body:block)*) => {$(
        #[doc = $doc]
        #[cfg_attr(not(target_arch = "wasm32"), test)]
        #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
        fn $name() $body
    )*};
}

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

fn sequences<S: AsRef<[u16]>>(list: &[S]) -> Sequences {
    let mut sequences = Sequences::new();
    for sequence in list {
        sequences.push(sequence.as_ref());
    }
    sequences
}

/// All three functions must give the distances of the naive algorithm, for every instruction set.
fn check(case: &Case) {
    let list = &case.sequences;
    let upper: Vec<Vec<u32>> =
        (0..list.len()).map(|i| list[i..].iter().map(|b| naive(&list[i], b)).collect()).collect();
    check_against(&case.name, list, &|i, j| upper[i.min(j)][i.abs_diff(j)]);
}

fn check_against(name: &str, list: &[Vec<u16>], expected: &dyn Fn(usize, usize) -> u32) {
    let set = sequences(list);
    let count = list.len();
    let condensed: Vec<(u32, u32)> =
        (0..count as u32).flat_map(|i| (i + 1..count as u32).map(move |j| (i, j))).collect();
    // A sparse list in shuffled order with repeats, both orders and a sequence with itself.
    let mut sampled: Vec<(u32, u32)> = condensed
        .iter()
        .enumerate()
        .filter(|(place, _)| place * 7 % 5 < 2)
        .map(|(place, &(i, j))| if place % 3 == 0 { (j, i) } else { (i, j) })
        .rev()
        .collect();
    sampled.extend_from_within(..sampled.len() / 10);
    sampled.extend((0..count as u32).step_by(9).map(|i| (i, i)));

    let of = |pairs: &[(u32, u32)]| -> Vec<u32> {
        pairs.iter().map(|&(i, j)| expected(i as usize, j as usize)).collect()
    };
    let prepared = Prepared::new(&set);
    for instructions in InstructionSet::available() {
        let compare = |what: &str, got: &[u32], pairs: &[(u32, u32)]| {
            let want = of(pairs);
            assert_eq!(
                got.len(),
                want.len(),
                "{name}: {instructions} {what} gives another number of distances"
            );
            if let Some(place) = (0..got.len()).find(|&place| got[place] != want[place]) {
                let (i, j) = pairs[place];
                panic!("{name}: {instructions} {what} ({i}, {j}): {} instead of {}", got[place], want[place]);
            }
        };
        compare("all_pairs", &all_pairs(instructions, &set), &condensed);
        compare("pairs", &pairs(instructions, &set, &sampled).unwrap_or_default(), &sampled);
        let few = &sampled[..sampled.len() / 7];
        compare("prepared", &prepared.pairs(instructions, few).unwrap_or_default(), few);
    }
    for &(i, j) in condensed.iter().step_by(1 + condensed.len() / 300) {
        let got = distance(&list[i as usize], &list[j as usize]);
        assert_eq!(got, expected(i as usize, j as usize), "{name}: distance ({i}, {j})");
    }
}

everywhere! {
    /// Lengths around every word boundary, all kinds of relation, all alphabets.
    fn cases_of_one_relation() {
        for case in cases::relations() {
            check(&case);
        }
    }

    /// All lengths from 0 to 70 against each other.
    fn every_short_length() {
        for case in cases::short_lengths() {
            check(&case);
        }
    }

    /// Sets that fill vectors, with expectations and bands, ragged and even, with duplicates.
    fn large_sets() {
        for case in cases::large_sets() {
            check(&case);
        }
    }

    /// Most pairs are similar and a few are not, so that the expectation is wrong for those few.
    fn wrong_expectations() {
        for case in cases::outliers() {
            check(&case);
        }
    }

    /// Symbols up to 65,535, and more distinct ones than a table has lines.
    fn wide_alphabets() {
        for case in cases::wide_alphabets() {
            check(&case);
        }
    }

    /// A list with a few sequences in very many pairs and many sequences in few.
    fn hubs() {
        let list = cases::hubs();
        let set = sequences(&list);
        let count = list.len() as u32;
        let mut list_of_pairs: Vec<(u32, u32)> = Vec::new();
        for other in 3..count {
            list_of_pairs.push((other, 1));
            list_of_pairs.push((0, other));
            if other % 2 == 0 {
                list_of_pairs.push((other, other / 2));
            }
        }
        let want: Vec<u32> =
            list_of_pairs.iter().map(|&(i, j)| naive(&list[i as usize], &list[j as usize])).collect();
        for instructions in InstructionSet::available() {
            assert_eq!(pairs(instructions, &set, &list_of_pairs), Ok(want.clone()), "{instructions}");
        }
    }

    /// Consecutive chunks of all pairs: few sequences are paired with nearly all others.
    fn parts_of_all_pairs() {
        let list = cases::hubs();
        let list = &list[..700];
        let set = sequences(list);
        let count = list.len() as u32;
        let condensed: Vec<(u32, u32)> = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).collect();
        for part in [&condensed[..2500], &condensed[100_000..102_000], &condensed[condensed.len() - 900..]] {
            let want: Vec<u32> =
                part.iter().map(|&(i, j)| naive(&list[i as usize], &list[j as usize])).collect();
            for instructions in InstructionSet::available() {
                assert_eq!(pairs(instructions, &set, part), Ok(want.clone()), "{instructions}");
            }
        }
    }

    /// Golden distances, on which RapidFuzz and a textbook implementation agree.
    fn golden_pairs() {
        let golden = cases::golden_pairs();
        let mut list = Vec::new();
        let mut list_of_pairs = Vec::new();
        let mut want = Vec::new();
        for (place, pair) in golden.into_iter().enumerate() {
            list.push(pair.a);
            list.push(pair.b);
            list_of_pairs.push((2 * place as u32, 2 * place as u32 + 1));
            want.push(pair.distance);
        }
        let set = sequences(&list);
        assert!(want.len() >= 400);
        for instructions in InstructionSet::available() {
            assert_eq!(pairs(instructions, &set, &list_of_pairs), Ok(want.clone()), "{instructions}");
        }
        for (&(i, j), &want) in list_of_pairs.iter().zip(&want) {
            assert_eq!(distance(&list[i as usize], &list[j as usize]), want);
        }
    }

    /// Empty sets and lists.
    fn empty_sets() {
        let empty = Sequences::new();
        let default = Sequences::default();
        let one = sequences(&[[1, 2, 3]]);
        let nothing = sequences(&[[0u16; 0]; 3]);
        for instructions in InstructionSet::available() {
            assert!(all_pairs(instructions, &empty).is_empty());
            assert!(all_pairs(instructions, &default).is_empty());
            assert!(all_pairs(instructions, &one).is_empty());
            assert_eq!(all_pairs(instructions, &nothing), [0, 0, 0]);
            assert_eq!(pairs(instructions, &empty, &[]), Ok(Vec::new()));
            assert_eq!(pairs(instructions, &one, &[(0, 0)]), Ok(vec![0]));
        }
    }

    /// The first pair that is out of range is named.
    fn pairs_out_of_range() {
        let two = sequences(&[[1, 2], [3, 4]]);
        let expected = Error::PairOutOfRange { position: 1, first: 0, second: 2, sequences: 2 };
        for instructions in InstructionSet::available() {
            assert_eq!(pairs(instructions, &two, &[(0, 1), (0, 2), (9, 9)]), Err(expected.clone()));
            assert_eq!(Prepared::new(&two).pairs(instructions, &[(0, 1), (0, 2), (9, 9)]), Err(expected.clone()));
        }
        assert!(expected.to_string().contains("pair 1 of the list is (0, 2)"));
    }

    /// An instruction set that is not available here falls back to the scalar one.
    fn unavailable_instruction_sets() {
        let two = sequences(&[[1, 2], [3, 2]]);
        for instructions in [InstructionSet::Scalar, InstructionSet::Avx2, InstructionSet::Avx512, InstructionSet::Simd128] {
            assert_eq!(all_pairs(instructions, &two), [1], "{instructions}");
        }
        assert!(InstructionSet::available().contains(&InstructionSet::best()));
        assert_eq!(InstructionSet::available().last(), Some(&InstructionSet::best()));
        assert_eq!(InstructionSet::best() == InstructionSet::Simd128, cfg!(target_arch = "wasm32"));
    }
}
