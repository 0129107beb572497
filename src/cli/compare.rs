//! `shipgate compare`: is the canary worse than stable? From bare counts, a file of polls, or a time that
//! is over.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    Context, Session,
    compare_past::{self, PastArguments},
    judge_flags::JudgeArguments,
};
use crate::{
    analysis::judge::{Counts, Parameters, Poll},
    event::{Ending, Event, Failure, FileFinding, Outcome, Reporter},
    ops::compare::{
        self, Comparison,
        polls_file::{self, plain_number},
    },
};

/// Flags of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Bad and all requests of the canary, such as 45/5000
    #[arg(long, value_name = "BAD/TOTAL", value_parser = counts, allow_hyphen_values = true, conflicts_with = "polls")]
    canary: Option<Counts>,
    /// Bad and all requests of stable in the same time, such as 380/95000
    #[arg(long, value_name = "BAD/TOTAL", value_parser = counts, allow_hyphen_values = true, conflicts_with_all = ["polls", "max_rate"])]
    stable: Option<Counts>,
    /// File of polls instead, a line each; `-` for standard input
    #[arg(long, value_name = "FILE")]
    polls: Option<PathBuf>,
    /// Or which versions of a service, and when.
    #[command(flatten)]
    past: PastArguments,
    /// What is tolerated.
    #[command(flatten)]
    judge: JudgeArguments,
}

/// Name of what is compared where only counts are known.
const ERRORS: &str = "errors";

/// Runs `compare`.
///
/// # Errors
/// There is nothing to compare; the file cannot be read or has bad lines; parameters make no sense; a
/// service cannot be compared, see [`compare_past::run`].
pub async fn run(arguments: &CompareArguments, session: &mut Session) -> Result<Outcome, Failure> {
    if let Some(from) = arguments.past.from {
        return compare_past::run(&arguments.past, from, &arguments.judge, session).await;
    }
    let comparison = match &arguments.polls {
        Some(path) => polls(arguments, path, &session.context)?,
        None => totals(arguments, session)?,
    };
    let metric = compare::judge(&comparison)?;
    Ok(compare::outcome(vec![metric]))
}

/// Totals of one time: one look.
fn totals(arguments: &CompareArguments, session: &mut Session) -> Result<Comparison, Failure> {
    let CompareArguments {
        canary,
        stable,
        judge,
        ..
    } = arguments;
    let Some(canary) = *canary else {
        let missing = if stable.is_some() {
            "--stable needs --canary BAD/TOTAL"
        } else {
            "nothing to compare"
        };
        return Err(Failure::new(Ending::Usage, missing).hint(
            "give --canary 45/5000 --stable 380/95000, --canary 45/5000 --max-rate 0.01, \
             --polls FILE, or --service NAME --from -30m",
        ));
    };
    let stable = match (*stable, judge.max_rate) {
        (Some(stable), _) => stable,
        (None, Some(_)) => Counts::NONE,
        (None, None) => {
            let missing = "--canary needs something to be held against";
            return Err(Failure::new(Ending::Usage, missing).hint(
                "give --stable BAD/TOTAL of the same time, or a limit with --max-rate SHARE",
            ));
        }
    };
    let unused = judge.of_polls();
    if !unused.is_empty() {
        let unused = unused.join(", ");
        session.event(&Event::Note(format!(
            "totals are one look: not used are {unused}"
        )));
    }
    Ok(Comparison {
        name: ERRORS.to_owned(),
        parameters: judge.parameters(Parameters::default(), 1, 1)?.one_look(),
        polls: vec![Poll { canary, stable }],
    })
}

fn polls(
    arguments: &CompareArguments,
    path: &Path,
    context: &Context,
) -> Result<Comparison, Failure> {
    let is_input = path.as_os_str() == "-";
    let shown = if is_input {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let refuse = |problem: String| {
        Failure::new(Ending::Usage, format!("{shown}: {problem}"))
            .hint("`shipgate compare --help` shows the form of the file")
    };
    let mut bytes = Vec::new();
    let limit = polls_file::MOST_BYTES;
    let read = if is_input {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        File::open(context.folder.join(path))
            .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(refuse(format!("is larger than the limit of {limit} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text".to_owned()))?;
    let polls = polls_file::parse(&shown, &text).map_err(bad_lines)?;
    let parameters = Parameters::default();
    Ok(Comparison {
        name: ERRORS.to_owned(),
        parameters: arguments.judge.parameters(parameters, polls.len(), 1)?,
        polls,
    })
}

/// A file with bad lines: the first one in the reason, all of them as findings.
fn bad_lines(findings: Vec<FileFinding>) -> Failure {
    let reason = findings.first().map(|first| {
        let line = first.line.unwrap_or(1);
        format!("{}:{line}: {}", first.path, first.message)
    });
    let mut reason = reason.unwrap_or_default();
    match findings.len() {
        0 | 1 => {}
        2 => reason.push_str("; 1 more line is bad"),
        more => reason.push_str(&format!("; {} more lines are bad", more - 1)),
    }
    let mut failure = Failure::new(Ending::Usage, reason)
        .hint("`shipgate compare --help` shows the form of the file");
    failure.0.findings = findings;
    failure
}

/// Reads `BAD/TOTAL`.
fn counts(text: &str) -> Result<Counts, String> {
    const FORM: &str = "expected BAD/TOTAL such as 45/5000";
    let Some((bad, total)) = text.split_once('/') else {
        return Err(FORM.to_owned());
    };
    let number = |text: &str| {
        plain_number(text)
            .map_err(|expected| format!("{FORM}: found `{text}`, expected {expected}"))
    };
    let (bad, total) = (number(bad)?, number(total)?);
    Counts::new(total, bad).map_err(|error| format!("{FORM}: {error}"))
}
