//! NumPy's npz: a zip archive of npy arrays
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::collections::BTreeMap;

use crate::{
    archive::zip::Member,
    container::{
        layout::Layout,
        tensors::{Dtype, Place, TensorFile, TensorInfo, Transposed, shape_text},
    },
    error::Error,
    io::source::Source,
    numeric::numbers::bf16,
    text::shorten,
};

/// The longest npy header that is read, in bytes; NumPy itself refuses longer ones.
const MAX_HEADER: usize = 10_000;

/// Opens the arrays of an archive by reading and checking their headers. Other members are ignored.
///
/// # Errors
/// [`Error::Format`] or [`Error::Tensor`] when the archive or a header does not follow its format.
pub async fn from_members(source: Source, members: Vec<Member>) -> Result<TensorFile, Error> {
    let mut tensors = BTreeMap::new();
    let mut untyped = Vec::new();
    for member in members {
        let Some(name) = member.name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let head = member.prefix(&source, MAX_HEADER + 12).await?;
        let array = array(&source, &name, &head, member.size)?;
        untyped.extend(array.untyped.then(|| name.clone()));
        let info = array.info(&name, |header| Place::Archived { member, header });
        if tensors.insert(name.clone(), info).is_some() {
            return Err(Error::Format {
                name: source.name().to_owned(),
                part: "archive directory".to_owned(),
                found: format!("two arrays called `{}`", shorten(&name)),
                expected: "each name once".to_owned(),
                advice: "Write the arrays again with numpy.savez.",
            });
        }
    }
    Ok(file(source, tensors, "npz", &untyped))
}

/// Opens a single array, as `numpy.save` writes it: a file of one tensor, which gets the file's
/// name.
///
/// # Errors
/// [`Error::Tensor`] when its header does not follow the format.
pub async fn single(source: Source) -> Result<TensorFile, Error> {
    let path = source.name().split(['?', '#']).next().unwrap_or_default();
    let base = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_owned();
    let head = source.read(0, source.len().min(MAX_HEADER as u64 + 12) as usize).await?;
    let array = array(&source, &name, &head, source.len())?;
    let untyped: Vec<String> = array.untyped.then(|| name.clone()).into_iter().collect();
    let info = array.info(&name, Place::Plain);
    Ok(file(source, BTreeMap::from([(name, info)]), "npy", &untyped))
}

/// A file of these arrays; those of `untyped` bytes were taken for bfloat16.
fn file(
    source: Source,
    tensors: BTreeMap<String, TensorInfo>,
    container: &'static str,
    untyped: &[String],
) -> TensorFile {
    let shown: Vec<String> = untyped.iter().take(4).map(|name| format!("`{}`", shorten(name))).collect();
    let more = if untyped.len() > 4 { format!(" and {} more", untyped.len() - 4) } else { String::new() };
    let notes = (!untyped.is_empty()).then(|| {
        format!(
            "{}: {}{more} read as bfloat16. NumPy saves that type as 2 bytes without a type (V2); the values fit it. Write \
             float32 to be sure.",
            source.name(),
            shown.join(", ")
        )
    });
    TensorFile {
        source,
        tensors,
        metadata: BTreeMap::new(),
        container,
        notes: notes.into_iter().collect(),
        transposed: Transposed::default(),
    }
}

/// The header of an array, checked against the length of the array.
struct Array {
    dtype: Dtype,
    shape: Vec<u64>,
    layout: Layout,
    /// Length of the header in bytes.
    header: u64,
    /// Whether the header names no type, and the values fit bfloat16.
    untyped: bool,
}

impl Array {
    fn info(self, name: &str, place: impl FnOnce(u64) -> Place) -> TensorInfo {
        let Self { dtype, shape, layout, header, .. } = self;
        TensorInfo { name: name.to_owned(), dtype, shape, place: place(header), layout }
    }
}

/// Reads the header of an array of `size` bytes, of which `head` are the first.
fn array(source: &Source, name: &str, head: &[u8], size: u64) -> Result<Array, Error> {
    let wrong = |found: String, expected: &str, advice: &'static str| Error::Tensor {
        name: source.name().to_owned(),
        tensor: shorten(name),
        found,
        expected: expected.to_owned(),
        advice,
    };
    let Some((header, header_len)) = npy_header(head) else {
        return Err(wrong(
            "no readable npy header".to_owned(),
            "a header with descr, fortran_order and shape, as NumPy writes it",
            "Write the arrays again with numpy.savez.",
        ));
    };
    let NpyHeader { descr, fortran, shape } = header;
    let (mut dtype, big_endian) = ordered_dtype(&descr);
    let untyped = matches!(descr.as_str(), "|V2" | "<V2")
        && is_plausible_bf16(head.get(header_len as usize..).unwrap_or_default());
    if untyped {
        dtype = Dtype::Bf16;
    }
    if let Some(width) = dtype.size() {
        let bytes = shape.iter().try_fold(width, |product, &n| product.checked_mul(n));
        if bytes.and_then(|bytes| bytes.checked_add(header_len)) != Some(size) {
            return Err(wrong(
                format!("{size} bytes with the header"),
                &format!("as many as {descr} {} needs", shape_text(&shape)),
                "The array is damaged or cut off; copy or download the file again, or write it again with numpy.savez.",
            ));
        }
    }
    // With one long axis at most, both orders are the same.
    let columns_first = fortran && shape.iter().filter(|&&len| len > 1).count() > 1;
    Ok(Array { dtype, shape, layout: Layout { big_endian, columns_first }, header: header_len, untyped })
}

/// The type that NumPy's short name means, and whether its values are big-endian.
fn ordered_dtype(descr: &str) -> (Dtype, bool) {
    let Some(code) = descr.strip_prefix('>') else { return (dtype(descr), false) };
    match dtype(&format!("<{code}")) {
        Dtype::Other(_) => (Dtype::Other(descr.to_owned()), false),
        dtype => (dtype, true),
    }
}

/// Whether bytes without a type are bfloat16 by their values: all finite, and nearly all of a size that logits,
/// probabilities and losses have. Small integers would be subnormal.
fn is_plausible_bf16(bytes: &[u8]) -> bool {
    let (mut usual, mut others) = (0_usize, 0_usize);
    for &value in bytes.as_chunks().0 {
        let value = bf16(value).abs();
        if !value.is_finite() {
            return false;
        }
        if (1e-12..=1e6).contains(&value) {
            usual += 1;
        } else if value > 0.0 {
            others += 1;
        }
    }
    usual > 9 * others
}

/// The fields of an npy header.
pub struct NpyHeader {
    /// NumPy's short name of the type.
    pub descr: String,
    /// Whether columns come first.
    pub fortran: bool,
    /// The axes.
    pub shape: Vec<u64>,
}

/// The type of NumPy's short name.
pub fn dtype(descr: &str) -> Dtype {
    match descr {
        "<f2" => Dtype::F16,
        "<f4" => Dtype::F32,
        "<f8" => Dtype::F64,
        "|b1" => Dtype::Bool,
        "|i1" => Dtype::Int(1),
        "<i2" => Dtype::Int(2),
        "<i4" => Dtype::Int(4),
        "<i8" => Dtype::Int(8),
        "|u1" => Dtype::Uint(1),
        "<u2" => Dtype::Uint(2),
        "<u4" => Dtype::Uint(4),
        "<u8" => Dtype::Uint(8),
        other => Dtype::Other(other.to_owned()),
    }
}

/// Parses the header and returns it with its length in bytes. A header is a Python dictionary with
/// three known keys.
pub fn npy_header(bytes: &[u8]) -> Option<(NpyHeader, u64)> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (start, len) = match rest.first()? {
        1 => (10, usize::from(u16::from_le_bytes(*rest.get(2..)?.first_chunk()?))),
        2 | 3 => (12, u32::from_le_bytes(*rest.get(2..)?.first_chunk()?) as usize),
        _ => return None,
    };
    if len > MAX_HEADER {
        return None;
    }
    let text = std::str::from_utf8(bytes.get(start..start + len)?).ok()?;
    let descr = value_of(text, "descr")?;
    let descr = descr.strip_prefix(['\'', '"'])?;
    let descr = descr.get(..descr.find(['\'', '"'])?)?.to_owned();
    let fortran = value_of(text, "fortran_order")?.starts_with("True");
    let shape = value_of(text, "shape")?.strip_prefix('(')?;
    let shape = shape.get(..shape.find(')')?)?;
    let axes: Option<Vec<u64>> = shape
        .split(',')
        .map(str::trim)
        .filter(|axis| !axis.is_empty())
        .map(|axis| axis.parse().ok())
        .collect();
    Some((NpyHeader { descr, fortran, shape: axes? }, (start + len) as u64))
}

/// The text after `'key':`.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    ['\'', '"'].iter().find_map(|quote| {
        let quoted = format!("{quote}{key}{quote}");
        let rest = text.get(text.find(&quoted)? + quoted.len()..)?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes
    }

    #[test]
    fn headers_as_numpy_writes_them() {
        let bytes = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (384, 8), }      \n");
        let (header, len) = npy_header(&bytes).expect("a header");
        assert_eq!((header.descr.as_str(), header.fortran, header.shape), ("<f4", false, vec![384, 8]));
        assert_eq!(len as usize, bytes.len());
        let (scalar, _) =
            npy_header(&npy("{'descr': '<i8', 'fortran_order': False, 'shape': (), }")).expect("a header");
        assert!(scalar.shape.is_empty());
        let (vector, _) =
            npy_header(&npy("{'descr': '|b1', 'fortran_order': True, 'shape': (5,), }")).expect("a header");
        assert_eq!((vector.fortran, vector.shape), (true, vec![5]));
    }

    #[test]
    fn other_bytes_are_no_header() {
        assert!(npy_header(b"").is_none());
        assert!(npy_header(b"\x93NUMPY\x01\x00\xff\xff").is_none());
        assert!(
            npy_header(&npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }")).is_none()
        );
        assert!(npy_header(&npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }")).is_none());
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod fixture_tests {
    use std::{path::PathBuf, rc::Rc};

    use futures::executor::block_on;

    use crate::{
        container::{open_tensors, tensors::TensorFile},
        io::disk::FileSource,
    };

    fn open(file: &str) -> TensorFile {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/containers");
        let source = FileSource::open(folder.join(file)).expect("the fixture is there");
        block_on(open_tensors(Rc::new(source))).expect("arrays")
    }

    /// `tests/reference/containers.py` says which values the arrays have.
    #[test]
    fn every_layout_gives_values_with_the_last_axis_varying_fastest() {
        for name in ["layouts.npz", "layouts-deflated.npz"] {
            let file = open(name);
            assert_eq!(file.names().count(), 12);
            for tensor in file.tensors.values() {
                let all = tensor.values();
                for range in [0..all, 1..all - 1, all / 2..all / 2 + 2, all - 1..all, 0..0] {
                    let place = format!("{name} {} {range:?}", tensor.name);
                    if tensor.dtype.is_float() {
                        let expected: Vec<f32> = range.clone().map(|i| i as f32 / 4.0 - 1.0).collect();
                        assert_eq!(
                            block_on(file.floats(tensor, range.clone())).expect(&place),
                            expected,
                            "{place}"
                        );
                        let doubles: Vec<f64> = expected.into_iter().map(f64::from).collect();
                        assert_eq!(block_on(file.doubles(tensor, range)).expect(&place), doubles, "{place}");
                    } else {
                        let expected: Vec<i64> = range.clone().map(|i| (37 * i % 251) as i64).collect();
                        assert_eq!(
                            block_on(file.integers(tensor, range)).expect(&place),
                            expected,
                            "{place}"
                        );
                    }
                }
            }
            let [note] = file.notes.as_slice() else { panic!("{:?}", file.notes) };
            assert!(note.contains("`bfloat16`, `fortran_bfloat16` read as bfloat16"), "{note}");
        }
        let file = open("fortran.npy");
        let tensor = file.get("fortran").expect("its array");
        assert_eq!(block_on(file.floats(tensor, 3..5)).expect("values"), [-0.25, 0.0]);
    }

    #[test]
    fn integers_without_a_type_are_no_bfloat16() {
        let file = open("untyped-integers.npz");
        let tensor = file.get("router_logits_0").expect("its array");
        let error = block_on(file.floats(tensor, 0..1)).expect_err("no floats").to_string();
        assert!(error.contains("2 bytes without a type (|V2) [6,4]") && file.notes.is_empty(), "{error}");
    }

    #[test]
    fn object_arrays_are_refused_with_what_to_write_instead() {
        let file = open("objects.npz");
        let error = file.objects().expect("an object array").to_string();
        assert!(error.contains("`routing`: an object array [2], that is a pickle"), "{error}");
        assert!(error.contains("attention_mask"), "{error}");
        let opened = block_on(crate::open(Rc::clone(&file.source))).expect_err("nothing to read");
        assert_eq!(opened.to_string(), error);
    }
}
