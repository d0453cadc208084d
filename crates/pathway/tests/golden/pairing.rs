//! Pairing of memorization groups with generalization groups.

use pathway::{PairingSide, UnitSum, pairing_null};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::courses::items;
use crate::fixture::{Fixture, array, assert_all_same, assert_same, numbers, size};

#[test]
fn groups_are_matched_as_expected() {
    let fixture = Fixture::load();
    let size = fixture.layers * fixture.experts;
    for domain in &fixture.domains {
        let items = items(&fixture, domain);
        for choice in ["all_t_star", "t_star_before_last"] {
            for source in ["embeddings", "gates_fallback"] {
                let what = format!("{domain} {choice} {source}");
                let expected = &fixture.expected["pairing"][domain][choice][source];
                let (mut train, mut test) = (Vec::new(), Vec::new());
                let (mut train_steps, mut test_steps) = (Vec::new(), Vec::new());
                for checkpoint in 0..fixture.steps.len() {
                    let members = fixture.members(domain, |t| t == Some(checkpoint));
                    if !members.is_empty() && (choice == "all_t_star" || checkpoint < fixture.last()) {
                        let sum = if source == "embeddings" {
                            UnitSum::of(members.iter().map(|&s| &fixture.samples[s as usize].embedding[..]))
                        } else {
                            UnitSum::of(members.iter().map(|&s| fixture.gates(fixture.last(), s)))
                        };
                        train.push(sum.unwrap());
                        train_steps.push(fixture.steps[checkpoint]);
                    }
                    let mut sum = UnitSum::new(if source == "embeddings" { 8 } else { size });
                    for (index, _, results) in &items {
                        if pathway::t_sharp(results) != Some(checkpoint) {
                            continue;
                        }
                        if source == "embeddings" {
                            sum.push(&numbers(&fixture.run["items"][index]["embedding"])).unwrap();
                        } else {
                            sum.push(&fixture.item_gates[index * size..][..size]).unwrap();
                        }
                    }
                    if sum.members() > 0 {
                        test.push(sum);
                        test_steps.push(fixture.steps[checkpoint]);
                    }
                }
                assert_eq!(serde_json::json!(train_steps), expected["train_groups"], "{what}");
                assert_eq!(serde_json::json!(test_steps), expected["test_groups"], "{what}");
                let scores = pathway::score_matrix(&train, &test);
                for (found, expected) in scores.iter().zip(array(&expected["scores"])) {
                    assert_all_same(found, expected, &what);
                }
                let found = pathway::assign(&scores).unwrap();
                assert_same(Some(found.total), &expected["total"], &what);
                assert_same(found.second_best_total, &expected["second_best_total"], &what);
                let pairs = array(&expected["pairs"]);
                assert_eq!(found.pairs.len(), pairs.len());
                for (&(row, column), expected) in found.pairs.iter().zip(pairs) {
                    assert_eq!(expected["t_star"], train_steps[row], "{what}");
                    assert_eq!(expected["t_sharp"], test_steps[column], "{what}");
                    assert_same(Some(scores[row][column]), &expected["score"], &what);
                    let delay =
                        i64::try_from(test_steps[column]).unwrap() - i64::try_from(train_steps[row]).unwrap();
                    assert_eq!(expected["delay"], delay, "{what}");
                }
            }
        }
    }
}

/// Shares by brute force of `tests/reference/pairing_null.py`.
#[test]
fn shuffled_pairings_score_as_well_as_expected() {
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/reference/pairing_null.json")).unwrap();
    for case in array(&cases) {
        let sizes = |name: &str| array(&case[name]).iter().map(size).collect::<Vec<usize>>();
        let embeddings = |name: &str| array(&case[name]).iter().map(numbers).collect::<Vec<Vec<f64>>>();
        let sums = |members: &[Vec<f64>], sizes: &[usize]| -> Vec<UnitSum> {
            let mut rest = members.iter().map(Vec::as_slice);
            sizes.iter().map(|&size| UnitSum::of(rest.by_ref().take(size)).unwrap()).collect()
        };
        let (train, test) = (embeddings("train"), embeddings("test"));
        let (train_sizes, test_sizes) = (sizes("train_sizes"), sizes("test_sizes"));
        let (train_sums, test_sums) = (sums(&train, &train_sizes), sums(&test, &test_sizes));
        let seed = case["seed"].as_u64().unwrap();
        let total = pathway::assign(&pathway::score_matrix(&train_sums, &test_sums)).unwrap().total;
        assert_same(Some(total), &case["total"], "total");
        for (name, members, sizes, others) in [
            ("samples_shuffled", &train, &train_sizes, &test_sums),
            ("items_shuffled", &test, &test_sizes, &train_sums),
        ] {
            let with_all = |member: &Vec<f64>| {
                others.iter().map(|other| other.mean_cosine_with(member).unwrap()).collect::<Vec<f64>>()
            };
            let cosines: Vec<f64> = members.iter().flat_map(with_all).collect();
            let side = PairingSide { sizes, others: others.len(), cosines: &cosines };
            let found = pairing_null(side, seed).unwrap();
            let what = format!("{}, {name}", case["name"]);
            assert_same(Some(found.share), &case[name]["share"], &what);
            assert_eq!(case[name]["draws"], found.draws, "{what}");
            assert_eq!(case[name]["exact"], found.exact, "{what}");
        }
    }
}

#[test]
fn cosines_of_another_shape_or_not_finite_are_refused() {
    let side = |cosines| PairingSide { sizes: &[1, 1], others: 2, cosines };
    assert!(pairing_null(side(&[0.5; 3]), 1).is_err());
    assert!(pairing_null(side(&[0.5, f64::NAN, 0.5, 0.5]), 1).is_err());
    assert_eq!(pairing_null(side(&[0.5; 4]), 1).map(|found| found.share), Ok(1.0));
}
