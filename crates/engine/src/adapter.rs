//! What the browser calls its graphics processor. wgpu only passes the description on, which most browsers leave empty.

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::scope::{object, property, scope};

/// Its description, or else vendor and architecture, as far as the browser tells them: `nvidia ampere`.
pub async fn name() -> Option<String> {
    let gpu = property(&scope().navigator(), "gpu");
    let ask = property(&gpu, "requestAdapter").dyn_into::<Function>().ok()?;
    // The same that wgpu is asked for.
    let wish = object(&[("powerPreference", &JsValue::from_str("high-performance"))]);
    let promise = ask.call1(&gpu, &wish).ok()?;
    let adapter = JsFuture::from(Promise::resolve(&promise)).await.ok()?;
    let info = property(&adapter, "info");
    let told = |name| property(&info, name).as_string().unwrap_or_default();
    let description = told("description");
    let name = if description.is_empty() {
        format!("{} {}", told("vendor"), told("architecture"))
    } else {
        description
    };
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
