//! Keys and words.

use leptos::prelude::*;

use crate::keys::KEYS;
use crate::panels::dialog::Modal;
use crate::state::Dialog;

/// The words of the field that the page uses.
const WORDS: [(&str, &str); 9] = [
    (
        "pathway",
        "the experts that a sample’s tokens use most, layer by layer: the shortest prefix whose mean routing weight exceeds τ",
    ),
    (
        "distance",
        "insertions, deletions and substitutions that turn one pathway into another, mean over pairs of samples",
    ),
    ("null", "the same between pathways of the same lengths with experts drawn at random"),
    ("consistency", "1 − C: how alike a sample’s routing is from layer to layer; higher is smoother"),
    ("smoothness", "the bounded companion of consistency, mean cosine between adjacent layers"),
    ("t*", "the first checkpoint from which a sample’s loss is low and stays put: it is memorized"),
    (
        "t#",
        "the first checkpoint from which a benchmark item is answered right and stays so: it is generalized",
    ),
    (
        "memorized",
        "samples whose t* comes before the last checkpoint; the group is fixed and followed through all checkpoints",
    ),
    ("d_eff", "effective dimension of the gates of a group"),
];

/// The help.
#[component]
pub fn HelpDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Help) title="Help" id="help-dialog">
            <h3>"Keys"</h3>
            <dl class="pairs keys">
                {KEYS.into_iter().map(|(key, what)| view! { <dt><kbd>{key}</kbd></dt><dd>{what}</dd> }).collect_view()}
            </dl>
            <h3>"Words"</h3>
            <dl class="pairs">
                {WORDS.into_iter().map(|(word, what)| view! { <dt>{word}</dt><dd>{what}</dd> }).collect_view()}
            </dl>
            <p class="soft">"All is computed on this machine, by workers of this page. Definitions follow arXiv 2506.21551; where the paper is silent, a note says what is done."</p>
        </Modal>
    }
}
