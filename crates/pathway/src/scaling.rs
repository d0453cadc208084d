//! Classical multidimensional scaling (Torgerson, 1952): samples as points of a plane whose
//! distances approximate the pathway distances. Large sets use landmarks (de Silva and Tenenbaum,
//! 2004). See docs/metrics.md#distance-matrix.
//!
//! The two largest eigenvalues of the doubly centred matrix `-1/2 J D^2 J` come from a block Krylov
//! method with Rayleigh-Ritz projections: deterministic, in steps between which a host can
//! interrupt. Edit distances are not Euclidean, so the matrix also has negative eigenvalues; the
//! two largest by sign, not by magnitude, are computed.

use crate::draw::Rng;

/// Vectors per block; up to this many equal eigenvalues are separated.
const BLOCK: usize = 4;

/// Size of the basis at which it is condensed to the best [`BLOCK`] vectors.
const BASIS: usize = 40;

/// Number of condensations after which iteration stops.
const ROUNDS: usize = 60;

/// Tolerated residual as a share of the largest eigenvalue: far below what is visible.
const RESIDUAL: f64 = 1e-6;

/// A scaling in progress (docs/metrics.md#distance-matrix).
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
    /// Product of the matrix with the first of them.
    images: Vec<Vec<f64>>,
    rounds: usize,
    /// Largest eigenvalues with their vectors, once found.
    found: Vec<(f64, Vec<f64>)>,
}

/// Positions of samples in a plane (docs/metrics.md#distance-matrix).
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// One point per sample.
    pub points: Vec<[f64; 2]>,
    /// Sum of squared distances in the plane over the sum of all squared distances; if no
    /// eigenvalue is negative, the two axes' share of the variance. Undefined if all samples are
    /// equal.
    pub share: Option<f64>,
    /// Eigenvectors over the roots of their eigenvalues; zeros for a missing axis.
    axes: [Vec<f64>; 2],
    means: Vec<f64>,
}

impl Scaling {
    /// Creates a scaling of `samples` samples; calls `distance` once per pair. Takes 8 bytes per
    /// pair of positions.
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

    /// Runs one step, usually of `4 S^2` multiplications. Returns whether more steps are left.
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

    /// Adds the orthogonal part of a vector to the basis. If little is left after the second pass,
    /// it is rounding.
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

    /// Condenses the basis to its best vectors (Rayleigh-Ritz). Returns whether they are not
    /// accurate enough yet.
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
        // A complete basis gives the exact eigenvalues.
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

    /// Returns the layout; runs the remaining steps first.
    #[must_use]
    pub fn finish(mut self) -> Layout {
        while self.step() {}
        let mut points = vec![[0.0; 2]; self.samples];
        let mut axes = [vec![0.0; self.samples], vec![0.0; self.samples]];
        let mut held = 0.0;
        for (axis, (value, vector)) in self.found.iter().enumerate() {
            // Eigenvalues of 0 come out slightly off by rounding.
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
    /// Position of a further sample from its distances to the samples of this layout.
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

/// Rotates or mirrors points to lie as near as possible to others (Procrustes without scaling),
/// with the mean at the origin (docs/metrics.md#distance-matrix). Points beyond the shorter list do
/// not count but are also rotated.
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

/// Dot product in eight partial sums, in a fixed order.
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

/// All eigenvalues of a symmetric matrix and its eigenvectors as columns (Jacobi rotations).
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
