//! The URL fragment and the history: report, view, what it shows, appearance and backend.
//!
//! A change of the view adds a history entry; everything else replaces the current one. The state of
//! an entry is the id of its run, so Back and Forward restore the report together with the address.

use std::cell::RefCell;

use figures::LEAST_LINKS;
use leptos::prelude::*;
use protocol::{Backend, Job, PairChoice, ReportText, addresses};
use report::Group;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::analyst;
use crate::browser;
use crate::runs;
use crate::state::{App, Axis, Dialog, Origin, Stage, Theme, TokenChoice, View};

thread_local! {
    /// What the address asks for and no report can show yet.
    static PENDING: RefCell<Option<Fragment>> = const { RefCell::new(None) };
    /// The encoded report in the address while it is decoded; the address stays as it is until then.
    static OPENING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The content of a fragment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fragment {
    /// `r`: an encoded report.
    pub report: Option<String>,
    /// `view`: the current view.
    pub view: Option<View>,
    /// `at`: index of the selected checkpoint; the last one if absent.
    pub checkpoint: Option<usize>,
    /// `layer`: index of the selected layer; the first one if absent.
    pub layer: Option<usize>,
    /// `pair`: indices of two samples in the run.
    pub pair: Option<(usize, usize)>,
    /// `pin`: index of the pinned checkpoint.
    pub pin: Option<usize>,
    /// `group`: `memorized` or `all` samples, if the user chose.
    pub group: Option<Group>,
    /// `domain`: index of the domain of views that show one; the first one if absent.
    pub domain: Option<usize>,
    /// `least`: least mass of a link of the view Flow, one of [`LEAST_LINKS`].
    pub least: Option<f64>,
    /// `sample`, `token`, `expert`: what the view Tokens shows.
    pub tokens: TokenChoice,
    /// `axis`: horizontal axis; steps if absent.
    pub axis: Option<Axis>,
    /// `hide`: indices of the hidden domains.
    pub hidden: Vec<usize>,
    /// `theme`: light or dark.
    pub theme: Option<Theme>,
    /// `embed=1`: the page is embedded and shows only the view.
    pub embedded: bool,
    /// `chart`: the only chart to show, in an embedded page.
    pub chart: Option<String>,
    /// `scale`: font scale.
    pub scale: Option<f64>,
    /// `backend`: where distances and checkpoints are computed.
    pub backend: Option<Backend>,
    /// `src`: a URL to load after confirmation.
    pub source: Option<String>,
    /// `watch`: seconds between two looks, if the folder at the URL is followed.
    pub watch: Option<u32>,
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
                "at" => fragment.checkpoint = value.parse().ok(),
                "layer" => fragment.layer = value.parse().ok(),
                "pair" => {
                    fragment.pair =
                        value.split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                }
                "pin" => fragment.pin = value.parse().ok(),
                "group" => fragment.group = GROUPS.into_iter().find(|group| group_slug(*group) == value),
                "domain" => fragment.domain = value.parse().ok(),
                "least" => {
                    let least = serde_json::from_str::<f64>(value).ok();
                    fragment.least = least.filter(|least| LEAST_LINKS.contains(least));
                }
                "sample" => fragment.tokens.sample = value.parse().ok(),
                "token" => fragment.tokens.token = value.parse().unwrap_or(0),
                "expert" => fragment.tokens.expert = value.parse().ok(),
                "axis" => fragment.axis = Axis::from_slug(value),
                "hide" => fragment.hidden = value.split('.').filter_map(|at| at.parse().ok()).collect(),
                "theme" => fragment.theme = Theme::from_slug(value),
                "embed" => fragment.embedded = value == "1",
                "chart" if !value.is_empty() => fragment.chart = Some(value.to_owned()),
                "scale" => {
                    fragment.scale =
                        serde_json::from_str::<f64>(value).ok().filter(|scale| (0.5..=4.0).contains(scale));
                }
                "backend" => fragment.backend = Backend::from_slug(value),
                "src" => fragment.source = Some(value.to_owned()),
                "watch" => fragment.watch = value.parse().ok().map(|seconds: u32| seconds.clamp(1, 86_400)),
                _ => {}
            }
        }
        fragment
    }

    /// The fragment without `#`; defaults are omitted.
    pub fn write(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: &str| {
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        };
        if let Some(report) = &self.report {
            add("r", report);
        }
        if let Some(view) = self.view.filter(|view| *view != View::Timeline) {
            add("view", view.slug());
        }
        for (name, value) in [("at", self.checkpoint), ("layer", self.layer)] {
            if let Some(value) = value {
                add(name, &value.to_string());
            }
        }
        if let Some((a, b)) = self.pair {
            add("pair", &format!("{a}.{b}"));
        }
        if let Some(group) = self.group {
            add("group", group_slug(group));
        }
        if let Some(least) = self.least {
            add("least", &least.to_string());
        }
        let TokenChoice { sample, token, expert } = self.tokens;
        let token = Some(token).filter(|token| *token > 0);
        for (name, value) in [
            ("pin", self.pin),
            ("domain", self.domain),
            ("sample", sample),
            ("token", token),
            ("expert", expert),
        ] {
            if let Some(value) = value {
                add(name, &value.to_string());
            }
        }
        if let Some(axis) = self.axis.filter(|axis| *axis != Axis::Steps) {
            add("axis", axis.slug());
        }
        if !self.hidden.is_empty() {
            let hidden: Vec<String> = self.hidden.iter().map(usize::to_string).collect();
            add("hide", &hidden.join("."));
        }
        if let Some(theme) = self.theme.filter(|theme| *theme != Theme::System) {
            add("theme", theme.slug());
        }
        if self.embedded {
            add("embed", "1");
            if let Some(chart) = &self.chart {
                add("chart", chart);
            }
        }
        if let Some(scale) = self.scale.filter(|scale| (scale - 1.0).abs() > 1e-9) {
            add("scale", &scale.to_string());
        }
        if let Some(backend) = self.backend.filter(|backend| *backend != Backend::Auto) {
            add("backend", backend.slug());
        }
        if let Some(source) = &self.source {
            add("src", source);
        }
        if let Some(seconds) = self.watch {
            add("watch", &seconds.to_string());
        }
        text
    }
}

/// Groups of samples.
const GROUPS: [Group; 2] = [Group::Memorized, Group::All];

/// Name of a group in URLs.
fn group_slug(group: Group) -> &'static str {
    match group {
        Group::Memorized => "memorized",
        Group::All => "all",
    }
}

/// The page's URL without its fragment.
pub fn base() -> String {
    let href = browser::window().location().href().unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// The fragment in the address bar.
fn address() -> Fragment {
    Fragment::parse(&browser::window().location().hash().unwrap_or_default())
}

/// Applies the URL fragment and keeps it in step with the page's state.
pub fn install(app: App) {
    apply(app, None);
    let closure = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        apply(app, browser::property(&event, "state").and_then(|state| state.as_f64()));
    });
    browser::window().set_onpopstate(Some(closure.as_ref().unchecked_ref()));
    closure.forget();

    Effect::new(move || {
        if app.report.with(Option::is_some) && app.complete.get() {
            apply_pending(app);
        }
    });
    // Neither the address nor a lost trace leads to a blank view.
    Effect::new(move || {
        if app.report.with(Option::is_some) && app.complete.get() && !app.offers(app.view.get()) {
            app.view.set(View::Timeline);
        }
    });
    Effect::new(move || {
        let (fragment, id) = (current(app), app.run_id.get());
        if OPENING.with_borrow(Option::is_some) {
            return;
        }
        let Ok(history) = browser::window().history() else { return };
        let is_same_run =
            history.state().ok().and_then(|state| state.as_f64()).is_some_and(|old| runs::is_same(old, id));
        let written = fragment.write();
        let url = if written.is_empty() { base() } else { format!("{}#{written}", base()) };
        let (state, url) = (JsValue::from_f64(id), Some(url.as_str()));
        // If the browser refuses, the address bar is merely outdated.
        drop(if is_same_run && address().view.unwrap_or(View::Timeline) != app.view.get() {
            history.push_state_with_url(&state, "", url)
        } else {
            history.replace_state_with_url(&state, "", url)
        });
    });
}

/// What the report's views show: the parts of a fragment that describe it.
pub fn place(app: App) -> Fragment {
    if app.report.with(Option::is_none) || !app.complete.get() {
        let pending = PENDING.with_borrow(Clone::clone);
        return Fragment {
            view: Some(app.view.get()),
            axis: Some(app.axis.get()),
            ..pending.unwrap_or_default()
        };
    }
    let hidden = app.hidden.get();
    let pair = (app.view.get() == View::Pathways)
        .then(|| app.alignment.with(|both| both.as_ref().map(|both| (both.a.index, both.b.index))));
    app.with_report(|report| Fragment {
        view: Some(app.view.get()),
        checkpoint: Some(app.checkpoint.get()).filter(|at| at + 1 != report.checkpoints.len()),
        layer: Some(app.layer.get()).filter(|layer| *layer > 0),
        pair: pair.flatten().or_else(|| app.pair.get()),
        pin: app.pin.get(),
        group: Some(app.group.get()).filter(|_| app.group_chosen.get()),
        domain: report.domains.iter().position(|domain| domain.name == app.domain.get()).filter(|at| *at > 0),
        least: app.least.get(),
        tokens: app.tokens.get(),
        axis: Some(app.axis.get()),
        hidden: (0..)
            .zip(&report.domains)
            .filter(|(_, domain)| hidden.contains(&domain.name))
            .map(|(at, _)| at)
            .collect(),
        ..Fragment::default()
    })
    .unwrap_or_default()
}

/// The fragment of the page's current state.
fn current(app: App) -> Fragment {
    let served = app.followed.with(|followed| {
        let followed = followed.as_ref().filter(|followed| !followed.is_local)?;
        Some((followed.folder.clone(), followed.seconds))
    });
    Fragment {
        report: app.link.get(),
        theme: Some(app.theme.get()),
        embedded: app.embedded.get(),
        chart: app.only.get(),
        scale: Some(app.scale.get()),
        backend: Some(app.backend.get()),
        source: served.as_ref().map(|(folder, _)| encoded(folder)),
        watch: served.map(|(_, seconds)| seconds),
        ..place(app)
    }
}

/// Shows what a fragment says about the views.
pub fn apply_place(app: App, fragment: &Fragment) {
    app.view.set(fragment.view.filter(|view| untrack(|| app.offers(*view))).unwrap_or(View::Timeline));
    app.axis.set(fragment.axis.unwrap_or(Axis::Steps));
    let (checkpoints, layers, domain, hidden) = untrack(|| {
        app.with_report(|report| {
            let name = |at: &usize| Some(report.domains.get(*at)?.name.clone());
            let hidden = fragment.hidden.iter().filter_map(name);
            let domain = name(&fragment.domain.unwrap_or(0));
            (report.checkpoints.len(), report.run.layers, domain, hidden.collect())
        })
    })
    .unwrap_or_default();
    if let Some(domain) = domain {
        app.domain.set(domain);
    }
    if let Some(group) = fragment.group {
        app.group_chosen.set(true);
        app.group.set(group);
    }
    app.pin.set(fragment.pin.filter(|pin| *pin < checkpoints));
    app.least.set(fragment.least);
    app.tokens.set(fragment.tokens);
    let last = checkpoints.saturating_sub(1);
    app.checkpoint.set(fragment.checkpoint.unwrap_or(last).min(last));
    app.layer.set(fragment.layer.unwrap_or(0).min(layers.saturating_sub(1)));
    app.hidden.set(hidden);
    app.pair.set(fragment.pair);
    let shown = app.alignment.with_untracked(|both| both.as_ref().map(|both| (both.a.index, both.b.index)));
    if let Some((a, b)) = fragment.pair.filter(|pair| shown.is_some_and(|shown| shown != *pair)) {
        let checkpoint = app.checkpoint.get_untracked();
        analyst::post(app, &Job::ChoosePair { choice: PairChoice::Samples { a, b }, checkpoint });
    }
}

/// Applies the fragment in the address bar. `run` is the run of the history entry, if the page wrote
/// the entry.
fn apply(app: App, run: Option<f64>) {
    OPENING.take();
    let fragment = address();
    if let Some(theme) = fragment.theme {
        app.theme.set(theme);
    }
    app.embedded.set(fragment.embedded);
    app.only.set(fragment.chart.clone().filter(|_| fragment.embedded));
    if let Some(backend) = fragment.backend {
        analyst::use_backend(app, backend);
    }
    if let Some(scale) = fragment.scale {
        app.scale.set(scale);
    }
    let moved = run.is_some();
    let other_run = run.filter(|run| !runs::is_same(*run, app.run_id.get_untracked())).and_then(runs::find);
    if let Some(run) = other_run {
        runs::hold(app);
        runs::show(app, run);
    } else if let Some(packed) = fragment.report.clone()
        && app.link.get_untracked().as_deref() != Some(packed.as_str())
    {
        open_link(app, packed, run);
    }
    if OPENING.with_borrow(Option::is_none) {
        if moved && app.stage_now() == Stage::Report {
            apply_place(app, &fragment);
        } else {
            if let Some(view) = fragment.view {
                app.view.set(view);
            }
            if let Some(axis) = fragment.axis {
                app.axis.set(axis);
            }
            PENDING.set(pending(&fragment));
        }
    }
    if let Some(source) = fragment.source {
        let source = decode(&source);
        let folder = addresses::read(&source).url().to_owned();
        let is_followed =
            app.followed.with_untracked(|followed| followed.as_ref().is_some_and(|now| now.folder == folder));
        if is_followed {
            // The address that the page wrote itself.
        } else if let Some(seconds) = fragment.watch.filter(|_| browser::is_own(&folder)) {
            // Where the page comes from sees no other request than the page's own.
            app.follow_folder(folder, seconds, false);
        } else if addresses::may_be_linked(&source) {
            // The URL that is actually requested, which may be on another server than the page that
            // the link names.
            app.dialog.set(Some(Dialog::Source(folder, fragment.watch)));
        } else {
            app.fail(format!(
                "The link’s source “{source}” was not loaded: it is neither an https URL nor on this machine."
            ));
        }
    }
}

/// Stops opening the link in the address: what the user opened since then is shown.
pub fn stop_opening() {
    OPENING.take();
}

/// Shows the report of a link once it is decoded, unless the address has changed or files were added by then.
fn open_link(app: App, packed: String, run: Option<f64>) {
    OPENING.set(Some(packed.clone()));
    spawn_local(async move {
        let report = crate::codec::unpack(app, &packed).await;
        if OPENING.with_borrow(|opening| opening.as_ref() != Some(&packed)) {
            return;
        }
        OPENING.take();
        let fragment = address();
        match report {
            Ok(report) => {
                let previous =
                    app.report.with_untracked(|report| report.as_ref().map(|_| app.run_id.get_untracked()));
                runs::hold(app);
                open(app, run);
                app.link.set(Some(packed.clone()));
                app.saved.set(true);
                app.previous.set(previous);
                app.show(report, ReportText::Link(packed), true, Origin::Link);
                app.say("The report from the link was opened.");
                PENDING.take();
                apply_place(app, &fragment);
            }
            Err(message) => app.fail(message),
        }
    });
}

/// Empties the page for another run, which has the id of its history entry or a new one.
fn open(app: App, run: Option<f64>) {
    let other = app.other.get_untracked();
    crate::map::forget(app);
    app.reset();
    app.other.set(other);
    match run {
        Some(id) => app.run_id.set(id),
        None => runs::begin(app),
    }
}

/// The parts of a fragment that need a report.
fn pending(fragment: &Fragment) -> Option<Fragment> {
    let fragment = Fragment {
        report: None,
        view: None,
        axis: None,
        theme: None,
        embedded: false,
        chart: None,
        scale: None,
        backend: None,
        source: None,
        watch: None,
        ..fragment.clone()
    };
    (fragment != Fragment::default()).then_some(fragment)
}

/// Shows what the address asked for before there was a report.
pub fn apply_pending(app: App) {
    if let Some(pending) = PENDING.take() {
        let (view, axis) = (Some(app.view.get_untracked()), Some(app.axis.get_untracked()));
        apply_place(app, &Fragment { view, axis, ..pending });
    }
}

/// Asks for what a stored address says, unless the address in the address bar asks for something.
pub fn set_pending(app: App, fragment: &Fragment) {
    if app.view.get_untracked() == View::Timeline && PENDING.with_borrow(Option::is_none) {
        app.view.set(fragment.view.unwrap_or(View::Timeline));
        app.axis.set(fragment.axis.unwrap_or(Axis::Steps));
        PENDING.set(pending(fragment));
    }
}

/// A URL as a part of the fragment: only what would end it or start an escape is escaped.
fn encoded(url: &str) -> String {
    url.replace('%', "%25").replace('&', "%26").replace('#', "%23")
}

fn decode(text: &str) -> String {
    js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), String::from)
}

#[cfg(test)]
mod tests {
    use super::Fragment;
    use crate::state::{Axis, Theme, TokenChoice, View};
    use protocol::Backend;
    use report::Group;

    #[test]
    fn a_fragment_survives_a_round_trip() {
        let fragment = Fragment {
            report: Some("1d.AAAA".to_owned()),
            view: Some(View::Layers),
            checkpoint: Some(3),
            layer: Some(2),
            pair: Some((4, 17)),
            pin: Some(1),
            group: Some(Group::All),
            domain: Some(1),
            least: Some(1.5),
            tokens: TokenChoice { sample: Some(17), token: 5, expert: Some(0) },
            axis: Some(Axis::Log),
            hidden: vec![0, 2],
            theme: Some(Theme::Dark),
            embedded: true,
            chart: Some("distance".to_owned()),
            scale: Some(1.5),
            backend: Some(Backend::Gpu),
            source: Some("http://127.0.0.1:8765/run/".to_owned()),
            watch: Some(30),
        };
        assert_eq!(
            fragment.write(),
            "r=1d.AAAA&view=layers&at=3&layer=2&pair=4.17&group=all&least=1.5&pin=1&domain=1&sample=17&token=5&expert=0&axis=log&hide=0.2&theme=dark&embed=1&chart=distance&scale=1.5&backend=gpu&src=http://127.0.0.1:8765/run/&watch=30"
        );
        assert_eq!(Fragment::parse(&format!("#{}", fragment.write())), fragment);
    }

    #[test]
    fn unknown_and_invalid_parts_are_ignored() {
        let fragment = Fragment::parse(
            "#x=1&view=nowhere&scale=900&&theme&r=&at=-1&layer=x&pair=3&axis=up&hide=a.&least=3&token=x&sample=&group=some",
        );
        assert_eq!(fragment, Fragment::default());
    }

    #[test]
    fn defaults_are_omitted() {
        let fragment = Fragment {
            view: Some(View::Timeline),
            theme: Some(Theme::System),
            axis: Some(Axis::Steps),
            scale: Some(1.0),
            backend: Some(Backend::Auto),
            ..Fragment::default()
        };
        assert_eq!(fragment.write(), "");
    }
}
