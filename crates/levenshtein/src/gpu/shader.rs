//! WGSL templates of the distance shaders, with placeholders that [`kernel`](super::kernel) fills.

/// Declarations of all kernels.
pub(super) const COMMON: &str = "
struct Call {
    // Start of the call's items, and the number of rows and columns, or of pairs.
    first: u32,
    rows: u32,
    columns: u32,
    first_column: u32,
    strips: u32,
    // Length of a line of the result, and of a line of edges.
    stride: u32,
    lanes: u32,
    // The pair of row r and column c is computed if column_base + c > row_base + r.
    row_base: u32,
    column_base: u32,
    // Number of blocks of 64 columns per workgroup, if there is one strip.
    blocks: u32,
}

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> texts: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> places: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> planes: array<u32>;
@group(0) @binding(4) var<storage, read> items: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> distances: array<u32>;
@group(0) @binding(6) var<storage, read_write> edges: array<u32>;

// Sum of the vertical differences in one word, over the rows of the pattern.
fn rise(plus: u32, minus: u32, rows: u32, above: u32) -> i32 {
    if (rows <= above) {
        return 0;
    }
    let left = rows - above;
    let real = select((1u << (left & 31u)) - 1u, ~0u, left >= 32u);
    return i32(countOneBits(plus & real)) - i32(countOneBits(minus & real));
}
";

/// One word of a column. The highest bit of `up` is set if the row above increases, `down` is 1 if
/// it decreases; both are set likewise for the word below. The shifts are written as a funnel shift
/// and a three-operand addition, for which hardware has instructions.
pub(super) const CELLS: &str = "
    let diagonal = ((((FOUND | down) & PLUS) + PLUS) ^ PLUS) | FOUND | down | MINUS;
    let right_up = MINUS | ~(diagonal | PLUS);
    let right_down = diagonal & PLUS;
    let shifted_up = (right_up << 1u) | (up >> 31u);
    let shifted_down = right_down + right_down + down;
    up = right_up;
    down = right_down >> 31u;
    PLUS = shifted_down | ~(diagonal | shifted_up);
    MINUS = shifted_up & diagonal;
";

/// One strip.
pub(super) const STRIP: &str = "
            /*find*/
            /*state*/
            /*columns*/
            let above = strip * /*words*/u * 32u;
            /*sum*/
";

/// Four columns at once: `fours` groups of the text from `at` on, then the `left` columns of the
/// next group.
pub(super) const FOUR: &str = "
                for (var end = at + fours * 64u; at < end; at += 64u) {
                    let four = texts[at];
                    /*first*/
                    /*second*/
                    /*third*/
                    /*fourth*/
                }
                if (left > 0u) {
                    let four = texts[at];
                    for (var rest = 0u; rest < left; rest++) {
                        /*one*/
                    }
                }
";

/// Columns of a single strip.
pub(super) const WHOLE: &str = "
            {
                var at = text.x;
                let fours = length / 4u;
                let left = length & 3u;
                /*four*/
            }
";

/// Columns of one of several strips. The lower-edge differences of sixteen columns form one word of
/// edges.
pub(super) const EDGED: &str = "
            let last = strip + 1u >= strips;
            for (var block = 0u; block < (length + 15u) / 16u; block++) {
                var edge = 0x55555555u;
                if (strip > 0u) {
                    edge = edges[block * call.lanes + lane];
                }
                var next = 0u;
                let columns = min(16u, length - block * 16u);
                var at = text.x + block * (4u * 64u);
                let fours = columns / 4u;
                let left = columns & 3u;
                /*four*/
                if (!last) {
                    edges[block * call.lanes + lane] = next >> (2u * (16u - columns));
                }
            }
";

/// Matrix block: one row per workgroup, one column per invocation.
pub(super) const SHARED: &str = "
/*tables*/

// Rows of a word of the pattern with a symbol.
fn stands(word: u32, pattern: vec4<u32>, symbol: u32) -> u32 {
    if (word * 32u >= pattern.y) {
        return 0u;
    }
    var found = ~0u;
    for (var plane = 0u; plane < /*planes*/u; plane++) {
        let bit = 0u - ((symbol >> plane) & 1u);
        found &= ~(planes[pattern.z + word * /*planes*/u + plane] ^ bit);
    }
    return found;
}

@compute @workgroup_size(/*group*/)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = items[call.first + group.y];
    let pattern = places[row.x];
    let strips = call.strips;
    var total = 0;
    for (var strip = 0u; strip < strips; strip++) {
        workgroupBarrier();
        for (var symbol = local; symbol < /*lines*/u; symbol += /*group*/u) {
            /*fill*/
        }
        workgroupBarrier();
        // With several strips, a workgroup has one block.
        for (var block = 0u; block < call.blocks; block++) {
            let place = (group.x * call.blocks + block) * /*group*/u + local;
            let column = items[call.first_column + min(place, call.columns - 1u)];
            let text = places[column.x];
            let wanted = place < call.columns && call.column_base + place > call.row_base + group.y;
            let length = select(0u, text.y, wanted);
            let lane = group.y * (/*group*/u * ((call.columns + /*group*/u - 1u) / /*group*/u)) + place;
            if (strip == 0u) {
                total = i32(text.y);
            }
            /*strip*/
            if (wanted && strip + 1u == strips) {
                distances[row.y * call.stride + column.y] = u32(total);
            }
        }
    }
}
";

/// List of pairs: two items per pair, its sequences and its position in the result.
pub(super) const OWN: &str = "
@compute @workgroup_size(/*group*/)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = group.x * /*group*/u + local;
    if (lane >= call.rows) {
        return;
    }
    let pair = items[2u * lane];
    let pattern = places[pair.x];
    let text = places[pair.y];
    let length = text.y;
    let strips = max(1u, (pattern.y + (/*words*/u * 32u - 1u)) / (/*words*/u * 32u));
    var total = i32(length);
    for (var strip = 0u; strip < strips; strip++) {
        {
            /*strip*/
        }
    }
    distances[items[2u * lane + 1u].x] = u32(total);
}
";
