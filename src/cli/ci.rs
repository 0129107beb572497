//! `shipgate ci`: a command line made of `SHIPGATE_*` variables, as action.yml and pipelines set them.
//!
//! Every flag `--some-flag` of a command is the variable `SHIPGATE_SOME_FLAG`; a value that a command
//! takes without a flag is named as its help names it. The command line parser does the rest, so
//! that an input means exactly what the flag means.

mod request;

use std::{collections::BTreeMap, ffi::OsString};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, error::ErrorKind};

use super::{Command, Context, NamedFile, files_named, pipeline};
use crate::{
    event::{Ending, Event, Failure},
    report::sanitise,
    yaml::typed,
};

use request::Request;

const PREFIX: &str = "SHIPGATE_";

/// Commands that a pipeline may ask for.
const COMMANDS: &[&str] = &[
    "check", "next", "validate", "test", "plan", "deploy", "verify", "compare", "rollback",
    "cleanup", "recover", "history",
];

/// Those of them that are about what is on a branch of the GitOps repository.
const ON_A_BRANCH: &[&str] = &[
    "deploy", "plan", "rollback", "cleanup", "recover", "history",
];
const REPOSITORY: &str = "SHIPGATE_REPOSITORY";

/// Variables that are read where they are needed and never become flags: a token on a command line
/// would be seen by every process of the machine, and an approval is a text, not a file.
const NO_FLAGS: &[&str] = &[
    "SHIPGATE_COMMAND",
    "SHIPGATE_TOKEN",
    "SHIPGATE_TOKEN_USER",
    "SHIPGATE_KEY_PASSPHRASE",
    "SHIPGATE_GITHUB_TOKEN",
    "SHIPGATE_APPROVAL",
    "SHIPGATE_ACTOR",
    "SHIPGATE_PIPELINE",
    "SHIPGATE_REPORT",
    "SHIPGATE_JUNIT",
    "SHIPGATE_DOTENV",
    "SHIPGATE_EVENTS",
    "SHIPGATE_HTML",
    "SHIPGATE_SUMMARY",
    "SHIPGATE_OUTPUT",
    "SHIPGATE_BINARY",
    "SHIPGATE_DOWNLOAD_URL",
];

/// Flags of `ci`.
#[derive(Debug, Args)]
pub struct CiArguments {}

/// What the environment asks for.
pub struct Asked {
    /// What there is to say about the variables, whatever becomes of them.
    pub remarks: Vec<Event>,
    /// The command, with the files that its variables name.
    pub command: Result<(Command, Vec<NamedFile>), Failure>,
}

/// Reads the command that the environment asks for. All that is missing or wrong is said at once.
pub fn command(context: &Context) -> Asked {
    let program = Pipeline::command();
    let request = request(&program, &context.environment);
    let given = given(&context.environment);
    let remarks = match &request {
        Ok(request) => remarks(&program, Some(&request.begin[1].to_string_lossy()), &given),
        Err(_) => remarks(&program, None, &given),
    };
    let matches = request.and_then(|request| {
        let besides = no_repository(&request, &given, context);
        request.parse(&program, besides)
    });
    let command = matches.and_then(|matches| {
        let named = files_named(&program, &matches, &context.folder, variable);
        let mut parsed = Pipeline::from_arg_matches(&matches).map_err(|it| refused(&it))?;
        // A pipeline asks what holds on the branch, not what somebody has put into the checkout.
        match &mut parsed.command {
            Command::Check(arguments) => arguments.policy.in_repository = true,
            Command::Next(arguments) => arguments.policy.in_repository = true,
            _ => {}
        }
        Ok((parsed.command, named))
    });
    Asked { remarks, command }
}

/// Returns the variable of the repository where a command is nothing without one and none is known.
fn no_repository(
    request: &Request,
    given: &BTreeMap<&str, &str>,
    context: &Context,
) -> Option<&'static str> {
    let is_about_one = ON_A_BRANCH.iter().any(|name| request.begin[1] == *name);
    let is_known = given.contains_key(REPOSITORY) || pipeline::repository(context).is_some();
    (is_about_one && !is_known).then_some(REPOSITORY)
}

/// Returns the values of all variables that may name a file to read.
pub fn words(environment: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let given = given(environment).into_iter();
    let inputs = given.filter(|(name, _)| !NO_FLAGS.contains(name));
    inputs.flat_map(|(_, value)| lines(value))
}

/// Returns the variables that are meant for us. An empty one is an unset one: CI systems pass inputs that
/// nobody gave as empty texts.
fn given(environment: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    environment
        .iter()
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// The command line without flags for people and without `ci`, so that `ci` cannot call itself.
#[derive(Debug, Parser)]
#[command(name = "shipgate")]
struct Pipeline {
    #[command(subcommand)]
    command: Command,
}

/// Makes a command line of the `SHIPGATE_*` variables for a program with the given commands.
///
/// # Errors
/// An unknown command.
fn request(
    program: &clap::Command,
    environment: &BTreeMap<String, String>,
) -> Result<Request, Failure> {
    let given = given(environment);
    let name = given.get("SHIPGATE_COMMAND").copied().unwrap_or("deploy");
    let target = COMMANDS
        .iter()
        .find(|known| **known == name)
        .and_then(|known| program.find_subcommand(known))
        .ok_or_else(|| {
            let known: Vec<String> = COMMANDS.iter().map(|it| (*it).to_owned()).collect();
            let text = typed::unknown("command", name, &known);
            Failure::new(Ending::Usage, format!("SHIPGATE_COMMAND: {text}"))
        })?;
    let mut request = Request {
        begin: [program.get_name().into(), name.into()],
        flags: Vec::new(),
        positional: Vec::new(),
        missing: Vec::new(),
        wrong: Vec::new(),
    };
    for argument in inputs(target) {
        let variable = variable(argument);
        let Some(value) = given.get(variable.as_str()) else {
            if argument.is_required_set() && argument.get_default_values().is_empty() {
                request.missing.push(variable);
            }
            continue;
        };
        let flag = argument.get_long().map(|long| format!("--{long}"));
        match (flag, argument.get_action()) {
            (Some(flag), ArgAction::SetTrue) => match *value {
                "true" => request.flags.push((variable, vec![flag.into()])),
                "false" => {}
                other => request.wrong.push(format!(
                    "{variable}: found {other:?}, expected true or false"
                )),
            },
            (Some(flag), ArgAction::Append) => {
                let words = lines(value).map(|value| format!("{flag}={value}").into());
                request.flags.push((variable, words.collect()));
            }
            (Some(flag), _) => {
                let word = format!("{flag}={value}").into();
                request.flags.push((variable, vec![word]));
            }
            (None, ArgAction::Append) => {
                let words = lines(value).map(OsString::from);
                request.positional.push((variable, words.collect()));
            }
            (None, _) => request
                .positional
                .push((variable, vec![OsString::from(*value)])),
        }
    }
    Ok(request)
}

/// Says which of the given variables nobody knows (a slip of the pen) and which the command does not use,
/// where it is known which command is meant.
fn remarks(
    program: &clap::Command,
    name: Option<&str>,
    given: &BTreeMap<&str, &str>,
) -> Vec<Event> {
    let of = |name: &str| -> Vec<String> {
        let command = program.find_subcommand(name).into_iter();
        command.flat_map(inputs).map(variable).collect()
    };
    let mut known: Vec<String> = NO_FLAGS.iter().map(|it| (*it).to_owned()).collect();
    known.extend(COMMANDS.iter().flat_map(|name| of(name)));
    known.sort();
    known.dedup();
    let used = name.map(of);
    // Without the prefix, which makes all of them look alike.
    let bare = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    let bare_known: Vec<String> = known.iter().map(|name| bare(name)).collect();
    let is = |it: &String, variable: &str| it == variable;
    let mut remarks = Vec::new();
    for variable in given.keys() {
        if known.iter().any(|it| is(it, variable)) {
            let is_used = NO_FLAGS.contains(variable)
                || used
                    .as_ref()
                    .is_none_or(|used| used.iter().any(|it| is(it, variable)));
            if !is_used {
                let name = name.unwrap_or_default();
                remarks.push(Event::Note(format!("{variable} is not used by `{name}`")));
            }
            continue;
        }
        let text = match typed::nearest(&bare(variable), &bare_known) {
            Some(near) => format!("; did you mean {PREFIX}{near}?"),
            None => "; it is not used".to_owned(),
        };
        remarks.push(Event::Warning(format!(
            "unknown variable {}{text}",
            sanitise::line(variable)
        )));
    }
    remarks
}

/// The values of an input that takes several, one a line.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    value.lines().map(str::trim).filter(|it| !it.is_empty())
}

fn inputs(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    command.get_arguments().filter(|argument| {
        let documents_itself = matches!(
            argument.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        );
        !documents_itself && !NO_FLAGS.contains(&variable(argument).as_str())
    })
}

fn variable(argument: &clap::Arg) -> String {
    let name = argument.get_long().unwrap_or(argument.get_id().as_str());
    format!("{PREFIX}{}", name.replace('-', "_").to_uppercase())
}

/// Returns how people name an argument on a command line: `--policy`.
pub(super) fn flag(argument: &clap::Arg) -> String {
    match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => argument.get_id().as_str().to_uppercase(),
    }
}

/// Makes one line of the parser's message: its first paragraph says what is wrong, and its tips what may be
/// meant.
pub(super) fn refused(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::new(Ending::Usage, "no command is given");
    }
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let reason = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = reason.strip_prefix("error: ").unwrap_or(&reason).to_owned();
    let tips = text
        .lines()
        .filter_map(|it| it.trim().strip_prefix("tip: "));
    let failure = Failure::new(Ending::Usage, reason);
    tips.fold(failure, Failure::hint)
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    /// A program with commands as shipgate's are.
    fn program() -> Command {
        let switch = Arg::new("dry_run")
            .long("dry-run")
            .action(ArgAction::SetTrue);
        let environment = Arg::new("environment").long("environment").required(true);
        Command::new("shipgate")
            .subcommand(
                Command::new("deploy")
                    .arg(Arg::new("service").required(true))
                    .arg(Arg::new("version").required(true))
                    .arg(environment.clone())
                    .arg(switch)
                    .arg(
                        Arg::new("files")
                            .long("changed-file")
                            .action(ArgAction::Append),
                    )
                    .arg(Arg::new("token").long("token")),
            )
            .subcommand(
                Command::new("check")
                    .arg(environment)
                    .arg(Arg::new("policy_ref").long("policy-ref")),
            )
            .subcommand(Command::new("validate").arg(Arg::new("files").action(ArgAction::Append)))
            .subcommand(Command::new("demo"))
    }

    fn asked(variables: &[(&str, &str)]) -> Result<String, String> {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let program = program();
        let request = request(&program, &environment).map_err(|failure| failure.to_string())?;
        let name = request.begin[1].to_string_lossy().into_owned();
        let arguments: Vec<String> = request
            .arguments()
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        let mut text = arguments.join(" ");
        request
            .parse(&program, None)
            .map_err(|failure| failure.to_string())?;
        for remark in remarks(&program, Some(&name), &given(&environment)) {
            match remark {
                Event::Warning(warning) => text.push_str(&format!("\nwarning: {warning}")),
                Event::Note(note) => text.push_str(&format!("\nnote: {note}")),
                other => panic!("{other:?}"),
            }
        }
        Ok(text)
    }

    #[test]
    fn variables_become_the_flags_of_the_command() {
        let text = asked(&[
            ("PATH", "/usr/bin"),
            ("SHIPGATE_SERVICE", "-ads"),
            ("SHIPGATE_VERSION", "1.1"),
            ("SHIPGATE_ENVIRONMENT", "--production"),
            ("SHIPGATE_DRY_RUN", "true"),
            ("SHIPGATE_CHANGED_FILE", "a.sql\n\n b.rs\n"),
            ("SHIPGATE_POLICY_REF", ""),
            ("SHIPGATE_TOKEN", "secret"),
        ]);
        insta::assert_snapshot!(text.unwrap(), @"shipgate deploy --environment=--production --dry-run --changed-file=a.sql --changed-file=b.rs -- -ads 1.1");
    }

    #[test]
    fn a_list_without_a_flag_is_one_value_a_line() {
        let text = asked(&[
            ("SHIPGATE_COMMAND", "validate"),
            ("SHIPGATE_FILES", "shipgate.yaml\n policies/a b.yaml\n"),
        ]);
        insta::assert_snapshot!(text.unwrap(), @"shipgate validate -- shipgate.yaml policies/a b.yaml");
    }

    #[test]
    fn variables_that_do_nothing_are_named() {
        let text = asked(&[
            ("SHIPGATE_COMMAND", "check"),
            ("SHIPGATE_ENVIRONMENT", "production"),
            ("SHIPGATE_POLICY_REF", "main"),
            ("SHIPGATE_DRY_RUN", "false"),
            ("SHIPGATE_ENVIRONMNT", "prod"),
            ("SHIPGATE_##[x]", "prod"),
        ]);
        insta::assert_snapshot!(text.unwrap(), @"
        shipgate check --environment=production --policy-ref=main
        warning: unknown variable SHIPGATE_# #[x]; it is not used
        note: SHIPGATE_DRY_RUN is not used by `check`
        warning: unknown variable SHIPGATE_ENVIRONMNT; did you mean SHIPGATE_ENVIRONMENT?
        ");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let rows: &[(&[(&str, &str)], &str)] = &[
            (
                &[("SHIPGATE_SERVICE", ""), ("SHIPGATE_DRY_RUN", "yes")],
                "inputs of `deploy`: missing: SHIPGATE_SERVICE, SHIPGATE_VERSION, SHIPGATE_ENVIRONMENT; \
                 SHIPGATE_DRY_RUN: found \"yes\", expected true or false",
            ),
            (
                &[("SHIPGATE_COMMAND", "deply")],
                "SHIPGATE_COMMAND: unknown command `deply`; did you mean `deploy`?",
            ),
            (
                &[("SHIPGATE_COMMAND", "ci")],
                "SHIPGATE_COMMAND: unknown command `ci`; known: check, next, validate, test, plan, deploy, verify, compare, rollback, cleanup, recover, history",
            ),
            (
                &[("SHIPGATE_COMMAND", "demo")],
                "SHIPGATE_COMMAND: unknown command `demo`; known: check, next, validate, test, plan, deploy, verify, compare, rollback, cleanup, recover, history",
            ),
        ];
        for (variables, wanted) in rows {
            assert_eq!(asked(variables).unwrap_err(), *wanted);
        }
    }

    #[test]
    fn every_command_of_a_pipeline_is_one_of_ours() {
        let program = Pipeline::command();
        for name in COMMANDS {
            assert!(program.find_subcommand(name).is_some(), "{name}");
        }
        assert!(program.find_subcommand("ci").is_none());
    }
}
