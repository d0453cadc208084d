//! Settings as text: how each kind of value is read, written and checked.

use super::{
    declared::{SETTINGS, Setting, Settings, Value},
    value::{PairBudget, Window},
};
use crate::error::Error;

/// Largest integer that JavaScript represents exactly.
const MOST_WHOLE: u64 = 1 << 53;

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

impl Settings {
    /// Checks that every setting is in the range that [`SETTINGS`] declares.
    ///
    /// # Errors
    /// [`Error::Setting`] with the setting, its value and the allowed values.
    pub fn check(&self) -> Result<(), Error> {
        SETTINGS.iter().try_for_each(|setting| setting.check(self))
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

#[cfg(test)]
mod tests {
    use super::{super::value::Range, *};

    /// Another valid value than the default, as text.
    fn other(setting: &Setting) -> String {
        match setting.value {
            Value::Number(Range::Between(low, high), _) => (low + (high - low) / 3.0).to_string(),
            Value::Number(Range::AtLeast(low) | Range::Above(low), _) => (low + 1.5).to_string(),
            Value::Numbers(..) => "0.25, 0.5".to_owned(),
            Value::PerDomain(..) => "a=b=0.5, math=1.25".to_owned(),
            Value::Whole(_) => "7,000".to_owned(),
            Value::Pairs(_) => "exact".to_owned(),
            Value::Steps(_) => "3-9".to_owned(),
            Value::Choice(values) => values.last().map(|value| value.text).unwrap_or_default().to_owned(),
            Value::Flag(_) => "true".to_owned(),
        }
    }

    #[test]
    fn every_setting_changes_its_field_alone_and_is_written_as_it_is_read() {
        let fields = |settings: &Settings| serde_json::to_value(settings).unwrap();
        let default = fields(&Settings::default());
        for setting in SETTINGS {
            let mut changed = Settings::default();
            setting.set(&mut changed, &other(setting)).unwrap();
            let mut field = fields(&changed);
            assert_ne!(field[setting.id], default[setting.id], "{}", setting.id);
            field[setting.id] = default[setting.id].clone();
            assert_eq!(field, default, "{} changes another field too", setting.id);
            let mut read = Settings::default();
            setting.set(&mut read, &setting.text(&changed)).unwrap();
            assert_eq!(read, changed);
        }
        let mut eps = Settings::default();
        let setting = SETTINGS.iter().find(|setting| setting.id == "eps").unwrap();
        setting.set(&mut eps, &other(setting)).unwrap();
        assert_eq!(eps.eps, [("a=b".to_owned(), 0.5), ("math".to_owned(), 1.25)].into());
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
