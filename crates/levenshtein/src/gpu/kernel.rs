//! Shaders that compute distances: Myers' bit-parallel algorithm (1999) in Hyyrö's form (2003), one
//! pair per invocation, unrolled for a number of 32-row words that stay in registers.

use std::fmt::Write as _;

use super::shader::{CELLS, COMMON, EDGED, FOUR, OWN, SHARED, STRIP, WHOLE};

/// Invocations per workgroup.
pub(super) const GROUP: u32 = 64;

/// Most workgroups in one dimension of a dispatch, by the WebGPU specification.
pub(super) const MOST_GROUPS: u32 = 65_535;

/// Numbers of words for which shared-pattern kernels exist.
const WORDS: [u32; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16];

/// Least number of words of a strip, if the pattern has as many.
const WIDE: u32 = 4;

/// Parameters of a distance shader. Patterns with more rows than `words` hold are computed in
/// several strips, whose lower edges are stored in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kernel {
    pattern: Pattern,
    /// Words per strip.
    words: u32,
    /// Bit planes per symbol.
    planes: u32,
    /// Whether one strip is enough, so that no edges are stored.
    whole: bool,
}

/// Scope of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pattern {
    /// All invocations of a workgroup share a pattern. A table in workgroup memory has the
    /// positions of each symbol in it.
    Shared {
        /// Lines of the table, at least one per symbol.
        lines: u32,
    },
    /// Every invocation has its own pattern, whose bit planes it compares with each symbol of its
    /// text. No table, so any alphabet is possible.
    Own,
}

impl Kernel {
    /// Kernel for a shared pattern of `rows` symbols; `None` if a table for the alphabet does not
    /// fit into `bytes` of workgroup memory.
    pub(super) fn shared(rows: u32, alphabet: usize, planes: usize, bytes: u32) -> Option<Self> {
        // Alphabets of similar size share a kernel.
        let lines = (alphabet as u32).next_multiple_of(16).max(16);
        let needed = rows.div_ceil(32).max(1);
        // Narrow strips would build tables more often than they read them. Whether a table fits
        // must not depend on the rows: all rows of a block use the same kind of kernel.
        if 4 * WIDE * lines > bytes {
            return None;
        }
        let fits = |&words: &u32| 4 * words * lines <= bytes && words >= needed.min(WIDE);
        // A strip costs about half a word for its edges and its table. Even strips waste the fewest
        // words.
        let cost = |&words: &u32| needed.div_ceil(words) * (2 * words + u32::from(needed > words));
        let words = WORDS.into_iter().filter(fits).min_by_key(cost)?;
        let pattern = Pattern::Shared { lines };
        Some(Self { pattern, words, planes: planes as u32, whole: needed <= words })
    }

    /// Kernel for unrelated pairs whose longest pattern has `rows` symbols.
    pub(super) fn own(rows: u32, planes: usize) -> Self {
        // The planes stay in registers.
        let words = if planes <= 11 { 4 } else { 2 };
        Self { pattern: Pattern::Own, words, planes: planes as u32, whole: rows <= 32 * words }
    }

    /// Whether every pair has its own pattern.
    pub(super) fn is_own(self) -> bool {
        self.pattern == Pattern::Own
    }

    /// Number of strips of a pattern of `rows` symbols.
    pub(super) fn strips(self, rows: u32) -> u32 {
        rows.div_ceil(32 * self.words).max(1)
    }

    /// Words of edges for a pair with a text of `columns` symbols, if there are several strips.
    pub(super) fn edge_words(columns: u32) -> u64 {
        u64::from(columns.div_ceil(16))
    }

    /// WGSL source.
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
            // The first row of the matrix increases by one per column.
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

/// Tables of four words per line are read at once; remaining words have tables of one word per
/// line.
fn tables_of(words: u32) -> impl Iterator<Item = (u32, bool)> {
    let fours = words / 4 * 4;
    (0..fours).step_by(4).map(|word| (word, true)).chain((fours..words).map(|word| (word, false)))
}

/// Declarations of the tables, and the code that fills line `symbol`. Each table is an array of its
/// own: all are read at the same index, so that one bounds check is enough.
fn tables(words: u32) -> (String, String) {
    let (mut declared, mut filled) = (String::new(), String::new());
    for (word, four) in tables_of(words) {
        if four {
            _ = writeln!(declared, "var<workgroup> table{word}: array<vec4<u32>, /*lines*/>;");
            let lanes: Vec<String> = (word..word + 4).map(found).collect();
            _ = writeln!(filled, "table{word}[symbol] = vec4<u32>({});", lanes.join(", "));
        } else {
            _ = writeln!(declared, "var<workgroup> table{word}: array<u32, /*lines*/>;");
            _ = writeln!(filled, "table{word}[symbol] = {};", found(word));
        }
    }
    (declared, filled)
}

/// Expression for word `word` of a symbol's line in the table: the rows that have the symbol.
fn found(word: u32) -> String {
    format!("stands(strip * /*words*/u + {word}u, pattern, symbol)")
}

/// Declares `foundN`: the rows of word N with the symbol, read from the tables.
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

/// Declares `own_N_K`: plane K of word N of the invocation's own pattern.
fn own_planes(words: u32, planes: u32) -> String {
    let mut source = String::new();
    for word in 0..words {
        _ = writeln!(source, "let at{word} = pattern.z + (strip * {words}u + {word}u) * {planes}u;");
        for plane in 0..planes {
            // Beyond the pattern this reads other or no planes, which only affects rows that do not
            // count.
            _ = writeln!(source, "let own_{word}_{plane} = planes[at{word} + {plane}u];");
        }
    }
    source
}

/// Declares `foundN`: the rows of word N whose symbol has the same bit in every plane.
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
