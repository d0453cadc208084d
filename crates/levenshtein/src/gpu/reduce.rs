//! What is made of distances on the GPU, so that only a few numbers come back.

use super::Progress;
use super::device::{Gpu, Key};
use super::set::Set;
use super::sweep::{Reader, Region};
use crate::error::Error;

/// A shader that reads distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reduction {
    /// The sum of each line.
    Sums,
    /// How often each distance occurs between each two groups.
    Counts {
        /// Whether a line's counts fit into workgroup memory.
        local: bool,
    },
    /// The smallest distances of each line.
    Nearest,
    /// The sums of squares of a tile.
    Squares,
}

impl Reduction {
    /// Its source.
    pub(super) fn source(self) -> String {
        match self {
            Self::Sums => LINES.to_owned() + SUMS,
            Self::Counts { local: true } => {
                LINES.to_owned() + &COUNTS_OF_LINE.replace("/*most*/", &MOST_LOCAL.to_string())
            }
            Self::Counts { local: false } => LINES.to_owned() + COUNTS,
            Self::Nearest => LINES.to_owned() + super::nearest::NEAREST,
            Self::Squares => super::tile::SQUARES.to_owned(),
        }
    }
}

/// How the distances of a region are read: along its rows or along its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Rows,
    Columns,
}

impl Direction {
    pub(super) const BOTH: [Self; 2] = [Self::Rows, Self::Columns];

    /// The places of the lines in the order of the set.
    pub(super) fn lines(self, region: &Region) -> std::ops::Range<usize> {
        match self {
            Self::Rows => region.rows.clone(),
            Self::Columns => region.columns.clone(),
        }
    }

    /// The call that all shaders of lines begin with.
    pub(super) fn call(self, region: &Region) -> [u32; 7] {
        let (rows, columns) = (&region.rows, &region.columns);
        let stride = columns.len() as u32;
        let [row, column] = [rows.start as u32, columns.start as u32];
        match self {
            Self::Rows => [rows.len() as u32, stride, stride, 1, row, column, 1],
            Self::Columns => [stride, rows.len() as u32, 1, stride, column, row, 0],
        }
    }
}

/// What shaders of lines declare. Lines are rows or columns; a workgroup reads one of them.
const LINES: &str = "
struct Call {
    lines: u32,
    items: u32,
    // From one line to the next, and from one item to the next.
    line_step: u32,
    item_step: u32,
    // Where both begin in the order of the set.
    line_base: u32,
    item_base: u32,
    // 1 if items are wanted that come after the line, 0 for those before.
    after: u32,
    // What the shader needs besides.
    first: u32,
    second: u32,
}

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> attributes: array<u32>;
@group(0) @binding(5) var<storage, read_write> distances: array<u32>;

fn wanted(line: u32, item: u32) -> bool {
    let x = call.line_base + line;
    let y = call.item_base + item;
    return select((y < x), (y > x), call.after == 1u);
}

fn at(line: u32, item: u32) -> u32 {
    return distances[line * call.line_step + item * call.item_step];
}
";

const SUMS: &str = "
@group(0) @binding(6) var<storage, read_write> sums: array<u32>;
var<workgroup> partial: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let line = group.x + group.y * 65535u;
    var sum = 0u;
    if (line < call.lines) {
        for (var item = local; item < call.items; item += 64u) {
            if (wanted(line, item)) {
                sum += at(line, item);
            }
        }
    }
    partial[local] = sum;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (local < half) {
            partial[local] += partial[local + half];
        }
    }
    if (local == 0u && line < call.lines) {
        sums[line] = partial[0];
    }
}
";

/// `attributes` are the groups; `first` is how many there are, `second` how many counts each two of them have.
const COUNTS: &str = "
@group(0) @binding(6) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let line = group.x + group.y * 65535u;
    if (line >= call.lines) {
        return;
    }
    let of_line = attributes[call.line_base + line];
    for (var item = local; item < call.items; item += 64u) {
        if (wanted(line, item)) {
            let of_item = attributes[call.item_base + item];
            let two = min(of_line, of_item) * call.first + max(of_line, of_item);
            atomicAdd(&counts[two * call.second + at(line, item)], 1u);
        }
    }
}
";

/// The same where what a line counts fits into workgroup memory: many distances are equal, and the memory of all
/// workgroups would be asked to count to them one by one.
const COUNTS_OF_LINE: &str = "
@group(0) @binding(6) var<storage, read_write> counts: array<atomic<u32>>;
var<workgroup> of_line: array<atomic<u32>, /*most*/>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let line = group.x + group.y * 65535u;
    let words = call.first * call.second;
    for (var word = local; word < words; word += 64u) {
        atomicStore(&of_line[word], 0u);
    }
    workgroupBarrier();
    if (line < call.lines) {
        for (var item = local; item < call.items; item += 64u) {
            if (wanted(line, item)) {
                atomicAdd(&of_line[attributes[call.item_base + item] * call.second + at(line, item)], 1u);
            }
        }
    }
    workgroupBarrier();
    if (line < call.lines) {
        let mine = attributes[call.line_base + line];
        for (var word = local; word < words; word += 64u) {
            let count = atomicLoad(&of_line[word]);
            if (count > 0u) {
                let other = word / call.second;
                let two = min(mine, other) * call.first + max(mine, other);
                atomicAdd(&counts[two * call.second + word % call.second], count);
            }
        }
    }
}
";

/// The most counts of a line in workgroup memory.
const MOST_LOCAL: u32 = 2048;

/// As many lines as workgroups, in rows of 65,535.
pub(super) fn groups(lines: usize) -> [u32; 2] {
    let lines = lines as u32;
    [lines.clamp(1, 65_535), lines.div_ceil(65_535).max(1)]
}

/// How many distances there are, their sum and the sum of their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The sum of their squares.
    pub squares: u64,
}

impl Moments {
    /// The moments of a histogram: `counts[d]` distances are d.
    #[must_use]
    pub fn of(counts: &[u64]) -> Self {
        (0..).zip(counts).fold(Self::default(), |moments, (distance, &count)| Self {
            count: moments.count + count,
            sum: moments.sum + distance * count,
            squares: moments.squares + distance * distance * count,
        })
    }
}

/// The most groups: between each two of them there is a histogram.
const MOST_GROUPS: u32 = 64;

impl Set<'_> {
    /// For every sequence the sum of its distances to all others.
    ///
    /// # Errors
    ///
    /// [`Error::GpuLost`] and [`Error::GpuRefuses`] say what happened to the graphics processor.
    pub async fn row_sums(&self, progress: Progress<'_>) -> Result<Vec<u64>, Error> {
        let pipeline = self.gpu.pipeline(Key::Reduction(Reduction::Sums)).await?;
        let unused = self.gpu.room(0);
        let mut sums = Sums { pipeline, unused, of_place: vec![0; self.len()] };
        self.sweep(&mut sums, progress).await?;
        let mut of_sequence = vec![0; self.len()];
        for (&sequence, sum) in self.order.iter().zip(sums.of_place) {
            of_sequence[sequence as usize] = sum;
        }
        Ok(of_sequence)
    }

    /// How often each distance occurs among all unordered pairs: the result's element d counts distance d.
    ///
    /// # Errors
    ///
    /// [`Error::GpuLost`] and [`Error::GpuRefuses`] say what happened to the graphics processor.
    pub async fn histogram(&self, progress: Progress<'_>) -> Result<Vec<u64>, Error> {
        let mut histograms = self.histograms(&vec![0; self.len()], progress).await?;
        Ok(histograms.pop().unwrap_or_default())
    }

    /// How often each distance occurs between groups of sequences. For G groups these are G x G histograms, of
    /// which the one of groups a and b, a <= b, is element `G a + b`; the others are empty. [`Moments::of`] makes
    /// mean and variance of one.
    ///
    /// # Errors
    ///
    /// [`Error::WrongGroups`] unless each sequence has a group from 0 to 63; [`Error::GpuTooLarge`] where so many
    /// histograms do not fit; [`Error::GpuLost`] and [`Error::GpuRefuses`].
    pub async fn histograms(&self, groups: &[u32], progress: Progress<'_>) -> Result<Vec<Vec<u64>>, Error> {
        if groups.len() != self.len() || groups.iter().any(|&group| group >= MOST_GROUPS) {
            let (groups, sequences) = (groups.len(), self.len());
            return Err(Error::WrongGroups { groups, sequences, most: MOST_GROUPS - 1 });
        }
        let count = groups.iter().max().map_or(1, |&most| most + 1);
        let bins = self.lengths.last().map_or(1, |&longest| longest + 1);
        let words = count * count * bins;
        self.gpu.fits("the histograms", 4 * u64::from(words))?;
        let local = count * bins <= MOST_LOCAL && 4 * MOST_LOCAL <= self.gpu.workgroup_bytes();
        let in_order: Vec<u32> = self.order.iter().map(|&i| groups[i as usize]).collect();
        let mut counts = Counts {
            pipeline: self.gpu.pipeline(Key::Reduction(Reduction::Counts { local })).await?,
            groups: self.gpu.upload(&in_order, wgpu::BufferUsages::STORAGE),
            shape: [count, bins],
            sums: vec![0; words as usize],
        };
        self.sweep(&mut counts, progress).await?;
        Ok(counts.sums.chunks(bins as usize).map(<[u64]>::to_vec).collect())
    }
}

struct Sums {
    pipeline: wgpu::ComputePipeline,
    /// Bound where the shader reads nothing.
    unused: wgpu::Buffer,
    of_place: Vec<u64>,
}

impl Reader for Sums {
    fn record(
        &mut self,
        gpu: &Gpu,
        commands: &mut wgpu::CommandEncoder,
        region: &Region,
    ) -> (wgpu::Buffer, u64) {
        let words = (region.rows.len() + region.columns.len()) as u64;
        let all = gpu.room(words);
        let mut before = 0;
        for direction in Direction::BOTH {
            let lines = direction.lines(region).len();
            let sums = gpu.room(lines as u64);
            let [a, b, c, d, e, f, g] = direction.call(region);
            let unused = &self.unused;
            let buffers = [unused, unused, unused, unused, &region.distances, &sums];
            let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            gpu.record(&mut pass, &self.pipeline, &[a, b, c, d, e, f, g, 0, 0], buffers, groups(lines));
            drop(pass);
            commands.copy_buffer_to_buffer(&sums, 0, &all, before, 4 * lines as u64);
            before += 4 * lines as u64;
        }
        (all, words)
    }

    fn take(&mut self, region: &Region, words: &[u32]) {
        let places = Direction::BOTH.into_iter().flat_map(|direction| direction.lines(region));
        for (place, &sum) in places.zip(words) {
            self.of_place[place] += u64::from(sum);
        }
    }
}

struct Counts {
    pipeline: wgpu::ComputePipeline,
    groups: wgpu::Buffer,
    /// How many groups, and how many counts each two of them have.
    shape: [u32; 2],
    sums: Vec<u64>,
}

impl Reader for Counts {
    fn record(
        &mut self,
        gpu: &Gpu,
        commands: &mut wgpu::CommandEncoder,
        region: &Region,
    ) -> (wgpu::Buffer, u64) {
        let counts = gpu.room(self.sums.len() as u64);
        let [a, b, c, d, e, f, g] = Direction::Rows.call(region);
        let [first, second] = self.shape;
        let given = &self.groups;
        let buffers = [given, given, given, given, &region.distances, &counts];
        let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        let call = [a, b, c, d, e, f, g, first, second];
        gpu.record(&mut pass, &self.pipeline, &call, buffers, groups(region.rows.len()));
        drop(pass);
        (counts, self.sums.len() as u64)
    }

    fn take(&mut self, _: &Region, words: &[u32]) {
        for (sum, &count) in self.sums.iter_mut().zip(words) {
            *sum += u64::from(count);
        }
    }
}
