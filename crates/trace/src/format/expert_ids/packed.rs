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

/// What `NeMo` RL writes before type, shape and data.
const ENVELOPE: &[u8] = b"nrlre1:";

/// What to do about an envelope of another form.
const WRITE_ENVELOPE: &str =
    "Write it as NeMo RL does, `nrlre1:int16:TxLxK:base64:DATA`, or as nested lists.";

/// What to do about base85 that cannot be decoded.
const WRITE_BASE85: &str = "Write the array with Python's base64.b85encode, or as base64.";

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
    if let Some(envelope) = text.strip_prefix(ENVELOPE) {
        return open_envelope(envelope, place).map(Packed::Block);
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

/// Decodes what follows `nrlre1:`, as `NeMo` RL writes it: type, shape, encoding and data, `int16:9x4x2:base64:DATA`. Without
/// an encoding it is base64.
fn open_envelope(text: &[u8], place: usize) -> Result<Block, Fault> {
    let wrong = |found: String, expected: &str| malformed(place, found, expected, WRITE_ENVELOPE);
    let mut fields = text.splitn(4, |&byte| byte == b':');
    let (Some(dtype), Some(shape), Some(third)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(wrong("`nrlre1:` without type, shape and data".to_owned(), "all three"));
    };
    let (encoding, data) = match fields.next() {
        Some(data) => (third, data),
        None => (&b"base64"[..], third),
    };
    let dtype = String::from_utf8_lossy(dtype);
    let axes = std::str::from_utf8(shape).ok().and_then(|shape| {
        shape.split(['x', ',']).map(|axis| axis.parse::<u64>().ok()).collect::<Option<Vec<u64>>>()
    });
    let Some(shape) = axes else {
        let found = format!("the shape `{}`", shorten(&String::from_utf8_lossy(shape)));
        return Err(wrong(found, "tokens x layers x k, as `9x4x2`"));
    };
    match encoding {
        b"base64" | b"b64" => block(data, 0, &kind(&dtype), &dtype, &shape, place),
        b"base85" | b"b85" => {
            let bytes = base85(data, place)?;
            raw_block(&bytes, &kind(&dtype), &dtype, &shape, place)
        }
        other => {
            let found = format!("the encoding `{}`", shorten(&String::from_utf8_lossy(other)));
            Err(wrong(found, "base64 or base85"))
        }
    }
}

/// Decodes base85 with the alphabet of Python's `base64.b85encode`.
fn base85(text: &[u8], place: usize) -> Result<Vec<u8>, Fault> {
    const ALPHABET: &[u8; 85] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let mut bytes = Vec::with_capacity(text.len() / 5 * 4 + 4);
    for (i, group) in text.chunks(5).enumerate() {
        let mut value = 0_u64;
        for at in 0..5 {
            // Python fills the last group with the largest digit and drops as many bytes.
            let digit = match group.get(at) {
                None => Some(84),
                Some(byte) => ALPHABET.iter().position(|letter| letter == byte),
            };
            let Some(digit) = digit else {
                let byte = group.get(at).copied().unwrap_or(0);
                let found = format!("`{}` as character {}", char::from(byte).escape_default(), 5 * i + at);
                return Err(malformed(place, found, "base85", WRITE_BASE85));
            };
            value = value * 85 + digit as u64;
        }
        let Some(whole) = u32::try_from(value).ok().filter(|_| group.len() > 1) else {
            let expected = "five characters that stand for four bytes";
            return Err(malformed(place, format!("group {i} of base85"), expected, WRITE_BASE85));
        };
        bytes.extend(whole.to_be_bytes().iter().take(group.len() - 1));
    }
    Ok(bytes)
}

/// Ids of bytes that are decoded already.
fn raw_block(bytes: &[u8], dtype: &Dtype, name: &str, shape: &[u64], place: usize) -> Result<Block, Fault> {
    let (axes, size) = axes(dtype, name, shape, place)?;
    check_length((bytes.len(), "base85"), 0, size, name, shape, place)?;
    let mut ids = Vec::with_capacity(bytes.len() / size as usize);
    widen(bytes, dtype, &mut ids).map_err(|fault| Fault {
        at: Some(place),
        place: format!("value {}", fault.at.unwrap_or(0)),
        ..fault
    })?;
    Block::shaped(ids, axes, place)
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
    let (Some(shape), Some(text)) = (shape, data) else {
        return Err(malformed(
            place,
            "an object without both of `shape` and `data`".to_owned(),
            "both",
            "Write the object as the server returns it.",
        ));
    };
    if text.starts_with(NPY) {
        return npy(&text, place);
    }
    let bytes = match encoding.as_deref() {
        None | Some("base64") => None,
        Some("base85" | "b85") => Some(base85(&text, place)?),
        Some(other) => {
            let found = format!("encoding `{}`", shorten(other));
            return Err(malformed(place, found, "base64 or base85", "Write the array as base64."));
        }
    };
    let len = match &bytes {
        Some(bytes) => bytes.len(),
        None => unpacked_len(&text, place)?,
    };
    let dtype = match dtype {
        Some(dtype) => dtype,
        None => type_by_size(len, &shape, place)?.to_owned(),
    };
    match bytes {
        Some(bytes) => raw_block(&bytes, &kind(&dtype), &dtype, &shape, place),
        None => block(&text, 0, &kind(&dtype), &dtype, &shape, place),
    }
}

/// The type of ids in an object that does not name it (prime-rl), by bytes per id. A single byte is unsigned; wider ids
/// are signed, so that -1 stays what was not recorded.
fn type_by_size(bytes: usize, shape: &[u64], place: usize) -> Result<&'static str, Fault> {
    let values = shape.iter().try_fold(1_u64, |values, &axis| values.checked_mul(axis));
    let values = values.filter(|&values| values > 0 && (bytes as u64).is_multiple_of(values));
    match values.map(|values| bytes as u64 / values) {
        Some(1) => Ok("uint8"),
        Some(2) => Ok("int16"),
        Some(4) => Ok("int32"),
        Some(8) => Ok("int64"),
        _ => Err(malformed(
            place,
            format!("{bytes} bytes without a `dtype` for the shape {}", shape_text(shape)),
            "1, 2, 4 or 8 bytes per id",
            "Write `dtype` beside `shape` and `data`.",
        )),
    }
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
    let (axes, size) = axes(dtype, name, shape, place)?;
    let there = unpacked_len(text, place)?;
    check_length((there, "base64"), skip, size, name, shape, place)?;
    // The text is in memory, so its length fits an index.
    let ids = unpack(text, skip, dtype, (there - skip) / size as usize, place)?;
    Block::shaped(ids, axes, place)
}

/// The axes of an array `[tokens, layers, k]`, and the bytes of one id.
fn axes(dtype: &Dtype, name: &str, shape: &[u64], place: usize) -> Result<([usize; 3], u64), Fault> {
    let &[tokens, layers, k] = shape else {
        return Err(malformed(
            place,
            format!("an array of shape {}", shape_text(shape)),
            "three axes [tokens, layers, k]",
            "Reshape the array before encoding it.",
        ));
    };
    match dtype {
        Dtype::Int(size) | Dtype::Uint(size) => {
            Ok(([tokens as usize, layers as usize, k as usize], u64::from(*size)))
        }
        _ => Err(malformed(
            place,
            format!("an array of type {}", shorten(name)),
            "little-endian integers",
            "Write the ids as int16 or int32.",
        )),
    }
}

/// Checks that there are as many bytes as type and shape need.
fn check_length(
    (there, encoding): (usize, &str),
    skip: usize,
    size: u64,
    name: &str,
    shape: &[u64],
    place: usize,
) -> Result<(), Fault> {
    let values = shape.iter().try_fold(1_u64, |values, &axis| values.checked_mul(axis));
    let bytes =
        values.and_then(|values| values.checked_mul(size)).and_then(|bytes| bytes.checked_add(skip as u64));
    if bytes == Some(there as u64) {
        return Ok(());
    }
    let header = if skip > 0 { " with its header" } else { "" };
    let expected = format!("as many as {} {} needs{header}", shorten(name), shape_text(shape));
    Err(damaged(place, format!("{encoding} of {there} bytes"), &expected))
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
