//! The declaration of every setting: field, default, name, range, unit, hint and section.
//!
//! [`Settings::check`], the panel of settings, the flags of the command line, links and the schema
//! document read it. A new setting is a field of [`Settings`], its default and a row of
//! [`SETTINGS`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::value::{OnsetRule, PairBudget, Range, Unit, Window};

/// Every choice that changes a figure of a [`crate::Report`]; the defaults are the paper's where it
/// has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Cumulative gate mass that a pathway's layer must exceed (paper, section 4.1); 0 < tau < 1.
    pub tau: f64,

    /// Further thresholds whose distances are shown for comparison, ascending.
    pub sweep: Vec<f64>,

    /// Unit of the pathway distance.
    pub unit: Unit,

    /// Pairs of samples measured at each checkpoint.
    pub pairs: PairBudget,

    /// Seed of every random draw: pairs, null pathways, permutations.
    pub seed: u64,

    /// Largest loss (nats) that counts as memorized, per domain; a domain that is absent is
    /// searched for the smallest threshold that a fifth of its samples meet
    /// (docs/metrics.md#memorization-step).
    pub eps: BTreeMap<String, f64>,

    /// Largest range or drift of the loss (nats) that counts as settled
    /// (docs/metrics.md#memorization-step).
    pub delta: f64,

    /// Rule of the memorization and generalization steps: of the memorized group, onsets and delays.
    pub onset_rule: OnsetRule,

    /// Checkpoints used for the correlations; all when absent.
    pub window: Option<Window>,

    /// Ridge of the effective dimension, relative to the mean eigenvalue mass per sample.
    pub alpha: f64,

    /// Whether groups whose step is only confirmed by the last checkpoint take part in the pairing.
    pub unconfirmed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tau: 0.7,
            sweep: vec![0.5, 0.6, 0.7, 0.8],
            unit: Unit::Symbol,
            pairs: PairBudget::Sampled { per_checkpoint: 100_000 },
            seed: 1,
            eps: BTreeMap::new(),
            delta: 0.05,
            onset_rule: OnsetRule::Causal,
            window: None,
            alpha: 0.01,
            unconfirmed: false,
        }
    }
}

/// Every setting, in the order of the page.
pub const SETTINGS: &[Setting] = &[
    Setting {
        id: "tau",
        name: "τ",
        unit: "",
        hint: "sum of gates that a layer’s experts in a pathway must exceed; paper: 0.7",
        section: "Pathways",
        value: Value::Number(Range::Between(0.0, 1.0), |settings| &mut settings.tau),
    },
    Setting {
        id: "sweep",
        name: "τ sweep",
        unit: "",
        hint: "thresholds to compare, separated by commas",
        section: "Pathways",
        value: Value::Numbers(Range::Between(0.0, 1.0), 16, |settings| &mut settings.sweep),
    },
    Setting {
        id: "unit",
        name: "Distance unit",
        unit: "",
        hint: "symbol: expert ids and layer breaks; character: characters of the pathway as text",
        section: "Pathways",
        value: Value::Choice(&[
            Named {
                text: "symbol",
                name: "symbols",
                is: |settings| settings.unit == Unit::Symbol,
                set: |settings| settings.unit = Unit::Symbol,
            },
            Named {
                text: "character",
                name: "characters",
                is: |settings| settings.unit == Unit::Character,
                set: |settings| settings.unit = Unit::Character,
            },
        ]),
    },
    Setting {
        id: "pairs",
        name: "Pairs per checkpoint",
        unit: "pairs",
        hint: "over all domains and groups; “exact” for all pairs",
        section: "Pairs",
        value: Value::Pairs(|settings| &mut settings.pairs),
    },
    Setting {
        id: "seed",
        name: "Seed",
        unit: "",
        hint: "of all random draws",
        section: "Pairs",
        value: Value::Whole(|settings| &mut settings.seed),
    },
    Setting {
        id: "eps",
        name: "ε",
        unit: "nats",
        hint: "largest loss that counts as memorized; searched if empty",
        section: "Memorization",
        value: Value::PerDomain(Range::Above(0.0), |settings| &mut settings.eps),
    },
    Setting {
        id: "delta",
        name: "δ",
        unit: "nats",
        hint: "largest range of a settled loss over three checkpoints; paper: deviation from its last value",
        section: "Memorization",
        value: Value::Number(Range::AtLeast(0.0), |settings| &mut settings.delta),
    },
    Setting {
        id: "onset_rule",
        name: "Onsets",
        unit: "",
        hint: "causal: t° and t°#, known two checkpoints later and never revised; paper: t* and t#, which the last checkpoint moves",
        section: "Memorization",
        value: Value::Choice(&[
            Named {
                text: "causal",
                name: "causal",
                is: |settings| settings.onset_rule == OnsetRule::Causal,
                set: |settings| settings.onset_rule = OnsetRule::Causal,
            },
            Named {
                text: "paper",
                name: "paper",
                is: |settings| settings.onset_rule == OnsetRule::Paper,
                set: |settings| settings.onset_rule = OnsetRule::Paper,
            },
        ]),
    },
    Setting {
        id: "window",
        name: "Correlation window",
        unit: "steps",
        hint: "first and last step, such as 500-12000; all steps if empty",
        section: "Correlations and dimension",
        value: Value::Steps(|settings| &mut settings.window),
    },
    Setting {
        id: "alpha",
        name: "α",
        unit: "",
        hint: "relative ridge of the effective dimension",
        section: "Correlations and dimension",
        value: Value::Number(Range::Above(0.0), |settings| &mut settings.alpha),
    },
    Setting {
        id: "unconfirmed",
        name: "Unconfirmed groups",
        unit: "",
        hint: "with the paper’s rule, also match groups that only the last checkpoint confirms",
        section: "Correlations and dimension",
        value: Value::Flag(|settings| &mut settings.unconfirmed),
    },
];

/// Declares one setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name of the field in the JSON, and with dashes of the flag on the command line.
    pub id: &'static str,
    /// Name on the page.
    pub name: &'static str,
    /// Unit of the value; empty without unit.
    pub unit: &'static str,
    /// Description, as a phrase.
    pub hint: &'static str,
    /// Heading on the page.
    pub section: &'static str,
    /// Kind and range of its value.
    pub value: Value,
}

/// Kind of a setting's value: its range and its field in [`Settings`].
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A number.
    Number(Range, fn(&mut Settings) -> &mut f64),
    /// A list of numbers.
    Numbers(Range, usize, fn(&mut Settings) -> &mut Vec<f64>),
    /// A number per domain; it is searched for in other domains.
    PerDomain(Range, fn(&mut Settings) -> &mut BTreeMap<String, f64>),
    /// A whole number.
    Whole(fn(&mut Settings) -> &mut u64),
    /// A number of pairs, or all of them.
    Pairs(fn(&mut Settings) -> &mut PairBudget),
    /// A range of training steps, or all of them.
    Steps(fn(&mut Settings) -> &mut Option<Window>),
    /// One of a few named values.
    Choice(&'static [Named]),
    /// Yes or no.
    Flag(fn(&mut Settings) -> &mut bool),
}

/// One value of a [`Value::Choice`].
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The value as text.
    pub text: &'static str,
    /// Name on the page.
    pub name: &'static str,
    /// Whether the settings have this value.
    pub is: fn(&Settings) -> bool,
    /// Gives the settings this value.
    pub set: fn(&mut Settings),
}
