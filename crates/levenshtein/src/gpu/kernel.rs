//! The shaders that compute distances: Myers' bit-parallel algorithm (1999) in Hyyrö's form (2003), one pair an
//! invocation, written out for a number of 32-row words that stay in registers.

use std::fmt::Write as _;

/// Invocations in a workgroup.
pub(super) const GROUP: u32 = 64;

/// The numbers of words that kernels of one shared pattern are made for.
const WORDS: [u32; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16];

/// Strips have at least so many words, if the pattern has.
const WIDE: u32 = 4;

/// One way to compute distances. Patterns with more rows than `words` hold are computed in several strips, whose
/// lower edges are kept in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kernel {
    pattern: Pattern,
    /// Words of a strip.
    words: u32,
    /// Bit planes of a symbol.
    planes: u32,
    /// Whether one strip is enough, so that there are no edges.
    whole: bool,
}

/// Whose the pattern is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pattern {
    /// All invocations of a workgroup share a pattern. A table in workgroup memory says where each symbol of the
    /// alphabet stands in it.
    Shared {
        /// Lines of the table: at least as many as there are symbols.
        lines: u32,
    },
    /// Every invocation has a pattern of its own, whose bit planes it compares with each symbol of its text. No
    /// table, so that any alphabet will do.
    Own,
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
        let pattern = Pattern::Shared { lines };
        Some(Self { pattern, words, planes: planes as u32, whole: needed <= words })
    }

    /// The kernel for pairs that share nothing, of which the longest pattern has `rows` symbols.
    pub(super) fn own(rows: u32, planes: usize) -> Self {
        // The planes stay in registers.
        let words = if planes <= 11 { 4 } else { 2 };
        Self { pattern: Pattern::Own, words, planes: planes as u32, whole: rows <= 32 * words }
    }

    /// Whether every pair has a pattern of its own.
    pub(super) fn is_own(self) -> bool {
        self.pattern == Pattern::Own
    }

    /// How many strips a pattern of `rows` symbols takes.
    pub(super) fn strips(self, rows: u32) -> u32 {
        rows.div_ceil(32 * self.words).max(1)
    }

    /// How many words of edges a pair with a text of `columns` symbols needs if there are several strips.
    pub(super) fn edge_words(columns: u32) -> u64 {
        u64::from(columns.div_ceil(16))
    }

    /// Its source.
    pub(super) fn source(self) -> String {
        let Self { words, planes, .. } = self;
        let mut state = String::new();
        let mut sum = String::new();
        for word in 0..words {
            _ = writeln!(state, "var plus{word} = ~0u; var minus{word} = 0u;");
            _ = writeln!(sum, "total += rise(plus{word}, minus{word}, pattern.y, above + {}u);", 32 * word);
        }
        let (main, lines) = match self.pattern {
            Pattern::Shared { lines } => (SHARED, lines),
            Pattern::Own => (OWN, 0),
        };
        let find = if self.is_own() { own_planes(words, planes) } else { String::new() };
        let (tables, fill) = tables(words);
        let parts = [
            ("/*strip*/", STRIP),
            ("/*columns*/", if self.whole { WHOLE } else { EDGED }),
            ("/*four*/", FOUR),
            ("/*tables*/", &tables),
            ("/*fill*/", &fill),
            ("/*find*/", &find),
            ("/*state*/", &state),
            ("/*first*/", &self.column("four.x & 0xffffu")),
            ("/*second*/", &self.column("four.x >> 16u")),
            ("/*third*/", &self.column("four.y & 0xffffu")),
            ("/*fourth*/", &self.column("four.y >> 16u")),
            (
                "/*one*/",
                &self.column("(select(four.x, four.y, rest >= 2u) >> (16u * (rest & 1u))) & 0xffffu"),
            ),
            ("/*sum*/", &sum),
            ("/*group*/", &GROUP.to_string()),
            ("/*words*/", &words.to_string()),
            ("/*lines*/", &lines.to_string()),
            ("/*planes*/", &planes.to_string()),
        ];
        parts.iter().fold(COMMON.to_owned() + main, |source, (slot, part)| source.replace(slot, part))
    }

    /// One column of a strip.
    fn column(self, symbol: &str) -> String {
        let Self { words, planes, .. } = self;
        let matches =
            if self.is_own() { matches_from_planes(words, planes) } else { matches_from_tables(words) };
        let (before, after) = if self.whole {
            // The first row of the matrix rises by one in every column.
            ("var up = 1u << 31u; var down = 0u;", "")
        } else {
            (
                "var up = edge << 31u; var down = (edge >> 1u) & 1u; edge = edge >> 2u;",
                "next = (next >> 2u) | ((up >> 31u) << 30u) | (down << 31u);",
            )
        };
        let mut source = format!("{{ let symbol = {symbol};\n{before}\n{matches}");
        for word in 0..words {
            let named = [("FOUND", "found"), ("PLUS", "plus"), ("MINUS", "minus")];
            let cells = named
                .iter()
                .fold(CELLS.to_owned(), |cells, (slot, name)| cells.replace(slot, &format!("{name}{word}")));
            _ = writeln!(source, "{{{cells}}}");
        }
        source + after + "\n}\n"
    }
}

/// A table of four words a line is read at once; words that are left have tables of one word.
fn tables_of(words: u32) -> impl Iterator<Item = (u32, bool)> {
    let fours = words / 4 * 4;
    (0..fours).step_by(4).map(|word| (word, true)).chain((fours..words).map(|word| (word, false)))
}

/// The declarations of the tables, and what fills line `symbol` of them. Each has an array of its own: all are
/// read at the same index, so that whoever checks it does so once.
fn tables(words: u32) -> (String, String) {
    let (mut declared, mut filled) = (String::new(), String::new());
    for (word, four) in tables_of(words) {
        if four {
            _ = writeln!(declared, "var<workgroup> table{word}: array<vec4<u32>, /*lines*/>;");
            let lanes: Vec<String> = (word..word + 4).map(|word| found(word, "symbol")).collect();
            _ = writeln!(filled, "table{word}[symbol] = vec4<u32>({});", lanes.join(", "));
        } else {
            _ = writeln!(declared, "var<workgroup> table{word}: array<u32, /*lines*/>;");
            _ = writeln!(filled, "table{word}[symbol] = {};", found(word, "symbol"));
        }
    }
    (declared, filled)
}

fn found(word: u32, symbol: &str) -> String {
    format!("stands(strip * /*words*/u + {word}u, pattern, {symbol})")
}

/// `foundN`: the rows of word N that hold the symbol, read from the tables.
fn matches_from_tables(words: u32) -> String {
    let mut source = String::new();
    for (word, four) in tables_of(words) {
        if four {
            _ = writeln!(source, "let line{word} = table{word}[symbol];");
            for (lane, name) in (word..).zip(["x", "y", "z", "w"]) {
                _ = writeln!(source, "let found{lane} = line{word}.{name};");
            }
        } else {
            _ = writeln!(source, "let found{word} = table{word}[symbol];");
        }
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
    // So many times 64 columns are a workgroup's, where there is one strip.
    blocks: u32,
}

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> texts: array<vec2<u32>>;
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

/// One word of a column. `up` holds in its highest bit whether the row above rises, `down` is 1 if it falls; both are
/// left so for the word below. Shifted in by the pattern of a funnel shift and by an addition of three, which
/// hardware has instructions for.
const CELLS: &str = "
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
const STRIP: &str = "
            /*find*/
            /*state*/
            /*columns*/
            let above = strip * /*words*/u * 32u;
            /*sum*/
";

/// Four columns at once: `fours` words of the text from `at` on, then the `rest` that is left, of fewer than four.
const FOUR: &str = "
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

/// The columns of the only strip.
const WHOLE: &str = "
            {
                var at = text.x;
                let fours = length / 4u;
                let left = length & 3u;
                /*four*/
            }
";

/// The columns of one strip of several. Sixteen columns' differences along its lower edge are one word of edges.
const EDGED: &str = "
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

/// Rows by columns: the row is the workgroup's, the columns are the invocations'.
const SHARED: &str = "
/*tables*/

// The rows of a word of the pattern that hold a symbol.
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
        // Where there are several strips, a workgroup has one block.
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
        {
            /*strip*/
        }
    }
    distances[items[2u * lane + 1u].x] = u32(total);
}
";
