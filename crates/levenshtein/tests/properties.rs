//! Properties of distances on random sequences.
#![cfg(not(target_arch = "wasm32"))]

use levenshtein::{InstructionSet, Sequences, all_pairs, distance, pairs};
use proptest::collection::vec;
use proptest::prelude::*;

/// Sequences of a random alphabet, up to 40 of up to 90 symbols.
fn sets() -> impl Strategy<Value = Sequences> {
    prop_oneof![Just(1u16), Just(2), Just(5), Just(64), Just(65), Just(1000), Just(u16::MAX)]
        .prop_flat_map(|largest| vec(vec(0..=largest, 0..90), 0..40))
        .prop_map(|list| {
            let mut set = Sequences::new();
            for sequence in &list {
                set.push(sequence);
            }
            set
        })
}

fn sequence() -> impl Strategy<Value = Vec<u16>> {
    vec(0u16..6, 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn instruction_sets_agree(set in sets(), at in any::<prop::sample::Index>()) {
        let scalar = all_pairs(InstructionSet::Scalar, &set);
        let count = set.len() as u32;
        let mut list: Vec<(u32, u32)> =
            (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).collect();
        let single: Vec<u32> =
            list.iter().map(|&(i, j)| distance(set.get(i as usize), set.get(j as usize))).collect();
        prop_assert_eq!(&scalar, &single);
        for instructions in InstructionSet::available() {
            prop_assert_eq!(&all_pairs(instructions, &set), &scalar);
            prop_assert_eq!(&pairs(instructions, &set, &list).unwrap(), &scalar);
        }
        // A few unordered pairs, so that the list is sparse.
        if !list.is_empty() {
            let middle = at.index(list.len());
            list.rotate_left(middle);
            list.truncate(1 + list.len() / 5);
            let want: Vec<u32> =
                list.iter().map(|&(i, j)| distance(set.get(i as usize), set.get(j as usize))).collect();
            for instructions in InstructionSet::available() {
                prop_assert_eq!(&pairs(instructions, &set, &list).unwrap(), &want);
            }
        }
    }

    #[test]
    fn distance_is_a_metric(a in sequence(), b in sequence(), c in sequence()) {
        let (ab, bc, ac) = (distance(&a, &b), distance(&b, &c), distance(&a, &c));
        prop_assert_eq!(distance(&a, &a), 0);
        prop_assert_eq!(ab, distance(&b, &a));
        prop_assert_eq!(ab == 0, a == b);
        prop_assert!(ac <= ab + bc, "{ac} > {ab} + {bc}");
        prop_assert!(ab as usize >= a.len().abs_diff(b.len()));
        prop_assert!(ab as usize <= a.len().max(b.len()));
    }

    #[test]
    fn one_edit_changes_the_distance_by_at_most_one(
        a in sequence(), b in sequence(), at in any::<prop::sample::Index>(), symbol in 0u16..6,
    ) {
        let mut edited = a.clone();
        edited.insert(at.index(a.len() + 1), symbol);
        prop_assert_eq!(distance(&a, &edited), 1);
        prop_assert!(distance(&a, &b).abs_diff(distance(&edited, &b)) <= 1);
    }
}
