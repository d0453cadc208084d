//! Widening of 16-bit weights on a GPU: they are uploaded as stored, two per word, and become f32
//! there.
//!
//! WGSL has no bfloat16 and most browsers no f16, so the kernel decodes the bits itself. Both
//! conversions are exact.

use burn::{
    backend::{
        Backend, DType, Dispatch, TensorMetadata as _, backend_extension,
        tensor::{FloatTensor, IntTensor},
        wgpu::{CubeBackend, CubeTensor},
    },
    tensor::{Device, Int, Tensor, TensorData},
};
use cubecl::{calculate_cube_count_elemwise, prelude::*};

/// Backend operation that widens packed 16-bit floats.
#[backend_extension(Cube)]
pub trait Widen: Backend {
    /// Widens the 16-bit floats in words `[n]` to f32 `[2n]`: IEEE halves if `half`, else bfloat16.
    fn widen(words: IntTensor<Self>, half: bool) -> FloatTensor<Self>;
}

/// Widens one word per thread, which is two values.
#[cube(launch)]
fn widen_words(words: &[u32], output: &mut [f32], #[comptime] half: bool) {
    if ABSOLUTE_POS >= words.len() {
        terminate!();
    }
    let word = words[ABSOLUTE_POS];
    if comptime![half] {
        output[ABSOLUTE_POS * 2] = half_to_float(word & 0xffff_u32);
        output[ABSOLUTE_POS * 2 + 1] = half_to_float(word >> 16_u32);
    } else {
        output[ABSOLUTE_POS * 2] = f32::reinterpret(word << 16_u32);
        output[ABSOLUTE_POS * 2 + 1] = f32::reinterpret(word & 0xffff_0000_u32);
    }
}

/// Widens an IEEE half. Its exponent has another bias. Subnormal halves are computed from the
/// mantissa, because shaders may flush subnormal f32.
#[cube]
fn half_to_float(bits: u32) -> f32 {
    let sign = (bits & 0x8000_u32) << 16_u32;
    let exponent = (bits >> 10_u32) & 0x1f_u32;
    let mantissa = bits & 0x3ff_u32;
    // 2^-24 per unit of the mantissa.
    let subnormal = f32::cast_from(mantissa) * f32::new(5.960_464_5e-8);
    let biased = select(exponent == 31_u32, 0xff_u32, exponent + 112_u32);
    let normal = f32::reinterpret((biased << 23_u32) | (mantissa << 13_u32));
    let size = select(exponent == 0_u32, subnormal, normal);
    select(sign == 0_u32, size, -size)
}

impl Widen for CubeBackend {
    fn widen(words: IntTensor<Self>, half: bool) -> FloatTensor<Self> {
        let (client, device) = (words.client.clone(), words.device.clone());
        let threads = words.shape().num_elements();
        let handle = client.empty(threads * 2 * size_of::<f32>());
        let output =
            CubeTensor::new_contiguous(client.clone(), device, [threads * 2].into(), handle, DType::F32);
        let dim = CubeDim::new(&client, threads);
        let cubes = calculate_cube_count_elemwise(&client, threads, dim);
        widen_words::launch(
            &client,
            cubes,
            dim,
            words.into_buffer_arg(),
            output.clone().into_buffer_arg(),
            half,
        );
        output
    }
}

/// Uploads 16-bit floats as stored and widens them on the device to f32, `[n]`.
pub fn upload(mut bytes: Vec<u8>, half: bool, device: &Device) -> Tensor<1> {
    let count = bytes.len() / 2;
    // Pads the last word.
    bytes.resize(count.div_ceil(2) * 4, 0);
    let words = bytes.len() / 4;
    let words = TensorData::from_bytes_vec(bytes, [words], DType::I32);
    let words = Tensor::<1, Int>::from_data(words, device);
    let widened: Tensor<1> = Tensor::from_dispatch(<Dispatch as Widen>::widen(words.into_dispatch(), half));
    if count.is_multiple_of(2) { widened } else { widened.narrow(0, 0, count) }
}
