//! What stands behind WebGPU, as far as the browser tells.

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::scope::{object, property, scope};

/// A graphics processor that the browser offers.
pub struct Adapter {
    /// Whether the processor only does as if.
    pub imitated: bool,
    /// Its description, or else vendor and architecture: `nvidia ampere`. wgpu passes on the description alone, which
    /// most browsers leave empty. Empty where nothing is told.
    pub name: String,
}

/// The fastest that the browser offers. Many have the interface and nothing behind it.
pub async fn adapter() -> Option<Adapter> {
    let gpu = property(&scope().navigator(), "gpu");
    let ask = property(&gpu, "requestAdapter").dyn_into::<Function>().ok()?;
    // The same that wgpu is asked for.
    let wish = object(&[("powerPreference", &JsValue::from_str("high-performance"))]);
    let promise = ask.call1(&gpu, &wish).ok()?;
    let adapter = JsFuture::from(Promise::resolve(&promise)).await.ok().filter(JsValue::is_truthy)?;
    let info = property(&adapter, "info");
    let told = |name| property(&info, name).as_string().unwrap_or_default();
    let description = told("description");
    let name = if description.is_empty() {
        format!("{} {}", told("vendor"), told("architecture")).trim().to_owned()
    } else {
        description
    };
    Some(Adapter { imitated: property(&info, "isFallbackAdapter").is_truthy(), name })
}
