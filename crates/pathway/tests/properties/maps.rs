use pathway::{MeanCells, Rng, Scaling, cluster_order, pair_count, triangle_blocks, turn_towards};
use proptest::prelude::*;

type Point = [f64; 2];

fn unit(rng: &mut Rng) -> f64 {
    f64::from(rng.below(2_000_001)) / 1e6 - 1.0
}

fn points(rng: &mut Rng, number: usize) -> Vec<Point> {
    (0..number).map(|_| [10.0 * unit(rng), 4.0 * unit(rng)]).collect()
}

fn between(a: Point, b: Point) -> f64 {
    let [x, y] = [a[0] - b[0], a[1] - b[1]];
    (x * x + y * y).sqrt()
}

fn centred(points: &[Point]) -> Vec<Point> {
    let number = points.len() as f64;
    let mean = |axis: usize| points.iter().map(|point| point[axis]).sum::<f64>() / number;
    let (x, y) = (mean(0), mean(1));
    points.iter().map(|point| [point[0] - x, point[1] - y]).collect()
}

fn near(found: &[Point], expected: &[Point]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(&a, &b)| between(a, b) < 1e-5)
}

/// The two largest eigenvalues by sign: power iteration on a matrix shifted until all are positive.
fn largest(matrix: &[Vec<f64>]) -> [f64; 2] {
    let size = matrix.len();
    let shift = matrix.iter().map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max);
    let mut found: Vec<Vec<f64>> = Vec::new();
    let mut values = [0.0; 2];
    for value in &mut values {
        let mut vector: Vec<f64> = (0..size).map(|at| 1.0 + (at * at % 7) as f64).collect();
        for _ in 0..20_000 {
            for known in &found {
                let part: f64 = known.iter().zip(&vector).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(known).for_each(|(x, known)| *x -= part * known);
            }
            let image = |at: usize| {
                matrix[at].iter().zip(&vector).map(|(a, b)| a * b).sum::<f64>() + shift * vector[at]
            };
            let image: Vec<f64> = (0..size).map(image).collect();
            let length = image.iter().map(|x| x * x).sum::<f64>().sqrt();
            *value = length - shift;
            vector = image.into_iter().map(|x| x / length).collect();
        }
        found.push(vector);
    }
    values
}

proptest! {
    #[test]
    fn points_of_a_plane_come_back(seed: u64, number in 3_usize..80) {
        let mut rng = Rng::new(seed);
        let given = points(&mut rng, number);
        let layout = Scaling::new(number, |a, b| between(given[a], given[b])).finish();
        prop_assert!((layout.share.unwrap() - 1.0).abs() < 1e-6);
        let mut found = layout.points.clone();
        turn_towards(&mut found, &given);
        prop_assert!(near(&found, &centred(&given)), "{found:?} {given:?}");
        // Longest axis first.
        let spread = |axis: usize| layout.points.iter().map(|point| point[axis] * point[axis]).sum::<f64>();
        prop_assert!(spread(0) >= spread(1) - 1e-6);
    }

    #[test]
    fn further_points_find_their_place(seed: u64, number in 3_usize..40) {
        let mut rng = Rng::new(seed);
        let given = points(&mut rng, number);
        let further = points(&mut rng, 1)[0];
        let layout = Scaling::new(number, |a, b| between(given[a], given[b])).finish();
        let mut all = layout.points.clone();
        for (at, point) in layout.points.iter().enumerate() {
            let placed = layout.place((0..number).map(|other| between(given[at], given[other])));
            prop_assert!(between(placed, *point) < 1e-5);
        }
        all.push(layout.place(given.iter().map(|point| between(*point, further))));
        let mut goal = given;
        goal.push(further);
        turn_towards(&mut all, &goal);
        prop_assert!(near(&all, &centred(&goal)));
    }

    #[test]
    fn axes_are_the_largest_eigenvalues_by_sign(seed: u64, number in 3_usize..12) {
        // Arbitrary distances: the matrix also has negative eigenvalues.
        let mut rng = Rng::new(seed);
        let mut distances = vec![vec![0.0; number]; number];
        for (a, b) in (0..number).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let distance = f64::from(1 + rng.below(30));
            distances[a][b] = distance;
            distances[b][a] = distance;
        }
        let squared = |a: usize, b: usize| distances[a][b] * distances[a][b];
        let row = |a: usize| (0..number).map(|b| squared(a, b)).sum::<f64>() / number as f64;
        let overall = (0..number).map(row).sum::<f64>() / number as f64;
        let centred: Vec<Vec<f64>> = (0..number)
            .map(|a| (0..number).map(|b| -0.5 * (squared(a, b) - row(a) - row(b) + overall)).collect())
            .collect();
        let layout = Scaling::new(number, |a, b| distances[a][b]).finish();
        let expected = largest(&centred);
        for (axis, expected) in expected.into_iter().enumerate() {
            let value: f64 = layout.points.iter().map(|point| point[axis] * point[axis]).sum();
            let scale = expected.abs().max(1.0);
            prop_assert!((value - expected.max(0.0)).abs() < 1e-2 * scale, "axis {axis}: {value} {expected}");
        }
        let trace: f64 = (0..number).map(|a| centred[a][a]).sum();
        prop_assert!((layout.share.unwrap() - (expected[0].max(0.0) + expected[1].max(0.0)) / trace).abs() < 1e-2);
    }

    #[test]
    fn turns_and_mirrors_are_undone(seed: u64, mirror: bool) {
        let mut rng = Rng::new(seed);
        let goal = points(&mut rng, 9);
        let (a, b) = (unit(&mut rng), unit(&mut rng));
        let length = (a * a + b * b).sqrt().max(1e-9);
        let (a, b) = (a / length, b / length);
        let mut turned: Vec<Point> = goal
            .iter()
            .map(|&[x, y]| if mirror { [y, x] } else { [x, y] })
            .map(|[x, y]| [a * x - b * y + 3.0, b * x + a * y - 1.0])
            .collect();
        turn_towards(&mut turned, &goal);
        prop_assert!(near(&turned, &centred(&goal)));
    }

    #[test]
    fn cells_are_means_of_their_pairs(seed: u64, samples in 0_usize..40, side in 1_usize..50) {
        let mut rng = Rng::new(seed);
        let mut cells = MeanCells::new(samples, side);
        let mut of = std::collections::BTreeMap::<(usize, usize), Vec<u64>>::new();
        for a in 0..samples {
            for b in 0..a {
                let distance = rng.below(65_536) as u16;
                cells.add(a, b, distance);
                let (row, column) = (cells.cell(a), cells.cell(b));
                of.entry((row, column)).or_default().push(u64::from(distance));
                if row != column {
                    of.entry((column, row)).or_default().push(u64::from(distance));
                }
            }
        }
        let found = cells.finish();
        prop_assert_eq!(cells.side(), side.min(samples));
        prop_assert_eq!(found.len(), cells.side() * cells.side());
        for (at, &cell) in found.iter().enumerate() {
            let pairs = of.get(&(at / cells.side(), at % cells.side())).cloned().unwrap_or_default();
            let mean = pairs.iter().sum::<u64>() as f64 / pairs.len().max(1) as f64;
            prop_assert_eq!(f64::from(cell), (mean + 0.5).floor());
        }
        // Cells are contiguous and all are used.
        let places: Vec<usize> = (0..samples).map(|place| cells.cell(place)).collect();
        prop_assert!(places.windows(2).all(|two| two[1] == two[0] || two[1] == two[0] + 1));
        prop_assert_eq!(places.last().map_or(0, |last| last + 1), cells.side());
    }

    #[test]
    fn blocks_have_every_row_once(samples in 0_usize..200, most in 1_usize..500) {
        let blocks: Vec<_> = triangle_blocks(samples, || most).collect();
        let rows: Vec<usize> = blocks.iter().cloned().flatten().collect();
        prop_assert_eq!(rows, (0..samples.saturating_sub(1)).collect::<Vec<_>>());
        for block in blocks {
            let pairs: usize = block.clone().map(|row| samples - row - 1).sum();
            prop_assert!(pairs <= most || block.len() == 1);
        }
    }

    #[test]
    fn similar_samples_are_adjacent(seed: u64, groups in 1_usize..4, families in 1_usize..4, size in 1_usize..5) {
        let mut rng = Rng::new(seed);
        let samples = groups * families * size;
        // Shuffled, so that the order of the samples carries no information.
        let mut home: Vec<u32> = (0..samples as u32).collect();
        for place in (1..samples).rev() {
            home.swap(place, rng.below(place as u32 + 1) as usize);
        }
        let home: Vec<usize> = home.into_iter().map(|place| place as usize).collect();
        let group = |sample: usize| home[sample] / (families * size);
        let family = |sample: usize| home[sample] / size;
        let mut distances = Vec::new();
        for a in 0..samples {
            for b in a + 1..samples {
                let noise = rng.below(6) as u16;
                distances.push(noise + match () {
                    () if family(a) == family(b) => 10,
                    () if group(a) == group(b) => 40,
                    () => 100,
                });
            }
        }
        let order = cluster_order(samples, &distances).unwrap();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..samples as u32).collect::<Vec<_>>());
        let changes = |of: &dyn Fn(usize) -> usize| {
            order.windows(2).filter(|two| of(two[0] as usize) != of(two[1] as usize)).count()
        };
        prop_assert_eq!(changes(&group), groups - 1);
        prop_assert_eq!(changes(&family), groups * families - 1);
        prop_assert_eq!(&cluster_order(samples, &distances).unwrap(), &order);
    }
}

#[test]
fn a_wrong_number_of_distances_is_rejected() {
    assert!(cluster_order(4, &[1, 2, 3]).is_err());
    assert_eq!(cluster_order(2, &[7]).unwrap(), [0, 1]);
    assert_eq!(pair_count(4), 6);
}

#[test]
fn branches_are_turned_until_neighbours_are_close() {
    // Four samples on a line at 0, 1, 10 and 11: only two orders keep the neighbours of the line.
    let places = [10_i32, 0, 11, 1];
    let mut distances = Vec::new();
    for a in 0..4 {
        for b in a + 1..4 {
            distances.push((places[a] - places[b]).unsigned_abs() as u16);
        }
    }
    let order = cluster_order(4, &distances).unwrap();
    let along: Vec<i32> = order.iter().map(|&sample| places[sample as usize]).collect();
    assert!(along.is_sorted() || along.is_sorted_by(|a, b| a >= b), "{along:?}");
}

#[test]
fn few_samples_and_equal_ones() {
    for number in 0..5 {
        let layout = Scaling::new(number, |_, _| 0.0).finish();
        assert_eq!(layout.points, vec![[0.0; 2]; number]);
        assert_eq!(layout.share, None);
    }
    let two = Scaling::new(2, |_, _| 6.0).finish();
    assert!((two.points[0][0] - two.points[1][0]).abs() - 6.0 < 1e-9);
    assert!((two.share.unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn corners_of_a_square_have_two_equal_axes() {
    let square = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]];
    let layout = Scaling::new(4, |a, b| between(square[a], square[b])).finish();
    let mut found = layout.points;
    turn_towards(&mut found, &square);
    assert!(near(&found, &centred(&square)), "{found:?}");
}
