//! Shaders that reduce distances on the GPU: sums and counts.

/// A shader that reads distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reduction {
    /// Sum of each line.
    Sums,
    /// Counts of each distance for every two groups.
    Counts {
        /// Whether a line's counts fit into workgroup memory.
        local: bool,
    },
}

impl Reduction {
    /// WGSL source.
    pub(super) fn source(self) -> String {
        match self {
            Self::Sums => LINES.to_owned() + SUMS,
            Self::Counts { local: true } => {
                LINES.to_owned() + &COUNTS_OF_LINE.replace("/*most*/", &MOST_LOCAL.to_string())
            }
            Self::Counts { local: false } => LINES.to_owned() + COUNTS,
        }
    }
}

/// Declarations of all line shaders. A line is a row or a column; each workgroup reads one.
const LINES: &str = "
struct Call {
    lines: u32,
    items: u32,
    // Stride between lines, and between items.
    line_step: u32,
    item_step: u32,
    // First line and first item in the order of the set.
    line_base: u32,
    item_base: u32,
    // 1 to read the items after the line, 0 to read those before.
    after: u32,
    // Further parameters of the shader.
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

/// `attributes` are the groups, `first` is the number of groups, `second` the number of counts per
/// pair of groups.
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

/// Counts a line in workgroup memory first: many distances are equal, and atomic additions in
/// global memory would be serialized.
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

/// Largest number of counts per line in workgroup memory.
pub(super) const MOST_LOCAL: u32 = 2048;
