//! The parsers with which CI systems read commands out of a log, written again after their sources.
//!
//! GitHub: `ActionCommand.cs` and `ActionCommandManager.cs` (actions/runner). Azure Pipelines: `Command.cs`
//! and `CommandStringConvertor.cs` (microsoft/azure-pipelines-agent). Both split what a step prints into
//! lines as .NET does, and search with comparisons by culture, for which characters that show nothing are
//! not there. GitLab: sections, as "GitLab CI/CD job logs" describes them.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;

/// The commands that GitHub's runner knows.
const GITHUB: [&str; 16] = [
    "internal-set-repo-path",
    "set-env",
    "set-output",
    "save-state",
    "add-path",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "warning",
    "error",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
];
/// What Azure's log shows in a form of its own, at the start of a line.
const FORMATS: [&str; 7] = [
    "group", "endgroup", "section", "command", "warning", "error", "debug",
];

/// A command as its system understands it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub data: String,
}

/// Returns the lines that a runner reads: one also ends at a lone CR.
pub fn lines(stream: &str) -> impl Iterator<Item = &str> {
    stream.split(['\n', '\r'])
}

/// Returns a line as comparisons by culture see it.
fn seen(line: &str) -> String {
    let is_skipped = |character: char| {
        character.is_control() && !character.is_whitespace()
            || matches!(u32::from(character), 0xad | 0x34f | 0x61c | 0x180e | 0x200b..=0x200f
                | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffb)
    };
    line.chars().filter(|it| !is_skipped(*it)).collect()
}

fn unescaped(text: &str, pairs: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in pairs {
        text = text.replace(from, to);
    }
    text
}

fn properties(text: &str, between: char, pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let parts = text.split(between).filter_map(|part| part.split_once('='));
    let parts = parts.filter(|(name, value)| !name.is_empty() && !value.is_empty());
    parts
        .map(|(name, value)| (name.to_lowercase(), unescaped(value, pairs)))
        .collect()
}

/// `::name key=value,key=value::data` after blanks, else `##[name key=value;key=value]data` anywhere.
pub fn github(line: &str) -> Option<Command> {
    let line = seen(line);
    let known = |name: &str| GITHUB.iter().any(|it| it.eq_ignore_ascii_case(name));
    let data = [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];
    let value = [
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%3A", ":"),
        ("%2C", ","),
        ("%25", "%"),
    ];
    let second = || {
        let (info, rest) = line.trim_start().strip_prefix("::")?.split_once("::")?;
        let (name, given) = info.split_once(' ').unwrap_or((info, ""));
        known(name).then(|| Command {
            name: name.to_owned(),
            properties: properties(given.trim(), ',', &value),
            data: unescaped(rest, &data),
        })
    };
    let first = || {
        let pairs = [
            ("%3B", ";"),
            ("%0D", "\r"),
            ("%0A", "\n"),
            ("%5D", "]"),
            ("%25", "%"),
        ];
        let (info, rest) = line[line.find("##[")? + 3..].split_once(']')?;
        let (name, given) = info.split_once(' ').unwrap_or((info, ""));
        known(name).then(|| Command {
            name: name.to_owned(),
            properties: properties(given, ';', &pairs),
            data: unescaped(rest, &pairs),
        })
    };
    second().or_else(first)
}

/// `##vso[area.event key=value;key=value]data` anywhere, else what the log shows in its own form.
pub fn azure(line: &str) -> Option<Command> {
    let line = seen(line);
    let pairs = [
        ("%3B", ";"),
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%5D", "]"),
        ("%AZP25", "%"),
    ];
    let command = || {
        let (info, rest) = line[line.find("##vso[")? + 6..].split_once(']')?;
        let (name, given) = info.split_once(' ').unwrap_or((info, ""));
        let parts = name.split('.').filter(|part| !part.is_empty()).count();
        (parts == 2).then(|| Command {
            name: name.to_owned(),
            properties: properties(given, ';', &pairs),
            data: unescaped(rest, &pairs),
        })
    };
    let format = || {
        let (name, rest) = line.trim_start().strip_prefix("##[")?.split_once(']')?;
        FORMATS.contains(&name).then(|| Command {
            name: name.to_owned(),
            data: rest.to_owned(),
            ..Command::default()
        })
    };
    command().or_else(format)
}

/// Returns the marks of sections: `section_start` or `section_end`, and the name.
pub fn gitlab(stream: &str) -> Vec<(String, String)> {
    static MARK: LazyLock<Regex> = LazyLock::new(|| {
        let mark = r"(section_start|section_end):\d+:([\w.-]+)(?:\[[^\]\r\n]*\])?\r(?:\x1b\[0K)?";
        Regex::new(mark).unwrap()
    });
    let found = MARK.captures_iter(stream);
    found
        .map(|it| (it[1].to_owned(), it[2].to_owned()))
        .collect()
}

/// Returns what any of them could take for a command in a line. It is stricter than they are: any name
/// counts, in any case, also of a command that does not end.
pub fn suspicious(line: &str) -> Option<String> {
    let line = seen(line);
    let lower = line.to_lowercase();
    let anywhere = ["##[", "##vso["].iter().any(|mark| lower.contains(mark));
    (anywhere || line.trim_start().starts_with("::")).then_some(line)
}

#[test]
fn the_parsers_read_what_their_systems_read() {
    let name = |command: Option<Command>| command.map(|it| it.name);
    let rows = [
        ("::add-mask::allowed", Some("add-mask"), None),
        (" \t\u{2003}::Error file=a,line=2::x", Some("Error"), None),
        ("body: ##[add-mask]allowed", Some("add-mask"), None),
        (":\u{200b}:error::x", Some("error"), None),
        (
            "x ##vso[task.setvariable variable=a]b",
            None,
            Some("task.setvariable"),
        ),
        ("#\u{ad}#vso[a.b]c", None, Some("a.b")),
        ("##[group]x", Some("group"), Some("group")),
        ("##[section]x", None, Some("section")),
        ("##vso[a]b ##vso[a.b.c]d", None, None),
        ("a ::error::b", None, None),
        ("::unknown::b", None, None),
        ("::error:b", None, None),
        ("# #[error]x : :error::x", None, None),
    ];
    for (line, on_github, on_azure) in rows {
        assert_eq!(name(github(line)).as_deref(), on_github, "{line:?}");
        assert_eq!(name(azure(line)).as_deref(), on_azure, "{line:?}");
        let is_command = on_github.is_some() || on_azure.is_some();
        assert!(!is_command || suspicious(line).is_some(), "{line:?}");
    }
    let command =
        azure("##vso[task.logissue type=error;code=a%3Bb%5D%AZP253B]x%0Ay%AZP250A").unwrap();
    assert_eq!(
        (&*command.properties["code"], &*command.data),
        ("a;b]%3B", "x\ny%0A")
    );
    let command = github("::error title=a%2Cb%253A,file=c::d%250A").unwrap();
    assert_eq!(
        (&*command.properties["title"], &*command.data),
        ("a,b%3A", "d%0A")
    );
    let marks = gitlab(
        "\u{1b}[0Ksection_start:1:a.b\r\u{1b}[0Kx\nsection_end:2:a.b[c=d]\rsection_end:3:e\n",
    );
    let marks: Vec<String> = marks
        .iter()
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    assert_eq!(marks, ["section_start a.b", "section_end a.b"]);
}
