//! `shipgate explain`: the exit codes, one or all.

use clap::Args;
use serde::Serialize;

use super::{OutputFormat, Session};
use crate::{
    event::{Ending, Failure, Outcome},
    exit::{self, Code},
    report::sanitise,
    yaml::typed,
};

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Number or name of an exit code, such as 40 or rolled-back; all of them if left out
    pub code: Option<String>,
}

#[derive(Serialize)]
struct Row {
    number: u8,
    name: &'static str,
    meaning: &'static str,
    next_step: &'static str,
}

/// Runs `explain`.
///
/// # Errors
/// No exit code has that number or name.
pub fn run(arguments: &ExplainArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let codes = match &arguments.code {
        None => exit::ALL.to_vec(),
        Some(text) => vec![find(text)?],
    };
    let text = match session.output {
        OutputFormat::Text if arguments.code.is_some() => codes.iter().map(one).collect(),
        OutputFormat::Text => table(&codes),
        OutputFormat::Json => json(session.command, &codes)?,
    };
    session.context.print(&text);
    Ok(Outcome::new(Ending::Shown, ""))
}

fn find(text: &str) -> Result<Code, Failure> {
    exit::find(text).ok_or_else(|| {
        let names: Vec<String> = exit::ALL.iter().map(|code| code.name.to_owned()).collect();
        let reason = match typed::nearest(text, &names) {
            Some(near) => typed::unknown("exit code", text, &[near.to_owned()]),
            None => format!("unknown exit code `{}`", sanitise::line(text)),
        };
        Failure::new(Ending::Usage, reason).hint("`shipgate explain` lists all exit codes")
    })
}

fn one(code: &Code) -> String {
    let Code {
        number,
        name,
        meaning,
        next_step,
    } = code;
    format!("{number} {name}\n  meaning  {meaning}\n  next     {next_step}\n")
}

fn table(codes: &[Code]) -> String {
    let rows = codes.iter().map(|code| {
        let Code {
            number,
            name,
            meaning,
            ..
        } = code;
        format!("{number:>4}  {name:<21}  {meaning}\n")
    });
    rows.chain([
        "\nBelow 40 the branch is as the run found it; from 40 on the run changed it, or cannot know.\n"
            .to_owned(),
        "`shipgate explain CODE` says what to do next.\n".to_owned(),
    ])
    .collect()
}

fn json(command: &str, codes: &[Code]) -> Result<String, Failure> {
    let rows: Vec<Row> = codes
        .iter()
        .map(|code| Row {
            number: code.number,
            name: code.name,
            meaning: code.meaning,
            next_step: code.next_step,
        })
        .collect();
    let document = serde_json::json!({"schema_version": 1, "command": command, "codes": rows});
    serde_json::to_string_pretty(&document)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new(Ending::Internal, error.to_string()))
}
