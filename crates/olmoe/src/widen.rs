//! Sixteen-bit weights on a graphics processor: they travel as they lie on disk, two to a word, and become f32 there.
//! WGSL has no bfloat16 and most browsers no f16, so that the words are taken apart by hand; both ways are exact.

use burn::{
    backend::{
        Backend, DType, Dispatch, TensorMetadata as _, backend_extension,
        tensor::{FloatTensor, IntTensor},
        wgpu::{CubeBackend, CubeTensor},
    },
    tensor::{Device, Int, Tensor, TensorData},
};
use cubecl::{calculate_cube_count_elemwise, prelude::*};

/// Widening of packed words.
#[backend_extension(Cube)]
pub trait Widen: Backend {
    /// The 16-bit floats in words `[n]`, as f32 `[2n]`; `half` tells IEEE halves from bfloat16.
    fn widen(words: IntTensor<Self>, half: bool) -> FloatTensor<Self>;
}

/// One word a thread: two values. A half's exponent has another bias, and its small numbers have none at all, which
/// arithmetic on the mantissa gives without any denormal f32 (shaders may flush those).
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

#[cube]
fn half_to_float(bits: u32) -> f32 {
    let sign = (bits & 0x8000_u32) << 16_u32;
    let exponent = (bits >> 10_u32) & 0x1f_u32;
    let mantissa = bits & 0x3ff_u32;
    // 2^-24: what one step of a small half is worth.
    let small = f32::cast_from(mantissa) * f32::new(5.960_464_5e-8);
    let biased = select(exponent == 31_u32, 0xff_u32, exponent + 112_u32);
    let usual = f32::reinterpret((biased << 23_u32) | (mantissa << 13_u32));
    let size = select(exponent == 0_u32, small, usual);
    select(sign == 0_u32, size, -size)
}

impl Widen for CubeBackend {
    fn widen(words: IntTensor<Self>, half: bool) -> FloatTensor<Self> {
        let (client, device) = (words.client.clone(), words.device.clone());
        let threads = words.shape().num_elements();
        let handle = client.empty(threads * 2 * size_of::<f32>());
        let whole =
            CubeTensor::new_contiguous(client.clone(), device, [threads * 2].into(), handle, DType::F32);
        let dim = CubeDim::new(&client, threads);
        let cubes = calculate_cube_count_elemwise(&client, threads, dim);
        widen_words::launch(
            &client,
            cubes,
            dim,
            words.into_buffer_arg(),
            whole.clone().into_buffer_arg(),
            half,
        );
        whole
    }
}

/// Uploads 16-bit floats as they are and widens them there: `[count]`.
pub fn upload(mut bytes: Vec<u8>, half: bool, device: &Device) -> Tensor<1> {
    let count = bytes.len() / 2;
    // A lone last value gets a companion.
    bytes.resize(count.div_ceil(2) * 4, 0);
    let words = bytes.len() / 4;
    let words = TensorData::from_bytes_vec(bytes, [words], DType::I32);
    let words = Tensor::<1, Int>::from_data(words, device);
    let widened: Tensor<1> = Tensor::from_dispatch(<Dispatch as Widen>::widen(words.into_dispatch(), half));
    if count.is_multiple_of(2) { widened } else { widened.narrow(0, 0, count) }
}
