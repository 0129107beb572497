//! Commands that messages name, to be pasted into a shell as they are: with the flags that lead to the same
//! repository, environment and service.

use std::fmt;

use super::load::{ConfigSource, Target};
use crate::git::Repository;

/// Where the configuration is read where nobody says so.
pub const USUAL_CONFIG: &str = "shipgate.yaml";

/// Flags that lead to the configuration of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// Address of the repository, without anything secret; none = commands do not name it.
    pub repository: Option<String>,
    /// Branch with the configuration; none = the repository's default branch.
    pub branch: Option<String>,
    /// Path of the configuration in the repository; none = the usual one.
    pub config: Option<String>,
}

impl Flags {
    /// Returns those that lead to a configuration.
    pub fn to(repository: &Repository, source: &ConfigSource<'_>) -> Self {
        Self {
            repository: repository.name_in_commands().map(str::to_owned),
            branch: source.branch.map(str::to_owned),
            config: Some(source.path.to_owned()),
        }
    }

    /// Returns a command with these flags.
    pub fn command(&self, name: &str) -> CommandLine {
        let config = self.config.as_deref();
        CommandLine(format!("shipgate {name}"))
            .flag_if("repository", self.repository.as_deref())
            .flag_if("branch", self.branch.as_deref())
            .flag_if("config", config.filter(|path| *path != USUAL_CONFIG))
    }
}

/// A command as a line of a POSIX shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(String);

impl CommandLine {
    /// Adds a flag with its value, as one word.
    #[must_use]
    pub fn flag(mut self, name: &str, value: &str) -> Self {
        self.0.push_str(&format!(" --{name} {}", word(value)));
        self
    }

    /// Adds a flag without a value.
    #[must_use]
    pub fn switch(mut self, name: &str) -> Self {
        self.0.push_str(&format!(" --{name}"));
        self
    }

    /// Adds a flag, where there is a value for it.
    #[must_use]
    pub fn flag_if(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.flag(name, value),
            None => self,
        }
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What commands are about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Where it is configured.
    pub flags: &'a Flags,
    /// Service.
    pub service: &'a str,
    /// Environment; of a region the name that it has as one of its own.
    pub environment: &'a str,
}

impl About<'_> {
    /// Returns a command about it.
    pub fn command(&self, name: &str) -> CommandLine {
        self.flags
            .command(name)
            .flag("service", self.service)
            .flag("environment", self.environment)
    }
}

impl Target {
    /// Returns what commands are about that are about this service here.
    pub fn about(&self) -> About<'_> {
        About {
            flags: &self.flags,
            service: &self.service.name,
            environment: &self.environment_name,
        }
    }

    /// Returns a command about this service here.
    pub fn command(&self, name: &str) -> CommandLine {
        self.about().command(name)
    }
}

/// A text as one word of a POSIX shell.
pub fn word(text: &str) -> String {
    let line = text.replace(char::is_control, " ");
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=,".contains(character);
    if !line.is_empty() && line.chars().all(is_plain) {
        return line;
    }
    format!("'{}'", line.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_one_word_and_what_is_usual_is_left_out() {
        let usual = Flags {
            config: Some(USUAL_CONFIG.to_owned()),
            ..Flags::default()
        };
        let other = Flags {
            repository: Some("/srv/o'brien $HOME/`id`.git".to_owned()),
            branch: Some("main;ls".to_owned()),
            config: Some("apps/a b.yaml".to_owned()),
        };
        let lines = [
            usual.command("recover").to_string(),
            usual.command("rollback").flag("to", "1.0\n").to_string(),
            other.command("deploy").switch("drill").to_string(),
            Flags::default()
                .command("recover")
                .flag("service", "")
                .to_string(),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        shipgate recover
        shipgate rollback --to '1.0 '
        shipgate deploy --repository '/srv/o'\''brien $HOME/`id`.git' --branch 'main;ls' --config 'apps/a b.yaml' --drill
        shipgate recover --service ''
        ");
    }
}
