//! `docs/commands/`: a page for each command, made from what the command line is parsed with.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, Command};
use shipgate::cli;

use super::{prose, sentence, wrapped};

/// Where more is said than flags can say.
const MORE: &[(&str, &[&str])] = &[
    ("approve", &["../strategies.md#approvals"]),
    ("check", &["../policy.md", "../policy-keys.md"]),
    ("ci", &["../pipelines.md"]),
    ("cleanup", &["../strategies.md#cleanup"]),
    ("compare", &["../judge.md"]),
    ("completions", &[]),
    ("demo", &["../tutorial.md"]),
    (
        "deploy",
        &[
            "../strategies.md",
            "../fleets.md",
            "../regions.md",
            "../pull-requests.md",
            "../git.md",
        ],
    ),
    ("explain", &["../exit-codes.md"]),
    ("history", &["../history.md"]),
    ("init", &["../tutorial.md", "../strategies.md"]),
    ("man", &[]),
    ("next", &["../policy.md"]),
    ("plan", &["../plan.md"]),
    (
        "recover",
        &["../reliability.md", "../strategies.md#while-it-runs"],
    ),
    (
        "rollback",
        &["../history.md#going-back", "../strategies.md#while-it-runs"],
    ),
    ("runbook", &["../history.md"]),
    (
        "schema",
        &[
            "../policy-keys.md",
            "../configuration-keys.md",
            "../policy-test-keys.md",
            "../reports.md",
        ],
    ),
    ("set", &["../editor.md"]),
    ("test", &["../policy-test-keys.md"]),
    ("validate", &["../policy.md", "../configuration-keys.md"]),
    ("verify", &["../providers.md", "../judge.md"]),
];

/// The flags that every command has: they are told once, in the index.
const EVERYWHERE: &[&str] = &["output", "color", "help"];

/// Makes the index and the page of every command.
pub fn pages() -> BTreeMap<PathBuf, String> {
    let program = cli::definition();
    let mut pages = BTreeMap::from([("commands/README.md".into(), index(&program))]);
    for command in program.get_subcommands() {
        let path = format!("commands/{}.md", command.get_name());
        pages.insert(path.into(), page(command));
    }
    assert_eq!(MORE.len() + 1, pages.len(), "a command is not in the table");
    pages
}

fn index(program: &Command) -> String {
    let mut text = "# Commands\n\n".to_owned();
    text += &wrapped(
        "`shipgate COMMAND --help` says the same at a terminal, `shipgate man COMMAND` as a manual page. What a command ends with is in \
         [exit-codes.md](../exit-codes.md).",
        0,
    );
    text += "\n| command | does |\n|---|---|\n";
    for command in program.get_subcommands() {
        let name = command.get_name();
        let about = command.get_about().unwrap().to_string();
        text += &format!("| [`{name}`]({name}.md) | {} |\n", prose(&about));
    }
    text += "\n## Flags of every command\n\n";
    for id in EVERYWHERE {
        let argument = program.get_arguments().find(|it| it.get_id() == id);
        text += &flag(argument.unwrap());
    }
    text
}

fn page(command: &Command) -> String {
    let name = command.get_name();
    let mut text = format!("# shipgate {name}\n\n");
    let about = command.get_long_about().or(command.get_about());
    text += &wrapped(&sentence(&prose(&about.unwrap().to_string())), 0);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap();
    let usage: Vec<&str> = usage.lines().map(str::trim).collect();
    text += &format!("\n```console\n$ {}\n```\n", usage.join("\n$ "));
    if let Some(help) = command.get_after_help() {
        text += &examples(&help.to_string());
    }
    let mut groups: Vec<(&str, Vec<&Arg>)> = Vec::new();
    for argument in command.get_arguments() {
        if argument.is_hide_set() || EVERYWHERE.contains(&argument.get_id().as_str()) {
            continue;
        }
        let heading = match argument.get_help_heading() {
            Some(heading) => heading,
            None if argument.is_positional() => "Arguments",
            None => "Flags",
        };
        match groups.iter_mut().find(|(it, _)| *it == heading) {
            Some((_, group)) => group.push(argument),
            None => groups.push((heading, vec![argument])),
        }
    }
    for (heading, arguments) in groups {
        text += &format!("\n## {heading}\n\n");
        text.extend(arguments.into_iter().map(flag));
    }
    text += "\n## More\n\n- [Flags of every command](README.md#flags-of-every-command), [exit codes](../exit-codes.md)\n";
    let (_, more) = MORE.iter().find(|(it, _)| *it == name).unwrap();
    for link in *more {
        let shown = link.trim_start_matches("../");
        text += &format!("- [{shown}]({link})\n");
    }
    text
}

/// The lines to copy, and what is said behind them.
fn examples(help: &str) -> String {
    let help = help.strip_prefix("Examples:\n").unwrap();
    let (lines, rest) = help.split_once("\n\n").unwrap_or((help, ""));
    let lines = lines.lines().map(|line| line.strip_prefix("  ").unwrap());
    let lines: Vec<&str> = lines.collect();
    let mut text = format!("\n## Examples\n\n```sh\n{}\n```\n", lines.join("\n"));
    if !rest.is_empty() {
        text += &format!("\n{}", wrapped(&prose(rest), 0));
    }
    text
}

fn flag(argument: &Arg) -> String {
    let takes = argument.get_action().takes_values();
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(|name| format!("<{name}>")).collect();
    let values = if takes {
        names.join(" ")
    } else {
        String::new()
    };
    let shown = match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (None, Some(long)) => format!("--{long}"),
        _ => String::new(),
    };
    let shown = [shown, values].join(" ");
    let help = argument.get_long_help().or(argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let mut text = format!("- `{}`: {}", shown.trim(), sentence(&prose(&help)));
    if argument.is_required_set() {
        text += " Required.";
    }
    let defaults = argument.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|it| format!("`{}`", it.display())).collect();
    if takes && !defaults.is_empty() {
        text += &format!(" Default: {}.", defaults.join(", "));
    }
    let mut text = wrapped(&text, 2);
    for value in argument.get_possible_values() {
        if !takes || value.is_hide_set() {
            continue;
        }
        let help = value.get_help().map(ToString::to_string);
        let help = help.map_or_else(String::new, |help| format!(": {}", prose(&help)));
        text += &format!(
            "  - {}",
            wrapped(&format!("`{}`{help}", value.get_name()), 4)
        );
    }
    text
}
