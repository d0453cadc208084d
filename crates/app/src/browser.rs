//! Helpers for browser APIs.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The window.
pub fn window() -> web_sys::Window {
    leptos::prelude::window()
}

/// The document.
pub fn document() -> web_sys::Document {
    leptos::prelude::document()
}

/// Whether the user prefers reduced motion.
pub fn reduces_motion() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)");
    query.ok().flatten().is_some_and(|query| query.matches())
}

/// Milliseconds since the page was opened.
pub fn now() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// The message of a thrown value.
pub fn reason(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "the browser gave no reason".to_owned())
}

/// A property of a JavaScript value; `None` if it is null or undefined.
pub fn property(value: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(value, &JsValue::from_str(name))
        .ok()
        .filter(|found| !found.is_undefined() && !found.is_null())
}

/// Calls a method by name.
///
/// # Errors
/// The value that the method throws, or a message if the method does not exist.
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

/// Calls a method and awaits the promise that it returns.
///
/// # Errors
/// As [`call`], or the reason of the rejected promise.
pub async fn call_later(value: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let result = call(value, method, arguments)?;
    match result.dyn_into::<Promise>() {
        Ok(promise) => JsFuture::from(promise).await,
        Err(value) => Ok(value),
    }
}

/// Resolves a URL relative to the page.
pub fn absolute(relative: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    web_sys::Url::new_with_base(relative, &base).map_or_else(|_| relative.to_owned(), |url| url.href())
}

/// Whether a URL is on the server that the page came from.
pub fn is_own(url: &str) -> bool {
    let origin = window().location().origin().ok();
    web_sys::Url::new(url).ok().is_some_and(|url| Some(url.origin()) == origin)
}

/// The content of a `<meta>` element.
pub fn meta(name: &str) -> Option<String> {
    let found = document().query_selector(&format!("meta[name=\"{name}\"]")).ok().flatten()?;
    found.get_attribute("content").filter(|content| !content.is_empty())
}

/// Focuses the first element that matches a selector.
pub fn focus(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector)
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        // If focusing fails, the focus stays where it is.
        drop(element.focus());
    }
}

/// Focuses the page's content if what had the focus is gone or hidden, so that keyboards go on from there. Behind an open
/// dialog nothing takes the focus.
pub fn keep_focus() {
    let seen = document().active_element().is_some_and(|element| {
        element.tag_name() != "BODY" && element.get_bounding_client_rect().width() > 0.0
    });
    if !seen {
        focus("#main, #front:not([hidden])");
    }
}

/// Clicks the first element that matches a selector.
pub fn click(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector)
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        element.click();
    }
}

/// Copies text to the clipboard.
///
/// # Errors
/// A message for the user if the browser refuses.
pub async fn copy(text: &str) -> Result<(), String> {
    let promise = window().navigator().clipboard().write_text(text);
    JsFuture::from(promise).await.map(drop).map_err(|error| {
        format!(
            "The browser did not allow copying ({}). Select the text and copy it manually.",
            reason(&error)
        )
    })
}

/// Scrolls the row around the first element that matches a selector, so that the element is in its middle. The page does
/// not move.
pub fn center_in_row(selector: &str) {
    let Ok(Some(element)) = document().query_selector(selector) else { return };
    let Some(row) = element.parent_element() else { return };
    let (own, around) = (element.get_bounding_client_rect(), row.get_bounding_client_rect());
    let middle = |rect: &web_sys::DomRect| f64::midpoint(rect.left(), rect.right());
    row.set_scroll_left(row.scroll_left() + (middle(&own) - middle(&around)) as i32);
}

/// Scrolls to the first element that matches a selector.
pub fn scroll_to(selector: &str) {
    if let Ok(Some(element)) = document().query_selector(selector) {
        element.scroll_into_view();
    }
}
