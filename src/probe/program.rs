//! Runs a program and takes its exit code for the answer to a check.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

use super::{CheckReading, json_api::without, text::excerpt};
use crate::{
    clock::Clock,
    process::{Group, NEEDED_VARIABLES, set_apart},
    secret::Secret,
    units::format_duration,
};

/// Bytes of what a program said last that are kept.
const KEPT: usize = 16 * 1024;

/// The exit code that says that there is no answer, `EX_TEMPFAIL` of sysexits.h.
const NO_ANSWER: i32 = 75;

/// A program that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// As the configuration names it.
    pub name: String,
    /// Absolute path of the file.
    pub path: PathBuf,
    /// What it is given, each as it is: there is no shell.
    pub arguments: Vec<String>,
    /// What it needs to run, and is no secret.
    pub surroundings: BTreeMap<String, String>,
    /// All other variables that it gets.
    pub variables: BTreeMap<String, Secret>,
}

/// Finds the [surroundings](Program::surroundings) of a program: `PATH` for what it starts in turn, and what the
/// system needs.
pub fn surroundings(variable: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    ["PATH"]
        .iter()
        .chain(NEEDED_VARIABLES)
        .filter_map(|name| Some(((*name).to_owned(), variable(name)?)))
        .collect()
}

/// Runs a program once. 0 passes, any other code is a failure; 75 (`EX_TEMPFAIL`), a signal, a program that
/// cannot be started or one that takes longer than `timeout` is no answer. It is ended with all that it
/// started when its time is up, and when nobody waits for it any more.
///
/// A program is done once it has ended and nobody holds its output any more.
pub async fn run(program: &Program, clock: &dyn Clock, timeout: Duration) -> CheckReading {
    let name = excerpt(&program.name);
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .envs(&program.surroundings);
    for (variable, value) in &program.variables {
        command.env(variable, value.expose());
    }
    set_apart(&mut command);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return CheckReading::Unanswered(format!(
                "{name} could not be started: {}",
                error.kind()
            ));
        }
    };
    let mut group = Group::of(&child);
    // A program takes the time of the machine, however fast the run's own clock goes.
    let limit = clock.real(timeout).max(timeout.min(Duration::from_secs(1)));
    match tokio::time::timeout(limit, gather(&mut child)).await {
        Err(_) => CheckReading::Unanswered(format!(
            "{name} did not end within {}",
            format_duration(timeout)
        )),
        Ok(Err(error)) => CheckReading::Unanswered(format!(
            "what {name} said could not be read: {}",
            error.kind()
        )),
        Ok(Ok((status, said))) => {
            group.has_ended();
            let secrets: Vec<&Secret> = program.variables.values().collect();
            judged(&name, status, &without(said, &secrets))
        }
    }
}

fn judged(name: &str, status: ExitStatus, said: &str) -> CheckReading {
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let said = match last.map(excerpt) {
        Some(line) if !line.is_empty() => format!(": {line}"),
        _ => String::new(),
    };
    match status.code() {
        Some(0) => CheckReading::Passed(format!("ended with 0{said}")),
        Some(NO_ANSWER) => CheckReading::Unanswered(format!("{name} ended with {NO_ANSWER}{said}")),
        // Windows' number of why it had to end the program.
        Some(code) if code < 0 => {
            CheckReading::Unanswered(format!("{name} was ended by {code:#010x}{said}"))
        }
        Some(code) => CheckReading::Failed(format!("ended with {code}{said}")),
        None => CheckReading::Unanswered(format!("{name} was ended by a signal{said}")),
    }
}

/// Waits for the end, and returns what was said last: to standard error, else to standard output.
async fn gather(child: &mut Child) -> io::Result<(ExitStatus, String)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr, status) = tokio::join!(last_of(stdout), last_of(stderr), child.wait());
    let (stdout, stderr) = (stdout?, stderr?);
    let said = if stderr.trim().is_empty() {
        stdout
    } else {
        stderr
    };
    Ok((status?, said))
}

/// Reads all, so that nobody has to wait for a reader, and keeps the end.
async fn last_of(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut kept: VecDeque<u8> = VecDeque::new();
    let mut is_cut = false;
    if let Some(mut pipe) = pipe {
        let mut chunk = vec![0; KEPT];
        loop {
            let count = pipe.read(&mut chunk).await?;
            if count == 0 {
                break;
            }
            kept.extend(chunk.iter().take(count));
            let excess = kept.len().saturating_sub(KEPT);
            is_cut |= excess > 0;
            kept.drain(..excess);
        }
    }
    let bytes: Vec<u8> = kept.into();
    let text = String::from_utf8_lossy(&bytes);
    // Half a line could be half a secret.
    Ok(match text.split_once('\n') {
        Some((_, whole)) if is_cut => whole.to_owned(),
        None if is_cut => String::new(),
        _ => text.into_owned(),
    })
}
