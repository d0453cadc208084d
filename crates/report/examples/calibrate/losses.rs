//! Simulated losses of a domain's samples: courses without memorization, and courses with it.

use super::courses::Random;

/// How the losses of a domain arise. Levels of samples are log-normal about 2 nats, with .6 as the
/// standard deviation of the logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losses {
    /// Levels that stay, with noise of .03 nats.
    Flat,
    /// Levels that stay, with noise of .1 nats.
    Noisy,
    /// One level of 1 nat for all samples, which is the threshold of the user, with noise of .03.
    AtThreshold,
    /// Random walks of .03 nats per checkpoint from each level, reflected at 0.
    Walks,
    /// Random walks of .1 nats per checkpoint, reflected at 0.
    WideWalks,
    /// Levels that stay, with noise of .03, and three times the loss at one checkpoint per sample.
    Spikes,
    /// Every loss falls by a quarter over the run, with noise of .03.
    Decline,
    /// Half of the samples fall to a twentieth of their level, each at its own checkpoint of the
    /// first half of the run, with noise of .01.
    Memorized,
}

/// Middle of the levels, nats.
const LEVEL: f64 = 2.0;

/// Standard deviation of the logarithm of a level.
const SPREAD: f64 = 0.6;

/// Smallest loss.
const LEAST: f64 = 0.001;

impl Losses {
    /// The courses without memorization.
    pub const NULL: [Self; 7] = [
        Self::Flat,
        Self::Noisy,
        Self::AtThreshold,
        Self::Walks,
        Self::WideWalks,
        Self::Spikes,
        Self::Decline,
    ];

    /// Name in the table and in `tests/reference/state_rates.py`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flat => "unchanged, noise .03",
            Self::Noisy => "unchanged, noise .1",
            Self::AtThreshold => "unchanged at the user's threshold, noise .03",
            Self::Walks => "random walks of .03",
            Self::WideWalks => "random walks of .1",
            Self::Spikes => "unchanged, one spike per sample",
            Self::Decline => "falling by a quarter",
            Self::Memorized => "half of the samples memorized",
        }
    }

    /// Threshold that the user sets, if any.
    pub fn eps(self) -> Option<f64> {
        (self == Self::AtThreshold).then_some(1.0)
    }

    /// Losses of `samples` samples at `n` checkpoints, `[C][S]`.
    pub fn draw(self, samples: usize, n: usize, random: &mut Random) -> Vec<Vec<f32>> {
        let mut losses = vec![vec![0.0; samples]; n];
        for sample in 0..samples {
            for (row, loss) in losses.iter_mut().zip(self.course(sample, n, random)) {
                row[sample] = loss.abs().max(LEAST) as f32;
            }
        }
        losses
    }

    fn course(self, sample: usize, n: usize, random: &mut Random) -> Vec<f64> {
        let level = if self == Self::AtThreshold { 1.0 } else { LEVEL * libm::exp(SPREAD * random.normal()) };
        let at = (random.unit() * n as f64) as usize;
        let mut walked = 0.0;
        let mut loss = |c: usize| match self {
            Self::Flat | Self::AtThreshold => level + 0.03 * random.normal(),
            Self::Noisy => level + 0.1 * random.normal(),
            Self::Walks | Self::WideWalks => {
                walked += if self == Self::Walks { 0.03 } else { 0.1 } * random.normal();
                level + walked
            }
            Self::Spikes => level * if c == at { 3.0 } else { 1.0 } + 0.03 * random.normal(),
            Self::Decline => {
                let fallen = 1.0 - libm::exp(-4.0 * c as f64 / n as f64);
                level * (1.0 - 0.25 * fallen) + 0.03 * random.normal()
            }
            Self::Memorized => {
                let is_low = sample.is_multiple_of(2) && c > at / 2;
                level * if is_low { 0.05 } else { 1.0 } + 0.01 * random.normal()
            }
        };
        (0..n).map(&mut loss).collect()
    }
}
