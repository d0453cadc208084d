//! The shaders that compute distances: Myers' bit-parallel algorithm (1999) in Hyyrö's form (2003), one pair an
//! invocation, written out for a number of 32-row words that stay in registers.

use std::fmt::Write as _;

/// Invocations in a workgroup.
pub(super) const GROUP: u32 = 64;

/// The numbers of words that kernels of one shared pattern are made for.
const WORDS: [u32; 10] = [1, 2, 3, 4, 6, 8, 10, 12, 14, 16];

/// Strips have at least so many words, if the pattern has.
const WIDE: u32 = 4;

/// One way to compute distances. Patterns with more rows than `words` hold are computed in several strips, whose
/// lower edges are kept in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    /// All invocations of a workgroup share a pattern. A table in workgroup memory says where each symbol of the
    /// alphabet stands in it.
    Shared {
        /// Words of a strip.
        words: u32,
        /// Lines of the table: at least as many as there are symbols.
        lines: u32,
        /// Bit planes of a symbol.
        planes: u32,
    },
    /// Every invocation has a pattern of its own, whose bit planes it compares with each symbol of its text. No
    /// table, so that any alphabet will do.
    Own {
        /// Words of a strip.
        words: u32,
        /// Bit planes of a symbol.
        planes: u32,
    },
}

impl Kernel {
    /// The kernel for a shared pattern of `rows` symbols, if a table for an alphabet of so many symbols fits into
    /// so many bytes of workgroup memory.
    pub(super) fn shared(rows: u32, alphabet: usize, planes: usize, bytes: u32) -> Option<Self> {
        // Alphabets of about the same size share a kernel.
        let lines = (alphabet as u32).next_multiple_of(16).max(16);
        let needed = rows.div_ceil(32).max(1);
        // Narrow strips would make tables more often than they read them. Whether a table fits must not depend on
        // the rows: all rows of a block are computed one way.
        if 4 * WIDE * lines > bytes {
            return None;
        }
        let fits = |&words: &u32| 4 * words * lines <= bytes && words >= needed.min(WIDE);
        // A strip costs about half a word for its edges and its table. Even strips waste the fewest words.
        let cost = |&words: &u32| needed.div_ceil(words) * (2 * words + u32::from(needed > words));
        let words = WORDS.into_iter().filter(fits).min_by_key(cost)?;
        Some(Self::Shared { words, lines, planes: planes as u32 })
    }

    /// The kernel for pairs that share nothing.
    pub(super) fn own(planes: usize) -> Self {
        // The planes stay in registers.
        let words = if planes <= 11 { 4 } else { 2 };
        Self::Own { words, planes: planes as u32 }
    }

    /// Words of a strip.
    fn words(self) -> u32 {
        match self {
            Self::Shared { words, .. } | Self::Own { words, .. } => words,
        }
    }

    /// How many strips a pattern of `rows` symbols takes.
    pub(super) fn strips(self, rows: u32) -> u32 {
        rows.div_ceil(32 * self.words()).max(1)
    }

    /// How many words of edges a pair with a text of `columns` symbols needs if there are several strips.
    pub(super) fn edge_words(columns: u32) -> u64 {
        u64::from(columns.div_ceil(16))
    }

    /// Its source.
    pub(super) fn source(self) -> String {
        let words = self.words();
        let (main, lines, planes, find, matches) = match self {
            Self::Shared { lines, planes, .. } => {
                (SHARED, lines, planes, String::new(), matches_from_table(words, lines))
            }
            Self::Own { planes, .. } => {
                (OWN, 0, planes, own_planes(words, planes), matches_from_planes(words, planes))
            }
        };
        let mut state = String::new();
        let mut cells = String::new();
        let mut sum = String::new();
        for word in 0..words {
            _ = writeln!(state, "var plus{word} = ~0u; var minus{word} = 0u;");
            let named = [("FOUND", "found"), ("PLUS", "plus"), ("MINUS", "minus")];
            let one = named
                .iter()
                .fold(CELLS.to_owned(), |one, (slot, name)| one.replace(slot, &format!("{name}{word}")));
            _ = writeln!(cells, "{{{one}}}");
            _ = writeln!(sum, "total += rise(plus{word}, minus{word}, pattern.y, above + {}u);", 32 * word);
        }
        let parts = [
            ("/*strip*/", STRIP.to_owned()),
            ("/*find*/", find),
            ("/*state*/", state),
            ("/*matches*/", matches),
            ("/*cells*/", cells),
            ("/*sum*/", sum),
            ("/*group*/", GROUP.to_string()),
            ("/*words*/", words.to_string()),
            ("/*lines*/", lines.to_string()),
            ("/*planes*/", planes.to_string()),
            ("/*table*/", (words * lines).to_string()),
        ];
        parts.iter().fold(COMMON.to_owned() + main, |source, (slot, part)| source.replace(slot, part))
    }
}

/// `foundN`: the rows of word N that hold the symbol, read from the table.
fn matches_from_table(words: u32, lines: u32) -> String {
    // Word by word rather than line by line, so that different symbols fall into different banks.
    let mut source = String::new();
    for word in 0..words {
        _ = writeln!(source, "let found{word} = table[{}u + symbol];", word * lines);
    }
    source
}

/// `own_N_K`: plane K of word N of the invocation's own pattern.
fn own_planes(words: u32, planes: u32) -> String {
    let mut source = String::new();
    for word in 0..words {
        _ = writeln!(source, "let at{word} = pattern.z + (strip * {words}u + {word}u) * {planes}u;");
        for plane in 0..planes {
            // Beyond the pattern this reads another's planes or none, which only concerns rows that do not count.
            _ = writeln!(source, "let own_{word}_{plane} = planes[at{word} + {plane}u];");
        }
    }
    source
}

/// `foundN`: the rows of word N whose symbol has the same bit in every plane.
fn matches_from_planes(words: u32, planes: u32) -> String {
    let mut source = String::new();
    for plane in 0..planes {
        _ = writeln!(source, "let bit{plane} = 0u - ((symbol >> {plane}u) & 1u);");
    }
    for word in 0..words {
        let differ: Vec<String> =
            (0..planes).map(|plane| format!("(own_{word}_{plane} ^ bit{plane})")).collect();
        _ = writeln!(source, "let found{word} = ~({});", differ.join(" | "));
    }
    source
}

/// What all kernels declare.
const COMMON: &str = "
struct Call {
    // Where the call's items start, and how many rows and columns, or pairs, there are.
    first: u32,
    rows: u32,
    columns: u32,
    first_column: u32,
    strips: u32,
    // The length of a line of the result, and of a line of edges.
    stride: u32,
    lanes: u32,
    // The pair of row r and column c is wanted if column_base + c > row_base + r.
    row_base: u32,
    column_base: u32,
}

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> texts: array<u32>;
@group(0) @binding(2) var<storage, read> places: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> planes: array<u32>;
@group(0) @binding(4) var<storage, read> items: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> distances: array<u32>;
@group(0) @binding(6) var<storage, read_write> edges: array<u32>;

// The sum of the vertical differences in one word, of those rows that the pattern has.
fn rise(plus: u32, minus: u32, rows: u32, above: u32) -> i32 {
    if (rows <= above) {
        return 0;
    }
    let left = rows - above;
    let real = select((1u << (left & 31u)) - 1u, ~0u, left >= 32u);
    return i32(countOneBits(plus & real)) - i32(countOneBits(minus & real));
}
";

/// One word of a column. `up` and `down` are the horizontal differences that come in from above, and go out.
const CELLS: &str = "
    let match_or_down = FOUND | down;
    let diagonal = (((match_or_down & PLUS) + PLUS) ^ PLUS) | match_or_down | MINUS;
    let right_up = MINUS | ~(diagonal | PLUS);
    let right_down = diagonal & PLUS;
    let shifted_up = (right_up << 1u) | up;
    let shifted_down = (right_down << 1u) | down;
    up = right_up >> 31u;
    down = right_down >> 31u;
    PLUS = shifted_down | ~(diagonal | shifted_up);
    MINUS = shifted_up & diagonal;
";

/// The columns of one strip. Sixteen columns' differences along its lower edge are one word of edges.
const STRIP: &str = "
        /*find*/
        /*state*/
        let last = strip + 1u >= strips;
        for (var block = 0u; block < (length + 15u) / 16u; block++) {
            var edge = 0x55555555u;
            if (strip > 0u) {
                edge = edges[block * call.lanes + lane];
            }
            var next = 0u;
            let columns = min(16u, length - block * 16u);
            var word = 0u;
            for (var column = 0u; column < columns; column++) {
                if ((column & 1u) == 0u) {
                    word = texts[text.x + (block * 8u + column / 2u) * 64u];
                }
                let symbol = word & 0xffffu;
                word = word >> 16u;
                var up = edge & 1u;
                var down = (edge >> 1u) & 1u;
                edge = edge >> 2u;
                /*matches*/
                /*cells*/
                next = (next >> 2u) | (up << 30u) | (down << 31u);
            }
            if (!last) {
                edges[block * call.lanes + lane] = next >> (2u * (16u - columns));
            }
        }
        let above = strip * /*words*/u * 32u;
        /*sum*/
";

/// Rows by columns: the row is the workgroup's, the column the invocation's.
const SHARED: &str = "
var<workgroup> table: array<u32, /*table*/>;

@compute @workgroup_size(/*group*/)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = items[call.first + group.y];
    let pattern = places[row.x];
    let place = group.x * /*group*/u + local;
    let column = items[call.first_column + min(place, call.columns - 1u)];
    let text = places[column.x];
    let wanted = place < call.columns && call.column_base + place > call.row_base + group.y;
    let length = select(0u, text.y, wanted);
    let lane = group.y * (/*group*/u * ((call.columns + /*group*/u - 1u) / /*group*/u)) + place;
    let strips = call.strips;
    var total = i32(text.y);
    for (var strip = 0u; strip < call.strips; strip++) {
        workgroupBarrier();
        for (var entry = local; entry < /*table*/u; entry += /*group*/u) {
            let word = strip * /*words*/u + entry / /*lines*/u;
            let symbol = entry % /*lines*/u;
            var found = 0u;
            if (word * 32u < pattern.y) {
                found = ~0u;
                for (var plane = 0u; plane < /*planes*/u; plane++) {
                    let bit = 0u - ((symbol >> plane) & 1u);
                    found &= ~(planes[pattern.z + word * /*planes*/u + plane] ^ bit);
                }
            }
            table[entry] = found;
        }
        workgroupBarrier();
        /*strip*/
    }
    if (wanted) {
        distances[row.y * call.stride + column.y] = u32(total);
    }
}
";

/// A list of pairs: two items a pair, its sequences and its place in the result.
const OWN: &str = "
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
        /*strip*/
    }
    distances[items[2u * lane + 1u].x] = u32(total);
}
";
