//! The safetensors container: 8 bytes of header length, a JSON header, then the tensors' bytes
//! (<https://huggingface.co/docs/safetensors>). Only the header is read here, and checked against
//! the file's length before any allocation.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use crate::{
    container::{
        layout::Layout,
        tensors::{Dtype, Place, TensorFile, TensorInfo, Transposed, shape_text},
    },
    error::Error,
    io::source::Source,
    text::{json_words, shorten},
};

/// The format's limit on the header in bytes, as in its reference implementation.
const MAX_HEADER: u64 = 100_000_000;

/// Axes that a tensor may have; a trace's tensors have at most three.
const MAX_AXES: usize = 16;

/// What to do about a header that does not follow the format.
const WRITE_AGAIN: &str = "Write the file again with safetensors' save_file.";

/// Whether the first bytes of a file of this length look like safetensors.
#[must_use]
pub fn looks_like(head: &[u8], len: u64) -> bool {
    match head.split_first_chunk::<8>() {
        Some((size, rest)) => {
            let header = u64::from_le_bytes(*size);
            header <= MAX_HEADER && header.saturating_add(8) <= len && rest.first() == Some(&b'{')
        }
        None => false,
    }
}

/// Reads and checks the header.
///
/// # Errors
/// [`Error::Truncated`], [`Error::Format`] or [`Error::Tensor`].
pub async fn open(source: Source) -> Result<TensorFile, Error> {
    let name = source.name().to_owned();
    let len = source.len();
    if len == 0 {
        return Err(Error::Empty { name });
    }
    if len < 8 {
        return Err(Error::Truncated {
            name,
            part: "the header length of safetensors".to_owned(),
            needed: 8,
            len,
        });
    }
    let size = source.read(0, 8).await?;
    let header_len = match size.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    };
    if size == *b"version " {
        return Err(Error::Format {
            name,
            part: "first bytes".to_owned(),
            found: "a pointer of Git LFS".to_owned(),
            expected: "the file itself".to_owned(),
            advice: "Fetch it with `git lfs pull`.",
        });
    }
    if header_len > MAX_HEADER {
        return Err(Error::Format {
            name,
            part: "first 8 bytes".to_owned(),
            found: format!("a header of {header_len} bytes"),
            expected: format!("the length of a safetensors header, at most {MAX_HEADER}"),
            advice: "Check that the file is a safetensors file, or write it again with safetensors' save_file.",
        });
    }
    let data_start = header_len + 8;
    if data_start > len {
        return Err(Error::Truncated {
            name,
            part: "the safetensors header".to_owned(),
            needed: data_start,
            len,
        });
    }
    let header = source.read(8, header_len as usize).await?;
    let Header { tensors: raw, metadata } = parse_header(&name, &header)?;
    let mut tensors = BTreeMap::new();
    let mut spans = Vec::with_capacity(raw.len());
    for (tensor, entry) in raw {
        let info = check_entry(&name, tensor, entry, data_start, len)?;
        spans.push((entry_span(&info), info.name.clone()));
        if let Some(duplicate) = tensors.insert(info.name.clone(), info) {
            return Err(Error::Format {
                name,
                part: "safetensors header".to_owned(),
                found: format!("two tensors called `{}`", shorten(&duplicate.name)),
                expected: "each name once".to_owned(),
                advice: WRITE_AGAIN,
            });
        }
    }
    check_overlaps(&name, spans)?;
    Ok(TensorFile {
        source,
        tensors,
        metadata,
        container: "safetensors",
        notes: Vec::new(),
        transposed: Transposed::default(),
    })
}

/// The header as written.
struct Header {
    tensors: Vec<(String, Entry)>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

fn parse_header(name: &str, bytes: &[u8]) -> Result<Header, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Format {
        name: name.to_owned(),
        part: "safetensors header".to_owned(),
        found: format!("JSON that does not follow the format ({})", json_words(bytes, &error)),
        expected: "an object of tensors, each with dtype, shape and data_offsets".to_owned(),
        advice: WRITE_AGAIN,
    })
}

/// Written by hand, because a map would drop the first of two entries of one name.
impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header { tensors: Vec::new(), metadata: BTreeMap::new() };
                while let Some(key) = map.next_key::<String>()? {
                    if key == "__metadata__" {
                        header.metadata = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else {
                        let entry = map.next_value()?;
                        header.tensors.push((key, entry));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

fn dtype(name: String) -> Dtype {
    match name.as_str() {
        "F16" => Dtype::F16,
        "BF16" => Dtype::Bf16,
        "F32" => Dtype::F32,
        "F64" => Dtype::F64,
        "I8" => Dtype::Int(1),
        "I16" => Dtype::Int(2),
        "I32" => Dtype::Int(4),
        "I64" => Dtype::Int(8),
        "U8" => Dtype::Uint(1),
        "U16" => Dtype::Uint(2),
        "U32" => Dtype::Uint(4),
        "U64" => Dtype::Uint(8),
        "BOOL" => Dtype::Bool,
        _ => Dtype::Other(name),
    }
}

/// Checks that type, shape and bytes of one tensor agree with each other and with the file's
/// length.
fn check_entry(
    name: &str,
    tensor: String,
    entry: Entry,
    data_start: u64,
    len: u64,
) -> Result<TensorInfo, Error> {
    let Entry { dtype: dtype_name, shape, data_offsets: (start, end) } = entry;
    let wrong = |found: String, expected: &str| Error::Tensor {
        name: name.to_owned(),
        tensor: shorten(&tensor),
        found,
        expected: expected.to_owned(),
        advice: WRITE_AGAIN,
    };
    if end < start {
        return Err(wrong(format!("data_offsets {start} to {end}"), "an end at or after the start"));
    }
    if shape.len() > MAX_AXES {
        return Err(wrong(format!("{} axes", shape.len()), "at most 16"));
    }
    let needed = data_start.saturating_add(end);
    if needed > len {
        return Err(Error::Truncated {
            name: name.to_owned(),
            part: format!("tensor `{}`", shorten(&tensor)),
            needed,
            len,
        });
    }
    let dtype = dtype(dtype_name);
    if let Some(size) = dtype.size() {
        let bytes = shape.iter().try_fold(size, |product, &n| product.checked_mul(n));
        if bytes != Some(end - start) {
            return Err(wrong(
                format!("{dtype} {} in {} bytes", shape_text(&shape), end - start),
                "as many bytes as type and shape need",
            ));
        }
    }
    Ok(TensorInfo {
        name: tensor,
        dtype,
        shape,
        place: Place::Plain(data_start + start),
        layout: Layout::default(),
    })
}

fn entry_span(info: &TensorInfo) -> (u64, u64) {
    let start = if let Place::Plain(start) = info.place { start } else { 0 };
    let bytes = info.dtype.size().map_or(0, |size| info.values().saturating_mul(size));
    (start, start + bytes)
}

fn check_overlaps(name: &str, mut spans: Vec<((u64, u64), String)>) -> Result<(), Error> {
    spans.retain(|((start, end), _)| end > start);
    spans.sort();
    for pair in spans.windows(2) {
        if let [((_, end), before), ((start, _), after)] = pair
            && end > start
        {
            return Err(Error::Tensor {
                name: name.to_owned(),
                tensor: shorten(after),
                found: format!("its bytes overlap those of `{}`", shorten(before)),
                expected: "bytes that no other tensor has".to_owned(),
                advice: WRITE_AGAIN,
            });
        }
    }
    Ok(())
}
