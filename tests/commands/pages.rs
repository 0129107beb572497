//! Pages of `docs/` that are played: their files are written, their commands run, what they show compared.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use regex::Regex;

/// One thing that a page does.
enum Part {
    /// Lines to run, which must end well.
    Run(String),
    /// A command, and what it shows.
    Show(String, String),
    /// A file: its path and its text.
    File(String, String),
}

/// Runs a script as somebody would who has the program, git and nothing configured.
pub fn bash(folder: &Path, script: &str) -> Output {
    let binary = assert_cmd::cargo::cargo_bin("shipgate");
    let programs = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
    let path = [binary.parent().unwrap()].into_iter().chain(programs);
    Command::new("bash")
        .args(["-u", "-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Alex")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "alex@example.com")))
        .output()
        .unwrap()
}

/// Returns the section of a page.
pub fn section(page: &str, title: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("\n## {title}\n")).unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap_or((rest, ""));
    section.to_owned()
}

/// Does what a page says: ```` ```sh ```` blocks are run and must end well, of ```` ```console ```` blocks each line after `$` is run
/// and what it prints compared, ```` ```yaml ```` and ```` ```json ```` blocks that begin with `# PATH` are files. `...` in a line of
/// its own is whatever comes there; times, dates and ids are any.
///
/// Returns how many commands were compared.
pub fn play(page: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().join("shown");
    fs::create_dir(&shown).unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let parts = parts(page);
    let mut script =
        "trap 'for job in $(jobs -p); do kill \"$job\"; done 2>/dev/null' EXIT\n".to_owned();
    for (index, part) in parts.iter().enumerate() {
        let shown = shown.join(index.to_string());
        let shown = shown.display();
        script += &match part {
            Part::Run(lines) => format!("set -e\n{lines}set +e\n"),
            // What it ends with is there for a `$ echo $?` behind it.
            Part::Show(command, _) => format!("{{ {command}\n}} >{shown} 2>&1 </dev/null\n"),
            Part::File(path, text) => {
                format!(
                    "mkdir -p \"$(dirname {path})\"\ncat >{path} <<'END OF FILE'\n{text}END OF FILE\n"
                )
            }
        };
    }
    let ran = bash(&work, &script);
    let mut compared = 0;
    for (index, part) in parts.iter().enumerate() {
        let Part::Show(command, expected) = part else {
            continue;
        };
        let found = fs::read_to_string(shown.join(index.to_string()));
        let found = found.unwrap_or_else(|_| panic!("not come to `{command}`: {ran:?}"));
        let (left, right) = (same(expected), same(&found));
        let fits = fits(&lines(&left), &lines(&right));
        assert!(
            fits,
            "`{command}` shows\n{found}\nand the page says\n{expected}"
        );
        compared += 1;
    }
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success(),
        "{errors}\n{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    compared
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, block) in page.split("```").enumerate() {
        // Every second piece is between two fences.
        let Some((language, text)) = block.split_once('\n').filter(|_| index % 2 == 1) else {
            continue;
        };
        match language {
            "sh" => parts.push(Part::Run(text.to_owned())),
            "console" => parts.extend(commands(text)),
            "yaml" | "json" => {
                let first = text
                    .strip_prefix("# ")
                    .and_then(|rest| rest.split_once('\n'));
                let file = first.filter(|(path, _)| path.contains('.') && !path.contains(' '));
                parts.extend(file.map(|(path, text)| Part::File(path.to_owned(), text.to_owned())));
            }
            _ => {}
        }
    }
    parts
}

fn commands(block: &str) -> Vec<Part> {
    let block = block.replace("\\\n", "");
    let mut found = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push(Part::Show(command.to_owned(), String::new())),
            (None, Some(Part::Show(_, shown))) => *shown += &format!("{line}\n"),
            _ => panic!("a console block begins with `$ `: {line}"),
        }
    }
    found
}

/// Makes all alike that is another one in every run.
fn same(text: &str) -> String {
    [
        (r"\b[0-9a-f]{7,64}\b", "ID"),
        (r"\b\d\d:\d\d:\d\d\b", "TIME"),
        (
            r"(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day \d{4}-\d\d-\d\d \d\d:\d\d",
            "DATE",
        ),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d", "DATE"),
        (r"\b\d+(ms|s)\b", "LENGTH"),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r" +\n", "\n"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (pattern, word)| {
        Regex::new(pattern)
            .unwrap()
            .replace_all(&text, word)
            .into_owned()
    })
}

/// The lines of a text; how they are broken and filled up does not count.
fn lines(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

/// Are these the expected lines, with anything in the place of each `...`?
fn fits(expected: &[String], found: &[String]) -> bool {
    match expected {
        [] => found.is_empty(),
        [any, rest @ ..] if any == "..." => {
            (0..=found.len()).any(|from| fits(rest, &found[from..]))
        }
        [line, rest @ ..] => found.first() == Some(line) && fits(rest, &found[1..]),
    }
}

#[test]
fn a_page_that_says_something_else_than_happens_is_found() {
    for (page, is_true) in [
        (
            "```console\n$ echo one\none\n$ echo two 12:30:00\ntwo 01:02:03\n```",
            true,
        ),
        ("```console\n$ seq 5\n1\n...\n4\n5\n```", true),
        ("```console\n$ seq 5\n...\n4\n```", false),
        ("```console\n$ echo one\ntwo\n```", false),
        ("```console\n$ false\n$ echo $?\n1\n```", true),
        ("```sh\nfalse\n```", false),
        ("```sh\nexit 3\n```\n```console\n$ true\n```", false),
        (
            "```yaml\n# a/b.yaml\nx: 1\n```\n```console\n$ cat a/b.yaml\nx: 1\n```",
            true,
        ),
        ("```yaml\nx: 1\n```\n```console\n$ ls\n```", true),
    ] {
        let played = std::panic::catch_unwind(|| play(page));
        assert_eq!(played.is_ok(), is_true, "{page}");
    }
}
