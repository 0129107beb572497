//! What the program tells of itself: examples in its help, manual pages and completions for shells.

use std::{collections::BTreeSet, fs, process::Stdio};

use assert_cmd::Command;

fn shipgate(arguments: &[&str]) -> String {
    let ran = Command::cargo_bin("shipgate")
        .unwrap()
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

fn commands() -> Vec<String> {
    let help = shipgate(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Every line to copy is one that the program takes: put behind `--help` it is not run.
#[test]
fn every_command_has_examples_that_it_understands() {
    let mut count = 0;
    for command in commands() {
        let help = shipgate(&[&command, "--help"]);
        let (_, examples) = help
            .split_once("Examples:\n")
            .unwrap_or_else(|| panic!("{command} has no examples"));
        let examples = examples.replace(" \\\n", " ");
        for line in examples.lines().filter_map(|line| line.strip_prefix("  ")) {
            let line = line.split(['|', '>']).next().unwrap();
            let (variables, words): (Vec<String>, Vec<String>) = line
                .split_whitespace()
                .map(|word| word.trim_matches('\'').to_owned())
                .partition(|word| word.starts_with("SHIPGATE_"));
            assert_eq!(words[..2], ["shipgate", command.as_str()], "{line}");
            let folder = tempfile::tempdir().unwrap();
            let ran = Command::cargo_bin("shipgate")
                .unwrap()
                .current_dir(&folder)
                .env_clear()
                .env("HOME", folder.path())
                .envs(variables.iter().filter_map(|it| it.split_once('=')))
                .args(&words[1..])
                .args(
                    ["--output", "nonsense"]
                        .iter()
                        .filter(|_| variables.is_empty()),
                )
                .output()
                .unwrap();
            let told = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
            if !variables.is_empty() {
                let is_known = !told.contains("unknown variable");
                assert!(
                    is_known && told.contains("SHIPGATE_REPOSITORY"),
                    "{line}\n{told}"
                );
                count += 1;
                continue;
            }
            assert!(
                told.contains("--output"),
                "the flags before are not understood: {line}\n{told}"
            );
            count += 1;
        }
    }
    assert!(count > 35, "{count}");
}

#[test]
fn manual_pages_tell_flags_examples_and_exit_codes_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("man1");
    shipgate(&["man", "--dir", folder.to_str().unwrap()]);
    let pages: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = commands()
        .iter()
        .map(|command| format!("shipgate-{command}.1"))
        .chain(["shipgate.1".to_owned()])
        .collect();
    assert_eq!(pages, expected);
    let deploy = fs::read_to_string(folder.join("shipgate-deploy.1")).unwrap();
    assert_eq!(deploy, shipgate(&["man", "deploy"]));
    for part in [
        ".TH shipgate-deploy 1",
        "\\fB\\-\\-dry\\-run\\fR",
        "\n.SH EXAMPLES\n.nf\n",
        "\\fB40\\fR rolled\\-back",
    ] {
        assert!(deploy.contains(part), "{part}\n{deploy}");
    }
    let ran = Command::cargo_bin("shipgate")
        .unwrap()
        .args(["man", "dploy"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains("did you mean `deploy`?"), "{said}");
}

#[test]
fn completions_know_every_command_and_bash_reads_them() {
    let commands = commands();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = shipgate(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("dry-run"), "{shell}");
    }
    let script = shipgate(&["completions", "bash"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("completions");
    fs::write(&file, script).unwrap();
    // What is offered behind `shipgate de`, as the shell itself asks for it.
    let asks = r#". "$1"; COMP_WORDS=(shipgate de); COMP_CWORD=1; _shipgate shipgate de shipgate; echo "${COMPREPLY[@]}""#;
    let ran = std::process::Command::new("bash")
        .args(["-c", asks, "bash"])
        .arg(&file)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ran.stdout).unwrap().trim(), "deploy demo");
}
