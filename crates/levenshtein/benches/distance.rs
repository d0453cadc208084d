//! Pairs per second on one core, for every instruction set and for other libraries in the same run.
//!
//! Times are CPU seconds where the system provides them, so that other work on the machine does not
//! count. Other libraries are timed the same way.
//!
//! `cargo bench -p levenshtein -- [--peers PYTHON] [--only P|T|C] [--rounds N] [--instructions NAME] [--task NAME]`

mod workloads;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use levenshtein::{InstructionSet, Prepared, Sequences, all_pairs, pairs};
use workloads::{Workload, sample};

/// Function measured on a workload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// All pairs of the large set.
    AllPairs,
    /// All pairs of the small set that the other libraries also process.
    SmallAllPairs,
    /// Random pairs of very many sequences.
    Sampled,
    /// The same list in chunks, as a caller cuts it for several cores.
    Parts,
    /// The same chunks, with the sequences prepared once.
    Prepared,
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::AllPairs => "all_pairs",
            Self::SmallAllPairs => "small",
            Self::Sampled => "sampled",
            Self::Parts => "parts",
            Self::Prepared => "parts, prepared",
        }
    }

    /// Logical instructions per cell, for shared texts or for unrelated pairs with seven planes, as
    /// in all three workloads. AVX-512 has three-operand logic.
    fn instructions(self, instructions: InstructionSet) -> f64 {
        match (self, instructions) {
            (Self::AllPairs | Self::SmallAllPairs, InstructionSet::Avx512) => 5.0,
            (Self::AllPairs | Self::SmallAllPairs, _) => 8.0,
            (_, InstructionSet::Avx512) => 12.0,
            _ => 21.0,
        }
    }
}

/// Pairs per chunk of a list.
const A_PART: usize = 10_000;

/// The sizes of one workload.
struct Sizes {
    /// The large set.
    large: usize,
    /// The set for other libraries: the first sequences of the large set.
    small: usize,
    /// Number of sampled pairs, and of sequences that they are sampled from.
    sampled: (usize, usize),
}

fn sizes(workload: Workload) -> Sizes {
    match workload {
        Workload::Pathways => Sizes { large: 3000, small: 256, sampled: (100_000, 10_000) },
        Workload::TopLists | Workload::Hundred => {
            Sizes { large: 6000, small: 512, sampled: (400_000, 10_000) }
        }
        Workload::LayerLists => Sizes { large: 8000, small: 1024, sampled: (1_000_000, 5000) },
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|place| arguments.get(place + 1))
    };
    let rounds: usize = option("--rounds").map_or(Ok(5), |rounds| rounds.parse())?;
    for workload in Workload::ALL {
        if option("--only").is_none_or(|only| only == workload.name()) {
            let wanted = |instructions: InstructionSet, task: Task| {
                option("--instructions").is_none_or(|name| name.eq_ignore_ascii_case(instructions.name()))
                    && option("--task").is_none_or(|name| name == task.name())
            };
            measure(workload, rounds, option("--peers"), &wanted)?;
        }
    }
    Ok(())
}

/// One line of the table.
struct Line {
    what: String,
    pairs: usize,
    cells: f64,
    seconds: Vec<f64>,
}

impl Line {
    fn rate(&self) -> f64 {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        self.pairs as f64 / seconds[seconds.len() / 2]
    }
}

/// Runs all tasks on one workload in turns, so that disturbances affect all alike, and prints a
/// table.
fn measure(
    workload: Workload,
    rounds: usize,
    python: Option<&String>,
    wanted: &dyn Fn(InstructionSet, Task) -> bool,
) -> Result<(), Box<dyn Error>> {
    let sizes = sizes(workload);
    let large = workload.sequences(sizes.large);
    let small = workload.sequences(sizes.small);
    let many = workload.sequences(sizes.sampled.1);
    let sampled = sample(sizes.sampled.0, sizes.sampled.1);
    let mut peers = python.map(|python| Peers::start(python, &small)).transpose()?;
    if let Some(peers) = &mut peers {
        peers.compare(&all_pairs(InstructionSet::best(), &small))?;
    }

    let tasks = [Task::AllPairs, Task::SmallAllPairs, Task::Sampled, Task::Parts, Task::Prepared];
    let mut ours: Vec<(InstructionSet, Task, Line)> = Vec::new();
    for instructions in InstructionSet::available() {
        for task in tasks.into_iter().filter(|&task| wanted(instructions, task)) {
            let (cells, count) = match task {
                Task::AllPairs => all_cells(&large),
                Task::SmallAllPairs => all_cells(&small),
                Task::Sampled | Task::Parts | Task::Prepared => (cells(&many, &sampled), sampled.len()),
            };
            let what = format!("{}, {instructions}", task.name());
            ours.push((instructions, task, Line { what, pairs: count, cells, seconds: Vec::new() }));
        }
    }
    let mut theirs: Vec<Line> = Vec::new();
    if let Some(peers) = &peers {
        let (cells, count) = all_cells(&small);
        let line = |what: &String| Line { what: what.clone(), pairs: count, cells, seconds: Vec::new() };
        theirs.extend(peers.names.iter().map(line));
    }
    for _ in 0..rounds {
        for (instructions, task, line) in &mut ours {
            let start = cpu_seconds();
            let distances = match task {
                Task::AllPairs => all_pairs(*instructions, &large),
                Task::SmallAllPairs => all_pairs(*instructions, &small),
                Task::Sampled => pairs(*instructions, &many, &sampled)?,
                Task::Parts => {
                    let parts = sampled.chunks(A_PART).map(|part| pairs(*instructions, &many, part));
                    parts.collect::<Result<Vec<_>, _>>()?.concat()
                }
                Task::Prepared => {
                    let prepared = Prepared::new(&many);
                    let parts = sampled.chunks(A_PART).map(|part| prepared.pairs(*instructions, part));
                    parts.collect::<Result<Vec<_>, _>>()?.concat()
                }
            };
            line.seconds.push(cpu_seconds() - start);
            assert_eq!(distances.len(), line.pairs);
        }
        if let Some(peers) = &mut peers {
            for (place, line) in theirs.iter_mut().enumerate() {
                line.seconds.push(peers.seconds(place)?);
            }
        }
    }
    print_table(workload, &large, &ours, &theirs);
    Ok(())
}

/// CPU seconds of this thread on Linux; elapsed time elsewhere.
fn cpu_seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = stat.and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |n| n as f64 / 1e9)
}

fn print_table(
    workload: Workload,
    large: &Sequences,
    ours: &[(InstructionSet, Task, Line)],
    theirs: &[Line],
) {
    let symbols: usize = large.iter().map(<[u16]>::len).sum();
    let mean = symbols as f64 / large.len() as f64;
    println!("\n{}: {workload:?}, mean length {mean:.0}\n", workload.name());
    let best = theirs.iter().max_by(|x, y| x.rate().total_cmp(&y.rate()));
    let ratio = best.map_or(String::new(), |best| format!(" times {} |", best.what));
    println!("| | pairs | pairs/s | cell updates/s | share of the bound |{ratio}");
    println!("|---|---|---|---|---|{}", if best.is_some() { "---|" } else { "" });
    let clock = clock();
    let ours = ours.iter().map(|(instructions, task, line)| {
        (line, Some(clock * bits_a_cycle(*instructions) / task.instructions(*instructions)))
    });
    for (line, bound) in ours.chain(theirs.iter().map(|line| (line, None))) {
        let rate = line.rate();
        let cells = rate * line.cells / line.pairs as f64;
        let ratio = best.map_or(String::new(), |best| format!(" {:.1} |", rate / best.rate()));
        let share = bound.map_or(String::new(), |bound| format!("{:.0} %", 100.0 * cells / bound));
        println!("| {} | {} | {rate:.0} | {:.1} G | {share} |{ratio}", line.what, line.pairs, cells / 1e9);
    }
    let gigahertz = clock / 1e9;
    println!(
        "\nThe bound is this CPU's throughput of logical instructions at {gigahertz:.2} GHz, measured in the same run. Cell updates include cells that the band skips."
    );
}

/// Assumed bits of logical instructions per cycle of a core. AMD since Zen 3 runs four instructions
/// on words or AVX2 vectors, and AVX-512 in halves; Intel runs four on words, three on AVX2 and two
/// on AVX-512 vectors.
fn bits_a_cycle(instructions: InstructionSet) -> f64 {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    match instructions {
        InstructionSet::Avx2 if cpu.contains("GenuineIntel") => 3.0 * 256.0,
        // Two instructions on 512 bits, or four on 256.
        InstructionSet::Avx512 | InstructionSet::Avx2 => 4.0 * 256.0,
        InstructionSet::Scalar | InstructionSet::Simd128 => 4.0 * 64.0,
    }
}

/// Cycles per second, measured with a chain of dependent one-cycle instructions.
fn clock() -> f64 {
    const LINKS: u64 = 50_000_000;
    let run = || {
        let start = cpu_seconds();
        let mut state = 1u64;
        for link in 0..LINKS {
            state = (state ^ link).rotate_left(7);
        }
        std::hint::black_box(state);
        2.0 * LINKS as f64 / (cpu_seconds() - start)
    };
    // Disturbed runs are slower, so take the fastest.
    (0..5).map(|_| run()).fold(0.0, f64::max)
}

/// Number of cells of all pairs, and number of pairs.
fn all_cells(sequences: &Sequences) -> (f64, usize) {
    let lengths: Vec<f64> = sequences.iter().map(|sequence| sequence.len() as f64).collect();
    let sum: f64 = lengths.iter().sum();
    let squares: f64 = lengths.iter().map(|length| length * length).sum();
    ((sum * sum - squares) / 2.0, lengths.len() * (lengths.len() - 1) / 2)
}

/// Number of cells of some pairs.
fn cells(sequences: &Sequences, pairs: &[(u32, u32)]) -> f64 {
    let length = |i: u32| sequences.get(i as usize).len() as f64;
    pairs.iter().map(|&(i, j)| length(i) * length(j)).sum()
}

/// Other libraries, in a Python process with a line protocol.
struct Peers {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    names: Vec<String>,
}

impl Peers {
    /// Starts Python and passes it the sequences in a file.
    fn start(python: &str, sequences: &Sequences) -> Result<Self, Box<dyn Error>> {
        let path = std::env::temp_dir().join(format!("levenshtein-peers-{}.bin", std::process::id()));
        let (symbols, offsets) = sequences.as_parts();
        let mut bytes = (sequences.len() as u32).to_le_bytes().to_vec();
        bytes.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        bytes.extend(symbols.iter().flat_map(|symbol| symbol.to_le_bytes()));
        std::fs::write(&path, bytes)?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/peers.py");
        let mut process = Command::new(python)
            .arg(script)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().ok_or("Python has no standard input")?;
        let output = BufReader::new(process.stdout.take().ok_or("Python has no standard output")?);
        let mut peers = Self { process, input, output, names: Vec::new() };
        let names = peers.line()?;
        std::fs::remove_file(path)?;
        peers.names = names.split('\t').map(str::to_owned).collect();
        Ok(peers)
    }

    /// Returns an error unless every library gives our distances.
    fn compare(&mut self, ours: &[u32]) -> Result<(), Box<dyn Error>> {
        // A checksum that depends on every position.
        let sum = ours.iter().fold(0u64, |sum, &distance| {
            (sum.wrapping_mul(1_000_003).wrapping_add(u64::from(distance))) % 4_294_967_291
        });
        for place in 0..self.names.len() {
            writeln!(self.input, "check {place}")?;
            let theirs: u64 = self.line()?.parse()?;
            if theirs != sum {
                return Err(format!("{} gives other distances", self.names[place]).into());
            }
        }
        Ok(())
    }

    fn seconds(&mut self, place: usize) -> Result<f64, Box<dyn Error>> {
        writeln!(self.input, "time {place}")?;
        Ok(self.line()?.parse()?)
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the peer script ended early; see its message above".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // The script ends when its standard input closes; otherwise kill it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
