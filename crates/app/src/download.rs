//! Downloads of files that are created in memory.

use js_sys::{Array, JsString, RegExp};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

use crate::browser;

/// Saves text as a file.
///
/// # Errors
/// A message for the user if the browser refuses.
pub fn text(name: &str, kind: &str, content: &str) -> Result<(), String> {
    let parts = Array::of1(&JsValue::from_str(content));
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options);
    blob.and_then(|blob| save(name, &blob)).map_err(|error| failed(name, &error))
}

/// Saves a blob as a file.
///
/// # Errors
/// A message for the user if the browser refuses.
pub fn blob(name: &str, blob: &Blob) -> Result<(), String> {
    save(name, blob).map_err(|error| failed(name, &error))
}

fn failed(name: &str, error: &JsValue) -> String {
    format!(
        "{name} could not be saved ({}). Check that the browser allows downloads from this page.",
        browser::reason(error)
    )
}

fn save(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let address = Url::create_object_url_with_blob(blob)?;
    let anchor: HtmlAnchorElement = browser::document().create_element("a")?.unchecked_into();
    anchor.set_href(&address);
    anchor.set_download(name);
    anchor.click();
    // The browser reads the content soon after the click; a minute is ample.
    let closure = Closure::once_into_js(move || drop(Url::revoke_object_url(&address)));
    browser::window()
        .set_timeout_with_callback_and_timeout_and_arguments_0(closure.unchecked_ref(), 60_000)?;
    Ok(())
}

/// A file name from a title: lower-case letters of any script, digits and dashes.
pub fn file_name(title: &str, ending: &str) -> String {
    let others = RegExp::new(r"[^\p{Alphabetic}\p{N}]+", "gu");
    let name = String::from(JsString::from(title).to_lower_case().replace_by_pattern(&others, "-"));
    let name = name.trim_matches('-');
    let name = if name.is_empty() { "report" } else { name };
    format!("{name}{ending}")
}
