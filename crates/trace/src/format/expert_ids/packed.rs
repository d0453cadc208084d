//! Arrays of ids as servers put them into JSON: base64 of a `.npy` file (vLLM), an object with encoding, type, shape and
//! data (vLLM), base64 of raw 32-bit integers without a shape (SGLang). They are unpacked some KiB at a time into ids of
//! two bytes, so that the array itself never stands beside its text.

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

/// Padding at the end may be there or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters unpacked at once; four make three bytes.
const PIECE: usize = 16_384;

/// What NeMo RL writes before type, shape and data.
const ENVELOPE: &[u8] = b"nrlre1:";

/// What the base64 of every `.npy` file begins with.
const NPY: &[u8] = b"k05VTVBZ";

const DAMAGED: &str = "The text is damaged or cut off; write the server's answer again.";

/// Ids in one of the packed forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packed {
    /// With their shape.
    Block(Block),
    /// Without: the shape has to be found.
    Flat(Vec<u16>),
}

/// Unpacks a string: a `.npy` file by its first bytes, raw integers otherwise.
///
/// # Errors
/// With the place of the string when it is not base64, or not of the size or type that it should be.
pub fn text(scan: &mut Scan<'_>) -> Result<Packed, Fault> {
    scan.peek();
    let place = scan.place();
    let text = plain(scan.string()?);
    if text.starts_with(NPY) {
        return npy(&text, place).map(Packed::Block);
    }
    if let Some(envelope) = text.strip_prefix(ENVELOPE) {
        return unwrap_envelope(envelope, place).map(Packed::Block);
    }
    let bytes = unpacked_len(&text, place)?;
    if bytes % 4 != 0 {
        return Err(damaged(place, format!("base64 of {bytes} bytes"), "32-bit integers, four bytes each"));
    }
    unpack(&text, 0, &Dtype::Int(4), bytes / 4, place).map(Packed::Flat)
}

/// Unpacks what follows `nrlre1:`, as NeMo RL writes it: `int16:9x4x2:base64:DATA`. The encoding may be left out, and is
/// base64 then; `b85` is base85 as Python's `base64.b85encode` writes it.
fn unwrap_envelope(text: &[u8], place: usize) -> Result<Block, Fault> {
    let mut fields = text.splitn(4, |&byte| byte == b':');
    let (Some(dtype), Some(shape)) = (fields.next(), fields.next()) else {
        return Err(damaged(
            place,
            "`nrlre1:` without a type and a shape".to_owned(),
            "`nrlre1:int16:TxLxK:DATA`",
        ));
    };
    let (encoding, data) = match (fields.next(), fields.next()) {
        (Some(data), None) => (None, data),
        (Some(encoding), Some(data)) => (Some(encoding), data),
        (None, _) => {
            return Err(damaged(place, "`nrlre1:` without data".to_owned(), "`nrlre1:int16:TxLxK:DATA`"));
        }
    };
    let dtype = String::from_utf8_lossy(dtype);
    let axes = std::str::from_utf8(shape).ok().and_then(|shape| {
        shape.split(['x', ',']).map(|axis| axis.parse::<u64>().ok()).collect::<Option<Vec<u64>>>()
    });
    let Some(shape) = axes else {
        let found = format!("the shape `{}`", shorten(&String::from_utf8_lossy(shape)));
        return Err(damaged(place, found, "tokens x layers x k, as `9x4x2`"));
    };
    match encoding {
        None | Some(b"base64" | b"b64") => block(data, 0, &kind(&dtype), &dtype, &shape, place),
        Some(b"base85" | b"b85") => {
            let bytes = base85(data, place)?;
            raw_block(&bytes, &kind(&dtype), &dtype, &shape, place)
        }
        Some(other) => {
            let found = format!("the encoding `{}`", shorten(&String::from_utf8_lossy(other)));
            Err(damaged(place, found, "base64 or base85"))
        }
    }
}

/// Unpacks base85 with the alphabet of Python's `base64.b85encode`.
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
                return Err(damaged(place, found, "base85"));
            };
            value = value * 85 + digit as u64;
        }
        let whole = u32::try_from(value).ok().filter(|_| group.len() > 1);
        let Some(whole) = whole else {
            return Err(damaged(
                place,
                format!("group {i} of base85"),
                "five characters that stand for four bytes",
            ));
        };
        bytes.extend(whole.to_be_bytes().iter().take(group.len() - 1));
    }
    Ok(bytes)
}

/// Ids of bytes that are unpacked already.
fn raw_block(bytes: &[u8], dtype: &Dtype, name: &str, shape: &[u64], place: usize) -> Result<Block, Fault> {
    let (axes, size) = axes(dtype, name, shape, place)?;
    check_length(bytes.len(), 0, size, name, shape, place)?;
    let mut ids = Vec::with_capacity(bytes.len() / size as usize);
    widen(bytes, dtype, &mut ids).map_err(|fault| Fault {
        at: Some(place),
        place: format!("value {}", fault.at.unwrap_or(0)),
        ..fault
    })?;
    Block::shaped(ids, axes, place)
}

/// Unpacks an object with `encoding`, `dtype`, `shape` and `data`.
///
/// # Errors
/// When a field is missing, or they do not fit together.
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
        return Err(damaged(place, "an object without both of `shape` and `data`".to_owned(), "both"));
    };
    if encoding.as_deref().is_some_and(|encoding| !matches!(encoding, "base64" | "base85" | "b85")) {
        let found = format!("encoding `{}`", shorten(encoding.as_deref().unwrap_or_default()));
        return Err(damaged(place, found, "base64 or base85"));
    }
    if text.starts_with(NPY) {
        return npy(&text, place);
    }
    let base85ed = matches!(encoding.as_deref(), Some("base85" | "b85"));
    let bytes = if base85ed { Some(base85(&text, place)?) } else { None };
    let len = match &bytes {
        Some(bytes) => bytes.len(),
        None => unpacked_len(&text, place)?,
    };
    let dtype = match dtype {
        Some(dtype) => dtype,
        None => type_of_size(len, &shape, place)?.to_owned(),
    };
    match bytes {
        Some(bytes) => raw_block(&bytes, &kind(&dtype), &dtype, &shape, place),
        None => block(&text, 0, &kind(&dtype), &dtype, &shape, place),
    }
}

/// The type of ids in an object that does not name it (prime-rl): bytes over values. One byte can only be unsigned, as
/// -1 and 255 experts are not told apart; the others are signed, so that -1 is what was not recorded.
fn type_of_size(bytes: usize, shape: &[u64], place: usize) -> Result<&'static str, Fault> {
    let values = shape.iter().try_fold(1_u64, |values, &axis| values.checked_mul(axis));
    let size = values.filter(|&values| values > 0 && (bytes as u64).is_multiple_of(values));
    match size.map(|values| bytes as u64 / values) {
        Some(1) => Ok("uint8"),
        Some(2) => Ok("int16"),
        Some(4) => Ok("int32"),
        Some(8) => Ok("int64"),
        _ => Err(damaged(
            place,
            format!("{bytes} bytes without a `dtype` for the shape {}", shape_text(shape)),
            "1, 2, 4 or 8 bytes per id",
        )),
    }
}

/// The type by its name, NumPy's long or short one.
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
        return Err(damaged(place, "base64 of no npy file".to_owned(), "an array as numpy.save writes it"));
    };
    if fortran && shape.iter().filter(|&&axis| axis > 1).count() > 1 {
        return Err(damaged(
            place,
            "an npy file in Fortran order".to_owned(),
            "C order (numpy.ascontiguousarray)",
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
    check_length(there, skip, size, name, shape, place)?;
    // All of it is in the record, so it fits an index.
    let ids = unpack(text, skip, dtype, (there - skip) / size as usize, place)?;
    Block::shaped(ids, axes, place)
}

/// The axes of an array `[tokens, layers, k]`, and the bytes of one id.
fn axes(dtype: &Dtype, name: &str, shape: &[u64], place: usize) -> Result<([usize; 3], u64), Fault> {
    let &[tokens, layers, k] = shape else {
        return Err(damaged(
            place,
            format!("an array of shape {}", shape_text(shape)),
            "three axes [tokens, layers, k]",
        ));
    };
    match dtype {
        Dtype::Int(size) | Dtype::Uint(size) => {
            Ok(([tokens as usize, layers as usize, k as usize], u64::from(*size)))
        }
        _ => Err(damaged(place, format!("an array of type {}", shorten(name)), "little-endian integers")),
    }
}

/// Checks that there are as many bytes as type and shape take.
fn check_length(
    there: usize,
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
    let expected = format!("as many as {} {} takes{header}", shorten(name), shape_text(shape));
    Err(damaged(place, format!("{there} bytes"), &expected))
}

fn damaged(place: usize, found: String, expected: &str) -> Fault {
    Fault { at: Some(place), place: String::new(), found, expected: expected.to_owned(), advice: DAMAGED }
}

/// A string without its escapes: some writers put a backslash before every `/` of base64.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.iter().copied().filter(|&byte| byte != b'\\').collect())
}

/// Bytes that base64 unpacks to.
fn unpacked_len(text: &[u8], place: usize) -> Result<usize, Fault> {
    let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let len = text.len() - padding;
    match len % 4 {
        0 => Ok(len / 4 * 3),
        2 => Ok(len / 4 * 3 + 1),
        3 => Ok(len / 4 * 3 + 2),
        _ => Err(damaged(place, format!("base64 of {len} characters"), "groups of four characters")),
    }
}

fn decode(text: &[u8], into: &mut [u8], place: usize, before: usize) -> Result<usize, Fault> {
    BASE64.decode_slice(text, into).map_err(|error| {
        let words = match error {
            base64::DecodeSliceError::DecodeError(
                base64::DecodeError::InvalidByte(at, byte) | base64::DecodeError::InvalidLastSymbol(at, byte),
            ) => format!("`{}` as character {}", char::from(byte).escape_default(), before + at),
            _ => "text that breaks off".to_owned(),
        };
        damaged(place, words, "base64")
    })
}

/// Unpacks base64 from byte `skip` on; `values` is what there is, and was checked.
fn unpack(text: &[u8], skip: usize, dtype: &Dtype, values: usize, place: usize) -> Result<Vec<u16>, Fault> {
    let mut ids = Vec::with_capacity(values);
    let size = match dtype {
        Dtype::Int(size) | Dtype::Uint(size) => usize::from(*size),
        _ => 1,
    };
    // Bytes of a value that the last piece cut in two come before the next piece.
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
        // -1 in two bytes is what stands for a missing id.
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
        // As signed, what does not fit is negative and refused as such.
        Dtype::Uint(8) => push(ids, bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b).max(-2))),
        _ => push(ids, bytes.iter().map(|&byte| i64::from(byte))),
    }
}
