//! Short ways to the few things of the browser that many parts of the page need.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The window; there is always one where this page runs.
pub fn window() -> web_sys::Window {
    leptos::prelude::window()
}

/// The document.
pub fn document() -> web_sys::Document {
    leptos::prelude::document()
}

/// Milliseconds since the page was opened.
pub fn now() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// The text of a thrown value.
pub fn reason(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "the browser gave no reason".to_owned())
}

/// A property of a script value.
pub fn property(value: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(value, &JsValue::from_str(name))
        .ok()
        .filter(|found| !found.is_undefined() && !found.is_null())
}

/// Calls a method by name.
///
/// # Errors
/// What the method throws, or a message that there is no such method.
pub fn call(value: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let Some(function) = property(value, method).and_then(|found| found.dyn_into::<Function>().ok()) else {
        return Err(JsValue::from_str(&format!("this browser has no {method}")));
    };
    let list = js_sys::Array::new();
    for argument in arguments {
        list.push(argument);
    }
    function.apply(value, &list)
}

/// Calls a method and waits for the promise that it gives.
///
/// # Errors
/// As [`call`], or what the promise is rejected with.
pub async fn call_later(value: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let answer = call(value, method, arguments)?;
    match answer.dyn_into::<Promise>() {
        Ok(promise) => JsFuture::from(promise).await,
        Err(value) => Ok(value),
    }
}

/// An address relative to the page's own, made absolute.
pub fn absolute(relative: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    web_sys::Url::new_with_base(relative, &base).map_or_else(|_| relative.to_owned(), |url| url.href())
}

/// The content of a `<meta>` of the page.
pub fn meta(name: &str) -> Option<String> {
    let found = document().query_selector(&format!("meta[name=\"{name}\"]")).ok().flatten()?;
    found.get_attribute("content").filter(|content| !content.is_empty())
}

/// Moves the focus to the first element that a selector names.
pub fn focus(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector)
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        // A focus that fails leaves the reader where they are, which is right.
        drop(element.focus());
    }
}

/// Activates the first element that a selector names, as a click would.
pub fn click(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector)
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        element.click();
    }
}

/// Puts text on the clipboard.
///
/// # Errors
/// Whole sentences for the reader where the browser refuses.
pub async fn copy(text: &str) -> Result<(), String> {
    let promise = window().navigator().clipboard().write_text(text);
    JsFuture::from(promise).await.map(drop).map_err(|error| {
        format!(
            "The browser did not allow copying ({}). Select the text and copy it by hand.",
            reason(&error)
        )
    })
}

/// Scrolls to the first element that a selector names.
pub fn scroll_to(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector) {
        element.scroll_into_view();
    }
}
