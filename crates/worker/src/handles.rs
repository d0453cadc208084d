//! Files as they are handed on, unread.

use wasm_bindgen::JsValue;

/// Files with their paths: each a `File`, or an address as a string.
pub type Files = Vec<(String, JsValue)>;
