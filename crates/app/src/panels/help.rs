//! The help dialog: keyboard shortcuts and terms.

use leptos::prelude::*;

use crate::keys::KEYS;
use crate::panels::dialog::Modal;
use crate::panels::kept::KeepSwitch;
use crate::panels::offline::Offline;
use crate::state::Dialog;

/// Terms that the page uses.
const TERMS: [(&str, &str); 12] = [
    (
        "pathway",
        "per layer, the experts with the largest gates (mean router probabilities), ranked, until their sum exceeds τ",
    ),
    (
        "distance",
        "number of insertions, deletions and substitutions that turn one pathway into another, mean over pairs of samples",
    ),
    ("null", "distance between random pathways of the same lengths"),
    ("consistency", "1 − C: similarity of a sample’s routing in adjacent layers; higher is smoother"),
    ("smoothness", "mean cosine similarity of the routing in adjacent layers, from −1 to 1"),
    (
        "t°",
        "memorization step: the first checkpoint from which a sample’s loss is low and settled over three checkpoints",
    ),
    (
        "t°#",
        "generalization step: the first checkpoint from which a benchmark item is correct at three checkpoints in a row",
    ),
    (
        "t*",
        "the paper’s memorization step: the first checkpoint from which the loss is low and near its last value",
    ),
    (
        "t#",
        "the paper’s generalization step: the first checkpoint from which an item is correct and stays so to the end",
    ),
    (
        "onsets",
        "a setting: t° and t°#, which are never revised, or t* and t#, which the last checkpoint moves",
    ),
    (
        "memorized",
        "samples with a t°, or with t* before the last checkpoint; the same group is measured at every checkpoint",
    ),
    ("d_eff", "effective dimension of a group’s gates"),
];

/// The dialog.
#[component]
pub fn HelpDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Help) title="Help" id="help-dialog">
            <h3>"Keyboard shortcuts"</h3>
            <dl class="pairs keys">
                {KEYS.into_iter().map(|(key, what)| view! { <dt><kbd>{key}</kbd></dt><dd>{what}</dd> }).collect_view()}
            </dl>
            <h3>"Offline"</h3>
            <Offline/>
            <KeepSwitch/>
            <h3>"Terms"</h3>
            <dl class="pairs">
                {TERMS.into_iter().map(|(term, meaning)| view! { <dt>{term}</dt><dd>{meaning}</dd> }).collect_view()}
            </dl>
            <p class="soft">"Everything runs locally, in workers of this page. Definitions follow arXiv 2506.21551; notes describe our choices where the paper leaves them open."</p>
        </Modal>
    }
}
