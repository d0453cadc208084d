//! Instruction sets for computing distances.

use std::fmt;

/// A set of vector instructions. All instruction sets give the same distances; only their speed
/// differs.
///
/// An instruction set that this machine or build does not support falls back to
/// [`InstructionSet::Scalar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstructionSet {
    /// 64 pairs in a 64-bit integer, on every machine.
    Scalar,
    /// 256 pairs in a vector, on x86-64 CPUs with AVX2; detected at run time.
    Avx2,
    /// 512 pairs in a vector, on x86-64 CPUs with AVX-512F; detected at run time.
    Avx512,
    /// 128 pairs in a vector, in WebAssembly built with `simd128`; decided at compile time.
    Simd128,
}

impl InstructionSet {
    /// The fastest instruction set available here.
    #[must_use]
    pub fn best() -> Self {
        [Self::Avx512, Self::Avx2, Self::Simd128]
            .into_iter()
            .find(|instructions| instructions.is_available())
            .unwrap_or(Self::Scalar)
    }

    /// All instruction sets available here, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        [Self::Scalar, Self::Simd128, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|instructions| instructions.is_available())
            .collect()
    }

    /// Whether this machine and build support it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => std::arch::is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
            Self::Simd128 => cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
        }
    }

    /// Display name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
            Self::Simd128 => "simd128",
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
