//! Samples as points of a plane whose distances are as much as may be those of their pathways: classical
//! multidimensional scaling (Torgerson, 1952), and of many samples by landmarks (de Silva and Tenenbaum, 2004).
//!
//! The two largest eigenvalues of the doubly centred matrix `-1/2 J D^2 J` come from a block Krylov method with
//! Rayleigh-Ritz projections: deterministic, in steps that a host can interrupt. Edit distances are not Euclidean, so
//! that the matrix has negative eigenvalues too; the two that are wanted are the largest by sign, not by size.

use crate::draw::Rng;

/// Vectors that are multiplied at a time; equal eigenvalues up to that number are told apart.
const BLOCK: usize = 4;

/// Vectors of the basis before it is condensed to the best [`BLOCK`].
const BASIS: usize = 40;

/// Condensations after which the result is taken as it is.
const ROUNDS: usize = 60;

/// Residual that is good enough, as a share of the largest eigenvalue: far below what a picture shows.
const RESIDUAL: f64 = 1e-6;

/// A scaling under way.
#[derive(Clone, Debug)]
pub struct Scaling {
    samples: usize,
    /// `-1/2 J D^2 J`, `[S,S]`.
    gram: Vec<f64>,
    /// Means of the squared distances, `[S]`.
    means: Vec<f64>,
    trace: f64,
    /// Orthonormal vectors, `[S]` each.
    basis: Vec<Vec<f64>>,
    /// The matrix times the first of them.
    images: Vec<Vec<f64>>,
    rounds: usize,
    /// Largest eigenvalues with their vectors, once they are found.
    found: Vec<(f64, Vec<f64>)>,
}

/// Samples in a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// One a sample.
    pub points: Vec<[f64; 2]>,
    /// The share of the sum of all squared distances that the plane's distances have; where the eigenvalues are not
    /// negative, the two axes' share of the variance. Undefined where all samples are the same.
    pub share: Option<f64>,
    /// Eigenvectors over the roots of their eigenvalues; zeros where there is no such axis.
    axes: [Vec<f64>; 2],
    means: Vec<f64>,
}

impl Scaling {
    /// Of samples whose distances `distance` tells; it is asked for each pair once. Takes 8 bytes a pair of places.
    pub fn new(samples: usize, distance: impl Fn(usize, usize) -> f64) -> Self {
        let mut gram = vec![0.0; samples * samples];
        for a in 0..samples {
            for b in a + 1..samples {
                let squared = distance(a, b) * distance(a, b);
                gram[a * samples + b] = squared;
                gram[b * samples + a] = squared;
            }
        }
        let number = samples.max(1) as f64;
        let means: Vec<f64> =
            gram.chunks(samples.max(1)).map(|row| row.iter().sum::<f64>() / number).collect();
        let overall = means.iter().sum::<f64>() / number;
        for (row, mean) in gram.chunks_mut(samples.max(1)).zip(&means) {
            for (value, other) in row.iter_mut().zip(&means) {
                *value = -0.5 * (*value - mean - other + overall);
            }
        }
        let trace = gram.iter().step_by(samples + 1).sum();
        let mut scaling = Self {
            samples,
            gram,
            means,
            trace,
            basis: Vec::new(),
            images: Vec::new(),
            rounds: 0,
            found: Vec::new(),
        };
        let mut rng = Rng::new(0);
        for _ in 0..BLOCK {
            let draw = |_| rng.next_u64() as f64 / u64::MAX as f64 - 0.5;
            let start: Vec<f64> = (0..samples).map(draw).collect();
            let size = norm(&start);
            scaling.extend(start, size);
        }
        scaling
    }

    /// Does a little of what is left, `4 S^2` multiplications and rarely more; whether more is left.
    pub fn step(&mut self) -> bool {
        if !self.found.is_empty() || self.basis.is_empty() {
            return false;
        }
        let fresh = self.images.len();
        for at in fresh..self.basis.len() {
            self.images.push(self.times(&self.basis[at]));
        }
        let grown = self.basis.len();
        if grown < BASIS {
            for at in fresh..grown {
                let image = self.images[at].clone();
                let size = norm(&image);
                self.extend(image, size);
            }
        }
        if self.basis.len() == grown { self.condense() } else { true }
    }

    /// Adds what is new in a vector to the basis. What is left after the second pass of a tiny rest is rounding.
    fn extend(&mut self, mut vector: Vec<f64>, size: f64) {
        for _ in 0..2 {
            for known in &self.basis {
                let part = dot(known, &vector);
                for (value, known) in vector.iter_mut().zip(known) {
                    *value -= part * known;
                }
            }
        }
        let rest = norm(&vector);
        if rest > 1e-10 * size && rest > 0.0 {
            for value in &mut vector {
                *value /= rest;
            }
            self.basis.push(vector);
        }
    }

    fn times(&self, vector: &[f64]) -> Vec<f64> {
        self.gram.chunks(self.samples.max(1)).map(|row| dot(row, vector)).collect()
    }

    /// The best vectors of the basis (Rayleigh-Ritz); whether they are not good enough yet.
    fn condense(&mut self) -> bool {
        let size = self.basis.len();
        let mut projected = vec![0.0; size * size];
        for row in 0..size {
            for column in 0..size {
                projected[row * size + column] = dot(&self.basis[row], &self.images[column]);
            }
        }
        let (values, vectors) = eigen(projected, size);
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let combine = |of: &[Vec<f64>], at: usize| {
            let mut sum = vec![0.0; self.samples];
            for (vector, weights) in of.iter().zip(vectors.chunks(size)) {
                for (sum, value) in sum.iter_mut().zip(vector) {
                    *sum += weights[at] * value;
                }
            }
            sum
        };
        let best: Vec<(Vec<f64>, Vec<f64>, f64)> = order
            .iter()
            .take(BLOCK)
            .map(|&at| (combine(&self.basis, at), combine(&self.images, at), values[at]))
            .collect();
        let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let good = best.iter().take(2).all(|(vector, image, value)| {
            let rest: Vec<f64> = image.iter().zip(vector).map(|(image, x)| image - value * x).collect();
            norm(&rest) <= RESIDUAL * largest
        });
        self.rounds += 1;
        // A basis that has all there is has the eigenvalues themselves.
        if good || size < BASIS || self.rounds >= ROUNDS {
            self.found = best.into_iter().take(2).map(|(vector, _, value)| (value, vector)).collect();
            return false;
        }
        let images: Vec<Vec<f64>> = best.iter().map(|(_, image, _)| image.clone()).collect();
        self.basis = best.into_iter().map(|(vector, ..)| vector).collect();
        self.images = Vec::new();
        for image in images.iter().take(BLOCK) {
            let size = norm(image);
            self.extend(image.clone(), size);
        }
        true
    }

    /// The plane. What is not computed yet is computed now.
    #[must_use]
    pub fn finish(mut self) -> Layout {
        while self.step() {}
        let mut points = vec![[0.0; 2]; self.samples];
        let mut axes = [vec![0.0; self.samples], vec![0.0; self.samples]];
        let mut held = 0.0;
        for (axis, (value, vector)) in self.found.iter().enumerate() {
            // Rounding leaves a trace of eigenvalues that are 0.
            if *value <= 1e-12 * self.trace.abs() {
                continue;
            }
            held += value;
            let root = value.sqrt();
            let largest = vector.iter().fold(0.0_f64, |most, x| if x.abs() > most.abs() { *x } else { most });
            let sign = if largest < 0.0 { -1.0 } else { 1.0 };
            for ((point, slot), x) in points.iter_mut().zip(&mut axes[axis]).zip(vector) {
                point[axis] = sign * root * x;
                *slot = sign * x / root;
            }
        }
        let share = (self.trace > 0.0).then(|| held / self.trace);
        Layout { points, share, axes, means: self.means }
    }
}

impl Layout {
    /// Where a further sample lies, of which only the distances to the samples of this layout are known.
    pub fn place(&self, distances: impl Iterator<Item = f64>) -> [f64; 2] {
        let mut point = [0.0; 2];
        for ((distance, mean), (x, y)) in
            distances.zip(&self.means).zip(self.axes[0].iter().zip(&self.axes[1]))
        {
            let nearer = 0.5 * (mean - distance * distance);
            point[0] += nearer * x;
            point[1] += nearer * y;
        }
        point
    }
}

/// Turns and mirrors points so that they lie as near as may be to others (Procrustes without stretching), with the mean
/// at the origin. Points beyond the shorter of both lists count for nothing but are turned too.
pub fn turn_towards(points: &mut [[f64; 2]], others: &[[f64; 2]]) {
    let mean = |points: &[[f64; 2]]| {
        let number = points.len().max(1) as f64;
        let sum = points.iter().fold([0.0; 2], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
        [sum[0] / number, sum[1] / number]
    };
    let (own, other) = (mean(points), mean(others));
    for point in &mut *points {
        *point = [point[0] - own[0], point[1] - own[1]];
    }
    let mut product = [[0.0; 2]; 2];
    for (point, goal) in points.iter().zip(others) {
        for (row, x) in product.iter_mut().zip(point) {
            row[0] += x * (goal[0] - other[0]);
            row[1] += x * (goal[1] - other[1]);
        }
    }
    let [[xx, xy], [yx, yy]] = product;
    let (turn, turned) = ([xx + yy, xy - yx], [xx - yy, xy + yx]);
    let size = |[a, b]: [f64; 2]| (a * a + b * b).sqrt();
    let mirror = size(turned) > size(turn);
    let ([a, b], size) = if mirror { (turned, size(turned)) } else { (turn, size(turn)) };
    if size <= 0.0 {
        return;
    }
    let (a, b) = (a / size, b / size);
    for point in points {
        let [x, y] = *point;
        *point = if mirror { [a * x + b * y, b * x - a * y] } else { [a * x - b * y, b * x + a * y] };
    }
}

/// Sums in eight parts, always the same ones.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut parts = [0.0; 8];
    let (whole, rest) = a.as_chunks::<8>();
    let (other, other_rest) = b.as_chunks::<8>();
    for (a, b) in whole.iter().zip(other) {
        for ((part, a), b) in parts.iter_mut().zip(a).zip(b) {
            *part += a * b;
        }
    }
    let rest: f64 = rest.iter().zip(other_rest).map(|(a, b)| a * b).sum();
    parts.iter().sum::<f64>() + rest
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

/// All eigenvalues of a symmetric matrix, and its eigenvectors as columns (Jacobi's rotations).
fn eigen(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; size * size];
    for value in vectors.iter_mut().step_by(size + 1) {
        *value = 1.0;
    }
    let total: f64 = matrix.iter().map(|value| value * value).sum();
    for _ in 0..50 {
        let beside: f64 = (0..size)
            .flat_map(|row| {
                (0..size).filter(move |&column| column != row).map(move |column| row * size + column)
            })
            .map(|at| matrix[at] * matrix[at])
            .sum();
        if beside <= 1e-30 * total {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                let off = matrix[p * size + q];
                if off == 0.0 {
                    continue;
                }
                let theta = (matrix[q * size + q] - matrix[p * size + p]) / (2.0 * off);
                let sign = if theta < 0.0 { -1.0 } else { 1.0 };
                let tangent = sign / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sine = tangent * cosine;
                for k in 0..size {
                    let (a, b) = (matrix[k * size + p], matrix[k * size + q]);
                    matrix[k * size + p] = cosine * a - sine * b;
                    matrix[k * size + q] = sine * a + cosine * b;
                }
                for k in 0..size {
                    let (a, b) = (matrix[p * size + k], matrix[q * size + k]);
                    matrix[p * size + k] = cosine * a - sine * b;
                    matrix[q * size + k] = sine * a + cosine * b;
                }
                for k in 0..size {
                    let (a, b) = (vectors[k * size + p], vectors[k * size + q]);
                    vectors[k * size + p] = cosine * a - sine * b;
                    vectors[k * size + q] = sine * a + cosine * b;
                }
            }
        }
    }
    (matrix.iter().step_by(size + 1).copied().collect(), vectors)
}
