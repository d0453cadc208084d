//! Selection of the backend that computes distances: one worker per core, or the GPU. The work
//! itself is the measurement: each backend computes a part of it, and the faster one continues.

use protocol::engine::Backend;
use report::CELLS_AT_ONCE;

/// Milliseconds of computing per worker after which the GPU is started. Shorter work does not
/// justify fetching its program and compiling its shaders.
const GPU_START_MS: f64 = 3_000.0;

/// Milliseconds of GPU time per request.
const GPU_REQUEST_MS: f64 = 100.0;

/// Maximum number of chunks per request to the GPU.
const MAX_CHUNKS: usize = 1024;

/// Responses by which the GPU is measured. The best one counts, because the first ones include the
/// compilation of a shader for each number of words.
const TRIALS: u32 = 4;

/// Chunks per request during the trial, enough to fill the GPU.
const TRIAL_CHUNKS: usize = 4;

/// Completed work and its duration.
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

    /// Cells per millisecond; none without a measurement.
    fn rate(self) -> Option<f64> {
        (self.milliseconds > 0.0).then(|| self.cells / self.milliseconds)
    }
}

/// State of the GPU.
#[derive(Clone, Debug, PartialEq)]
enum Gpu {
    /// Not started.
    Off,
    /// Its program is being fetched.
    Starting,
    /// It computes a part of the work and is measured: number of responses and the best speed.
    Trial { name: String, answers: u32, best: Speed },
    /// It computes all distances. `times`: its measured speed relative to all workers.
    Selected { name: String, times: Option<f64> },
    /// It is not used, for the reason in this sentence.
    Rejected { reason: String },
}

/// Selects a backend by the user's preference and measured speeds.
#[derive(Clone, Debug)]
pub struct BackendSelector {
    preference: Backend,
    gpu: Gpu,
    worker_speed: Speed,
    gpu_speed: Speed,
}

impl Default for BackendSelector {
    fn default() -> Self {
        Self::new()
    }
}

impl BackendSelector {
    /// A selector without measurements, which selects the workers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            preference: Backend::Auto,
            gpu: Gpu::Off,
            worker_speed: Speed::default(),
            gpu_speed: Speed::default(),
        }
    }

    /// Sets the user's preference. A rejected GPU can be started again.
    pub fn set_preference(&mut self, preference: Backend) {
        self.preference = preference;
        let gpu = std::mem::replace(&mut self.gpu, Gpu::Off);
        self.gpu = match gpu {
            Gpu::Trial { name, .. } | Gpu::Selected { name, .. } if preference == Backend::Gpu => {
                Gpu::Selected { name, times: None }
            }
            Gpu::Starting => Gpu::Starting,
            Gpu::Trial { .. } | Gpu::Selected { .. } | Gpu::Off | Gpu::Rejected { .. } => Gpu::Off,
        };
    }

    /// Whether to start the GPU now, if there is work in the queue.
    #[must_use]
    pub fn wants_gpu(&self, workers: usize) -> bool {
        self.gpu == Gpu::Off
            && match self.preference {
                Backend::Auto => self.worker_speed.milliseconds >= GPU_START_MS * workers.max(1) as f64,
                Backend::Cpu => false,
                Backend::Gpu => true,
            }
    }

    /// Whether the user requires the GPU, even a software adapter.
    #[must_use]
    pub fn gpu_is_forced(&self) -> bool {
        self.preference == Backend::Gpu
    }

    /// The GPU's program is being fetched.
    pub fn starting(&mut self) {
        self.gpu = Gpu::Starting;
    }

    /// The GPU can compute.
    pub fn ready(&mut self, name: String) {
        self.gpu_speed = Speed::default();
        self.gpu = match self.preference {
            Backend::Auto => Gpu::Trial { name, answers: 0, best: Speed::default() },
            // The preference changed while it started.
            Backend::Cpu => Gpu::Off,
            Backend::Gpu => Gpu::Selected { name, times: None },
        };
    }

    /// The GPU is not used, for the reason in this sentence.
    pub fn reject(&mut self, reason: String) {
        self.gpu = Gpu::Rejected { reason };
    }

    /// Whether the GPU, or else the workers, take requests now.
    #[must_use]
    pub fn accepts(&self, gpu: bool) -> bool {
        match &self.gpu {
            Gpu::Trial { .. } => true,
            Gpu::Selected { .. } => gpu,
            Gpu::Off | Gpu::Rejected { .. } => !gpu,
            // Workers wait while a forced GPU starts.
            Gpu::Starting => !gpu && self.preference != Backend::Gpu,
        }
    }

    /// Records completed work. Returns whether it ends the trial of the GPU.
    pub fn record(&mut self, gpu: bool, cells: f64, milliseconds: f64, workers: usize) -> bool {
        if gpu {
            self.gpu_speed.add(cells, milliseconds);
        } else {
            self.worker_speed.add(cells, milliseconds);
        }
        let Gpu::Trial { name, answers, best } = &mut self.gpu else { return false };
        if gpu {
            *answers += 1;
            let now = Speed { cells, milliseconds };
            if now.rate().unwrap_or(0.0) > best.rate().unwrap_or(0.0) {
                *best = now;
            }
        }
        if *answers < TRIALS {
            return false;
        }
        let Some((gpu, worker)) = best.rate().zip(self.worker_speed.rate()) else { return false };
        let all = worker * workers.max(1) as f64;
        let times = gpu / all;
        self.gpu_speed = *best;
        self.gpu = if times > 1.0 {
            Gpu::Selected { name: name.clone(), times: Some(times) }
        } else {
            Gpu::Rejected {
                reason: format!("WebGPU ({name}) was measured: {times:.2} times as fast as these."),
            }
        };
        true
    }

    /// Number of chunks per request to the GPU, for chunks of `cells_per_chunk` cells; few during
    /// the trial.
    #[must_use]
    pub fn gpu_chunks(&self, cells_per_chunk: f64) -> usize {
        if matches!(self.gpu, Gpu::Trial { .. }) {
            return TRIAL_CHUNKS;
        }
        let wanted =
            self.gpu_speed.rate().map_or(1.0, |rate| rate * GPU_REQUEST_MS / cells_per_chunk.max(1.0));
        (wanted as usize).clamp(1, MAX_CHUNKS)
    }

    /// Cells per batch that keep a few workers busy, or the GPU once it is selected.
    #[must_use]
    pub fn preferred_batch_cells(&self) -> u64 {
        let gpu = match self.gpu {
            Gpu::Selected { .. } => self.gpu_speed.rate().unwrap_or(0.0) * GPU_REQUEST_MS,
            _ => 0.0,
        };
        (gpu as u64).max(CELLS_AT_ONCE)
    }

    /// Text of the page's badge, and a note of one or two sentences.
    #[must_use]
    pub fn badge(&self, workers: usize) -> (String, String) {
        let number = workers.max(1);
        let count = if number == 1 { "1 worker".to_owned() } else { format!("{number} workers") };
        let cpu = format!("CPU · {count}");
        let processor = "Distances are computed by the processor, with a worker for each core.";
        match &self.gpu {
            Gpu::Selected { name, times } => {
                let times = times.map(|times| format!(", measured {times:.1} times as fast as {count} here"));
                let note = format!("Distances are computed by WebGPU{}.", times.unwrap_or_default());
                (format!("GPU · {name}"), note)
            }
            Gpu::Trial { name, .. } => (cpu, format!("{processor} WebGPU ({name}) is being measured.")),
            Gpu::Rejected { reason } => (cpu, format!("{processor} {reason}")),
            Gpu::Starting => (cpu, format!("{processor} WebGPU is being asked.")),
            Gpu::Off => (
                cpu,
                format!("{processor} WebGPU is measured against it when the work takes longer than seconds."),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BackendSelector, GPU_START_MS};
    use protocol::engine::Backend;

    #[test]
    fn short_work_stays_with_the_workers() {
        let mut selector = BackendSelector::new();
        selector.record(false, 1e9, GPU_START_MS, 2);
        assert!(!selector.wants_gpu(2));
        selector.record(false, 1e9, GPU_START_MS, 2);
        assert!(selector.wants_gpu(2));
        selector.starting();
        assert!(!selector.wants_gpu(2) && selector.accepts(false) && !selector.accepts(true));
    }

    #[test]
    fn the_faster_backend_is_selected() {
        let tried = || {
            let mut selector = BackendSelector::new();
            selector.starting();
            selector.ready("a card".to_owned());
            assert!(selector.accepts(false) && selector.accepts(true));
            assert!(!selector.record(false, 100.0, 1.0, 4));
            selector
        };
        let mut fast = tried();
        // Compilation in the first response does not count.
        assert!(!fast.record(true, 4_000.0, 500.0, 4));
        assert!(!fast.record(true, 4_000.0, 1.0, 4));
        assert!(!fast.record(true, 4_000.0, 50.0, 4));
        assert_eq!(fast.gpu_chunks(100_000.0), super::TRIAL_CHUNKS);
        assert!(fast.record(true, 4_000.0, 2.0, 4));
        assert!(fast.accepts(true) && !fast.accepts(false));
        assert_eq!(
            fast.badge(4).1,
            "Distances are computed by WebGPU, measured 10.0 times as fast as 4 workers here."
        );
        assert_eq!(fast.gpu_chunks(100_000.0), 4);
        assert_eq!(fast.preferred_batch_cells(), super::CELLS_AT_ONCE);
        fast.record(true, 1e12, 999.0, 4);
        assert_eq!(fast.preferred_batch_cells(), 100_000_000_400);
        let mut slow = tried();
        let answers: Vec<bool> = (0..super::TRIALS).map(|_| slow.record(true, 100.0, 1.0, 4)).collect();
        assert_eq!(answers, [false, false, false, true]);
        assert!(slow.accepts(false) && !slow.accepts(true) && !slow.wants_gpu(4));
        assert!(slow.badge(4).1.ends_with("WebGPU (a card) was measured: 0.25 times as fast as these."));
    }

    #[test]
    fn preferences_are_followed() {
        let mut selector = BackendSelector::new();
        selector.set_preference(Backend::Cpu);
        selector.record(false, 1e9, 1e9, 1);
        assert!(!selector.wants_gpu(1));
        selector.set_preference(Backend::Gpu);
        assert!(selector.wants_gpu(1));
        selector.starting();
        assert!(!selector.accepts(false) && !selector.accepts(true));
        selector.ready("a card".to_owned());
        assert!(selector.accepts(true) && !selector.accepts(false));
        assert!(!selector.record(true, 1.0, 1.0, 1));
        selector.reject("It was lost.".to_owned());
        assert!(selector.accepts(false) && !selector.accepts(true) && !selector.wants_gpu(1));
        selector.set_preference(Backend::Auto);
        assert_eq!(selector.badge(1).0, "CPU · 1 worker");
    }
}
