//! Arithmetic on values of tensors: widening of 16-bit floats, and softmax.

pub mod numbers;
pub mod softmax;
pub mod vector;
