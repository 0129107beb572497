//! What a run is given from outside: environment (read once), clock, terminal, folder.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
};

use super::{pipeline::System, windows_variables::with_usual_names};
use crate::{
    clock::{Clock, SystemClock},
    exit,
    report::sanitise,
    secret::Secret,
};

/// Everything a command may know of the world it was started in.
pub struct Context {
    /// Environment variables as they were at the start.
    pub environment: BTreeMap<String, String>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Results: data for programs and people.
    pub stdout: Box<dyn Write + Send>,
    /// Progress, warnings and errors.
    pub stderr: Box<dyn Write + Send>,
    /// Does a person watch standard output?
    pub stdout_is_terminal: bool,
    /// Does a person watch standard error?
    pub stderr_is_terminal: bool,
    /// The folder that relative paths count from.
    pub folder: PathBuf,
    /// Does this run own the process, so that signals are meant for it?
    pub listens_to_signals: bool,
}

impl Context {
    /// Reads this process's environment; the only place that does.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_this_process() -> Self {
        Self {
            environment: usual_names(
                std::env::vars_os()
                    .filter_map(|(name, value)| {
                        Some((name.into_string().ok()?, value.into_string().ok()?))
                    })
                    .collect(),
            ),
            clock: Arc::new(SystemClock),
            stdout: Box::new(std::io::stdout()),
            stderr: Box::new(std::io::stderr()),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            listens_to_signals: true,
        }
    }

    /// Makes one that knows these variables and nothing else.
    #[cfg(test)]
    pub fn with_variables(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            environment: variables.iter().map(owned).collect(),
            clock: Arc::new(SystemClock),
            stdout: Box::new(Vec::new()),
            stderr: Box::new(Vec::new()),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            folder: PathBuf::from("/"),
            listens_to_signals: false,
        }
    }

    /// Returns a variable that is set and not empty: CI systems pass unset inputs as empty texts.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns a secret from the environment. A single line loses the line break at its end, which
    /// `echo` puts there and no header may have; a key of several lines keeps it.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        let text = self.variable(name)?;
        let line = text.trim_end_matches(['\r', '\n']);
        let secret = if line.contains('\n') { text } else { line };
        Some(Secret::new(secret)).filter(|secret| !secret.is_empty())
    }

    /// Are we in a pipeline, where nobody watches and nothing may ask?
    pub fn in_pipeline(&self) -> bool {
        System::of(self).is_some()
    }

    /// Is a person at the keyboard of this process, and no pipeline around it? Only then may a
    /// program of theirs be asked for credentials: it may open a window.
    pub fn person_is_at_the_keyboard(&self) -> bool {
        self.listens_to_signals && !self.in_pipeline() && std::io::stdin().is_terminal()
    }

    /// Prints a result. Returns the exit code: 0, or 1 when the text could not be written. A reader
    /// that has gone away (`| head`) is no error.
    pub fn print(&mut self, text: &str) -> u8 {
        let written = self
            .stdout
            .write_all(text.as_bytes())
            .and_then(|()| self.stdout.flush());
        match written {
            Ok(()) => exit::OK.number,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => exit::OK.number,
            Err(error) => {
                self.error_line(&format!("error: could not write the result: {error}"));
                exit::INTERNAL.number
            }
        }
    }

    /// Prints a message for people, made harmless line by line: it may quote an input. That it
    /// cannot be written changes nothing: there is nobody left to tell.
    pub fn error_line(&mut self, message: &str) {
        for line in sanitise::lines(message) {
            let _ = writeln!(self.stderr, "{line}");
        }
    }
}

fn usual_names(environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
    if cfg!(windows) {
        with_usual_names(environment)
    } else {
        environment
    }
}

/// Sets up what holds for the whole process: TLS provider, panics that end with exit code 1, a console that
/// understands colours.
pub fn prepare_process() {
    // Elsewhere every terminal does, or says in `TERM` that it does not.
    #[cfg(windows)]
    let _ = anstyle_query::windows::enable_ansi_colors();
    // Installing twice fails harmlessly: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("no message");
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()));
        let _ = writeln!(
            std::io::stderr(),
            "error: internal defect of shipgate{}: {what}\nnext: run `shipgate recover`, then report this with the line above",
            place.unwrap_or_default(),
        );
        end_with_internal_error();
    }));
}

#[expect(clippy::exit, reason = "a panic must never end with Rust's own 101")]
#[expect(
    clippy::disallowed_methods,
    reason = "a panic must never end with Rust's own 101"
)]
fn end_with_internal_error() {
    std::process::exit(i32::from(exit::INTERNAL.number));
}
