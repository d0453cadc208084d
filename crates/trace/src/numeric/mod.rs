//! Arithmetic on values of tensors: widening of 16-bit floats, softmax and normalized sigmoid.

pub mod numbers;
pub mod rows;
pub mod sigmoid;
pub mod softmax;
pub mod vector;
