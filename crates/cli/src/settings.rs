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

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let default = setting.text(&Settings::default());
            let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
            let unit = if setting.unit.is_empty() { String::new() } else { format!(", {}", setting.unit) };
            let help = format!("{}{unit}: {}{default}", setting.name, setting.hint);
            command.arg(
                Arg::new(setting.id)
                    .long(setting.id)
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
