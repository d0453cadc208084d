//! Eigenvalues of symmetric matrices: Householder's reduction to three diagonals, then the QL method
//! with implicit shifts. Only sums, products, quotients and roots, in a fixed order.

/// Most QL steps per eigenvalue; a few are usual.
const MOST_STEPS: usize = 60;

/// The eigenvalues of a symmetric matrix `[size, size]`, in no particular order.
pub(crate) fn eigenvalues(matrix: Vec<f64>, size: usize) -> Vec<f64> {
    let (mut diagonal, mut beside) = reduce(matrix, size);
    for first in 0..size {
        for _ in 0..MOST_STEPS {
            let negligible = |at: &usize| {
                let near: f64 = diagonal[*at].abs() + diagonal[at + 1].abs();
                beside[*at].abs() <= f64::EPSILON * near
            };
            let last = (first..size - 1).find(negligible).unwrap_or(size - 1);
            if last == first {
                break;
            }
            rotate(&mut diagonal, &mut beside, first, last);
        }
    }
    diagonal
}

/// One QL step on the block from `first` to `last`.
fn rotate(diagonal: &mut [f64], beside: &mut [f64], first: usize, last: usize) {
    let slope = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first]);
    let root = (slope * slope + 1.0).sqrt();
    let shift = slope + if slope < 0.0 { -root } else { root };
    let mut rest = diagonal[last] - diagonal[first] + beside[first] / shift;
    let (mut sine, mut cosine, mut moved) = (1.0, 1.0, 0.0);
    for at in (first..last).rev() {
        let (f, b) = (sine * beside[at], cosine * beside[at]);
        let length = (f * f + rest * rest).sqrt();
        beside[at + 1] = length;
        if length == 0.0 {
            diagonal[at + 1] -= moved;
            beside[last] = 0.0;
            return;
        }
        sine = f / length;
        cosine = rest / length;
        let lower = diagonal[at + 1] - moved;
        let turned = (diagonal[at] - lower) * sine + 2.0 * cosine * b;
        moved = sine * turned;
        diagonal[at + 1] = lower + moved;
        rest = cosine * turned - b;
    }
    diagonal[first] -= moved;
    beside[first] = rest;
    beside[last] = 0.0;
}

/// Reduces a matrix to its diagonal and the values beside it; the last of the latter is 0.
fn reduce(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; size];
    for row in (1..size).rev() {
        let (before, from) = matrix.split_at_mut(row * size);
        let reflected = &mut from[..row];
        let scale: f64 = reflected.iter().map(|value| value.abs()).sum();
        let corner = reflected[row - 1];
        if row == 1 || scale == 0.0 {
            beside[row] = corner;
            continue;
        }
        for value in &mut *reflected {
            *value /= scale;
        }
        let mut square: f64 = reflected.iter().map(|value| value * value).sum();
        let length = if reflected[row - 1] < 0.0 { square.sqrt() } else { -square.sqrt() };
        beside[row] = scale * length;
        square -= reflected[row - 1] * length;
        reflected[row - 1] -= length;
        // The product of the rest with the reflection vector, from the lower triangle.
        let mut product = vec![0.0; row];
        for (place, line) in before.chunks_exact(size).enumerate() {
            for (column, value) in line[..place].iter().enumerate() {
                product[place] += value * reflected[column];
                product[column] += value * reflected[place];
            }
            product[place] += line[place] * reflected[place];
        }
        for value in &mut product {
            *value /= square;
        }
        let overlap: f64 = product.iter().zip(&*reflected).map(|(a, b)| a * b).sum();
        let half = overlap / (2.0 * square);
        for (value, part) in product.iter_mut().zip(&*reflected) {
            *value -= half * part;
        }
        for (place, line) in before.chunks_exact_mut(size).enumerate() {
            for (column, value) in line[..=place].iter_mut().enumerate() {
                *value -= reflected[place] * product[column] + product[place] * reflected[column];
            }
        }
    }
    let diagonal = matrix.iter().step_by(size + 1).copied().collect();
    beside.rotate_left(usize::from(size > 0));
    (diagonal, beside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Rng;

    fn sorted(matrix: &[f64], size: usize) -> Vec<f64> {
        let mut found = eigenvalues(matrix.to_vec(), size);
        found.sort_by(f64::total_cmp);
        found
    }

    #[test]
    fn eigenvalues_of_known_matrices() {
        assert_eq!(sorted(&[], 0), []);
        assert_eq!(sorted(&[5.0], 1), [5.0]);
        assert_eq!(sorted(&[2.0, 0.0, 0.0, 1.0], 2), [1.0, 2.0]);
        // Second differences: 2 - 2 cos(pi k / (n + 1)).
        let size = 30;
        let mut matrix = vec![0.0; size * size];
        for at in 0..size {
            matrix[at * size + at] = 2.0;
            if at + 1 < size {
                matrix[at * size + at + 1] = -1.0;
                matrix[(at + 1) * size + at] = -1.0;
            }
        }
        for (k, found) in sorted(&matrix, size).into_iter().enumerate() {
            let angle = core::f64::consts::PI * (k + 1) as f64 / (size + 1) as f64;
            assert!((found - (2.0 - 2.0 * libm::cos(angle))).abs() < 1e-13, "{k}: {found}");
        }
    }

    /// A turned diagonal matrix keeps its eigenvalues.
    #[test]
    fn reflections_do_not_change_eigenvalues() {
        let mut rng = Rng::new(3);
        for size in 2..20 {
            let expected: Vec<f64> = (0..size).map(|at| (at * at) as f64 - 7.0).collect();
            let mut matrix = vec![0.0; size * size];
            for (at, value) in expected.iter().enumerate() {
                matrix[at * size + at] = *value;
            }
            for _ in 0..3 {
                let vector: Vec<f64> = (0..size).map(|_| f64::from(rng.below(1000)) - 500.5).collect();
                let square: f64 = vector.iter().map(|value| value * value).sum();
                let reflect = |row: usize, column: usize| {
                    f64::from(u8::from(row == column)) - 2.0 * vector[row] * vector[column] / square
                };
                let times = |a: &dyn Fn(usize, usize) -> f64, b: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
                    let cell = |at: usize| (0..size).map(|k| a(at / size, k) * b(k, at % size)).sum();
                    (0..size * size).map(cell).collect()
                };
                let half = times(&reflect, &|row, column| matrix[row * size + column]);
                matrix = times(&|row, column| half[row * size + column], &reflect);
            }
            for (found, expected) in sorted(&matrix, size).iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-10 * (size * size) as f64,
                    "{size}: {found} for {expected}"
                );
            }
        }
    }
}
