//! Handmade Parquet files, and malformed packed files and archives, each with one error.

#![expect(dead_code, reason = "every test file uses only some of them")]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

use std::io::Write as _;

use super::common::fixture;

/// A file, its bytes, and words that its messages must contain.
type Case = (&'static str, Vec<u8>, &'static [&'static str]);

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A tar archive of plain headers, as any program writes it.
pub fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, data) in files {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend(header);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend([0; 1024]);
    bytes
}

/// How the values of a Parquet file are written.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Number of the codec: 0 none, 1 snappy, 2 gzip, 6 zstd.
    pub codec: u8,
    /// Whether pages are of version 2.
    pub second: bool,
    /// Whether values are indices into a dictionary.
    pub dictionary: bool,
    /// Rows per page.
    pub rows: usize,
}

/// A layer of routing with `indices` and `scores`, in one row group.
#[derive(Clone, Debug)]
pub struct Layer {
    pub indices: Vec<Vec<i64>>,
    pub scores: Vec<Vec<f32>>,
    /// The names of the two columns.
    pub names: [&'static str; 2],
    /// Number of rows in the footer, if it is wrong.
    pub claimed_rows: Option<i64>,
    /// Number of values of the first column in the footer, if it is wrong.
    pub claimed_values: Option<i64>,
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Thrift's compact protocol, fields in ascending order.
#[derive(Default)]
struct Fields {
    out: Vec<u8>,
    last: u8,
}

impl Fields {
    fn head(mut self, number: u8, kind: u8) -> Self {
        self.out.push((number - self.last) << 4 | kind);
        self.last = number;
        self
    }

    fn int(self, number: u8, value: i64) -> Self {
        let mut fields = self.head(number, 6);
        varint(((value << 1) ^ (value >> 63)).cast_unsigned(), &mut fields.out);
        fields
    }

    fn text(self, number: u8, text: &str) -> Self {
        let mut fields = self.head(number, 8);
        varint(text.len() as u64, &mut fields.out);
        fields.out.extend(text.as_bytes());
        fields
    }

    fn inner(self, number: u8, inner: Self) -> Self {
        let mut fields = self.head(number, 12);
        fields.out.extend(inner.end());
        fields
    }

    fn list(self, number: u8, entries: Vec<Self>) -> Self {
        let mut fields = self.head(number, 9);
        fields.out.push(0xfc);
        varint(entries.len() as u64, &mut fields.out);
        for entry in entries {
            fields.out.extend(entry.end());
        }
        fields
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}

/// Numbers of one bit each, in one group.
fn bits(values: &[u32], width: usize) -> Vec<u8> {
    let groups = values.len().div_ceil(8);
    let mut out = Vec::new();
    varint((groups as u64) << 1 | 1, &mut out);
    let mut bits: Vec<bool> =
        values.iter().flat_map(|&v| (0..width).map(move |bit| v >> bit & 1 == 1)).collect();
    bits.resize(groups * 8 * width, false);
    out.extend(
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0_u8, |sum, (at, &bit)| sum | u8::from(bit) << at)),
    );
    out
}

fn pack(codec: u8, bytes: &[u8]) -> Vec<u8> {
    match codec {
        1 => snap::raw::Encoder::new().compress_vec(bytes).expect("memory"),
        2 => gzip(bytes),
        6 => zstd(bytes),
        _ => bytes.to_vec(),
    }
}

fn column(form: Form, lists: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut out = Vec::new();
    let flat: Vec<&Vec<u8>> = lists.iter().flatten().collect();
    let mut known: Vec<&Vec<u8>> = flat.clone();
    known.sort();
    known.dedup();
    if form.dictionary {
        let plain: Vec<u8> = known.iter().flat_map(|value| value.iter().copied()).collect();
        let packed = pack(form.codec, &plain);
        let header = Fields::default()
            .int(1, 2)
            .int(2, plain.len() as i64)
            .int(3, packed.len() as i64)
            .inner(7, Fields::default().int(1, known.len() as i64).int(2, 0));
        out.extend(header.end());
        out.extend(packed);
    }
    for rows in lists.chunks(form.rows.max(1)) {
        let count: usize = rows.iter().map(Vec::len).sum();
        let begins: Vec<u32> =
            rows.iter().flat_map(|row| (0..row.len()).map(|at| u32::from(at > 0))).collect();
        // Three levels of two bits: for a null list, an empty list, and a null entry.
        let (repetition, definition) = (bits(&begins, 1), bits(&vec![3; count], 2));
        let values: Vec<u8> = if form.dictionary {
            let places: Vec<u32> = rows
                .iter()
                .flatten()
                .map(|value| known.binary_search(&value).expect("known") as u32)
                .collect();
            [vec![13], bits(&places, 13)].concat()
        } else {
            rows.iter().flatten().flatten().copied().collect()
        };
        let encoding = if form.dictionary { 8 } else { 0 };
        if form.second {
            let packed = pack(form.codec, &values);
            let levels = repetition.len() + definition.len();
            let about = Fields::default()
                .int(1, count as i64)
                .int(2, 0)
                .int(3, rows.len() as i64)
                .int(4, encoding)
                .int(5, definition.len() as i64)
                .int(6, repetition.len() as i64);
            let header = Fields::default()
                .int(1, 3)
                .int(2, (levels + values.len()) as i64)
                .int(3, (levels + packed.len()) as i64)
                .inner(8, about);
            out.extend(header.end());
            out.extend(repetition);
            out.extend(definition);
            out.extend(packed);
        } else {
            let mut page = Vec::new();
            for levels in [&repetition, &definition] {
                page.extend((levels.len() as u32).to_le_bytes());
                page.extend(levels);
            }
            page.extend(&values);
            let packed = pack(form.codec, &page);
            let header = Fields::default()
                .int(1, 0)
                .int(2, page.len() as i64)
                .int(3, packed.len() as i64)
                .int(4, i64::from(crc32fast::hash(&packed).cast_signed()))
                .inner(5, Fields::default().int(1, count as i64).int(2, encoding).int(3, 3).int(4, 3));
            out.extend(header.end());
            out.extend(packed);
        }
    }
    out
}

impl Layer {
    pub fn new(indices: Vec<Vec<i64>>, scores: Vec<Vec<f32>>) -> Self {
        Self { indices, scores, names: ["indices", "scores"], claimed_rows: None, claimed_values: None }
    }

    pub fn parquet(&self, form: Form) -> Vec<u8> {
        let raw_ids: Vec<Vec<Vec<u8>>> =
            self.indices.iter().map(|row| row.iter().map(|id| id.to_le_bytes().to_vec()).collect()).collect();
        let raw_scores: Vec<Vec<Vec<u8>>> =
            self.scores.iter().map(|row| row.iter().map(|s| s.to_le_bytes().to_vec()).collect()).collect();
        let mut bytes = b"PAR1".to_vec();
        let mut chunks = Vec::new();
        let mut schema = vec![Fields::default().text(4, "schema").int(5, 2)];
        for (at, (name, lists)) in self.names.iter().zip([&raw_ids, &raw_scores]).enumerate() {
            let start = bytes.len() as i64;
            let pages = column(form, lists);
            bytes.extend(&pages);
            let count: usize = lists.iter().map(Vec::len).sum();
            let claimed = self.claimed_values.filter(|_| at == 0).unwrap_or(count as i64);
            let mut about = Fields::default()
                .int(1, if at == 0 { 2 } else { 4 })
                .int(4, i64::from(form.codec))
                .int(5, claimed)
                .int(7, pages.len() as i64)
                .int(9, start);
            if form.dictionary {
                about = about.int(11, start);
            }
            chunks.push(Fields::default().int(2, start).inner(3, about));
            schema.push(Fields::default().int(3, 1).text(4, name).int(5, 1));
            schema.push(Fields::default().int(3, 2).text(4, "list").int(5, 1));
            schema.push(Fields::default().int(1, if at == 0 { 2 } else { 4 }).int(3, 1).text(4, "element"));
        }
        let rows = self.claimed_rows.unwrap_or(self.indices.len() as i64);
        let footer = Fields::default()
            .int(1, 2)
            .list(2, schema)
            .int(3, rows)
            .list(4, vec![Fields::default().list(1, chunks).int(2, 0).int(3, rows)])
            .end();
        bytes.extend(&footer);
        bytes.extend((footer.len() as u32).to_le_bytes());
        bytes.extend(b"PAR1");
        bytes
    }
}

pub const PLAIN: Form = Form { codec: 0, second: false, dictionary: false, rows: 100 };

fn layer() -> Layer {
    Layer::new(
        vec![vec![3, 1], vec![0, 2], vec![1, 0]],
        vec![vec![0.5, 0.25], vec![0.75, 0.125], vec![0.5, 0.5]],
    )
}

/// Malformed Parquet files.
fn parquet_cases() -> Vec<Case> {
    let whole = layer().parquet(PLAIN);
    let spoil = |at: usize, value: u8| {
        let mut bytes = whole.clone();
        bytes[at] = value;
        bytes
    };
    let with = |change: fn(&mut Layer)| {
        let mut layer = layer();
        change(&mut layer);
        layer.parquet(PLAIN)
    };
    let footer_len =
        u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().expect("four")) as usize;
    vec![
        (
            "layer_1.parquet",
            whole[..whole.len() - 30].to_vec(),
            &["error", "no Parquet footer", "Check that the file is complete"],
        ),
        (
            "footer-nonsense_1.parquet",
            spoil(whole.len() - 8 - footer_len, 0xff),
            &["error", "no readable file metadata"],
        ),
        (
            "page-spoiled_1.parquet",
            spoil(60, 9),
            &["error", "column `indices.list.element`, row group 0", "checksum does not match"],
        ),
        (
            "no-indices_1.parquet",
            with(|layer| layer.names = ["text", "label"]),
            &["unrelated", "`text`, `label`"],
        ),
        ("no-number.parquet", whole.clone(), &["error", "name: no number of a layer", "layer_02.parquet"]),
        (
            "rows-claimed_1.parquet",
            with(|layer| layer.claimed_rows = Some(4)),
            &["error", "3 rows", "4, as the footer declares"],
        ),
        (
            "values-claimed_1.parquet",
            with(|layer| layer.claimed_values = Some(1 << 40)),
            &["error", "1099511627776 values", "no more than the file can hold"],
        ),
        (
            "ragged_1.parquet",
            with(|layer| layer.indices[2] = vec![1, 0, 2]),
            &["error", "3 values in row 2", "expected 2"],
        ),
        (
            "twice_1.parquet",
            with(|layer| layer.indices[1] = vec![2, 2]),
            &["error", "expert 2 twice in row 1"],
        ),
        (
            "minus-one_1.parquet",
            with(|layer| layer.indices[0] = vec![-1, 2]),
            &["error", "expert -1 in row 0", "0 to 65534"],
        ),
        (
            "scores-raw_1.parquet",
            with(|layer| layer.scores[1] = vec![3.5, -1.0]),
            &["error", "column `scores`", "3.5 in row 1"],
        ),
        (
            "scores-nan_1.parquet",
            with(|layer| layer.scores[0] = vec![f32::NAN, 0.1]),
            &["error", "NaN in row 0"],
        ),
        (
            "scores-narrow_1.parquet",
            with(|layer| layer.scores = vec![vec![0.5]; 3]),
            &["error", "1 values per row", "2, one for each"],
        ),
    ]
}

/// An archive whose directory lists each of its members twenty times.
fn overlapping(archive: &[u8]) -> Vec<u8> {
    let place = |signature: &[u8]| archive.windows(4).position(|at| at == signature).expect("it is there");
    let (start, end) = (place(b"PK\x01\x02"), place(b"PK\x05\x06"));
    let directory = archive[start..end].repeat(20);
    let mut ending = archive[end..].to_vec();
    let count = u16::from(ending[10]) * 20;
    ending[8..10].copy_from_slice(&count.to_le_bytes());
    ending[10..12].copy_from_slice(&count.to_le_bytes());
    ending[12..16].copy_from_slice(&(directory.len() as u32).to_le_bytes());
    [&archive[..start], &directory, &ending].concat()
}

/// Zstd that declares a window of 128 MiB and fills it by repeating a byte, with four packed bytes
/// per 128 KiB.
fn wide_window() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3];
    for block in 0..40_u32 {
        let head = (1_u32 << 17) << 3 | 0b010 | u32::from(block == 39);
        frame.extend(head.to_le_bytes().into_iter().take(3));
        frame.push(b'x');
    }
    frame
}

/// Malformed packed files and archives.
fn archive_cases() -> Vec<Case> {
    let read = |name: &str| std::fs::read(fixture(&format!("archives/{name}"))).expect("fixture");
    let mut broken = read("step-1.safetensors.gz");
    let middle = broken.len() / 2;
    broken[middle] ^= 0xff;
    let cut = read("gnu.tar")[..3000].to_vec();
    let mut no_sum = read("gnu.tar");
    // Changes the header of the second file, whose first byte is part of its name.
    let second = no_sum.windows(17).position(|w| w == b"run/step-2/gates.").expect("the file");
    no_sum[second] = b'R';
    let mut locked = read("deflated.zip");
    for at in 0..locked.len() - 8 {
        if locked[at..].starts_with(b"PK\x01\x02") {
            locked[at + 8] |= 1;
        }
    }
    vec![
        ("broken.safetensors.gz", broken, &["error", "packed content: gzip data that cannot be unpacked"]),
        (
            "cut.safetensors.zst",
            read("step-1.safetensors.zst")[..60].to_vec(),
            &["error", "zstd data that cannot be unpacked"],
        ),
        (
            "bomb.jsonl.zst",
            read("zeros.zst"),
            &["error", "unpack to more than", "1100 times", "If you trust"],
        ),
        ("cut.tar", cut, &["error", "tar header at byte", "cut off"]),
        ("checksum.tar", no_sum, &["error", "tar header at byte", "checksum that does not match"]),
        ("locked.zip", locked, &["note", "encrypted", "without a password"]),
        (
            "nothing.zip",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
            &["note", "without files"],
        ),
        (
            "overlapping.zip",
            overlapping(&read("deflated.zip")),
            &["error", "archive directory", "do not overlap"],
        ),
        ("wide-window.jsonl.zst", wide_window(), &["error", "unpack to more than"]),
        ("three-deep.zip", read("three-deep.zip"), &["note", "an archive in an archive in an archive"]),
    ]
}

pub fn cases() -> Vec<Case> {
    [parquet_cases(), archive_cases()].concat()
}
