//! The WebGPU adapter of the browser.

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::scope::{object, property, scope};

/// A WebGPU adapter.
pub struct Adapter {
    /// Whether this is a software (fallback) adapter.
    pub is_fallback: bool,
    /// Its description, or else vendor and architecture: `nvidia ampere`. Empty if the browser
    /// states neither. wgpu reports only the description, which is empty in most browsers.
    pub name: String,
}

/// Requests the fastest adapter. Many browsers have the interface but no adapter.
pub async fn adapter() -> Option<Adapter> {
    let gpu = property(&scope().navigator(), "gpu");
    let request = property(&gpu, "requestAdapter").dyn_into::<Function>().ok()?;
    // The same options as wgpu's.
    let options = object(&[("powerPreference", &JsValue::from_str("high-performance"))]);
    let promise = request.call1(&gpu, &options).ok()?;
    let adapter = JsFuture::from(Promise::resolve(&promise)).await.ok().filter(JsValue::is_truthy)?;
    let info = property(&adapter, "info");
    let text = |name| property(&info, name).as_string().unwrap_or_default();
    let description = text("description");
    let name = if description.is_empty() {
        format!("{} {}", text("vendor"), text("architecture")).trim().to_owned()
    } else {
        description
    };
    Some(Adapter { is_fallback: property(&info, "isFallbackAdapter").is_truthy(), name })
}
