//! Command line flags for the settings of a report, one per declared setting.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use report::{SETTINGS, Setting, Settings};

/// Settings given as flags, with their values as text.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags(Vec<(&'static Setting, String)>);

impl SettingFlags {
    /// Applies the flags.
    ///
    /// # Errors
    /// [`report::Error::Setting`] if a value is not valid.
    pub fn apply(&self, settings: &mut Settings) -> Result<(), report::Error> {
        self.0.iter().try_for_each(|(setting, text)| setting.set(settings, text))
    }
}

/// Name of a setting's flag, with dashes as all other flags.
fn flag(setting: &Setting) -> String {
    setting.id.replace('_', "-")
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let default = setting.text(&Settings::default());
            let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
            let unit = if setting.unit.is_empty() { String::new() } else { format!(", {}", setting.unit) };
            let help = format!("{}{unit}: {}{default}", setting.name, setting.hint);
            command.arg(
                Arg::new(setting.id)
                    .long(flag(setting))
                    .value_name("VALUE")
                    .allow_hyphen_values(true)
                    .help_heading("Settings")
                    .help(help),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = SETTINGS
            .iter()
            .filter_map(|setting| Some((setting, matches.get_one::<String>(setting.id)?.clone())));
        self.0.extend(given);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use report::OnsetRule;

    use super::*;

    fn parsed(arguments: &[&str]) -> Result<SettingFlags, clap::Error> {
        let command = SettingFlags::augment_args(Command::new("grokscope").no_binary_name(true));
        SettingFlags::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    #[test]
    fn every_setting_has_a_flag_in_lower_case_with_dashes() {
        let command = SettingFlags::augment_args(Command::new("grokscope"));
        let mut flags: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
        assert_eq!(flags.len(), SETTINGS.len());
        flags.retain(|flag| flag.bytes().any(|letter| !letter.is_ascii_lowercase() && letter != b'-'));
        assert!(flags.is_empty(), "{flags:?}");
    }

    #[test]
    fn a_flag_of_two_words_sets_its_setting() {
        let mut settings = Settings::default();
        parsed(&["--onset-rule", "paper"]).unwrap().apply(&mut settings).unwrap();
        assert_eq!(settings, Settings { onset_rule: OnsetRule::Paper, ..Settings::default() });
        parsed(&["--onset_rule", "paper"]).unwrap_err();
    }
}
