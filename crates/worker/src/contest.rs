//! Who computes distances: the workers, one a core, or the graphics processor. The work itself is the measurement: both
//! take a part of it, and whoever is faster goes on.

use report::CELLS_AT_ONCE;

use crate::engine_protocol::Backend;

/// Milliseconds of every worker's time after which the graphics processor is asked: what is done sooner is not worth
/// fetching its program and compiling its shaders.
const PATIENCE: f64 = 3_000.0;

/// Milliseconds that the graphics processor should be busy with what it is sent at once.
const MOUTHFUL: f64 = 100.0;

/// The most chunks that it is sent at once.
const MOST_CHUNKS: usize = 1024;

/// Answers by which the graphics processor is judged. The first ones wait for shaders to be compiled, one for each number
/// of words; the best counts.
const TRIALS: u32 = 4;

/// Chunks that it is sent at once until then: less would not fill it.
const TRIAL_CHUNKS: usize = 4;

/// Work done, and the time it took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Speed {
    cells: f64,
    milliseconds: f64,
}

impl Speed {
    fn add(&mut self, cells: f64, milliseconds: f64) {
        self.cells += cells;
        self.milliseconds += milliseconds;
    }

    /// Cells a millisecond; none before anything took time.
    fn rate(self) -> Option<f64> {
        (self.milliseconds > 0.0).then(|| self.cells / self.milliseconds)
    }
}

/// Where the graphics processor stands.
#[derive(Clone, Debug, PartialEq)]
enum Gpu {
    /// Nobody has asked for it.
    Asleep,
    /// Its program is on the way.
    Waking,
    /// It computes, and is measured: how often it has answered, and how it was at its best.
    Tried { name: String, answers: u32, best: Speed },
    /// It is faster, or wanted.
    Chosen { name: String, times: Option<f64> },
    /// It is not used: a sentence that says why.
    Out { why: String },
}

/// Who computes, and what is known of their speed.
#[derive(Clone, Debug)]
pub struct Contest {
    wish: Backend,
    gpu: Gpu,
    workers: Speed,
    graphics: Speed,
}

impl Default for Contest {
    fn default() -> Self {
        Self::new()
    }
}

impl Contest {
    /// Only the workers are known.
    #[must_use]
    pub fn new() -> Self {
        Self { wish: Backend::Auto, gpu: Gpu::Asleep, workers: Speed::default(), graphics: Speed::default() }
    }

    /// Takes the user's wish; a graphics processor that was put aside may try again.
    pub fn wish(&mut self, wish: Backend) {
        self.wish = wish;
        let gpu = std::mem::replace(&mut self.gpu, Gpu::Asleep);
        self.gpu = match gpu {
            Gpu::Tried { name, .. } | Gpu::Chosen { name, .. } if wish == Backend::Gpu => {
                Gpu::Chosen { name, times: None }
            }
            Gpu::Waking => Gpu::Waking,
            Gpu::Tried { .. } | Gpu::Chosen { .. } | Gpu::Asleep | Gpu::Out { .. } => Gpu::Asleep,
        };
    }

    /// Whether the graphics processor should be asked now, for work that is worth sending away.
    #[must_use]
    pub fn wakes(&self, workers: usize) -> bool {
        self.gpu == Gpu::Asleep
            && match self.wish {
                Backend::Auto => self.workers.milliseconds >= PATIENCE * workers.max(1) as f64,
                Backend::Cpu => false,
                Backend::Gpu => true,
            }
    }

    /// Whether the user wants the graphics processor, whatever it is.
    #[must_use]
    pub fn forced(&self) -> bool {
        self.wish == Backend::Gpu
    }

    /// Its program is being fetched.
    pub fn woken(&mut self) {
        self.gpu = Gpu::Waking;
    }

    /// It can compute.
    pub fn ready(&mut self, name: String) {
        self.graphics = Speed::default();
        self.gpu = match self.wish {
            Backend::Auto => Gpu::Tried { name, answers: 0, best: Speed::default() },
            // It was not wanted any more when it came.
            Backend::Cpu => Gpu::Asleep,
            Backend::Gpu => Gpu::Chosen { name, times: None },
        };
    }

    /// It is not used any more, or cannot be.
    pub fn out(&mut self, why: String) {
        self.gpu = Gpu::Out { why };
    }

    /// Whether one of the two may take work.
    #[must_use]
    pub fn may(&self, graphics: bool) -> bool {
        match &self.gpu {
            Gpu::Tried { .. } => true,
            Gpu::Chosen { .. } => graphics,
            Gpu::Asleep | Gpu::Out { .. } => !graphics,
            // Nobody begins what the graphics processor shall do.
            Gpu::Waking => !graphics && self.wish != Backend::Gpu,
        }
    }

    /// Takes note of work done. Whether the contest is decided by it.
    pub fn learn(&mut self, graphics: bool, cells: f64, milliseconds: f64, workers: usize) -> bool {
        if graphics {
            self.graphics.add(cells, milliseconds);
        } else {
            self.workers.add(cells, milliseconds);
        }
        let Gpu::Tried { name, answers, best } = &mut self.gpu else { return false };
        if graphics {
            *answers += 1;
            let now = Speed { cells, milliseconds };
            if now.rate().unwrap_or(0.0) > best.rate().unwrap_or(0.0) {
                *best = now;
            }
        }
        if *answers < TRIALS {
            return false;
        }
        let Some((graphics, one)) = best.rate().zip(self.workers.rate()) else { return false };
        let all = one * workers.max(1) as f64;
        let times = graphics / all;
        self.graphics = *best;
        self.gpu = if times > 1.0 {
            Gpu::Chosen { name: name.clone(), times: Some(times) }
        } else {
            Gpu::Out { why: format!("WebGPU ({name}) was measured: {times:.2} times as fast as these.") }
        };
        true
    }

    /// Chunks of about so many cells that the graphics processor is sent at once: few while it is unknown.
    #[must_use]
    pub fn mouthful(&self, cells_a_chunk: f64) -> usize {
        if matches!(self.gpu, Gpu::Tried { .. }) {
            return TRIAL_CHUNKS;
        }
        let wanted = self.graphics.rate().map_or(1.0, |rate| rate * MOUTHFUL / cells_a_chunk.max(1.0));
        (wanted as usize).clamp(1, MOST_CHUNKS)
    }

    /// Cells that are best asked for at once: what a few workers like, or what keeps the graphics processor busy once it
    /// is known to be faster.
    #[must_use]
    pub fn cells_at_once(&self) -> u64 {
        let graphics = match self.gpu {
            Gpu::Chosen { .. } => self.graphics.rate().unwrap_or(0.0) * MOUTHFUL,
            _ => 0.0,
        };
        (graphics as u64).max(CELLS_AT_ONCE)
    }

    /// What the page's badge says, and the sentence behind it.
    #[must_use]
    pub fn badge(&self, workers: usize) -> (String, String) {
        let number = workers.max(1);
        let count = if number == 1 { "1 worker".to_owned() } else { format!("{number} workers") };
        let cpu = format!("CPU · {count}");
        let processor = "Distances are computed by the processor, with a worker for each core.";
        match &self.gpu {
            Gpu::Chosen { name, times } => {
                let times = times.map(|times| format!(", measured {times:.1} times as fast as {count} here"));
                let note = format!("Distances are computed by WebGPU{}.", times.unwrap_or_default());
                (format!("GPU · {name}"), note)
            }
            Gpu::Tried { name, .. } => (cpu, format!("{processor} WebGPU ({name}) is being measured.")),
            Gpu::Out { why } => (cpu, format!("{processor} {why}")),
            Gpu::Waking => (cpu, format!("{processor} WebGPU is being asked.")),
            Gpu::Asleep => (
                cpu,
                format!("{processor} WebGPU is measured against it when the work takes longer than seconds."),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Contest, PATIENCE};
    use crate::engine_protocol::Backend;

    #[test]
    fn short_work_stays_with_the_workers() {
        let mut contest = Contest::new();
        contest.learn(false, 1e9, PATIENCE, 2);
        assert!(!contest.wakes(2));
        contest.learn(false, 1e9, PATIENCE, 2);
        assert!(contest.wakes(2));
        contest.woken();
        assert!(!contest.wakes(2) && contest.may(false) && !contest.may(true));
    }

    #[test]
    fn the_faster_one_goes_on() {
        let tried = || {
            let mut contest = Contest::new();
            contest.woken();
            contest.ready("a card".to_owned());
            assert!(contest.may(false) && contest.may(true));
            assert!(!contest.learn(false, 100.0, 1.0, 4));
            contest
        };
        let mut fast = tried();
        // Compiling does not count against it.
        assert!(!fast.learn(true, 4_000.0, 500.0, 4));
        assert!(!fast.learn(true, 4_000.0, 1.0, 4));
        assert!(!fast.learn(true, 4_000.0, 50.0, 4));
        assert_eq!(fast.mouthful(100_000.0), super::TRIAL_CHUNKS);
        assert!(fast.learn(true, 4_000.0, 2.0, 4));
        assert!(fast.may(true) && !fast.may(false));
        assert_eq!(
            fast.badge(4).1,
            "Distances are computed by WebGPU, measured 10.0 times as fast as 4 workers here."
        );
        assert_eq!(fast.mouthful(100_000.0), 4);
        assert_eq!(fast.cells_at_once(), super::CELLS_AT_ONCE);
        fast.learn(true, 1e12, 999.0, 4);
        assert_eq!(fast.cells_at_once(), 100_000_000_400);
        let mut slow = tried();
        let answers: Vec<bool> = (0..super::TRIALS).map(|_| slow.learn(true, 100.0, 1.0, 4)).collect();
        assert_eq!(answers, [false, false, false, true]);
        assert!(slow.may(false) && !slow.may(true) && !slow.wakes(4));
        assert!(slow.badge(4).1.ends_with("WebGPU (a card) was measured: 0.25 times as fast as these."));
    }

    #[test]
    fn wishes_are_followed() {
        let mut contest = Contest::new();
        contest.wish(Backend::Cpu);
        contest.learn(false, 1e9, 1e9, 1);
        assert!(!contest.wakes(1));
        contest.wish(Backend::Gpu);
        assert!(contest.wakes(1));
        contest.woken();
        assert!(!contest.may(false) && !contest.may(true));
        contest.ready("a card".to_owned());
        assert!(contest.may(true) && !contest.may(false));
        assert!(!contest.learn(true, 1.0, 1.0, 1));
        contest.out("It was lost.".to_owned());
        assert!(contest.may(false) && !contest.may(true) && !contest.wakes(1));
        contest.wish(Backend::Auto);
        assert_eq!(contest.badge(1).0, "CPU · 1 worker");
    }
}
