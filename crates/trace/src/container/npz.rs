//! NumPy's npz: a zip archive of npy arrays
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::collections::BTreeMap;

use crate::{
    archive::zip::Member,
    container::tensors::{Dtype, Place, TensorFile, TensorInfo, shape_text},
    error::Error,
    io::source::Source,
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
    for member in members {
        let Some(name) = member.name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let info = array(&source, &name, member).await?;
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
    Ok(TensorFile { source, tensors, metadata: BTreeMap::new(), container: "npz" })
}

/// Opens a single array, as `numpy.save` writes it: a file of one tensor, which gets the file's
/// name.
///
/// # Errors
/// [`Error::Tensor`] when its header does not follow the format.
pub async fn single(source: Source) -> Result<TensorFile, Error> {
    let path = source.name().split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_owned();
    let head = source.read(0, source.len().min(MAX_HEADER as u64 + 12) as usize).await?;
    let (dtype, shape, header) = described(&source, &name, &head, source.len())?;
    let info = TensorInfo { name: name.clone(), dtype, shape, place: Place::Plain(header) };
    Ok(TensorFile {
        source,
        tensors: BTreeMap::from([(name, info)]),
        metadata: BTreeMap::new(),
        container: "npy",
    })
}

async fn array(source: &Source, name: &str, member: Member) -> Result<TensorInfo, Error> {
    let head = member.prefix(source, MAX_HEADER + 12).await?;
    let (dtype, shape, header) = described(source, name, &head, member.size)?;
    let place = Place::Archived { member, header };
    Ok(TensorInfo { name: name.to_owned(), dtype, shape, place })
}

/// Type and shape of an array and the length of its header in bytes, checked against the array's
/// `size` in bytes.
fn described(source: &Source, name: &str, head: &[u8], size: u64) -> Result<(Dtype, Vec<u64>, u64), Error> {
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
    if fortran && shape.len() > 1 {
        return Err(wrong(
            "Fortran order (columns first)".to_owned(),
            "C order (rows first)",
            "Write numpy.ascontiguousarray(array).",
        ));
    }
    let dtype = dtype(&descr);
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
    Ok((dtype, shape, header_len))
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
