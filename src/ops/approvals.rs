//! Finds the approvals and overrides for a request: files, the environment, refs of the repository.
//!
//! Whether they are enough is the policy's to say; here each becomes a [`Presented`] that says who
//! stands behind it, or why nobody can be believed to.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use chrono::{DateTime, Utc};

use super::{
    beside::Beside,
    failure,
    journal::{self, State},
};
use crate::{
    event::{Ending, Failure},
    git::{Journal, Repository},
    policy::{
        ApprovalSource, Identity, Policy, Presented, Request, Statement, StatementKind, Verdict,
    },
    sign::{self, AllowedSigners, OneText, SshSignature},
};

/// What is looked at.
pub struct Search<'a> {
    /// The policy that will judge them.
    pub policy: &'a Policy,
    /// What is to be approved.
    pub request: &'a Request,
    /// The folder of the policy, which holds the list of keys.
    pub beside: &'a Beside<'a>,
    /// Signed texts that were handed over: files ([`read_file`]) and `SHIPGATE_APPROVAL`.
    pub given: &'a [String],
    /// The GitOps repository with refs and journal; none = only what was handed over is looked at,
    /// and nobody knows whether it was used before.
    pub repository: Option<&'a Repository>,
    /// May one count that this same deployment has used already? For the policy's rules it may: the
    /// deployment only goes on.
    pub counts_again: bool,
}

/// Is there a reason to look: does the verdict not let through without, or was something handed
/// over, which then has to be good?
pub fn are_needed(without: &Verdict, given: &[String]) -> bool {
    !given.is_empty() || !without.lets_through()
}

/// Finds all there are. Put them into `Facts::presented` and judge again.
///
/// # Errors
/// The git server does not answer or refuses; the list of keys cannot be read for another reason
/// than what stands in it.
pub async fn gather(search: &Search<'_>, now: DateTime<Utc>) -> Result<Vec<Presented>, Failure> {
    let mut texts: Vec<OneText> = Vec::new();
    let mut found = Vec::new();
    for given in search.given {
        match OneText::split(given) {
            Ok(split) => texts.extend(split),
            Err(problem) => found.push(unreadable(given, &problem)),
        }
    }
    let handed_over = texts.len();
    let place = search.repository.zip(place(search.request));
    if let Some((repository, (environment, service))) = place {
        let kept = repository.approvals(environment, service).await;
        for kept in kept.map_err(failure::git)? {
            match OneText::split(&kept.text) {
                Ok(split) => texts.extend(split),
                Err(problem) => found.push(unreadable(&kept.text, &problem)),
            }
        }
    }
    if texts.is_empty() {
        return Ok(found);
    }
    let journal = match place {
        Some((repository, (environment, service))) => {
            let journal = repository.journal_as_listed(environment, service).await;
            journal.map_err(failure::git)?
        }
        None => Journal::default(),
    };
    let signers = signers(search.policy, search.beside).await?;
    let mut seen: Vec<&OneText> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        if seen.contains(&text) {
            continue;
        }
        seen.push(text);
        let mut presented = presented(search.policy, text, &signers, now);
        let own = search.counts_again.then_some(search.request);
        presented.used_by = used_by(&journal, own, &presented.id);
        if index < handed_over || is_of_use(&presented, search.request, now) {
            found.push(presented);
        }
    }
    Ok(found)
}

/// Reads a file with a signed text: a statement with its signature behind it, or a statement with
/// the signature in a file beside it whose name ends with `.sig`. `shown` is the path as the user
/// wrote it.
///
/// # Errors
/// [`Ending::Usage`]: the file cannot be read, is too large or not UTF-8.
pub fn read_file(path: &Path, shown: &str) -> Result<String, Failure> {
    let text = read_text(path, shown)?;
    let text = text.ok_or_else(|| unread(shown, "there is no such file"))?;
    let has_signature = OneText::split(&text)
        .is_ok_and(|parts| parts.iter().any(|part| !part.signature.is_empty()));
    if has_signature {
        return Ok(text);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sig");
    let signature = read_text(Path::new(&beside), &format!("{shown}.sig"))?;
    Ok(text + &signature.unwrap_or_default())
}

/// None = there is no such file.
fn read_text(path: &Path, shown: &str) -> Result<Option<String>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(shown, &format!("cannot be read: {error}"))),
    };
    let mut bytes = Vec::new();
    file.take(sign::LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unread(shown, &format!("cannot be read: {error}")))?;
    if bytes.len() > sign::LIMIT {
        let limit = sign::LIMIT;
        let problem = format!("is larger than the limit of {limit} bytes");
        return Err(unread(shown, &problem));
    }
    let text = String::from_utf8(bytes).map_err(|_| unread(shown, "is not UTF-8 text"))?;
    Ok(Some(text))
}

fn unread(shown: &str, problem: &str) -> Failure {
    Failure::new(Ending::Usage, format!("--approval {shown}: {problem}"))
        .hint("`shipgate approve` makes such a file")
}

fn place(request: &Request) -> Option<(&str, &str)> {
    request
        .environment
        .as_deref()
        .zip(request.service.as_deref())
}

/// The list of keys, or why it says nothing.
async fn signers(
    policy: &Policy,
    beside: &Beside<'_>,
) -> Result<Result<AllowedSigners, String>, Failure> {
    let relative = policy.allowed_signers();
    let path = beside.path(relative);
    let Some(bytes) = beside.read(relative).await? else {
        return Ok(Err(format!(
            "there is no list of keys {path} beside the policy"
        )));
    };
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8 text"));
    Ok(text.and_then(|text| AllowedSigners::parse(&text, &path)))
}

fn presented(
    policy: &Policy,
    text: &OneText,
    signers: &Result<AllowedSigners, String>,
    now: DateTime<Utc>,
) -> Presented {
    let statement = text.read();
    let by = match &statement {
        Ok(_) => signer(policy, text, signers, now),
        Err(problem) => Err(problem.clone()),
    };
    let statement = statement.ok();
    Presented {
        id: sign::id(&text.statement),
        source: ApprovalSource::Signature,
        by,
        given_at: statement.as_ref().map(|statement| statement.not_before),
        statement,
        used_by: None,
    }
}

fn signer(
    policy: &Policy,
    text: &OneText,
    signers: &Result<AllowedSigners, String>,
    now: DateTime<Utc>,
) -> Result<Identity, String> {
    if text.signature.is_empty() {
        return Err(format!(
            "it is not signed; sign it with `ssh-keygen -Y sign -n {} -f KEY FILE`",
            sign::NAMESPACE
        ));
    }
    let signature = SshSignature::parse(&text.signature)?;
    signature.verify(text.statement.as_bytes())?;
    let principals = signers
        .as_ref()
        .map_err(Clone::clone)?
        .principals(signature.key(), now)?;
    policy.owner(&principals)
}

fn unreadable(text: &str, problem: &str) -> Presented {
    Presented {
        id: sign::id(text),
        source: ApprovalSource::Signature,
        by: Err(problem.to_owned()),
        statement: None,
        given_at: None,
        used_by: None,
    }
}

/// Refs stay where they are. One that was for something else, or that has done its work, must
/// neither fill the message nor refuse the next deployment.
fn is_of_use(presented: &Presented, request: &Request, now: DateTime<Utc>) -> bool {
    let Some(statement) = &presented.statement else {
        return true;
    };
    let Statement {
        service,
        environment,
        version,
        ..
    } = statement;
    let version_is = request.version.as_ref();
    let same = request.service.as_ref() == Some(service)
        && request.environment.as_ref() == Some(environment)
        && version_is.is_some_and(|it| it.as_str() == version);
    let in_time = statement.not_before <= now && now < statement.expires;
    let fresh = in_time && presented.used_by.is_none();
    same && (fresh || statement.kind == StatementKind::Approval)
}

/// Says of approvals from elsewhere which run used them up; see [`Search::counts_again`].
///
/// # Errors
/// The git server does not answer or refuses.
pub async fn mark_used(
    presented: &mut [Presented],
    request: &Request,
    repository: Option<&Repository>,
    counts_again: bool,
) -> Result<(), Failure> {
    let Some((repository, (environment, service))) = repository.zip(place(request)) else {
        return Ok(());
    };
    let journal = repository.journal_as_listed(environment, service).await;
    let journal = journal.map_err(failure::git)?;
    for one in presented {
        one.used_by = used_by(&journal, counts_again.then_some(request), &one.id);
    }
    Ok(())
}

/// Returns the run that used it up, unless that run is still at it and is `own`, or it was withdrawn:
/// nothing of it was ever on the branch.
fn used_by(journal: &Journal, own: Option<&Request>, id: &str) -> Option<String> {
    let records = journal::records(journal);
    let version = own.and_then(|request| request.version.as_ref());
    let own = journal::unfinished(&records)
        .filter(|record| version.is_some() && record.version.as_ref() == version)
        .map(|record| record.run.as_str());
    journal.records.iter().find_map(|record| {
        let run = record.trailers.get("Run")?;
        let mut trailers = record.trailers.iter();
        let names_it = trailers.any(|(key, value)| {
            let keeps = ["Approval", "Override"]
                .iter()
                .any(|one| key.eq_ignore_ascii_case(one));
            keeps && value.split_whitespace().any(|word| word == id)
        });
        let newest = records.iter().find(|record| record.run == run);
        let withdrawn = newest.is_some_and(|record| record.state == State::Withdrawn);
        (names_it && own != Some(run) && !withdrawn).then(|| run.to_owned())
    })
}
