//! The footer of a Parquet file: rows, columns, and where each column's bytes are
//! (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).

use crate::container::parquet::thrift::{Kind, Reader, Visited};

/// The most columns times row groups that a file may have, and the most entries of any list.
const MAX_CHUNKS: usize = 1 << 16;

/// Types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    /// `INT32`.
    Int32,
    /// `INT64`.
    Int64,
    /// `FLOAT`.
    Float,
    /// `DOUBLE`.
    Double,
    /// `FIXED_LEN_BYTE_ARRAY(2)` with the logical type `FLOAT16`.
    Half,
    /// `BYTE_ARRAY`, read as text.
    Text,
    /// Any other `FIXED_LEN_BYTE_ARRAY`, by its length. Not read.
    Fixed(i64),
    /// Numbers with the logical type `DECIMAL`. Not read.
    Decimal,
    /// Any other type, by its number in the format. Not read.
    Other(i64),
}

impl Physical {
    fn of(element: &Element) -> Self {
        // Logical types 5 and 15 are DECIMAL and FLOAT16; 5 is also the older code of DECIMAL.
        let decimal = element.logical == Some(5) || element.converted == Some(5);
        match element.physical {
            Some(1 | 2 | 7) if decimal => Self::Decimal,
            Some(1) => Self::Int32,
            Some(2) => Self::Int64,
            Some(4) => Self::Float,
            Some(5) => Self::Double,
            Some(6) => Self::Text,
            Some(7) if element.length == 2 && element.logical == Some(15) => Self::Half,
            Some(7) => Self::Fixed(element.length),
            other => Self::Other(other.unwrap_or(-1)),
        }
    }

    /// Whether its values are whole numbers.
    #[must_use]
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int32 | Self::Int64)
    }

    /// Whether its values are whole numbers or floats.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int32 | Self::Int64 | Self::Float | Self::Double | Self::Half)
    }

    /// Whether its values are numbers or texts that are read.
    #[must_use]
    pub fn is_read(self) -> bool {
        !matches!(self, Self::Fixed(_) | Self::Decimal | Self::Other(_))
    }

    /// The type for messages.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Int32 | Self::Int64 => "whole numbers".to_owned(),
            Self::Float | Self::Double | Self::Half => "floats".to_owned(),
            Self::Text => "texts (BYTE_ARRAY)".to_owned(),
            Self::Fixed(length) => {
                format!("values of {length} bytes without a type of number (FIXED_LEN_BYTE_ARRAY)")
            }
            Self::Decimal => "decimal numbers (DECIMAL)".to_owned(),
            Self::Other(0) => "truth values (BOOLEAN)".to_owned(),
            Self::Other(3) => "times (INT96)".to_owned(),
            Self::Other(kind) => format!("values of type {kind}"),
        }
    }
}

/// Bytes of one column in one row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Number of the codec in the format.
    pub codec: i64,
    /// Values, nulls included.
    pub values: u64,
    /// First byte, which is that of the dictionary if there is one.
    pub start: u64,
    /// Length in bytes, including headers of pages.
    pub len: u64,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its path: `["indices", "list", "element"]`.
    pub path: Vec<String>,
    /// Type of its values.
    pub physical: Physical,
    /// The definition level of a value that is not null.
    pub max_definition: u32,
    /// The number of nested lists: 1 for a list.
    pub max_repetition: u32,
    /// One chunk per row group.
    pub chunks: Vec<Chunk>,
}

/// Rows and columns of a Parquet file, from its footer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footer {
    /// Total number of rows.
    pub rows: u64,
    /// The columns.
    pub columns: Vec<Column>,
}

/// One node of the schema as written, in depth-first order.
#[derive(Default)]
struct Element {
    physical: Option<i64>,
    /// Bytes of a `FIXED_LEN_BYTE_ARRAY`.
    length: i64,
    /// The logical type in its older form.
    converted: Option<i64>,
    /// The logical type, by its number in the union.
    logical: Option<i64>,
    repetition: i64,
    name: String,
    children: u64,
}

fn list_of<'a, T>(
    reader: &mut Reader<'a>,
    wanted: Kind,
    mut read: impl FnMut(&mut Reader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let (kind, len) = reader.list()?;
    if (kind != wanted && len > 0) || len > MAX_CHUNKS {
        return None;
    }
    let mut list = Vec::new();
    for _ in 0..len {
        list.push(read(reader)?);
    }
    Some(list)
}

fn element(reader: &mut Reader<'_>) -> Option<Element> {
    let mut element = Element::default();
    reader.fields(|reader, field, kind| {
        match (field, kind) {
            (1, Kind::Int) => element.physical = Some(reader.int()?),
            (2, Kind::Int) => element.length = reader.int()?,
            (3, Kind::Int) => element.repetition = reader.int()?,
            (4, Kind::Binary) => element.name = reader.text()?,
            (5, Kind::Int) => element.children = reader.count()?,
            (6, Kind::Int) => element.converted = Some(reader.int()?),
            (10, Kind::Struct) => reader.fields(|_, field, _| {
                element.logical = Some(field);
                Some(Visited::Skipped)
            })?,
            _ => return Some(Visited::Skipped),
        }
        Some(Visited::Read)
    })?;
    Some(element)
}

fn chunk(reader: &mut Reader<'_>) -> Option<Chunk> {
    let mut found = None;
    reader.fields(|reader, field, kind| {
        if (field, kind) != (3, Kind::Struct) {
            return Some(Visited::Skipped);
        }
        let mut chunk = Chunk { codec: 0, values: 0, start: 0, len: 0 };
        let mut dictionary = None;
        reader.fields(|reader, field, kind| {
            match (field, kind) {
                (4, Kind::Int) => chunk.codec = reader.int()?,
                (5, Kind::Int) => chunk.values = reader.count()?,
                (7, Kind::Int) => chunk.len = reader.count()?,
                (9, Kind::Int) => chunk.start = reader.count()?,
                (11, Kind::Int) => dictionary = Some(reader.count()?),
                _ => return Some(Visited::Skipped),
            }
            Some(Visited::Read)
        })?;
        // Some writers leave the dictionary's offset at 0, where the file's magic is.
        if let Some(dictionary) = dictionary.filter(|&at| at > 0) {
            chunk.start = chunk.start.min(dictionary);
        }
        found = Some(chunk);
        Some(Visited::Read)
    })?;
    found
}

fn row_group(reader: &mut Reader<'_>) -> Option<Vec<Chunk>> {
    let mut chunks = Vec::new();
    reader.fields(|reader, field, kind| {
        if (field, kind) != (1, Kind::List) {
            return Some(Visited::Skipped);
        }
        chunks = list_of(reader, Kind::Struct, chunk)?;
        Some(Visited::Read)
    })?;
    Some(chunks)
}

/// Collects the leaves below a node. The depth is limited so that no schema overflows the stack.
fn leaves(
    elements: &mut std::vec::IntoIter<Element>,
    count: u64,
    above: &(Vec<String>, u32, u32),
    columns: &mut Vec<Column>,
) -> Option<()> {
    if above.0.len() > 8 {
        return None;
    }
    for _ in 0..count {
        let element = elements.next()?;
        let (mut path, mut definition, mut repetition) = above.clone();
        let physical = Physical::of(&element);
        path.push(element.name);
        // 0 required, 1 optional, 2 repeated.
        definition += u32::from(element.repetition != 0);
        repetition += u32::from(element.repetition == 2);
        if element.children > 0 {
            leaves(elements, element.children, &(path, definition, repetition), columns)?;
            continue;
        }
        columns.push(Column {
            path,
            physical,
            max_definition: definition,
            max_repetition: repetition,
            chunks: Vec::new(),
        });
    }
    Some(())
}

/// Parses a footer; `None` when it does not follow the format or exceeds [`MAX_CHUNKS`].
pub fn parse(bytes: &[u8]) -> Option<Footer> {
    let mut footer = Footer::default();
    let mut elements = Vec::new();
    let mut groups = Vec::new();
    Reader::new(bytes).fields(|reader, field, kind| {
        match (field, kind) {
            (2, Kind::List) => elements = list_of(reader, Kind::Struct, element)?,
            (3, Kind::Int) => footer.rows = reader.count()?,
            (4, Kind::List) => groups = list_of(reader, Kind::Struct, row_group)?,
            _ => return Some(Visited::Skipped),
        }
        Some(Visited::Read)
    })?;
    let mut elements = elements.into_iter();
    let root = elements.next()?;
    leaves(&mut elements, root.children, &(Vec::new(), 0, 0), &mut footer.columns)?;
    if footer.columns.len().checked_mul(groups.len())? > MAX_CHUNKS {
        return None;
    }
    for group in groups {
        if group.len() != footer.columns.len() {
            return None;
        }
        for (column, chunk) in footer.columns.iter_mut().zip(group) {
            column.chunks.push(chunk);
        }
    }
    Some(footer)
}
