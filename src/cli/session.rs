//! One command's run: its context, its reporters, its end.

use clap::{Args, ValueEnum};

use super::Context;
use crate::event::{Event, Outcome, Reporter};

/// Flags that every command knows.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Form of the result on standard output
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text, env = "SHIPGATE_OUTPUT")]
    pub output: OutputFormat,
    /// Colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

/// Form of the result on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// One command's run.
pub struct Session {
    /// What the run was given from outside.
    pub context: Context,
    /// The command's name.
    pub command: &'static str,
    /// Form of the result.
    pub output: OutputFormat,
}

impl Session {
    /// Starts a run.
    pub fn new(context: Context, globals: &Globals, command: &'static str) -> Self {
        Self {
            context,
            command,
            output: globals.output,
        }
    }

    /// Ends the run: prints the outcome everywhere and returns the exit code.
    pub fn finish(&mut self, outcome: &Outcome) -> u8 {
        let text = format!("{}: {}\n", outcome.ending.result(), outcome.reason);
        self.context.print(&text);
        outcome.ending.code().number
    }
}

impl Reporter for Session {
    fn event(&mut self, event: &Event) {
        self.context.error_line(&format!("{event:?}"));
    }

    fn finish(&mut self, _outcome: &Outcome) {}
}
