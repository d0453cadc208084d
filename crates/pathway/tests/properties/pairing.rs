use pathway::{UnitSum, assign, score_matrix};
use proptest::prelude::*;

/// All injective assignments of rows to columns, for at most as many rows as columns.
fn all(rows: usize, columns: usize) -> Vec<Vec<usize>> {
    let mut ways = vec![vec![]];
    for _ in 0..rows {
        ways = ways
            .into_iter()
            .flat_map(|way: Vec<usize>| {
                let free = (0..columns).filter({
                    let way = way.clone();
                    move |column| !way.contains(column)
                });
                free.map(move |column| [&way[..], &[column]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    ways
}

fn transposed(scores: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..scores[0].len()).map(|column| scores.iter().map(|row| row[column]).collect()).collect()
}

proptest! {
    #[test]
    fn the_best_and_the_second_best_of_all(
        scores in (1_usize..5, 1_usize..6).prop_flat_map(|(rows, columns)| {
            prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, columns), rows)
        }),
    ) {
        let found = assign(&scores).unwrap();
        let (rows, columns) = (scores.len(), scores[0].len());
        let wide = if rows <= columns { scores.clone() } else { transposed(&scores) };
        let mut totals: Vec<f64> = all(wide.len(), wide[0].len())
            .iter()
            .map(|way| way.iter().zip(&wide).map(|(&column, row)| row[column]).sum())
            .collect();
        totals.sort_unstable_by(|a, b| f64::total_cmp(b, a));
        prop_assert!((found.total - totals[0]).abs() < 1e-12);
        prop_assert_eq!(found.second_best_total.is_some(), totals.len() > 1);
        if let Some(second) = found.second_best_total {
            prop_assert!((second - totals[1]).abs() < 1e-12);
        }
        prop_assert_eq!(found.pairs.len(), rows.min(columns));
        prop_assert!(found.pairs.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let mut taken: Vec<usize> = found.pairs.iter().map(|pair| pair.1).collect();
        taken.sort_unstable();
        taken.dedup();
        prop_assert_eq!(taken.len(), found.pairs.len());
    }

    #[test]
    fn scores_are_mean_pair_cosines(
        first in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 5), 1..6),
        second in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 5), 1..6),
    ) {
        let length = |v: &Vec<f64>| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        prop_assume!(first.iter().chain(&second).all(|vector| length(vector) > 1e-3));
        let cosine = |a: &Vec<f64>, b: &Vec<f64>| {
            a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / (length(a) * length(b))
        };
        let cosines: Vec<f64> = first.iter().flat_map(|a| second.iter().map(move |b| cosine(a, b))).collect();
        let expected = cosines.iter().sum::<f64>() / cosines.len() as f64;
        let sums = [&first, &second].map(|group| UnitSum::of(group.iter().map(|vector| &vector[..])).unwrap());
        let found = score_matrix(&sums[..1], &sums[1..]);
        prop_assert!((found[0][0] - expected).abs() < 1e-12);
    }
}

#[test]
fn larger_matrices_match_too() {
    // The diagonal is the best assignment: every other entry costs more than it can gain.
    let n = 40;
    let scores: Vec<Vec<f64>> = (0..n)
        .map(|row| {
            (0..n).map(|column| if row == column { 1.0 } else { 0.9 - 0.01 * f64::from(row % 7) }).collect()
        })
        .collect();
    let found = assign(&scores).unwrap();
    assert!(found.pairs.iter().all(|(row, column)| row == column));
    assert!((found.total - f64::from(n)).abs() < 1e-12);
}

#[test]
fn empty_and_invalid_matrices() {
    let empty = assign(&[]).unwrap();
    assert_eq!((empty.pairs.len(), empty.total, empty.second_best_total), (0, 0.0, None));
    assert_eq!(assign(&[vec![], vec![]]).unwrap().pairs, []);
    assert!(assign(&[vec![1.0, f64::NAN]]).is_err());
    assert!(assign(&[vec![1.0], vec![1.0, 2.0]]).is_err());
    let mut sum = UnitSum::new(2);
    assert!(sum.push(&[0.0, 0.0]).is_err());
    assert!(sum.push(&[f32::NAN, 0.0]).is_err());
    assert!(sum.push(&[1.0, 0.0, 0.0]).is_err());
    assert_eq!(sum.members(), 0);
    assert!(score_matrix(&[sum.clone()], &[sum])[0][0].is_nan());
}
