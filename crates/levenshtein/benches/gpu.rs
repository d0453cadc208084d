//! Pairs per second on the GPU, and the peak of its integer units measured in the same run.
//!
//! `cargo bench -p levenshtein --features gpu --bench gpu -- [--only H|P|T|C] [--task NAME] [--most SEQUENCES]`

mod workloads;

use std::error::Error;
use std::time::Instant;

use futures::executor::block_on;
use levenshtein::gpu::{Gpu, Set};
use levenshtein::{InstructionSet, Sequences, all_pairs, pairs};
use workloads::{Workload, sample};

/// Function measured on a set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Histogram of the distances.
    Histogram,
    /// Sum of each row.
    RowSums,
    /// Every distance, read back to the CPU.
    AllPairs,
    /// A list of random pairs, read back to the CPU.
    Pairs,
}

impl Task {
    const ALL: [Self; 4] = [Self::Histogram, Self::RowSums, Self::AllPairs, Self::Pairs];

    fn name(self) -> &'static str {
        match self {
            Self::Histogram => "histogram",
            Self::RowSums => "row sums",
            Self::AllPairs => "all pairs, copied to the CPU",
            Self::Pairs => "random pairs, copied to the CPU",
        }
    }

    /// Largest number of sequences: distances that are read back must fit in memory.
    fn most(self) -> usize {
        match self {
            Self::AllPairs | Self::Pairs => 20_000,
            _ => 80_000,
        }
    }

    /// Runs the task; returns the number of pairs and of their cells.
    fn run(self, set: &Set<'_>, sequences: &Sequences) -> Result<(usize, f64), Box<dyn Error>> {
        let count = sequences.len();
        let quiet = &mut |_, _| {};
        let counted = match self {
            Self::Histogram => block_on(set.histogram(quiet))?.iter().sum::<u64>() as usize,
            Self::RowSums => block_on(set.row_sums(quiet))?.len() * (count - 1) / 2,
            Self::AllPairs => block_on(set.all_pairs(quiet))?.len(),
            Self::Pairs => {
                let list = sample(100 * count, count);
                let length = |i: u32| sequences.get(i as usize).len() as f64;
                let cells = list.iter().map(|&(i, j)| length(i) * length(j)).sum();
                return Ok((block_on(set.pairs(&list, quiet))?.len(), cells));
            }
        };
        assert_eq!(counted, count * (count - 1) / 2);
        let own: f64 = sequences.iter().map(|sequence| (sequence.len() * sequence.len()) as f64).sum();
        Ok((counted, (square_of_symbols(sequences) - own) / 2.0))
    }
}

fn square_of_symbols(sequences: &Sequences) -> f64 {
    let symbols: usize = sequences.iter().map(<[u16]>::len).sum();
    symbols as f64 * symbols as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|place| arguments.get(place + 1))
    };
    let most: usize = option("--most").map_or(Ok(usize::MAX), |most| most.parse())?;
    let start = Instant::now();
    let gpu = block_on(Gpu::new())?;
    let found = start.elapsed().as_secs_f64();
    let rate = operations(&gpu)?;
    println!(
        "{}, opened and checked in {found:.2} s; {:.2} T integer operations/s\n",
        gpu.name(),
        rate / 1e12
    );
    println!(
        "| | | sequences | seconds | M pairs/s | T cells/s | operations per word and column | minimum |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for workload in Workload::ALL {
        if option("--only").is_none_or(|only| only == workload.name()) {
            check(&gpu, workload)?;
            for task in Task::ALL {
                if option("--task").is_none_or(|name| name == task.name()) {
                    measure(&gpu, rate, workload, task, most.min(task.most()))?;
                }
            }
        }
    }
    println!(
        "\nThe minimum assumes a processor with three-operand logic and additions and with funnel shifts."
    );
    Ok(())
}

/// Returns an error unless the distances equal those of the CPU.
fn check(gpu: &Gpu, workload: Workload) -> Result<(), Box<dyn Error>> {
    let sequences = workload.sequences(1000);
    let set = gpu.load(&sequences)?;
    if block_on(set.all_pairs(&mut |_, _| {}))? != all_pairs(InstructionSet::best(), &sequences) {
        return Err(format!("wrong distances of {}", workload.name()).into());
    }
    let list = sample(10_000, 1000);
    if block_on(set.pairs(&list, &mut |_, _| {}))? != pairs(InstructionSet::best(), &sequences, &list)? {
        return Err(format!("wrong distances of a list of {}", workload.name()).into());
    }
    Ok(())
}

/// Prints one line of the table: doubles the sequences until a run takes half a second, then takes
/// the best of three.
fn measure(gpu: &Gpu, rate: f64, workload: Workload, task: Task, most: usize) -> Result<(), Box<dyn Error>> {
    let mut count = 1000.min(most);
    loop {
        let sequences = workload.sequences(count);
        let set = gpu.load(&sequences)?;
        let mut best = f64::INFINITY;
        let mut done = (0, 0.0);
        for round in 0..3 {
            let start = Instant::now();
            done = task.run(&set, &sequences)?;
            best = best.min(start.elapsed().as_secs_f64());
            if round == 0 && best < 0.5 && count < most {
                break;
            }
        }
        if best < 0.5 && count < most {
            count = (2 * count).min(most);
            continue;
        }
        let (pairs, cells) = done;
        let words = cells / 32.0;
        println!(
            "| {} | {} | {count} | {best:.3} | {:.1} | {:.2} | {:.1} | {LEAST} |",
            workload.name(),
            task.name(),
            pairs as f64 / best / 1e6,
            cells / best / 1e12,
            rate * best / words,
        );
        return Ok(());
    }
}

/// Least number of instructions for 32 rows of a column: six of logic, three additions and two
/// shifts.
const LEAST: u32 = 11;

/// Alternating additions and exclusive ors in eight chains.
const OPERATIONS: &str = "
@group(0) @binding(0) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var a = vec4<u32>(id.x, id.x + 1u, id.x + 2u, id.x + 3u);
    var b = a * 3u;
    var c = a * 5u;
    var d = a * 7u;
    for (var round = 0u; round < 256u; round++) {
        a += b; b ^= a; c += d; d ^= c;
        a += d; b ^= c; c += b; d ^= a;
        a += c; b ^= d; c += a; d ^= b;
        a += b; b ^= a; c += d; d ^= c;
    }
    let all = a ^ b ^ c ^ d;
    out[id.x & 63u] = all.x ^ all.y ^ all.z ^ all.w;
}
";
const OPERATIONS_OF_ONE: f64 = 256.0 * 16.0 * 4.0;

/// Integer operations per second of the device.
fn operations(gpu: &Gpu) -> Result<f64, Box<dyn Error>> {
    let device = gpu.device();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(OPERATIONS.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let out = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 256,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    });
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: out.as_entire_binding() }],
    });
    let seconds = |groups: u32| -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        let mut commands = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(groups, 1, 1);
        drop(pass);
        gpu.queue().submit([commands.finish()]);
        device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(start.elapsed().as_secs_f64())
    };
    // 25 ms of work, estimated from smaller submissions, so that the cost of a submission is
    // negligible.
    let mut groups = 16;
    while seconds(groups)? < 0.025 && groups < 65_535 {
        groups = (2 * groups).min(65_535);
    }
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        best = best.min(seconds(groups)?);
    }
    Ok(f64::from(groups) * 64.0 * OPERATIONS_OF_ONE / best)
}
