//! The declaration of every setting: name, range, unit, hint and section.
//!
//! [`Settings::check`], the panel of settings, the flags of the command line and the schema
//! document read it. A new setting is a field of [`Settings`] and a row here.

use std::collections::BTreeMap;

use super::{OnsetRule, PairBudget, Settings, Unit, Window};
use crate::error::Error;

/// Declares one setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name of the field in the JSON, and of the flag on the command line.
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

/// The range of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Between two numbers, exclusive.
    Between(f64, f64),
    /// A number or more.
    AtLeast(f64),
    /// More than a number.
    Above(f64),
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

/// Largest integer that JavaScript represents exactly.
const MOST_WHOLE: u64 = 1 << 53;

impl Range {
    fn contains(self, number: f64) -> bool {
        number.is_finite()
            && match self {
                Self::Between(low, high) => low < number && number < high,
                Self::AtLeast(low) => low <= number,
                Self::Above(low) => low < number,
            }
    }

    fn words(self) -> String {
        match self {
            Self::Between(low, high) => format!("between {low} and {high}"),
            Self::AtLeast(low) => format!("of {low} or more"),
            Self::Above(low) => format!("above {low}"),
        }
    }
}

impl Setting {
    /// Value of the setting as text, in the form that [`Setting::set`] accepts.
    #[must_use]
    pub fn text(&self, settings: &Settings) -> String {
        let settings = &mut settings.clone();
        let listed = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        match self.value {
            Value::Number(_, of) => of(settings).to_string(),
            Value::Numbers(_, _, of) => listed(of(settings)),
            Value::PerDomain(_, of) => {
                let entries = of(settings).iter().map(|(domain, number)| format!("{domain}={number}"));
                entries.collect::<Vec<_>>().join(", ")
            }
            Value::Whole(of) => of(settings).to_string(),
            Value::Pairs(of) => match of(settings) {
                PairBudget::Exact => "exact".to_owned(),
                PairBudget::Sampled { per_checkpoint } => per_checkpoint.to_string(),
            },
            Value::Steps(of) => {
                of(settings).map_or_else(String::new, |window| format!("{}-{}", window.first, window.last))
            }
            Value::Choice(values) => {
                let chosen = values.iter().find(|value| (value.is)(settings));
                chosen.map_or_else(String::new, |value| value.text.to_owned())
            }
            Value::Flag(of) => of(settings).to_string(),
        }
    }

    /// Sets the value from text; `settings` is unchanged if the text is not valid.
    ///
    /// # Errors
    /// [`Error::Setting`] with what was expected.
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<(), Error> {
        let text = text.trim();
        let refused = || self.refused(text.to_owned());
        let mut changed = settings.clone();
        match self.value {
            Value::Number(_, of) => *of(&mut changed) = number(text).ok_or_else(refused)?,
            Value::Numbers(_, _, of) => {
                let parts = text.split([',', ' ', ';']).filter(|part| !part.is_empty());
                let mut numbers: Vec<f64> = parts.map(number).collect::<Option<_>>().ok_or_else(refused)?;
                numbers.sort_by(f64::total_cmp);
                numbers.dedup();
                *of(&mut changed) = numbers;
            }
            Value::PerDomain(_, of) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                let entry = |part: &str| {
                    let (domain, value) = part.rsplit_once('=')?;
                    Some((domain.trim().to_owned(), number(value.trim())?))
                };
                *of(&mut changed) = parts.map(entry).collect::<Option<_>>().ok_or_else(refused)?;
            }
            Value::Whole(of) => *of(&mut changed) = whole(text).ok_or_else(refused)?,
            Value::Pairs(of) => {
                *of(&mut changed) = match text {
                    "exact" | "all" => PairBudget::Exact,
                    text => PairBudget::Sampled { per_checkpoint: whole(text).ok_or_else(refused)? },
                };
            }
            Value::Steps(of) => {
                *of(&mut changed) = match text.split_once(['-', '–']) {
                    None if text.is_empty() => None,
                    None => return Err(refused()),
                    Some((first, last)) => Some(Window {
                        first: whole(first).ok_or_else(refused)?,
                        last: whole(last).ok_or_else(refused)?,
                    }),
                };
            }
            Value::Choice(values) => {
                let named = values.iter().find(|value| text == value.text || text == value.name);
                (named.ok_or_else(refused)?.set)(&mut changed);
            }
            Value::Flag(of) => *of(&mut changed) = text.parse().map_err(|_| refused())?,
        }
        self.check(&changed)?;
        *settings = changed;
        Ok(())
    }

    /// Sets the number of one domain; empty text removes it.
    ///
    /// # Errors
    /// [`Error::Setting`] with what was expected; also if the setting has no numbers per domain.
    pub fn set_of_domain(&self, settings: &mut Settings, domain: &str, text: &str) -> Result<(), Error> {
        let refused = || self.refused(text.to_owned());
        let Value::PerDomain(range, of) = self.value else { return Err(refused()) };
        if text.trim().is_empty() {
            of(settings).remove(domain);
        } else {
            let number = number(text.trim()).filter(|number| range.contains(*number)).ok_or_else(refused)?;
            of(settings).insert(domain.to_owned(), number);
        }
        Ok(())
    }

    /// Checks that the value is in range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self, settings: &Settings) -> Result<(), Error> {
        let settings = &mut settings.clone();
        let fits = match self.value {
            Value::Number(range, of) => range.contains(*of(settings)),
            Value::Numbers(range, most, of) => {
                let numbers = of(settings);
                numbers.len() <= most && numbers.iter().all(|number| range.contains(*number))
            }
            Value::PerDomain(range, of) => of(settings).values().all(|number| range.contains(*number)),
            Value::Pairs(of) => *of(settings) != PairBudget::Sampled { per_checkpoint: 0 },
            Value::Steps(of) => of(settings).is_none_or(|window| window.first <= window.last),
            Value::Whole(_) | Value::Choice(_) | Value::Flag(_) => true,
        };
        if fits { Ok(()) } else { Err(self.refused(self.text(settings))) }
    }

    /// Allowed values, as a phrase.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.value {
            Value::Number(range, _) => format!("a number {}", range.words()),
            Value::Numbers(range, most, _) => format!("at most {most} numbers {}", range.words()),
            Value::PerDomain(range, _) => format!("a number {} per domain, such as math=0.9", range.words()),
            Value::Whole(_) => "a whole number".to_owned(),
            Value::Pairs(_) => "a number of pairs, at least 1, or exact".to_owned(),
            Value::Steps(_) => "a first and a last step in ascending order, such as 500-12000".to_owned(),
            Value::Choice(values) => {
                let texts: Vec<&str> = values.iter().map(|value| value.text).collect();
                texts.join(" or ")
            }
            Value::Flag(_) => "true or false".to_owned(),
        }
    }

    fn refused(&self, value: String) -> Error {
        Error::Setting { name: self.id, value, expected: self.expected() }
    }
}

/// Parses a number with the grammar of JSON, whose parser is linked anyway.
fn number(text: &str) -> Option<f64> {
    serde_json::from_str(text).ok()
}

/// Parses an integer, with or without thousands separators.
fn whole(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|letter| !matches!(letter, ',' | ' ' | '_')).collect();
    digits.parse().ok().filter(|number| *number <= MOST_WHOLE)
}

impl Settings {
    /// Checks that every setting is in the range that [`SETTINGS`] declares.
    ///
    /// # Errors
    /// [`Error::Setting`] with the setting, its value and the allowed values.
    pub fn check(&self) -> Result<(), Error> {
        SETTINGS.iter().try_for_each(|setting| setting.check(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_written_as_it_is_read() {
        let settings = Settings {
            tau: 0.65,
            sweep: vec![0.5, 0.9],
            unit: Unit::Character,
            pairs: PairBudget::Exact,
            seed: 7,
            eps: [("a=b".to_owned(), 0.5), ("math".to_owned(), 1.25)].into(),
            delta: 0.0,
            onset_rule: OnsetRule::Paper,
            window: Some(Window { first: 3, last: 9 }),
            alpha: 0.5,
            unconfirmed: true,
        };
        let mut read = Settings::default();
        for setting in SETTINGS {
            assert_ne!(setting.text(&settings), setting.text(&read), "{}", setting.id);
            setting.set(&mut read, &setting.text(&settings)).unwrap();
        }
        assert_eq!(read, settings);
    }

    #[test]
    fn the_declaration_names_every_field() {
        let fields = serde_json::to_value(Settings::default()).unwrap();
        let mut names: Vec<&str> = SETTINGS.iter().map(|setting| setting.id).collect();
        names.sort_unstable();
        let mut known: Vec<&String> = fields.as_object().unwrap().keys().collect();
        known.sort_unstable();
        assert_eq!(names, known);
    }

    #[test]
    fn values_out_of_range_are_refused_and_change_nothing() {
        for (id, text) in [
            ("tau", "1"),
            ("tau", "x"),
            ("tau", "NaN"),
            ("sweep", "0.5, 2"),
            ("sweep", "0.01,0.02,0.03,0.04,0.05,0.06,0.07,0.08,0.09,0.1,0.11,0.12,0.13,0.14,0.15,0.16,0.17"),
            ("unit", "word"),
            ("pairs", "0"),
            ("seed", "-1"),
            ("seed", "9007199254740993"),
            ("eps", "math=0"),
            ("eps", "0.5"),
            ("delta", "-0.1"),
            ("onset_rule", "t*"),
            ("window", "9-3"),
            ("window", "9"),
            ("alpha", "0"),
            ("unconfirmed", "perhaps"),
        ] {
            let setting = SETTINGS.iter().find(|setting| setting.id == id).unwrap();
            let mut settings = Settings::default();
            let error = setting.set(&mut settings, text).unwrap_err().to_string();
            assert!(error.contains(id) && error.contains(&setting.expected()), "{error}");
            assert_eq!(settings, Settings::default(), "{id} {text}");
        }
    }
}
