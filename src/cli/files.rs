//! The files that a run writes besides its work: which the environment names, and which must not be written.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use clap::ArgMatches;
use ring::rand::{SecureRandom, SystemRandom};

use super::{Context, pipeline::System};
use crate::{
    event::{Ending, Failure},
    report::{
        Fanout, Place, Stream, azure, github, gitlab, html,
        json::{ReportFile, events::EventFile},
        junit,
    },
};

/// Flags of commands that name a file to write; every other one names a file to read.
const WRITTEN: [&str; 3] = ["junit", "out", "audit_file"];
/// Values of commands that are paths and are read as texts.
const READ_AS_TEXTS: [&str; 2] = ["config", "files"];

/// What a file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Outputs,
    Summary,
    AzureSummary,
    Report,
    JUnit,
    Events,
    Html,
    Dotenv,
}

/// The files that a run writes besides its work.
#[derive(Debug, Default)]
pub struct Files(Vec<(Form, Place)>);

/// A file that a command line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The flag, such as `--policy`.
    flag: String,
    path: PathBuf,
    is_written: bool,
}

impl Files {
    /// Finds the files that the environment names.
    pub fn of(context: &Context, command: &str) -> Self {
        let mut files = Vec::new();
        let variable = |name: &str| context.variable(name);
        let mut add = |form, variable: &'static str| {
            if let Some(path) = context.variable(variable) {
                files.push((form, Place::new(variable, context.folder.join(path))));
            }
        };
        let wants_summary = variable("SHIPGATE_SUMMARY") != Some("false");
        if variable("GITHUB_ACTIONS") == Some("true") {
            add(Form::Outputs, "GITHUB_OUTPUT");
            if wants_summary {
                add(Form::Summary, "GITHUB_STEP_SUMMARY");
            }
        }
        add(Form::Report, "SHIPGATE_REPORT");
        add(Form::JUnit, "SHIPGATE_JUNIT");
        add(Form::Events, "SHIPGATE_EVENTS");
        add(Form::Html, "SHIPGATE_HTML");
        add(Form::Dotenv, "SHIPGATE_DOTENV");
        let new_in = |named_by: &'static str, ending: &str| {
            let folder = PathBuf::from(variable(named_by)?);
            let name = format!("shipgate-{command}-{}.{ending}", &random_word()[..8]);
            Some(Place::new(named_by, folder.join(name)))
        };
        if System::of(context) == Some(System::Azure) && wants_summary {
            let summary = new_in("AGENT_TEMPDIRECTORY", "md");
            files.extend(summary.map(|place| (Form::AzureSummary, place)));
        }
        // A GitHub runner empties its folder after the job.
        if context.in_pipeline() && variable("SHIPGATE_REPORT").is_none() {
            let report = new_in("RUNNER_TEMP", "json");
            files.extend(report.map(|place| (Form::Report, place)));
        }
        Self(files)
    }

    /// Takes out the files that must not be written, and says which: one that the command reads, one that
    /// is part of a repository, a manifest that is there, and all but the first that are the same.
    pub fn refuse(&mut self, named: &[NamedFile]) -> Option<Failure> {
        let mut problems = Vec::new();
        let mut kept: Vec<(String, PathBuf)> = Vec::new();
        for file in named.iter().filter(|file| file.is_written) {
            problems.extend(problem(&file.flag, &file.path, named, &kept));
            kept.push((file.flag.clone(), file.path.clone()));
        }
        self.0.retain(|(_, place)| {
            let found = problem(place.named_by, &place.path, named, &kept);
            if found.is_none() {
                kept.push((place.named_by.to_owned(), place.path.clone()));
            }
            let is_kept = found.is_none();
            problems.extend(found);
            is_kept
        });
        if problems.is_empty() {
            return None;
        }
        let hint = "nothing was begun; give every report a file of its own";
        Some(Failure::new(Ending::Usage, problems.join("; ")).hint(hint))
    }

    /// Takes out the files that a command line that could not be read may mean by any of its words.
    pub fn leave_alone<'a>(&mut self, words: impl Iterator<Item = &'a str>, folder: &Path) {
        let values = words.map(|word| match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => value,
            _ => word,
        });
        let named = values.map(|value| NamedFile {
            flag: "the command line".to_owned(),
            path: folder.join(value),
            is_written: false,
        });
        // It is refused already.
        let named: Vec<NamedFile> = named.collect();
        let _ = self.refuse(&named);
    }

    /// Adds a JUnit file that a flag names, if it may be written.
    pub fn add_junit(&mut self, flag: &'static str, path: PathBuf) {
        if problem(flag, &path, &[], &[]).is_none() {
            self.0.push((Form::JUnit, Place::new(flag, path)));
        }
    }

    /// Returns the path of the JSON report; empty where none is written.
    pub fn report(&self) -> String {
        let place = self.place(Form::Report);
        place.map_or_else(String::new, |it| it.path.display().to_string())
    }

    fn place(&self, form: Form) -> Option<&Place> {
        let found = self.0.iter().find(|(found, _)| *found == form);
        found.map(|(_, place)| place)
    }

    /// Adds what the system that runs the job reads of it.
    pub fn add_results(&self, is_azure: bool, stderr: &Stream, sinks: &mut Fanout) {
        if let Some(place) = self.place(Form::Outputs).cloned() {
            let delimiter = random_word();
            sinks.add(github::Outputs { place, delimiter });
        }
        if let Some(place) = self.place(Form::Summary) {
            sinks.add(github::Summary::new(place.clone()));
        }
        if is_azure {
            let summary = self.place(Form::AzureSummary).cloned();
            sinks.add(azure::Results::new(stderr.clone(), summary));
        }
    }

    /// Adds the reports.
    pub fn add_reports(&self, sinks: &mut Fanout) {
        for (form, place) in self.0.iter().cloned() {
            match form {
                Form::Report => sinks.add(ReportFile(place)),
                Form::JUnit => sinks.add(junit::File { place }),
                Form::Events => sinks.add(EventFile::new(place)),
                Form::Html => sinks.add(html::File::new(place)),
                Form::Dotenv => sinks.add(gitlab::Dotenv { place }),
                Form::Outputs | Form::Summary | Form::AzureSummary => {}
            }
        }
    }
}

impl NamedFile {
    /// Finds the files that a command's flags name, those that a flag names by default too. `shown` is how
    /// whoever called it knows a flag.
    pub fn all(
        command: &clap::Command,
        matches: &ArgMatches,
        folder: &Path,
        shown: impl Fn(&clap::Arg) -> String,
    ) -> Vec<Self> {
        let mut named = Vec::new();
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let mut paths: Vec<PathBuf> = Vec::new();
            if let Ok(Some(values)) = matches.try_get_many::<PathBuf>(id) {
                paths.extend(values.cloned());
            }
            if READ_AS_TEXTS.contains(&id)
                && let Ok(Some(values)) = matches.try_get_many::<String>(id)
            {
                paths.extend(values.map(PathBuf::from));
            }
            named.extend(paths.into_iter().map(|path| Self {
                flag: shown(argument),
                path: folder.join(path),
                is_written: WRITTEN.contains(&id),
            }));
        }
        named
    }
}

/// Says what is wrong with writing a file, if anything is.
fn problem(
    by: &str,
    path: &Path,
    named: &[NamedFile],
    written: &[(String, PathBuf)],
) -> Option<String> {
    let shown = path.display();
    let found = fs::metadata(path);
    // Devices and pipes take what anybody writes, and keep nothing.
    if found.as_ref().is_ok_and(|found| !found.is_file()) {
        return None;
    }
    let itself = resolved(path);
    let is_same = |other: &Path| resolved(other) == itself;
    if let Some(read) = named.iter().find(|it| !it.is_written && is_same(&it.path)) {
        let flag = &read.flag;
        return Some(format!("{by} would overwrite {shown}, which {flag} names"));
    }
    if let Some((other, _)) = written.iter().find(|(_, other)| is_same(other)) {
        return Some(format!("{other} and {by} name the same file, {shown}"));
    }
    let mut parts = itself.components();
    if parts.any(|part| part == Component::Normal(".git".as_ref())) {
        return Some(format!("{by}: {shown} belongs to a git repository"));
    }
    let is_yaml = path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("yaml") || it.eq_ignore_ascii_case("yml"));
    (is_yaml && found.is_ok()).then(|| {
        format!(
            "{by}: {shown} is there already, and YAML is a policy, a configuration or a manifest"
        )
    })
}

/// Returns a path without links, also where there is no file yet.
fn resolved(path: &Path) -> PathBuf {
    let whole = fs::canonicalize(path);
    whole.unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned());
            parent.join(name)
        }
        _ => path.to_owned(),
    })
}

/// Returns 128 random bits in hexadecimal.
fn random_word() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("every platform we run on has a random source that does not fail");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
