//! Every command line that the README and the pages of `docs/` show is one that the program takes.

use std::{fs, path::Path};

use crate::pages::bash;

/// Returns the command lines of a page, as somebody would copy them.
fn command_lines(page: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let blocks = blocks.filter_map(|block| block.split_once('\n'));
    let shell = blocks.filter(|(language, _)| ["sh", "console"].contains(language));
    let text: String = shell.map(|(_, text)| text.replace("\\\n", " ")).collect();
    let lines = text.lines().map(|line| line.trim_start_matches("$ "));
    let lines = lines.filter(|line| line.starts_with("shipgate "));
    // What is behind it: another command, a file, a comment, something that is left out.
    let ends = ["|", " 2>", ">", " #", "…"];
    let cut = |line: &str| {
        let end = ends.iter().filter_map(|end| line.find(end)).min();
        line[..end.unwrap_or(line.len())].to_owned()
    };
    lines.map(cut).collect()
}

/// With a form of output that there is not, it is read to its end and not run.
#[test]
fn every_command_line_of_the_pages_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let folder = tempfile::tempdir().unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in docs.chain([root.join("README.md")]) {
        if page.extension().is_none_or(|it| it != "md") {
            continue;
        }
        for line in command_lines(&fs::read_to_string(&page).unwrap()) {
            let words: Vec<&str> = line.split(" --output ").collect();
            let line = match words[..] {
                [before, rest] => {
                    format!("{before} {}", rest.split_once(' ').unwrap_or_default().1)
                }
                _ => line,
            };
            let ran = bash(folder.path(), &format!("{line} --output nonsense"));
            let told = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
            if ran.status.code() != Some(2) || !told.contains("'nonsense'") {
                wrong.push(format!("{}: {line}\n{told}", page.display()));
            }
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
