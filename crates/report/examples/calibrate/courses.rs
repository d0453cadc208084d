//! Simulated pairs of a course and an accuracy: independent ones, and courses that follow accuracy.

use pathway::Rng;

/// Benchmark items behind each simulated accuracy.
const ITEMS: u32 = 200;

/// How course and accuracy arise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two independent random walks.
    Walks,
    /// Two independent autoregressive courses, each value .8 of the last one plus noise.
    Autoregressive,
    /// Two independent smooth courses.
    Smooth,
    /// A random walk and an accuracy that rises.
    WalkAndAccuracy,
    /// A course that decays at a rate of its own, and an accuracy that rises.
    DecayAndAccuracy,
    /// A course that falls where accuracy rises, with independent noise.
    FollowsWithNoise,
    /// A course that falls where accuracy rises, with a random walk.
    FollowsWithWalk,
    /// A course that falls where accuracy rises, with a decay of its own and noise.
    FollowsWithDecay,
}

impl Kind {
    /// The kinds without any relation.
    pub const INDEPENDENT: [Self; 5] =
        [Self::Walks, Self::Autoregressive, Self::Smooth, Self::WalkAndAccuracy, Self::DecayAndAccuracy];

    /// The kinds with a relation.
    pub const TRUE: [Self; 3] = [Self::FollowsWithNoise, Self::FollowsWithWalk, Self::FollowsWithDecay];

    /// Name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Walks => "two random walks",
            Self::Autoregressive => "two autoregressive courses (.8)",
            Self::Smooth => "two smooth courses",
            Self::WalkAndAccuracy => "random walk, accuracy",
            Self::DecayAndAccuracy => "decay, accuracy",
            Self::FollowsWithNoise => "accuracy reversed, with noise",
            Self::FollowsWithWalk => "accuracy reversed, with a random walk",
            Self::FollowsWithDecay => "accuracy reversed, with a decay",
        }
    }

    /// A course and an accuracy over `n` checkpoints. The course is expected to fall where accuracy
    /// rises.
    pub fn draw(self, n: usize, random: &mut Random) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Walks => (random.walk(n, 1.0), random.walk(n, 1.0)),
            Self::Autoregressive => (random.autoregressive(n), random.autoregressive(n)),
            Self::Smooth => (random.smooth(n), random.smooth(n)),
            Self::WalkAndAccuracy => (random.walk(n, 1.0), random.accuracy(n).1),
            Self::DecayAndAccuracy => (random.decay(n, 0.02), random.accuracy(n).1),
            Self::FollowsWithNoise => random.following(n, |random| random.noise(n, 0.15)),
            Self::FollowsWithWalk => random.following(n, |random| random.walk(n, 0.5 / (n as f64).sqrt())),
            Self::FollowsWithDecay => random.following(n, |random| {
                let size = random.between(0.2, 0.6);
                random.decay(n, 0.1).iter().map(|value| size * value).collect()
            }),
        }
    }
}

/// Random numbers of the simulations.
pub struct Random(Rng);

impl Random {
    /// Numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Rng::stream(20_251_129, seed))
    }

    /// A uniform number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A uniform number between two others.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A standard normal number (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let length = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        length * libm::cos(std::f64::consts::TAU * self.unit())
    }

    fn noise(&mut self, n: usize, size: f64) -> Vec<f64> {
        (0..n).map(|_| size * self.normal()).collect()
    }

    fn walk(&mut self, n: usize, size: f64) -> Vec<f64> {
        let mut value = 0.0;
        let steps = self.noise(n, size).into_iter();
        steps
            .map(|step| {
                value += step;
                value
            })
            .collect()
    }

    fn autoregressive(&mut self, n: usize) -> Vec<f64> {
        let mut value = self.normal() / 0.6;
        (0..n)
            .map(|_| {
                value = 0.8 * value + self.normal();
                value
            })
            .collect()
    }

    /// Noise averaged with Gaussian weights that span an eighth of the course.
    fn smooth(&mut self, n: usize) -> Vec<f64> {
        let width = n as f64 / 8.0;
        let reach = (3.0 * width).ceil() as usize;
        let noise = self.noise(n + 2 * reach, 1.0);
        let weight = |offset: usize| {
            let z = (offset as f64 - reach as f64) / width;
            libm::exp(-0.5 * z * z)
        };
        (0..n).map(|at| (0..=2 * reach).map(|offset| weight(offset) * noise[at + offset]).sum()).collect()
    }

    /// A decay from 1 towards 0 with noise.
    fn decay(&mut self, n: usize, noise: f64) -> Vec<f64> {
        let scale = n as f64 * self.between(0.05, 0.5);
        (0..n).map(|at| libm::exp(-(at as f64) / scale) + noise * self.normal()).collect()
    }

    /// How far an accuracy has risen, from about 0 to about 1, and the accuracy as the share of
    /// items that are right.
    fn accuracy(&mut self, n: usize) -> (Vec<f64>, Vec<f64>) {
        let span = n as f64;
        let (middle, width) = (span * self.between(0.15, 0.85), span * self.between(0.03, 0.2));
        let (low, high) = (self.between(0.02, 0.3), self.between(0.6, 1.0));
        let risen: Vec<f64> =
            (0..n).map(|at| 1.0 / (1.0 + libm::exp(-(at as f64 - middle) / width))).collect();
        let share = |risen: f64, random: &mut Self| {
            let right = (0..ITEMS).filter(|_| random.unit() < low + (high - low) * risen).count();
            right as f64 / f64::from(ITEMS)
        };
        let accuracy = risen.iter().map(|&risen| share(risen, self)).collect();
        (risen, accuracy)
    }

    /// A course that falls as accuracy rises, plus something else.
    fn following(&mut self, n: usize, other: impl FnOnce(&mut Self) -> Vec<f64>) -> (Vec<f64>, Vec<f64>) {
        let (risen, accuracy) = self.accuracy(n);
        let other = other(self);
        (risen.iter().zip(other).map(|(risen, other)| other - risen).collect(), accuracy)
    }
}
