//! The writer of one run: holds the journal of its service and knows the journal's tip.

use std::time::Duration;

use super::{
    convoy::Convoy,
    deploy::read_journal,
    failure,
    group_push::GroupPushes,
    journal::{Record, RunIdentity, State, instant},
    land::Direction,
    load::Target,
    patience::Patience,
    pull_request::Proposals,
    stop::Stop,
};
use crate::{
    clock::Clock,
    event::{Ending, Failure},
    git::{self, CommitId, JournalOutcome, Proof, Repository},
    units::{Version, Weight},
};

/// How long it is tried to say that a run was stopped: whoever asked it to stop ends it soon.
pub const FAREWELL: Duration = Duration::from_secs(5);
/// How long a journal may be hidden from those who read, while whoever pushes is shown it.
const HIDDEN: Duration = Duration::from_secs(20);

/// The writer of one run.
pub struct Writer<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// What is deployed where.
    pub target: &'a Target,
    /// What stays the same in all commits of the run.
    pub identity: RunIdentity,
    /// Where the time comes from.
    pub clock: &'a dyn Clock,
    /// The newest journal record that we know.
    pub journal_tip: Option<CommitId>,
    /// Has this writer written a record?
    pub announced: bool,
    /// Steps whose values somebody else has brought to the branch: what was announced for them may never land.
    pub found_there: Vec<String>,
    /// How changes land where the branch takes no push; none = by a push.
    pub proposals: Option<Proposals<'a>>,
    /// With whom its first commit is shared; none = with nobody.
    pub convoy: Option<(&'a Convoy, Direction)>,
    /// With whom it pushes its commits on the way forward; none = with nobody.
    pub pushes: Option<&'a GroupPushes>,
}

/// One record to be.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// How the run stands.
    pub state: State,
    /// Where it stands: `2/9`, `back 1/2`, or a word.
    pub step: &'a str,
    /// The canary's weight.
    pub weight: Option<Weight>,
    /// Why.
    pub reason: Option<&'a str>,
    /// The commit that is about to be pushed.
    pub intended: Option<&'a CommitId>,
    /// How long the writer may be silent afterwards; none where nothing is to come.
    pub hold: Option<Duration>,
    /// How long writing it is tried when the git server does not answer.
    pub patience: Duration,
}

impl<'a> Entry<'a> {
    /// Makes a record without anything that not all have.
    pub fn new(state: State, step: &'a str, patience: Duration) -> Self {
        Self {
            state,
            step,
            weight: None,
            reason: None,
            intended: None,
            hold: None,
            patience,
        }
    }
}

/// Why a record is not in the journal, or a change not on the branch.
#[derive(Debug)]
pub enum NotLanded {
    /// Someone else changed the same value to a third one.
    Superseded(String),
    /// Someone else took the run over: this one may write nothing more.
    Fenced(String),
    /// Anything else; the failure says with which exit code.
    Failed(Failure),
}

impl From<Failure> for NotLanded {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Writer<'_> {
    /// Writes a record into the journal, by compare-and-set. A git server that does not answer is
    /// asked again; a wish to stop breaks only the pauses off.
    ///
    /// # Errors
    /// See [`NotLanded`]; never [`NotLanded::Superseded`].
    pub async fn record(&mut self, entry: &Entry<'_>, stop: &Stop) -> Result<(), NotLanded> {
        let message = self.message(entry);
        let mut stop = stop.clone();
        let mut patience = Patience::new(self.clock, entry.patience);
        let mut hidden_since = None;
        loop {
            let trouble = match self.append(entry, &message).await? {
                Appended::Done => return Ok(()),
                Appended::NotYet(trouble) => trouble,
                // A copy that lags behind shows it soon.
                Appended::Hidden(trouble) => {
                    let since = *hidden_since.get_or_insert_with(|| self.clock.now());
                    if (self.clock.now() - since).to_std().unwrap_or_default() >= HIDDEN {
                        return Err(trouble.into());
                    }
                    trouble
                }
            };
            if patience.pause(self.clock, &mut stop).await.is_err() {
                return Err(trouble.into());
            }
        }
    }

    /// Says that nobody is at a way back any more, so that whoever comes next finishes it at once. Whoever
    /// asked it to stop ends it soon, so it is tried for a moment only, and in vain it changes nothing.
    pub async fn let_go(&mut self, step: &str, reason: &str, stop: &Stop) {
        let entry = Entry {
            reason: Some(reason),
            hold: Some(Duration::ZERO),
            ..Entry::new(State::RollingBack, step, FAREWELL)
        };
        // Without it the next one waits until the record before this one expires.
        let _ = self.record(&entry, stop).await;
    }

    async fn append(&mut self, entry: &Entry<'_>, message: &str) -> Result<Appended, NotLanded> {
        let RunIdentity {
            service,
            environment,
            ..
        } = &self.identity;
        let unanswered = |reason: String| {
            let text = format!("the journal could not be written: {reason}");
            Ok(Appended::NotYet(Failure::new(Ending::Unavailable, text)))
        };
        let (tip, now) = (self.journal_tip.as_ref(), self.clock.now());
        // A push follows, and a record behind it: that one's compare-and-set is the proof.
        let proof = match entry.intended {
            Some(_) => Proof::ByTheNext,
            None => Proof::ReadBack,
        };
        let outcome = self
            .repository
            .append_journal(environment, service, tip, message, now, proof)
            .await;
        match outcome.map_err(failure::git) {
            Ok(JournalOutcome::Appended(id)) => {
                self.journal_tip = Some(id);
                self.announced = true;
                Ok(Appended::Done)
            }
            Ok(JournalOutcome::NotTaken { reason }) => unanswered(reason),
            Ok(JournalOutcome::Lost { tip }) if tip == self.journal_tip => {
                unanswered("it was elsewhere for a moment".to_owned())
            }
            Ok(JournalOutcome::Behind) => Ok(Appended::NotYet(behind(environment, service))),
            Ok(JournalOutcome::Hidden) => Ok(Appended::Hidden(hidden(environment, service))),
            Ok(JournalOutcome::Lost { .. }) => self.after_lost_race().await,
            Ok(JournalOutcome::Locked { reason }) => {
                unanswered(format!("the git server says that somebody else is writing it: {reason}"))
            }
            Ok(JournalOutcome::Refused { reason }) => Err(Failure::new(
                Ending::PushDenied,
                format!("the git server refused the journal `refs/shipgate/{environment}/{service}`: {reason}"),
            )
            .hint("allow the token to push references under refs/shipgate/")
            .into()),
            Ok(JournalOutcome::Unknown { reason }) => unanswered(reason),
            Err(failure) if failure.0.ending == Ending::Unavailable => {
                Ok(Appended::NotYet(failure))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Who was faster? It may have been this very writer: a record whose answer was lost.
    async fn after_lost_race(&mut self) -> Result<Appended, NotLanded> {
        let (tip, records) = match read_journal(self.repository, self.target).await {
            Ok(read) => read,
            Err(failure) if failure.0.ending == Ending::Unavailable => {
                return Ok(Appended::NotYet(failure));
            }
            Err(failure) => return Err(failure.into()),
        };
        let newest = records.first();
        if newest.is_some_and(|record| record.writer.as_deref() == Some(self.repository.writer())) {
            self.journal_tip = tip;
            self.announced = true;
            return Ok(Appended::NotYet(Failure::new(
                Ending::Unavailable,
                "the journal could not be written: answers of the git server were lost",
            )));
        }
        Err(NotLanded::Fenced(outdone_by(
            &self.identity,
            newest,
            self.announced,
        )))
    }

    fn message(&self, entry: &Entry<'_>) -> String {
        let mut trailers = self
            .identity
            .trailers(entry.state, entry.step, entry.weight);
        if let Some(intended) = entry.intended {
            trailers.push("Intended", intended.as_str());
        }
        for step in &self.found_there {
            trailers.push("Found-There", step);
        }
        if let Some(hold) = entry.hold {
            trailers.push("Expires", instant(self.clock.now() + hold));
        }
        if let Some(reason) = entry.reason {
            trailers.push("Reason", reason);
        }
        let RunIdentity {
            service,
            environment,
            version,
            ..
        } = &self.identity;
        let subject = format!(
            "{service} {version} in {environment}: {}",
            entry.state.word()
        );
        git::message(&subject, "", &trailers)
    }
}

/// What became of one try.
enum Appended {
    Done,
    NotYet(Failure),
    /// The server shows the journal to whoever pushes alone.
    Hidden(Failure),
}

/// The answers are older than what this run has written, so they say nothing of it.
fn behind(environment: &str, service: &str) -> Failure {
    let text = format!(
        "the git server answers with an older state of the journal `refs/shipgate/{environment}/{service}` than it \
         had, so whether the record is there is not known"
    );
    Failure::new(Ending::PushUnknown, text).hint(
        "look at the copies of the git server: one of them lags behind; then run `shipgate recover`",
    )
}

/// Without what it says there is no lock.
fn hidden(environment: &str, service: &str) -> Failure {
    let text = format!(
        "the git server has a journal `refs/shipgate/{environment}/{service}` and shows it to nobody who reads \
         (`uploadpack.hideRefs`?), so what it says is not known"
    );
    Failure::new(Ending::PushDenied, text).hint(
        "let the server show references under refs/shipgate/, or refuse them to pushes, too \
         (`transfer.hideRefs`): the journal is then kept as commits on the branch",
    )
}

/// Says who was faster, what becomes of a run by that, and what this one has done.
pub(super) fn outdone_by(
    identity: &RunIdentity,
    newest: Option<&Record>,
    announced: bool,
) -> String {
    let RunIdentity {
        run,
        service,
        environment,
        version,
        ..
    } = identity;
    let Some(record) = newest else {
        return format!("the journal of {service} in {environment} was taken away; left alone");
    };
    let who = [&record.actor, &record.pipeline];
    let who: Vec<&str> = who.into_iter().flatten().map(String::as_str).collect();
    let who = if who.is_empty() {
        String::new()
    } else {
        format!(" (by {})", who.join(", "))
    };
    let step = &record.step;
    let does = match record.state {
        _ if record.run != *run => {
            let theirs = record.version.as_ref();
            let theirs = theirs.map_or_else(|| "another version".to_owned(), Version::to_string);
            format!("with {theirs}, run {}, took over the journal", record.run)
        }
        State::Started | State::Advanced | State::Promoted => {
            format!("of the same deployment goes on with it, at step {step}")
        }
        State::RollingBack => "is taking it back".to_owned(),
        State::Held => format!("of the same deployment left it held at step {step}"),
        State::Verified => {
            "of the same deployment has finished it: it is live and verified".to_owned()
        }
        State::Alerted => {
            "of the same deployment has finished it: it is live and was judged worse".to_owned()
        }
        State::Accepted => {
            "of the same deployment has finished it: it is live and was accepted".to_owned()
        }
        State::RolledBack => "has taken it back".to_owned(),
        State::Withdrawn => "has closed it: nothing of it was on the branch".to_owned(),
        State::Superseded => "has ended it: somebody else changed its values".to_owned(),
    };
    let this = if announced {
        "this one writes nothing more"
    } else {
        "this one has pushed nothing"
    };
    format!("{service} {version} in {environment}: another run{who} {does}; {this}")
}
