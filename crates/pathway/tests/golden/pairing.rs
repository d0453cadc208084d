//! Pairing of memorization groups with generalization groups.

use pathway::UnitSum;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::courses::items;
use crate::fixture::{Fixture, array, assert_all_same, assert_same, numbers};

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
