//! `shipgate ci`: a command line made of `SHIPGATE_*` variables, as action.yml and pipelines set them.
//!
//! Every flag `--some-flag` of a command is the variable `SHIPGATE_SOME_FLAG`; a value that a command
//! takes without a flag is named as its help names it. The command line parser does the rest, so
//! that an input means exactly what the flag means.

use std::{collections::BTreeMap, ffi::OsString};

use clap::{ArgAction, Args, CommandFactory, Parser};

use super::Command;
use crate::{
    event::{Ending, Event, Failure},
    report::sanitise,
    yaml::typed,
};

const PREFIX: &str = "SHIPGATE_";

/// Commands that a pipeline may ask for.
const COMMANDS: &[&str] = &[
    "check", "next", "validate", "test", "plan", "deploy", "verify", "compare", "rollback",
    "cleanup", "recover", "history",
];

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

/// A command line made of variables, and what there is to say about the variables.
#[derive(Debug)]
struct Request {
    arguments: Vec<OsString>,
    remarks: Vec<Event>,
}

/// Reads the command that the environment asks for, and what there is to say about its variables.
///
/// # Errors
/// An unknown command, missing inputs (all of them named), or inputs that the command refuses.
pub fn command(environment: &BTreeMap<String, String>) -> Result<(Command, Vec<Event>), Failure> {
    let Request { arguments, remarks } = request(&Pipeline::command(), environment)?;
    let mut parsed = Pipeline::try_parse_from(arguments).map_err(|error| {
        refused(&error).hint("each flag `--some-flag` is the variable SHIPGATE_SOME_FLAG")
    })?;
    // A pipeline asks what holds on the branch, not what somebody has put into the checkout.
    match &mut parsed.command {
        Command::Check(arguments) => arguments.policy.in_repository = true,
        Command::Next(arguments) => arguments.policy.in_repository = true,
        _ => {}
    }
    Ok((parsed.command, remarks))
}

/// The command line without flags for people and without `ci`, so that `ci` cannot call itself.
#[derive(Debug, Parser)]
#[command(name = "shipgate")]
struct Pipeline {
    #[command(subcommand)]
    command: Command,
}

/// Makes a command line of the `SHIPGATE_*` variables for a program with the given commands. An
/// empty variable is an unset one: CI systems pass inputs that nobody gave as empty texts.
///
/// # Errors
/// An unknown command, missing inputs, or a switch that is neither true nor false.
fn request(
    program: &clap::Command,
    environment: &BTreeMap<String, String>,
) -> Result<Request, Failure> {
    let given: BTreeMap<&str, &str> = environment
        .iter()
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
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

    let mut arguments = vec![OsString::from(program.get_name()), OsString::from(name)];
    let mut positional = Vec::new();
    let mut missing = Vec::new();
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    for argument in inputs(target) {
        let variable = variable(argument);
        let Some(value) = given.get(variable.as_str()) else {
            if argument.is_required_set() && argument.get_default_values().is_empty() {
                missing.push(variable);
            }
            continue;
        };
        let flag = argument.get_long().map(|long| format!("--{long}"));
        match (flag, argument.get_action()) {
            (Some(flag), ArgAction::SetTrue) => match *value {
                "true" => arguments.push(flag.into()),
                "false" => {}
                other => wrong.push(format!(
                    "{variable}: found {other:?}, expected true or false"
                )),
            },
            (Some(flag), ArgAction::Append) => {
                arguments.extend(lines(value).map(|value| format!("{flag}={value}").into()));
            }
            (Some(flag), _) => arguments.push(format!("{flag}={value}").into()),
            (None, ArgAction::Append) => {
                positional.extend(lines(value).map(OsString::from));
            }
            (None, _) => positional.push(OsString::from(*value)),
        }
        used.push(variable);
    }
    if !missing.is_empty() {
        wrong.insert(0, format!("missing: {}", missing.join(", ")));
    }
    if !wrong.is_empty() {
        let reason = format!("inputs of `{name}`: {}", wrong.join("; "));
        let hint = "in a workflow these are the inputs of the action, elsewhere variables";
        return Err(Failure::new(Ending::Usage, reason).hint(hint));
    }
    if !positional.is_empty() {
        arguments.push("--".into());
        arguments.append(&mut positional);
    }
    let remarks = remarks(program, name, &used, &given);
    Ok(Request { arguments, remarks })
}

/// Says which of the given variables nobody knows (a slip of the pen) and which this command does
/// not use.
fn remarks(
    program: &clap::Command,
    name: &str,
    used: &[String],
    given: &BTreeMap<&str, &str>,
) -> Vec<Event> {
    let mut known: Vec<String> = NO_FLAGS.iter().map(|it| (*it).to_owned()).collect();
    for command in COMMANDS {
        let command = program.find_subcommand(command);
        known.extend(command.into_iter().flat_map(inputs).map(variable));
    }
    known.sort();
    known.dedup();
    // Without the prefix, which makes all of them look alike.
    let bare = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    let bare_known: Vec<String> = known.iter().map(|name| bare(name)).collect();
    given
        .keys()
        .filter(|variable| !NO_FLAGS.contains(variable) && !used.iter().any(|it| it == **variable))
        .map(|variable| {
            if known.iter().any(|it| it == variable) {
                return Event::Note(format!("{variable} is not used by `{name}`"));
            }
            let text = match typed::nearest(&bare(variable), &bare_known) {
                Some(near) => format!("; did you mean {PREFIX}{near}?"),
                None => "; it is not used".to_owned(),
            };
            Event::Warning(format!(
                "unknown variable {}{text}",
                sanitise::line(variable)
            ))
        })
        .collect()
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

/// Makes one line of the parser's message: its first paragraph says what is wrong.
pub(super) fn refused(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let reason = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = reason.strip_prefix("error: ").unwrap_or(&reason).to_owned();
    Failure::new(Ending::Usage, reason)
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
        let request = request(&program(), &environment).map_err(|failure| failure.to_string())?;
        let arguments: Vec<String> = request
            .arguments
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        let mut text = arguments.join(" ");
        for remark in request.remarks {
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
