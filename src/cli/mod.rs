//! The command line: flags, environment, reporters and exit codes. One file for each command.

mod approve;
mod audit;
mod authorship;
mod check;
mod ci;
mod circumstances;
mod compare;
pub mod context;
mod demo;
mod deploy;
mod explain;
mod history;
mod judge_flags;
mod next;
mod people;
mod policy;
mod recover;
mod repository;
mod request;
mod rollback;
mod schema;
mod session;
mod set;
mod signals;
mod signing_key;
mod source;
mod test;
mod traffic;
mod validate;
mod verify;

use std::{ffi::OsString, process::ExitCode, sync::LazyLock};

use clap::{Parser, Subcommand, error::ErrorKind};

use crate::{
    event::{Ending, Failure, Outcome, Reporter},
    exit,
};

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
    Ci(ci::CiArguments),
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Evaluate the policy now, or at another time: may this be deployed, and if not, when?
    Check(check::CheckArguments),
    /// The coming openings and closings, as a table or a calendar
    Next(next::NextArguments),
    /// Judge the cases beside policies: does each decide as expected?
    Test(test::TestArguments),
    /// Rewrite manifests in the work tree; never commits
    Set(set::SetArguments),
    /// The whole job: gate, rewrite, commit, push, wait until live, verify, promote or take back
    Deploy(deploy::DeployArguments),
    /// Poll health and metrics of what runs, judge, exit; changes nothing
    Verify(verify::VerifyArguments),
    /// Is the canary worse than stable? Judges counts by hand; changes nothing
    Compare(compare::CompareArguments),
    /// Back to the last known good version, or to --to VERSION
    Rollback(rollback::RollbackArguments),
    /// Finish or take back whatever an interrupted run left; safe at any time
    Recover(recover::RecoverArguments),
    /// Sign an approval or an emergency override with an SSH key
    Approve(approve::ApproveArguments),
    /// Past deployments, from the branch and the journal
    History(history::HistoryArguments),
    /// Are policies and shipgate.yaml valid, and are they meant so?
    Validate(validate::ValidateArguments),
    /// The whole job on an embedded world, with nothing installed
    Demo(demo::DemoArguments),
    /// Print the JSON Schema of a file format
    Schema(schema::SchemaArguments),
    /// Explain an exit code by number or name
    Explain(explain::ExplainArguments),
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Check(_) => "check",
            Self::Next(_) => "next",
            Self::Test(_) => "test",
            Self::Set(_) => "set",
            Self::Deploy(_) => "deploy",
            Self::Verify(_) => "verify",
            Self::Compare(_) => "compare",
            Self::Rollback(_) => "rollback",
            Self::Recover(_) => "recover",
            Self::Approve(_) => "approve",
            Self::History(_) => "history",
            Self::Validate(_) => "validate",
            Self::Demo(_) => "demo",
            Self::Schema(_) => "schema",
            Self::Explain(_) => "explain",
        }
    }
}

/// Runs the program: arguments and environment of this process, real clock, real terminal.
pub fn main() -> ExitCode {
    context::prepare_process();
    let context = Context::of_this_process();
    ExitCode::from(run(std::env::args_os(), context))
}

/// Runs one command line in a given context and returns its exit code. Tests call this with a
/// clock and an environment of their own.
pub fn run(arguments: impl IntoIterator<Item = OsString>, mut context: Context) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &mut context),
    };
    let (name, asked) = match cli.command {
        Invocation::Command(command) => (command.name(), Ok((*command, Vec::new()))),
        Invocation::Ci(ci::CiArguments {}) => ("ci", ci::command(&context.environment)),
    };
    let known = cli.globals.output_of(name, &context).and(asked);
    let (command, remarks) = match known {
        Ok(known) => known,
        Err(failure) => return Session::new(context, &cli.globals, name).finish(&failure.into()),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            context.error_line(&format!("error: could not start: {error}"));
            return exit::INTERNAL.number;
        }
    };
    let mut session = Session::new(context, &cli.globals, command.name());
    for remark in &remarks {
        session.event(remark);
    }
    let result = runtime.block_on(dispatch(command, &mut session));
    let outcome = result.unwrap_or_else(Outcome::from);
    session.finish(&outcome)
}

async fn dispatch(command: Command, session: &mut Session) -> Result<Outcome, Failure> {
    match command {
        Command::Check(arguments) => Box::pin(check::run(arguments, session)).await,
        Command::Next(arguments) => Box::pin(next::run(arguments, session)).await,
        Command::Test(arguments) => Box::pin(test::run(arguments, session)).await,
        Command::Set(arguments) => Box::pin(set::run(arguments, session)).await,
        Command::Deploy(arguments) => Box::pin(deploy::run(arguments, session)).await,
        Command::Verify(arguments) => Box::pin(verify::run(arguments, session)).await,
        Command::Compare(arguments) => compare::run(&arguments, session),
        Command::Rollback(arguments) => Box::pin(rollback::run(arguments, session)).await,
        Command::Recover(arguments) => Box::pin(recover::run(arguments, session)).await,
        Command::Approve(arguments) => Box::pin(approve::run(arguments, session)).await,
        Command::History(arguments) => Box::pin(history::run(arguments, session)).await,
        Command::Validate(arguments) => Box::pin(validate::run(&arguments, session)).await,
        Command::Demo(arguments) => Box::pin(demo::run(arguments, session)).await,
        Command::Schema(arguments) => schema::run(&arguments, session),
        Command::Explain(arguments) => explain::run(&arguments, session),
    }
}

fn usage(error: &clap::Error, context: &mut Context) -> u8 {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return context.print(&text);
    }
    context.error_line(text.trim_end());
    Ending::Usage.code().number
}
