//! A file of named tensors in safetensors or NumPy's npz. Formats see names, types and shapes, and
//! read ranges of values.

use std::{collections::BTreeMap, fmt, ops::Range};

use crate::{
    archive::zip::Member,
    error::Error,
    io::source::{MAX_READ, PIECE, Source},
    numeric::numbers::{append_widened, bf16, f16, f64_bytes_to_f64, f64_rounded, widen_over},
    text::shorten,
};

/// Type of a tensor's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 16-bit IEEE float.
    F16,
    /// bfloat16.
    Bf16,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Signed integers of the given number of bytes.
    Int(u8),
    /// Unsigned integers of the given number of bytes.
    Uint(u8),
    /// Booleans, one byte each.
    Bool,
    /// Any other type, by its name in the file.
    Other(String),
}

impl Dtype {
    /// Bytes per value, if known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::F16 | Self::Bf16 => Some(2),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Int(size) | Self::Uint(size) => Some(u64::from(*size)),
            Self::Bool => Some(1),
            Self::Other(_) => None,
        }
    }

    /// Whether its values are floating point numbers.
    #[must_use]
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64)
    }

    /// Little-endian bytes of floats as f32; f64 is rounded. Empty for other types.
    #[must_use]
    pub fn widen(&self, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::new();
        self.append_widened(bytes, &mut values);
        values
    }

    /// As [`Dtype::widen`], appended to `values`.
    fn append_widened(&self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::F16 => append_widened(bytes, values, f16),
            Self::Bf16 => append_widened(bytes, values, bf16),
            Self::F32 => append_widened(bytes, values, f32::from_le_bytes),
            Self::F64 => append_widened(bytes, values, f64_rounded),
            Self::Int(_) | Self::Uint(_) | Self::Bool | Self::Other(_) => {}
        }
    }

    /// As [`Dtype::widen`], overwriting `values`, which has one entry per value in `bytes`.
    pub fn widen_over(&self, bytes: &[u8], values: &mut [f32]) {
        match self {
            Self::F16 => widen_over(bytes, values, f16),
            Self::Bf16 => widen_over(bytes, values, bf16),
            Self::F32 => widen_over(bytes, values, f32::from_le_bytes),
            Self::F64 => widen_over(bytes, values, f64_rounded),
            Self::Int(_) | Self::Uint(_) | Self::Bool | Self::Other(_) => {}
        }
    }

    /// Whether its values are integers.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint(_))
    }

    /// Whether its values are floats of 16 bits.
    #[must_use]
    pub fn is_half(&self) -> bool {
        matches!(self, Self::F16 | Self::Bf16)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F16 => f.write_str("F16"),
            Self::Bf16 => f.write_str("BF16"),
            Self::F32 => f.write_str("F32"),
            Self::F64 => f.write_str("F64"),
            Self::Int(size) => write!(f, "I{}", u32::from(*size) * 8),
            Self::Uint(size) => write!(f, "U{}", u32::from(*size) * 8),
            Self::Bool => f.write_str("BOOL"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// One tensor without its values.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// Its name in the file.
    pub name: String,
    /// Type of its values.
    pub dtype: Dtype,
    /// Its shape, the last axis varying fastest.
    pub shape: Vec<u64>,
    /// The location of its bytes.
    pub(crate) place: Place,
}

/// The location of a tensor's bytes.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In the file, from this byte on.
    Plain(u64),
    /// In a member of an archive, after a header.
    Archived {
        /// The member.
        member: Member,
        /// Length of the header in bytes.
        header: u64,
    },
}

impl TensorInfo {
    /// Number of values. Shapes are checked against the file's length on opening, so this cannot
    /// overflow.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.shape.iter().fold(1, |product: u64, &n| product.saturating_mul(n))
    }

    /// The shape as text: `[48,4,16]`.
    #[must_use]
    pub fn shape_text(&self) -> String {
        shape_text(&self.shape)
    }
}

/// A shape as text: `[48,4,16]`.
#[must_use]
pub fn shape_text(shape: &[u64]) -> String {
    let axes: Vec<String> = shape.iter().map(u64::to_string).collect();
    format!("[{}]", axes.join(","))
}

/// An open file of tensors: its directory has been read and checked, and no values have been read.
#[derive(Clone)]
pub struct TensorFile {
    pub(crate) source: Source,
    /// Its tensors by name.
    pub(crate) tensors: BTreeMap<String, TensorInfo>,
    /// Its metadata.
    pub(crate) metadata: BTreeMap<String, String>,
    /// The container's name, for messages.
    pub(crate) container: &'static str,
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorFile")
            .field("name", &self.source.name())
            .field("container", &self.container)
            .field("tensors", &self.tensors.len())
            .finish_non_exhaustive()
    }
}

impl TensorFile {
    /// The file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// The names of its tensors, ascending.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensor of this name.
    #[must_use]
    pub fn get(&self, tensor: &str) -> Option<&TensorInfo> {
        self.tensors.get(tensor)
    }

    /// A metadata entry.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The error for a tensor of a wrong type or shape.
    #[must_use]
    pub fn wrong(&self, tensor: &TensorInfo, expected: impl Into<String>, advice: &'static str) -> Error {
        Error::Tensor {
            name: self.name().to_owned(),
            tensor: shorten(&tensor.name),
            found: format!("{} {}", tensor.dtype, tensor.shape_text()),
            expected: expected.into(),
            advice,
        }
    }

    /// The sizes of a tensor's three axes.
    ///
    /// # Errors
    /// [`Error::Tensor`] unless there are three; `meaning` names them in the message.
    pub fn three_axes(&self, tensor: &TensorInfo, meaning: &str) -> Result<[usize; 3], Error> {
        let axes: Option<Vec<usize>> = tensor.shape.iter().map(|&n| usize::try_from(n).ok()).collect();
        match axes.as_deref() {
            Some(&[a, b, c]) => Ok([a, b, c]),
            _ => Err(self.wrong(tensor, format!("three axes, {meaning}"), "Reshape it before writing.")),
        }
    }

    /// The bytes of the values in `range`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 1 GiB at once, and errors of the source.
    pub async fn bytes(&self, tensor: &TensorInfo, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let size = self.value_size(tensor, &range)?;
        let len = range.end.saturating_sub(range.start) * size;
        match &tensor.place {
            Place::Plain(start) => self.source.read(start + range.start * size, len as usize).await,
            Place::Archived { member, header } => {
                member.read(&self.source, header + range.start * size, len as usize).await
            }
        }
    }

    /// Bytes per value, after checking that the range may be read at once.
    fn value_size(&self, tensor: &TensorInfo, range: &Range<u64>) -> Result<u64, Error> {
        let size = tensor.dtype.size().ok_or_else(|| {
            self.wrong(
                tensor,
                "numbers of a usual type",
                "Write it as F32, or as integers where it holds ids.",
            )
        })?;
        let len = range.end.saturating_sub(range.start).saturating_mul(size);
        if len > MAX_READ {
            return Err(Error::TooLarge {
                name: self.name().to_owned(),
                what: format!("tensor `{}`, values {} to {}", tensor.name, range.start, range.end),
                bytes: len,
                limit: MAX_READ,
                advice: "Split the samples over several files.",
            });
        }
        if range.end > tensor.values() {
            return Err(Error::Tensor {
                name: self.name().to_owned(),
                tensor: shorten(&tensor.name),
                found: format!("values up to {} were requested", range.end),
                expected: format!("at most {}, as its shape {} says", tensor.values(), tensor.shape_text()),
                advice: "This is a bug in Grokscope; please report it.",
            });
        }
        Ok(size)
    }

    /// Floats of any width as f32; f64 is rounded.
    ///
    /// # Errors
    /// [`Error::Tensor`] when the values are not floats, and those of [`TensorFile::bytes`].
    pub async fn floats(&self, tensor: &TensorInfo, range: Range<u64>) -> Result<Vec<f32>, Error> {
        if !tensor.dtype.is_float() {
            return Err(self.wrong(tensor, "floating point numbers", "Write it as F32 or F16."));
        }
        let at_once = PIECE as u64 / self.value_size(tensor, &range)?;
        let mut values = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let end = (start + at_once).min(range.end);
            let bytes = self.bytes(tensor, start..end).await?;
            // After the first bytes have been read, so that a range beyond the file's end allocates
            // nothing.
            values.reserve_exact((range.end - start) as usize);
            tensor.dtype.append_widened(&bytes, &mut values);
            start = end;
        }
        Ok(values)
    }

    /// Floats of any width as f64, exactly.
    ///
    /// # Errors
    /// As [`TensorFile::floats`].
    pub async fn doubles(&self, tensor: &TensorInfo, range: Range<u64>) -> Result<Vec<f64>, Error> {
        if tensor.dtype == Dtype::F64 {
            return Ok(f64_bytes_to_f64(&self.bytes(tensor, range).await?));
        }
        Ok(self.floats(tensor, range).await?.into_iter().map(f64::from).collect())
    }

    /// Integers and booleans of any width.
    ///
    /// # Errors
    /// [`Error::Tensor`] when the values are not integers, and those of [`TensorFile::bytes`].
    pub async fn integers(&self, tensor: &TensorInfo, range: Range<u64>) -> Result<Vec<i64>, Error> {
        let decode: fn(&[u8]) -> Vec<i64> = match tensor.dtype {
            Dtype::Bool | Dtype::Uint(1) => |b| b.iter().map(|&v| i64::from(v)).collect(),
            Dtype::Int(1) => |b| b.iter().map(|&v| i64::from(v.cast_signed())).collect(),
            Dtype::Uint(2) => |b| b.as_chunks().0.iter().map(|&v| i64::from(u16::from_le_bytes(v))).collect(),
            Dtype::Int(2) => |b| b.as_chunks().0.iter().map(|&v| i64::from(i16::from_le_bytes(v))).collect(),
            Dtype::Uint(4) => |b| b.as_chunks().0.iter().map(|&v| i64::from(u32::from_le_bytes(v))).collect(),
            Dtype::Int(4) => |b| b.as_chunks().0.iter().map(|&v| i64::from(i32::from_le_bytes(v))).collect(),
            Dtype::Int(8) => |b| b.as_chunks().0.iter().map(|&v| i64::from_le_bytes(v)).collect(),
            // No count and no id exceeds i64.
            Dtype::Uint(8) => |b| {
                let chunks = b.as_chunks().0.iter();
                chunks.map(|&v| i64::try_from(u64::from_le_bytes(v)).unwrap_or(i64::MAX)).collect()
            },
            _ => return Err(self.wrong(tensor, "integers", "Write it as I32 or I64.")),
        };
        Ok(decode(&self.bytes(tensor, range).await?))
    }
}
