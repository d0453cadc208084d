//! A file of named tensors in safetensors or NumPy's npz. Formats see names, types and shapes, and
//! read ranges of values.

use std::{cell::RefCell, collections::BTreeMap, fmt, ops::Range, rc::Rc};

use crate::{
    archive::zip::Member,
    container::layout::{Layout, Transposer, reverse_values},
    error::Error,
    io::source::{MAX_READ, PIECE, Source},
    numeric::numbers::{append_widened, bf16, f16, f64_bytes_to_f64, f64_rounded, widen_over},
    text::shorten,
};

/// The largest tensor in Fortran order that is read, in bytes: it is in memory as a whole while it is read.
const MAX_TRANSPOSED: u64 = 512 << 20;

/// The advice for an array of Python objects.
const NO_OBJECTS: &str = "Write numbers: one array per layer, its samples padded to one length and an attention_mask beside \
     them, or one npz per sample, each with numpy.savez.";

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
    /// In which order they are.
    pub(crate) layout: Layout,
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

    /// Whether it is an array of Python objects, which NumPy pickles.
    #[must_use]
    pub fn is_objects(&self) -> bool {
        matches!(&self.dtype, Dtype::Other(name) if name == "|O")
    }

    /// Type and shape for messages: `F32 [48,4,16]`.
    fn described(&self) -> String {
        let shape = self.shape_text();
        if self.is_objects() {
            return format!(
                "an object array {shape}, that is a pickle of Python objects, which can run code and is never read"
            );
        }
        match &self.dtype {
            Dtype::Other(name) if matches!(name.as_str(), "|V2" | "<V2") => {
                format!("2 bytes without a type ({name}) {shape}, not bfloat16 by their values")
            }
            dtype => format!("{dtype} {shape}"),
        }
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
    /// What the user should know of how its tensors are read, whole sentences.
    pub(crate) notes: Vec<String>,
    /// The most recently read tensor in Fortran order, by name, in C order.
    pub(crate) transposed: Transposed,
}

/// A tensor's name and its values with the last axis varying fastest; shared by the copies of a file.
pub(crate) type Transposed = Rc<RefCell<Option<(String, Rc<Vec<u8>>)>>>;

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

    /// The error for a wrong tensor. For an array of Python objects, it explains how to write the
    /// array instead.
    #[must_use]
    pub fn wrong(&self, tensor: &TensorInfo, expected: impl Into<String>, advice: &'static str) -> Error {
        Error::Tensor {
            name: self.name().to_owned(),
            tensor: shorten(&tensor.name),
            found: tensor.described(),
            expected: expected.into(),
            advice: if tensor.is_objects() { NO_OBJECTS } else { advice },
        }
    }

    /// The error that the file has an array of Python objects; `None` where it has none.
    #[must_use]
    pub fn objects(&self) -> Option<Error> {
        let tensor = self.tensors.values().find(|tensor| tensor.is_objects())?;
        Some(self.wrong(tensor, "numbers", NO_OBJECTS))
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
        let (start, len) = (range.start * size, range.end.saturating_sub(range.start) * size);
        let mut bytes = if tensor.layout.columns_first {
            let whole = self.transposed(tensor, size).await?;
            whole.get(start as usize..(start + len) as usize).unwrap_or_default().to_vec()
        } else {
            self.stored(tensor, start, len).await?
        };
        if tensor.layout.big_endian {
            reverse_values(&mut bytes, size as usize);
        }
        Ok(bytes)
    }

    /// So many bytes from byte `start` of a tensor on, as the file has them.
    async fn stored(&self, tensor: &TensorInfo, start: u64, len: u64) -> Result<Vec<u8>, Error> {
        match &tensor.place {
            Place::Plain(first) => self.source.read(first + start, len as usize).await,
            Place::Archived { member, header } => {
                member.read(&self.source, header + start, len as usize).await
            }
        }
    }

    /// All values of a tensor in Fortran order with the last axis varying fastest. They are kept until another such
    /// tensor of the file is read, as ranges of one tensor are read one after the other.
    async fn transposed(&self, tensor: &TensorInfo, size: u64) -> Result<Rc<Vec<u8>>, Error> {
        if let Some((name, values)) = &*self.transposed.borrow()
            && *name == tensor.name
        {
            return Ok(Rc::clone(values));
        }
        self.transposed.take();
        let len = tensor.values().saturating_mul(size);
        if len > MAX_TRANSPOSED {
            return Err(Error::TooLarge {
                name: self.name().to_owned(),
                what: format!("tensor `{}` in Fortran order (columns first)", shorten(&tensor.name)),
                bytes: len,
                limit: MAX_TRANSPOSED,
                advice: "Write numpy.ascontiguousarray(array), which is read in parts.",
            });
        }
        // A last value that is not there is no reason for memory.
        self.stored(tensor, len.saturating_sub(size), size.min(len)).await?;
        let mut transposer = Transposer::new(&tensor.shape, size as usize);
        let mut start = 0;
        while start < len {
            let piece = (len - start).min(PIECE as u64);
            transposer.take(&self.stored(tensor, start, piece).await?);
            start += piece;
        }
        let values = Rc::new(transposer.finish());
        self.transposed.replace(Some((tensor.name.clone(), Rc::clone(&values))));
        Ok(values)
    }

    /// Bytes a value takes, where so many values may be read at once.
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
