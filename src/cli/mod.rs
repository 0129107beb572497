//! The command line: flags, environment, reporters and exit codes. One file for each command.

mod approve;
mod audit;
mod authorship;
mod check;
mod ci;
mod circumstances;
mod cleanup;
mod compare;
mod compare_past;
mod completions;
pub mod context;
mod demo;
mod deploy;
mod examples;
mod explain;
mod files;
mod gated;
mod history;
mod init;
mod judge_flags;
mod man;
mod next;
mod people;
mod pipeline;
mod plan;
mod plan_files;
mod plan_traffic;
mod policy;
mod recover;
mod repository;
mod request;
mod rollback;
mod runbook;
mod schema;
mod services;
mod session;
mod set;
mod signals;
mod signing_key;
mod source;
mod test;
mod traffic;
mod validate;
mod verify;
mod versions;
mod windows_variables;

use std::{
    ffi::OsString, mem::ManuallyDrop, path::Path, process::ExitCode, sync::LazyLock, thread,
};

use clap::{
    ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ErrorKind,
};

use crate::{
    event::{Ending, Failure, Outcome, Reporter},
    exit,
};

use files::{Files, NamedFile};

pub use context::Context;
pub use session::{ColorChoice, Globals, OutputFormat, Session};

/// Version of this program and of the time zone rules in it: a verdict depends on both.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let tzdb = crate::policy::tzdb_version();
    format!("{} (time zone rules {tzdb})", env!("CARGO_PKG_VERSION"))
});

/// A GitOps deployment gate: checks the policy, rewrites manifests, pushes, verifies, rolls back.
#[derive(Debug, Parser)]
#[command(
    name = "shipgate",
    version = VERSION.as_str(),
    disable_help_subcommand = true,
    after_help = examples::START,
    max_term_width = 100
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Invocation,
}

#[derive(Debug, Subcommand)]
enum Invocation {
    #[command(flatten)]
    Command(Box<Command>),
    /// What action.yml and pipelines call: all inputs from SHIPGATE_* variables
    #[command(after_help = examples::CI)]
    Ci(ci::CiArguments),
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Evaluate the policy now, or at another time: may this be deployed, and if not, when?
    #[command(after_help = examples::CHECK)]
    Check(check::CheckArguments),
    /// The coming openings and closings, as a table or a calendar
    #[command(after_help = examples::NEXT)]
    Next(next::NextArguments),
    /// Judge the cases beside policies: does each decide as expected?
    #[command(after_help = examples::TEST)]
    Test(test::TestArguments),
    /// What `deploy` would do: verdict, commits, diffs, times, way back; changes nothing
    #[command(after_help = examples::PLAN)]
    Plan(plan::PlanArguments),
    /// Rewrite manifests in the work tree; never commits
    #[command(after_help = examples::SET)]
    Set(set::SetArguments),
    /// The whole job: gate, rewrite, commit, push, wait until live, verify, promote or take back
    #[command(after_help = examples::DEPLOY)]
    Deploy(deploy::DeployArguments),
    /// Poll health and metrics of what runs, judge, exit; changes nothing
    #[command(after_help = examples::VERIFY)]
    Verify(verify::VerifyArguments),
    /// Is the canary worse than stable? Judges counts, or a time that is over; changes nothing
    #[command(after_help = examples::COMPARE)]
    Compare(compare::CompareArguments),
    /// Back to the last known good version, or to --to VERSION
    #[command(after_help = examples::ROLLBACK)]
    Rollback(rollback::RollbackArguments),
    /// Finish or take back whatever an interrupted run left; safe at any time
    #[command(after_help = examples::RECOVER)]
    Recover(recover::RecoverArguments),
    /// Once the old colour of a blue/green pair was kept for long enough: its replicas to 0
    #[command(after_help = examples::CLEANUP)]
    Cleanup(cleanup::CleanupArguments),
    /// Sign an approval or an emergency override with an SSH key
    #[command(after_help = examples::APPROVE)]
    Approve(approve::ApproveArguments),
    /// Past deployments, from the branch and the journal
    #[command(after_help = examples::HISTORY)]
    History(history::HistoryArguments),
    /// Write a first shipgate.yaml, policy and pipeline file from the manifests that are here
    #[command(after_help = examples::INIT)]
    Init(init::InitArguments),
    /// Write the way back of every service down, with its real names and commands
    #[command(after_help = examples::RUNBOOK)]
    Runbook(runbook::RunbookArguments),
    /// Are policies and shipgate.yaml valid, and are they meant so?
    #[command(after_help = examples::VALIDATE)]
    Validate(validate::ValidateArguments),
    /// The whole job on an embedded world, with nothing installed
    #[command(after_help = examples::DEMO)]
    Demo(demo::DemoArguments),
    /// Print the JSON Schema of a file format
    #[command(after_help = examples::SCHEMA)]
    Schema(schema::SchemaArguments),
    /// Explain an exit code by number or name
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::ExplainArguments),
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = examples::COMPLETIONS)]
    Completions(completions::CompletionsArguments),
    /// Print a manual page, or write all of them
    #[command(after_help = examples::MAN)]
    Man(man::ManArguments),
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Check(_) => "check",
            Self::Next(_) => "next",
            Self::Test(_) => "test",
            Self::Plan(_) => "plan",
            Self::Set(_) => "set",
            Self::Deploy(_) => "deploy",
            Self::Verify(_) => "verify",
            Self::Compare(_) => "compare",
            Self::Rollback(_) => "rollback",
            Self::Recover(_) => "recover",
            Self::Cleanup(_) => "cleanup",
            Self::Approve(_) => "approve",
            Self::History(_) => "history",
            Self::Init(_) => "init",
            Self::Runbook(_) => "runbook",
            Self::Validate(_) => "validate",
            Self::Demo(_) => "demo",
            Self::Schema(_) => "schema",
            Self::Explain(_) => "explain",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// Bytes of stack that the first thread has everywhere but on Windows, where it has 1 MiB.
const STACK: usize = 8 << 20;

/// Returns what the command line is parsed with: every command and flag, for references made from it.
pub fn definition() -> clap::Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// Runs the program: arguments and environment of this process, real clock, real terminal.
pub fn main() -> ExitCode {
    context::prepare_process();
    let own = || run(std::env::args_os(), Context::of_this_process());
    let code = if cfg!(windows) {
        match thread::Builder::new().stack_size(STACK).spawn(own) {
            Ok(thread) => thread.join().unwrap_or(exit::INTERNAL.number),
            Err(_) => own(),
        }
    } else {
        own()
    };
    ExitCode::from(code)
}

/// Runs one command line in a given context and returns its exit code. Tests call this with a
/// clock and an environment of their own.
pub fn run(arguments: impl IntoIterator<Item = OsString>, context: Context) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut program = Cli::command();
    let matches = program.try_get_matches_from_mut(&arguments);
    let parsed = matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error, &arguments, context),
    };
    let folder = &context.folder;
    let (name, remarks, asked) = match cli.command {
        Invocation::Command(command) => {
            let named = files_named(&program, &matches, folder, ci::flag);
            (command.name(), Vec::new(), Ok((*command, named)))
        }
        Invocation::Ci(ci::CiArguments {}) => {
            let asked = ci::command(&context);
            ("ci", asked.remarks, asked.command)
        }
    };
    let mut files = Files::of(&context, name);
    let asked = both(cli.globals.output_of(name, &context), asked);
    let ready = match asked {
        Ok((command, named)) => match files.refuse(&named) {
            Some(failure) => Err(failure),
            None => Ok(command),
        },
        Err(failure) => {
            files.leave_alone(ci::words(&context.environment), &context.folder);
            Err(failure)
        }
    };
    let name = ready.as_ref().map_or(name, Command::name);
    let mut session = Session::with_files(context, &cli.globals, name, &files);
    for remark in &remarks {
        session.event(remark);
    }
    let result = ready.and_then(|command| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime
            .map_err(|error| Failure::new(Ending::Internal, format!("could not start: {error}")))?;
        runtime.block_on(dispatch(command, &mut session))
    });
    // The process ends next: what is in the outcome need not be given back bit by bit.
    let outcome = ManuallyDrop::new(result.unwrap_or_else(Outcome::from));
    session.finish(&outcome)
}

/// Takes what was asked for, or all that is wrong with it.
fn both<T>(output: Result<OutputFormat, Failure>, asked: Result<T, Failure>) -> Result<T, Failure> {
    match (output, asked) {
        (Ok(_), asked) => asked,
        (Err(failure), Ok(_)) => Err(failure),
        (Err(output), Err(mut failure)) => {
            failure.0.reason = format!("{}; {}", failure.0.reason, output.0.reason);
            Err(failure)
        }
    }
}

/// Finds the files that the command of a command line names.
fn files_named(
    program: &clap::Command,
    matches: &ArgMatches,
    folder: &Path,
    shown: fn(&clap::Arg) -> String,
) -> Vec<NamedFile> {
    let Some((name, matches)) = matches.subcommand() else {
        return Vec::new();
    };
    let command = program.find_subcommand(name).into_iter();
    let named = command.flat_map(|command| NamedFile::all(command, matches, folder, shown));
    named.collect()
}

async fn dispatch(command: Command, session: &mut Session) -> Result<Outcome, Failure> {
    match command {
        Command::Check(arguments) => Box::pin(check::run(arguments, session)).await,
        Command::Next(arguments) => Box::pin(next::run(arguments, session)).await,
        Command::Test(arguments) => Box::pin(test::run(arguments, session)).await,
        Command::Plan(arguments) => Box::pin(plan::run(arguments, session)).await,
        Command::Set(arguments) => Box::pin(set::run(arguments, session)).await,
        Command::Deploy(arguments) => Box::pin(deploy::run(arguments, session)).await,
        Command::Verify(arguments) => Box::pin(verify::run(arguments, session)).await,
        Command::Compare(arguments) => Box::pin(compare::run(&arguments, session)).await,
        Command::Rollback(arguments) => Box::pin(rollback::run(arguments, session)).await,
        Command::Recover(arguments) => Box::pin(recover::run(arguments, session)).await,
        Command::Cleanup(arguments) => Box::pin(cleanup::run(arguments, session)).await,
        Command::Approve(arguments) => Box::pin(approve::run(arguments, session)).await,
        Command::History(arguments) => Box::pin(history::run(arguments, session)).await,
        Command::Init(arguments) => Box::pin(init::run(arguments, session)).await,
        Command::Runbook(arguments) => runbook::run(&arguments, session),
        Command::Validate(arguments) => Box::pin(validate::run(&arguments, session)).await,
        Command::Demo(arguments) => Box::pin(demo::run(arguments, session)).await,
        Command::Schema(arguments) => schema::run(&arguments, session),
        Command::Explain(arguments) => explain::run(&arguments, session),
        Command::Completions(arguments) => completions::run(&arguments, session),
        Command::Man(arguments) => man::run(&arguments, session),
    }
}

/// Shows what the parser says: the help that was asked for, or what is wrong with the command line. That
/// goes wherever the outcome of the command would have gone, as far as the line can be read: what an
/// earlier run left there must not pass for this one's.
fn usage(error: &clap::Error, arguments: &[OsString], mut context: Context) -> u8 {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return context.print(&text);
    }
    let name = command_named(arguments);
    let mut files = Files::of(&context, name);
    let words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    files.leave_alone(words, &context.folder);
    if name == "test"
        && let Some(path) = flag_value("--junit", arguments)
    {
        files.add_junit("--junit", context.folder.join(path));
    }
    let globals = Globals {
        output: flag_value("--output", arguments)
            .map(|word| OutputFormat::from_str(word, true).unwrap_or(OutputFormat::Text)),
        color: ColorChoice::Auto,
    };
    let failure = ci::refused(error).hint("`--help` behind the command lists its flags");
    let mut session = Session::with_files(context, &globals, name, &files);
    session.show_instead(text.trim_end());
    session.finish(&failure.into())
}

/// Returns the value of a flag of a command line that could not be read. The last word on it counts.
fn flag_value<'a>(flag: &str, arguments: &'a [OsString]) -> Option<&'a str> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let mut values = words.iter().enumerate().filter_map(|(index, word)| {
        let next = words.get(index + 1).copied();
        match word.strip_prefix(flag) {
            Some("") => next,
            Some(value) => value.strip_prefix('='),
            None => None,
        }
    });
    values.next_back()
}

/// Finds the command on a command line that could not be read.
fn command_named(arguments: &[OsString]) -> &'static str {
    const COMMANDS: [&str; 22] = [
        "check",
        "next",
        "test",
        "plan",
        "set",
        "deploy",
        "verify",
        "compare",
        "rollback",
        "recover",
        "cleanup",
        "approve",
        "history",
        "validate",
        "demo",
        "schema",
        "explain",
        "ci",
        "completions",
        "man",
        "runbook",
        "init",
    ];
    arguments
        .iter()
        .skip(1)
        .find_map(|word| COMMANDS.into_iter().find(|command| word == command))
        .unwrap_or("shipgate")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_is_found_on_a_line_that_cannot_be_read() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let line = ["shipgate", "--colour", name, "deploy"].map(OsString::from);
            assert_eq!(command_named(&line), name);
        }
        assert_eq!(command_named(&["shipgate".into()]), "shipgate");
    }
}
