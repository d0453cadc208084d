//! The URL fragment: report, view, appearance and backend.

use leptos::prelude::*;
use protocol::{Backend, ReportText, addresses};
use wasm_bindgen::prelude::*;

use crate::analyst;
use crate::browser;
use crate::state::{App, Dialog, Origin, Theme, View};

/// The content of a fragment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fragment {
    /// `r`: an encoded report.
    pub report: Option<String>,
    /// `view`: the current view.
    pub view: Option<View>,
    /// `theme`: light or dark.
    pub theme: Option<Theme>,
    /// `embed=1`: the page is embedded and shows no header.
    pub embedded: bool,
    /// `scale`: font scale.
    pub scale: Option<f64>,
    /// `backend`: where distances and checkpoints are computed.
    pub backend: Option<Backend>,
    /// `src`: a URL to load after confirmation.
    pub source: Option<String>,
}

impl Fragment {
    /// Parses a fragment; unknown and invalid parts are ignored.
    pub fn parse(text: &str) -> Self {
        let mut fragment = Self::default();
        for part in text.trim_start_matches('#').split('&') {
            let Some((name, value)) = part.split_once('=') else { continue };
            match name {
                "r" if !value.is_empty() => fragment.report = Some(value.to_owned()),
                "view" => fragment.view = View::from_slug(value),
                "theme" => fragment.theme = Theme::from_slug(value),
                "embed" => fragment.embedded = value == "1",
                "scale" => {
                    fragment.scale =
                        serde_json::from_str::<f64>(value).ok().filter(|scale| (0.5..=4.0).contains(scale));
                }
                "backend" => fragment.backend = Backend::from_slug(value),
                "src" => fragment.source = Some(value.to_owned()),
                _ => {}
            }
        }
        fragment
    }

    /// The fragment without `#`; defaults are omitted.
    pub fn write(&self) -> String {
        let mut parts = Vec::new();
        if let Some(report) = &self.report {
            parts.push(format!("r={report}"));
        }
        if let Some(view) = self.view.filter(|view| *view != View::Timeline) {
            parts.push(format!("view={}", view.slug()));
        }
        if let Some(theme) = self.theme.filter(|theme| *theme != Theme::System) {
            parts.push(format!("theme={}", theme.slug()));
        }
        if self.embedded {
            parts.push("embed=1".to_owned());
        }
        if let Some(scale) = self.scale.filter(|scale| (scale - 1.0).abs() > 1e-9) {
            parts.push(format!("scale={scale}"));
        }
        if let Some(backend) = self.backend.filter(|backend| *backend != Backend::Auto) {
            parts.push(format!("backend={}", backend.slug()));
        }
        parts.join("&")
    }
}

/// The page's URL without its fragment.
pub fn base() -> String {
    let href = browser::window().location().href().unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// Applies the URL fragment and keeps it in step with the page's state.
pub fn install(app: App) {
    apply(app);
    let closure = Closure::<dyn Fn()>::new(move || apply(app));
    browser::window().set_onhashchange(Some(closure.as_ref().unchecked_ref()));
    closure.forget();

    Effect::new(move |before: Option<String>| {
        let fragment = current(app).write();
        if before.is_some_and(|before| before != fragment) {
            replace_fragment(&fragment);
        }
        fragment
    });
}

/// The fragment of the page's current state.
fn current(app: App) -> Fragment {
    Fragment {
        report: app.link.get(),
        view: Some(app.view.get()),
        theme: Some(app.theme.get()),
        embedded: app.embedded.get(),
        scale: Some(app.scale.get()),
        backend: Some(app.backend.get()),
        source: None,
    }
}

fn replace_fragment(fragment: &str) {
    let address = if fragment.is_empty() { base() } else { format!("{}#{fragment}", base()) };
    if let Ok(history) = browser::window().history() {
        // If the browser refuses, the address bar is merely outdated.
        drop(history.replace_state_with_url(&JsValue::NULL, "", Some(&address)));
    }
}

fn apply(app: App) {
    let hash = browser::window().location().hash().unwrap_or_default();
    let fragment = Fragment::parse(&hash);
    if let Some(view) = fragment.view {
        app.view.set(view);
    }
    if let Some(theme) = fragment.theme {
        app.theme.set(theme);
    }
    app.embedded.set(fragment.embedded);
    if let Some(backend) = fragment.backend {
        analyst::use_backend(app, backend);
    }
    if let Some(scale) = fragment.scale {
        app.scale.set(scale);
    }
    if let Some(packed) = fragment.report
        && app.link.get_untracked().as_deref() != Some(packed.as_str())
    {
        match crate::codec::unpack(&packed) {
            Ok(report) => {
                app.link.set(Some(packed.clone()));
                app.files.set(Vec::new());
                app.alignment.set(None);
                app.show(report, ReportText::Link(packed), true, Origin::Link);
                app.say("The report from the link was opened.");
            }
            Err(message) => app.fail(message),
        }
    }
    if let Some(source) = fragment.source {
        let source = decode(&source);
        if addresses::may_be_linked(&source) {
            // The URL that is actually requested, which may be on another server than the page that
            // the link names.
            app.dialog.set(Some(Dialog::Source(addresses::read(&source).url().to_owned())));
        } else {
            app.fail(format!(
                "The link’s source “{source}” was not loaded: it is neither an https URL nor on this machine."
            ));
        }
    }
}

fn decode(text: &str) -> String {
    js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from)
}

#[cfg(test)]
mod tests {
    use super::Fragment;
    use crate::state::{Theme, View};
    use protocol::Backend;

    #[test]
    fn a_fragment_survives_a_round_trip() {
        let fragment = Fragment {
            report: Some("1d.AAAA".to_owned()),
            view: Some(View::Layers),
            theme: Some(Theme::Dark),
            embedded: true,
            scale: Some(1.5),
            backend: Some(Backend::Gpu),
            source: None,
        };
        assert_eq!(fragment.write(), "r=1d.AAAA&view=layers&theme=dark&embed=1&scale=1.5&backend=gpu");
        assert_eq!(Fragment::parse(&format!("#{}", fragment.write())), fragment);
    }

    #[test]
    fn unknown_and_invalid_parts_are_ignored() {
        let fragment = Fragment::parse("#x=1&view=nowhere&scale=900&&theme&r=");
        assert_eq!(fragment, Fragment::default());
    }
}
