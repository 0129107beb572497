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
const COMMANDS: &[&str] = &["check", "deploy", "verify", "rollback", "recover"];

/// Variables that are read where they are needed and never become flags: a token on a command line
/// would be seen by every process of the machine.
const NO_FLAGS: &[&str] = &[
    "SHIPGATE_COMMAND",
    "SHIPGATE_TOKEN",
    "SHIPGATE_REPORT",
    "SHIPGATE_SUMMARY",
    "SHIPGATE_OUTPUT",
    "SHIPGATE_BINARY",
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
    let parsed = Pipeline::try_parse_from(arguments).map_err(|error| refused(&error))?;
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
                let values = value.lines().map(str::trim).filter(|it| !it.is_empty());
                arguments.extend(values.map(|value| format!("{flag}={value}").into()));
            }
            (Some(flag), _) => arguments.push(format!("{flag}={value}").into()),
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
    given
        .keys()
        .filter(|variable| !NO_FLAGS.contains(variable) && !used.iter().any(|it| it == **variable))
        .map(|variable| {
            if known.iter().any(|it| it == variable) {
                return Event::Note(format!("{variable} is not used by `{name}`"));
            }
            let text = match typed::nearest(variable, &known) {
                Some(near) => format!("; did you mean {near}?"),
                None => "; it is not used".to_owned(),
            };
            Event::Warning(format!(
                "unknown variable {}{text}",
                sanitise::line(variable)
            ))
        })
        .collect()
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
fn refused(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let reason = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = reason.strip_prefix("error: ").unwrap_or(&reason).to_owned();
    Failure::new(Ending::Usage, reason)
        .hint("each flag `--some-flag` is the variable SHIPGATE_SOME_FLAG")
}
