//! Arrays of ids as servers put them into JSON: base64 of a `.npy` file (vLLM), an object with
//! encoding, type, shape and data (vLLM), or base64 of raw 32-bit integers without a shape
//! (SGLang). They are decoded some KiB at a time into ids of two bytes, so that the decoded array
//! is never in memory together with its text.

use std::borrow::Cow;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    container::{
        npz::{self, NpyHeader},
        tensors::{Dtype, shape_text},
    },
    format::expert_ids::{
        block::{Block, MAX_ID, narrow},
        scan::{Fault, Scan},
    },
    text::shorten,
};

/// Accepts base64 with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters decoded at once; four make three bytes.
const PIECE: usize = 16_384;

/// The first characters of the base64 of an `.npy` file.
const NPY: &[u8] = b"k05VTVBZ";

/// What to do about base64 that cannot be decoded.
const WRITE_BASE64: &str = "Write the server's response again, with the complete base64 text.";

/// Ids in one of the packed forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packed {
    /// With shape.
    Block(Block),
    /// Without shape, which has to be inferred.
    Flat(Vec<u16>),
}

/// Decodes a string: an `.npy` file if its first bytes say so, raw integers otherwise.
///
/// # Errors
/// With the column of the string when it is not base64, or has a wrong size or type.
pub fn text(scan: &mut Scan<'_>) -> Result<Packed, Fault> {
    scan.peek();
    let place = scan.place();
    let text = plain(scan.string()?);
    if text.starts_with(NPY) {
        return npy(&text, place).map(Packed::Block);
    }
    let bytes = unpacked_len(&text, place)?;
    if bytes % 4 != 0 {
        return Err(malformed(
            place,
            format!("base64 of {bytes} bytes"),
            "32-bit integers, four bytes each",
            "Write the ids as the server returns them, or as an npy file.",
        ));
    }
    unpack(&text, 0, &Dtype::Int(4), bytes / 4, place).map(Packed::Flat)
}

/// Decodes an object with `encoding`, `dtype`, `shape` and `data`.
///
/// # Errors
/// When a field is missing, or the fields do not agree.
pub fn object(scan: &mut Scan<'_>) -> Result<Block, Fault> {
    scan.peek();
    let place = scan.place();
    let (mut encoding, mut dtype, mut shape, mut data) =
        (None::<String>, None::<String>, None::<Vec<u64>>, None);
    scan.object(|scan, key| {
        match key {
            b"encoding" => encoding = Some(scan.parse("a name, as \"base64\"")?),
            b"dtype" => dtype = Some(scan.parse("a type, as \"int16\"")?),
            b"shape" => shape = Some(scan.parse("a list [tokens, layers, k]")?),
            b"data" => data = Some(plain(scan.string()?)),
            _ => drop(scan.value()?),
        }
        Ok(())
    })?;
    let (Some(dtype), Some(shape), Some(text)) = (dtype, shape, data) else {
        return Err(malformed(
            place,
            "an object without all of `dtype`, `shape` and `data`".to_owned(),
            "all three",
            "Write the object as the server returns it.",
        ));
    };
    if encoding.as_deref().is_some_and(|encoding| encoding != "base64") {
        let found = format!("encoding `{}`", shorten(encoding.as_deref().unwrap_or_default()));
        return Err(malformed(place, found, "base64", "Write the array as base64."));
    }
    let kind = kind(&dtype);
    if text.starts_with(NPY) {
        return npy(&text, place);
    }
    block(&text, 0, &kind, &dtype, &shape, place)
}

/// The type by NumPy's long or short name.
fn kind(name: &str) -> Dtype {
    match name.trim_start_matches("torch.").trim_start_matches("np.") {
        "int8" => Dtype::Int(1),
        "int16" => Dtype::Int(2),
        "int32" => Dtype::Int(4),
        "int64" => Dtype::Int(8),
        "uint8" => Dtype::Uint(1),
        "uint16" => Dtype::Uint(2),
        "uint32" => Dtype::Uint(4),
        "uint64" => Dtype::Uint(8),
        other => npz::dtype(other),
    }
}

fn npy(text: &[u8], place: usize) -> Result<Block, Fault> {
    let mut head = vec![0; PIECE];
    let start = text.get(..text.len().min(PIECE)).unwrap_or_default();
    let len = decode(start, &mut head, place, 0)?;
    let Some((NpyHeader { descr, fortran, shape }, skip)) =
        npz::npy_header(head.get(..len).unwrap_or_default())
    else {
        return Err(malformed(
            place,
            "base64 of an npy file without a readable header".to_owned(),
            "an array as numpy.save writes it",
            "Write the array with numpy.save before encoding it.",
        ));
    };
    if fortran && shape.iter().filter(|&&axis| axis > 1).count() > 1 {
        return Err(malformed(
            place,
            "an npy file in Fortran order (columns first)".to_owned(),
            "C order (rows first)",
            "Write numpy.ascontiguousarray(array).",
        ));
    }
    block(text, skip as usize, &npz::dtype(&descr), &descr, &shape, place)
}

fn block(
    text: &[u8],
    skip: usize,
    dtype: &Dtype,
    name: &str,
    shape: &[u64],
    place: usize,
) -> Result<Block, Fault> {
    let &[tokens, layers, k] = shape else {
        return Err(malformed(
            place,
            format!("an array of shape {}", shape_text(shape)),
            "three axes [tokens, layers, k]",
            "Reshape the array before encoding it.",
        ));
    };
    let size = match dtype {
        Dtype::Int(size) | Dtype::Uint(size) => u64::from(*size),
        _ => {
            return Err(malformed(
                place,
                format!("an array of type {}", shorten(name)),
                "little-endian integers",
                "Write the ids as int16 or int32.",
            ));
        }
    };
    let values = tokens.checked_mul(layers).and_then(|rows| rows.checked_mul(k));
    let bytes =
        values.and_then(|values| values.checked_mul(size)).and_then(|bytes| bytes.checked_add(skip as u64));
    let there = unpacked_len(text, place)?;
    if bytes != Some(there as u64) {
        return Err(damaged(
            place,
            format!("base64 of {there} bytes"),
            &format!(
                "as many as {} {} needs{}",
                shorten(name),
                shape_text(shape),
                if skip > 0 { " with its header" } else { "" }
            ),
        ));
    }
    // The text is in memory, so its length fits an index.
    let ids = unpack(text, skip, dtype, (there - skip) / size as usize, place)?;
    Block::shaped(ids, [tokens as usize, layers as usize, k as usize], place)
}

/// The fault that the array does not follow its format.
fn malformed(place: usize, found: String, expected: &str, advice: &'static str) -> Fault {
    Fault { at: Some(place), place: String::new(), found, expected: expected.to_owned(), advice }
}

/// The fault that the array does not have its declared length.
fn damaged(place: usize, found: String, expected: &str) -> Fault {
    malformed(
        place,
        found,
        expected,
        "The array is damaged or cut off; copy or download the file again, or write the server's response again.",
    )
}

/// The string without escapes: some writers put a backslash before each `/` of base64.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.iter().copied().filter(|&byte| byte != b'\\').collect())
}

/// The number of bytes that base64 decodes to.
fn unpacked_len(text: &[u8], place: usize) -> Result<usize, Fault> {
    let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let len = text.len() - padding;
    match len % 4 {
        0 => Ok(len / 4 * 3),
        2 => Ok(len / 4 * 3 + 1),
        3 => Ok(len / 4 * 3 + 2),
        _ => Err(malformed(
            place,
            format!("base64 of {len} characters"),
            "groups of four characters",
            WRITE_BASE64,
        )),
    }
}

fn decode(text: &[u8], into: &mut [u8], place: usize, before: usize) -> Result<usize, Fault> {
    BASE64.decode_slice(text, into).map_err(|error| {
        let words = match error {
            base64::DecodeSliceError::DecodeError(
                base64::DecodeError::InvalidByte(at, byte) | base64::DecodeError::InvalidLastSymbol(at, byte),
            ) => format!("`{}` as character {}", char::from(byte).escape_default(), before + at),
            _ => "an incomplete group of characters".to_owned(),
        };
        malformed(place, words, "base64", WRITE_BASE64)
    })
}

/// Decodes base64 from byte `skip` on. `values`, the number of values, has been checked.
fn unpack(text: &[u8], skip: usize, dtype: &Dtype, values: usize, place: usize) -> Result<Vec<u16>, Fault> {
    let mut ids = Vec::with_capacity(values);
    let size = match dtype {
        Dtype::Int(size) | Dtype::Uint(size) => usize::from(*size),
        _ => 1,
    };
    // The first bytes of a value that spans two pieces are kept for the next piece.
    let mut bytes = vec![0_u8; 8 + PIECE];
    let (mut kept, mut skip) = (0, skip);
    for (i, piece) in text.chunks(PIECE).enumerate() {
        let space = bytes.get_mut(kept..).unwrap_or_default();
        let end = kept + decode(piece, space, place, i * PIECE)?;
        let start = skip.min(end);
        skip -= start;
        let whole = start + (end - start) / size * size;
        let there = bytes.get(start..whole).unwrap_or_default();
        let before = ids.len();
        widen(there, dtype, &mut ids).map_err(|fault| Fault {
            at: Some(place),
            place: format!("value {}", before + fault.at.unwrap_or(0)),
            ..fault
        })?;
        bytes.copy_within(whole..end, 0);
        kept = end - whole;
    }
    Ok(ids)
}

fn widen(bytes: &[u8], dtype: &Dtype, ids: &mut Vec<u16>) -> Result<(), Fault> {
    fn push(ids: &mut Vec<u16>, values: impl Iterator<Item = i64> + Clone) -> Result<(), Fault> {
        let mut sound = true;
        // A missing id is -1 in two bytes.
        ids.extend(values.clone().map(|value| {
            sound &= (-1..=i64::from(MAX_ID)).contains(&value);
            value as u16
        }));
        if sound {
            return Ok(());
        }
        for (i, value) in values.enumerate() {
            narrow(value).map_err(|fault| Fault { at: Some(i), ..fault })?;
        }
        Ok(())
    }
    match dtype {
        Dtype::Int(1) => push(ids, bytes.iter().map(|&byte| i64::from(byte as i8))),
        Dtype::Int(2) => push(ids, bytes.as_chunks().0.iter().map(|&b| i64::from(i16::from_le_bytes(b)))),
        Dtype::Int(4) => push(ids, bytes.as_chunks().0.iter().map(|&b| i64::from(i32::from_le_bytes(b)))),
        Dtype::Int(_) => push(ids, bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b))),
        Dtype::Uint(2) => push(ids, bytes.as_chunks().0.iter().map(|&b| i64::from(u16::from_le_bytes(b)))),
        Dtype::Uint(4) => push(ids, bytes.as_chunks().0.iter().map(|&b| i64::from(u32::from_le_bytes(b)))),
        // Values beyond i64 are negative as signed ones, and are rejected as such.
        Dtype::Uint(8) => push(ids, bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b).max(-2))),
        _ => push(ids, bytes.iter().map(|&byte| i64::from(byte))),
    }
}
