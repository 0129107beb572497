//! One command's run: its context, its reporters, its end.

use std::{
    borrow::Cow,
    io::{self, ErrorKind, Write},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use indicatif::ProgressDrawTarget;

use super::{Context, files::Files, pipeline::System};
use crate::{
    clock::Clock,
    event::{Ending, Event, Failure, Outcome, Reporter},
    exit,
    report::{
        Ended, Fanout, Sink, Stream, azure, github, gitlab,
        json::{Json, events::JsonLines},
        live::{Live, columns_of_stdout},
        progress::Progress,
        text::Text,
    },
};

/// Flags that every command knows.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Form of the result on standard output [default: text, or SHIPGATE_OUTPUT]
    #[arg(long, global = true, value_enum)]
    pub output: Option<OutputFormat>,
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
    /// One JSON object a line, as things happen; the last one has the whole result.
    Jsonl,
    /// A calendar to subscribe to; only of `next`.
    Ics,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal and in GitHub or GitLab logs, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Globals {
    /// Returns the form of the result: the flag, else `SHIPGATE_OUTPUT`, else text.
    ///
    /// # Errors
    /// `SHIPGATE_OUTPUT` is neither `text` nor `json` nor `jsonl`; a calendar of a command that has none.
    pub fn output_of(&self, command: &str, context: &Context) -> Result<OutputFormat, Failure> {
        match self.output(context)? {
            OutputFormat::Ics if command != "next" => Err(Failure::new(
                Ending::Usage,
                format!(
                    "`{command}` makes no calendar; --output text, json or jsonl, or `shipgate next`"
                ),
            )),
            output => Ok(output),
        }
    }

    fn output(&self, context: &Context) -> Result<OutputFormat, Failure> {
        match (self.output, context.variable("SHIPGATE_OUTPUT")) {
            (Some(output), _) => Ok(output),
            (None, None) => Ok(OutputFormat::Text),
            (None, Some(word)) => OutputFormat::from_str(word, true).map_err(|_| {
                Failure::new(
                    Ending::Usage,
                    format!("SHIPGATE_OUTPUT: found {word:?}, expected text, json or jsonl"),
                )
            }),
        }
    }
}

/// One command's run. It is the [`Reporter`] that the working commands speak to.
pub struct Session {
    /// What the run was given from outside. A command that prints a document of its own writes it
    /// with [`Context::print`] and ends with [`Ending::Shown`]; nothing more is printed then.
    pub context: Context,
    /// The command's name.
    pub command: &'static str,
    /// Form of the result.
    pub output: OutputFormat,
    stdout: Stream,
    result: Box<dyn Sink>,
    others: Fanout,
    /// Path of the JSON report; empty where none is written.
    report: String,
    is_shown: bool,
    started_at: DateTime<Utc>,
    exit_code: Option<u8>,
}

impl Session {
    /// Starts a run that writes every file that the environment names.
    pub fn new(context: Context, globals: &Globals, command: &'static str) -> Self {
        let files = Files::of(&context, command);
        Self::with_files(context, globals, command, &files)
    }

    /// Starts a run. Its standard output and error are shared by the context and the reporters.
    pub fn with_files(
        mut context: Context,
        globals: &Globals,
        command: &'static str,
        files: &Files,
    ) -> Self {
        let output = globals
            .output_of(command, &context)
            .unwrap_or(OutputFormat::Text);
        let stdout = share(&mut context.stdout);
        let stderr = share(&mut context.stderr);
        let variable = |name: &str| context.variable(name);
        let paint = |terminal| wants_colour(globals.color, &variable, terminal);
        let result: Box<dyn Sink> = match output {
            OutputFormat::Text => {
                let colour = paint(context.stdout_is_terminal);
                let columns = context.stdout_is_terminal.then(columns_of_stdout).flatten();
                Box::new(Text::new(stdout.clone(), colour).within(columns))
            }
            OutputFormat::Json => Box::new(Json(stdout.clone())),
            OutputFormat::Jsonl => Box::new(JsonLines::new(stdout.clone())),
            // Only what went wrong gets here, and must not look like a calendar.
            OutputFormat::Ics => Box::new(Text::new(stderr.clone(), false)),
        };
        let mut others = Fanout::default();
        if variable("GITHUB_ACTIONS") == Some("true") {
            others.add(github::Commands::new(stderr.clone()));
        }
        let system = System::of(&context);
        if system == Some(System::GitLab) {
            others.add(gitlab::Sections::new(stderr.clone()));
        }
        if system == Some(System::Azure) {
            others.add(azure::Commands::new(stderr.clone()));
        }
        files.add_results(system == Some(System::Azure), &stderr, &mut others);
        // Without TERM nobody knows what the terminal understands.
        let is_plain = variable("TERM").is_none_or(|kind| kind == "dumb");
        let watched = context.stderr_is_terminal && !context.in_pipeline() && !is_plain;
        let colour = paint(context.stderr_is_terminal);
        let unicode = takes_unicode(&variable);
        let live = watched.then(|| Live::new(ProgressDrawTarget::stderr(), colour, unicode));
        others.add(Progress::new(stderr, colour, live));
        files.add_reports(&mut others);
        Self {
            started_at: context.clock.now(),
            context,
            command,
            output,
            stdout,
            result,
            others,
            report: files.report(),
            is_shown: false,
            exit_code: None,
        }
    }

    /// Takes away what is drawn on the terminal, so that lines of another kind may follow.
    pub fn make_way(&mut self) {
        self.others.make_way();
    }

    /// Shows the end of the run in one more place.
    pub fn report_to(&mut self, sink: impl Sink + 'static) {
        self.others.add(sink);
    }

    /// Shows a message on standard error in place of a result for people.
    pub fn show_instead(&mut self, message: &str) {
        if matches!(self.output, OutputFormat::Text | OutputFormat::Ics) {
            self.context.error_line(message);
            self.is_shown = true;
        }
    }

    /// Makes another clock the clock of the run, from its beginning on.
    pub fn follow(&mut self, clock: Arc<dyn Clock>) {
        self.started_at = clock.now();
        self.context.clock = clock;
    }

    /// Ends the run: shows the outcome everywhere and returns the exit code. Ending it again
    /// returns the same code and shows nothing.
    pub fn finish(&mut self, outcome: &Outcome) -> u8 {
        if let Some(code) = self.exit_code {
            return code;
        }
        let ended = Ended {
            command: self.command,
            outcome,
            exit_code: outcome.ending.code().number,
            started_at: self.started_at,
            finished_at: self.context.clock.now(),
            report: &self.report,
        };
        self.others.make_way();
        let printed_itself = outcome.ending == Ending::Shown && self.stdout.used();
        let shown_already = self.is_shown || printed_itself;
        let rendered = if shown_already {
            Ok(())
        } else {
            self.result.finish(&ended)
        };
        let lost = self.stdout.failure().or_else(|| match rendered {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Some(error.to_string()),
            _ => None,
        });
        // The result goes first: the other sinks then tell the exit code that really comes.
        let mut outcome = Cow::Borrowed(outcome);
        let mut exit_code = ended.exit_code;
        if let Some(lost) = lost {
            let text = format!("the result could not be written to standard output: {lost}");
            // What a command printed itself has been complained about already.
            if !shown_already {
                self.context.error_line(&format!("error: {text}"));
            }
            outcome.to_mut().hints.push(text);
            exit_code = with_lost_result(exit_code, &outcome);
        }
        let ended = Ended {
            outcome: &outcome,
            exit_code,
            ..ended
        };
        for unwritten in self.others.finish(&ended) {
            let line = format!(
                "warning: {} could not be written: {}",
                unwritten.sink, unwritten.error
            );
            self.context.error_line(&line);
        }
        self.exit_code = Some(exit_code);
        exit_code
    }
}

impl Reporter for Session {
    fn event(&mut self, event: &Event) {
        // What went wrong is asked of the stream at the end.
        let _ = self.result.event(event);
        self.others.event(event);
    }

    fn finish(&mut self, outcome: &Outcome) {
        Self::finish(self, outcome);
    }
}

/// Puts a shared stream in the place of a writer and returns another end of it.
fn share(writer: &mut Box<dyn Write + Send>) -> Stream {
    let stream = Stream::new(std::mem::replace(writer, Box::new(io::sink())));
    *writer = Box::new(stream.clone());
    stream
}

/// Returns the exit code of a run whose result nobody could read. What became of the branch weighs more: from 40
/// on the code says that, and so does the code of a run that has changed it.
fn with_lost_result(code: u8, outcome: &Outcome) -> u8 {
    if code >= exit::ROLLED_BACK.number || has_changed_something(outcome) {
        code
    } else {
        exit::INTERNAL.number
    }
}

/// Has a run changed the branch, or written or stored a file?
fn has_changed_something(outcome: &Outcome) -> bool {
    let is_changed = |outcome: &Outcome| {
        let deployment = outcome.deployment.as_ref();
        let approval = outcome.approval.as_ref();
        deployment.is_some_and(|deployment| deployment.changed)
            || matches!(outcome.ending, Ending::Deployed | Ending::TakenBack)
            || approval.is_some_and(|it| it.path.is_some() || it.reference.is_some())
    };
    let mut services = outcome.services.iter();
    is_changed(outcome) || services.any(|service| is_changed(&service.outcome))
}

/// Decides about colours. The flag comes first, then the conventions <https://no-color.org> and
/// <https://bixense.com/clicolors>, then what is known of the place.
fn wants_colour<'a>(
    choice: ColorChoice,
    variable: &dyn Fn(&str) -> Option<&'a str>,
    terminal: bool,
) -> bool {
    let forced = |name| variable(name).is_some_and(|value| value != "0" && value != "false");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if variable("NO_COLOR").is_some() => false,
        ColorChoice::Auto if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") => true,
        ColorChoice::Auto if variable("CLICOLOR") == Some("0") => false,
        ColorChoice::Auto if variable("TERM") == Some("dumb") => false,
        ColorChoice::Auto => {
            terminal
                || ["GITHUB_ACTIONS", "GITLAB_CI"]
                    .into_iter()
                    .any(|name| variable(name) == Some("true"))
        }
    }
}

/// Does the terminal show characters beyond ASCII? The first of the locale's variables that is set says so.
fn takes_unicode<'a>(variable: &dyn Fn(&str) -> Option<&'a str>) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.into_iter().find_map(variable).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_conventions_in_order() {
        type Row<'a> = (ColorChoice, &'a [(&'a str, &'a str)], bool, bool);
        // (choice, environment, terminal, wanted)
        let rows: &[Row<'_>] = &[
            (ColorChoice::Auto, &[], true, true),
            (ColorChoice::Auto, &[], false, false),
            (ColorChoice::Always, &[("NO_COLOR", "1")], false, true),
            (ColorChoice::Never, &[("FORCE_COLOR", "1")], true, false),
            (
                ColorChoice::Auto,
                &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")],
                true,
                false,
            ),
            (ColorChoice::Auto, &[("NO_COLOR", "")], true, true),
            (
                ColorChoice::Auto,
                &[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")],
                false,
                true,
            ),
            (ColorChoice::Auto, &[("FORCE_COLOR", "0")], false, false),
            (
                ColorChoice::Auto,
                &[("CLICOLOR", "0"), ("GITHUB_ACTIONS", "true")],
                true,
                false,
            ),
            (
                ColorChoice::Auto,
                &[("TERM", "dumb"), ("GITLAB_CI", "true")],
                true,
                false,
            ),
            (
                ColorChoice::Auto,
                &[("GITHUB_ACTIONS", "true")],
                false,
                true,
            ),
            (ColorChoice::Auto, &[("GITLAB_CI", "false")], false, false),
        ];
        for (choice, environment, terminal, wanted) in rows {
            let variable = |name: &str| {
                environment
                    .iter()
                    .find(|(known, value)| *known == name && !value.is_empty())
                    .map(|(_, value)| *value)
            };
            let found = wants_colour(*choice, &variable, *terminal);
            assert_eq!(found, *wanted, "{choice:?} {environment:?} {terminal}");
        }
    }

    #[test]
    fn a_lost_result_is_no_success_of_a_run_that_changed_nothing_and_never_hides_the_branch() {
        for code in exit::ALL {
            let unchanged = Outcome::new(Ending::NoChange, "");
            let lost = with_lost_result(code.number, &unchanged);
            assert_eq!(lost, if code.number < 40 { 1 } else { code.number });
            let changed = Outcome::new(Ending::Deployed, "");
            assert_eq!(with_lost_result(code.number, &changed), code.number);
        }
    }
}
