//! Another run of the same service that is not finished: it is waited for, and once it has expired it
//! is recovered first.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Outside,
    held::WAITS_FOR_APPROVAL,
    late::{self, LATE},
    prepare::unfinished_run,
    read_journal,
};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    ops::{
        command::{About, Flags},
        failure,
        journal::{self, Record, State, instant},
        load::{self, ConfigSource, Target},
        recover,
        stop::Stop,
    },
    units::Version,
};

/// How often the journal is looked at while another run is waited for.
const LOOK: Duration = Duration::from_secs(15);

/// The run that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// Its newest record.
    record: Record,
    /// When it began.
    since: DateTime<Utc>,
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its writer holds the journal: it can be waited for.
    Alive,
    /// Its writer has been silent for longer than it said it would be: it can be recovered.
    Expired,
    /// It was left on purpose, or nothing says until when it holds the journal: a person decides.
    Left,
}

impl InTheWay {
    /// Finds the unfinished run among the records of a journal, newest first.
    pub fn find(records: &[Record]) -> Option<Self> {
        let record = journal::unfinished(records)?;
        let own = records.iter().take_while(|other| other.run == record.run);
        Some(Self {
            record: record.clone(),
            since: own.last().map_or(record.at, |first| first.at),
        })
    }

    /// Returns what can be done about it now.
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        match self.record.expires_at {
            _ if self.record.state == State::Held => Standing::Left,
            Some(until) if until > now => Standing::Alive,
            Some(_) => Standing::Expired,
            None => Standing::Left,
        }
    }

    /// Refuses to start beside it.
    pub fn refusal(&self, about: About<'_>, now: DateTime<Utc>) -> Failure {
        let failure = unfinished_run(&self.record, about, now);
        match self.standing(now) {
            Standing::Expired => failure.hint("a deployment that is no dry run recovers it first"),
            Standing::Alive | Standing::Left => failure,
        }
    }

    /// Says who it is, for people.
    fn sentence(&self, target: &Target) -> String {
        let Record {
            run,
            state,
            version,
            step,
            actor,
            pipeline,
            expires_at,
            ..
        } = &self.record;
        let version = version
            .as_ref()
            .map_or_else(|| "?".to_owned(), Version::to_string);
        let by = actor
            .as_ref()
            .map_or_else(String::new, |actor| format!(", started by {actor}"));
        let at = pipeline
            .as_ref()
            .map_or_else(String::new, |pipeline| format!(", {pipeline}"));
        let until =
            expires_at.map_or_else(String::new, |until| format!(", expires {}", instant(until)));
        format!(
            "{} {version} in {} (run {run}{by}{at}): {} at step {step}, since {}{until}",
            target.service.name,
            target.environment_name,
            state.word(),
            instant(self.since),
        )
    }

    /// Does what `shipgate recover` would do, provided that nothing of the run has changed meanwhile.
    /// None = it has, and all must be read again.
    ///
    /// # Errors
    /// As [`recover::recover`].
    pub async fn recover(
        &self,
        outside: &Outside<'_>,
        target: &Target,
        actor: Option<String>,
        stop: Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Recovered>, Failure> {
        let why = match late::unwatched(&self.record) {
            Some(_) => LATE,
            None => "its writer is silent",
        };
        reporter.event(&Event::Note(format!(
            "{why}, so it is recovered first: {}",
            self.sentence(target)
        )));
        let ended = recover::only(&self.record.id, outside, target, actor, stop, reporter).await?;
        Ok(ended.map(Recovered))
    }
}

/// Says whether a deployment that begins now would be refused because of a run that is not finished,
/// without doing anything about it; and what it would do where it would not be refused.
///
/// # Errors
/// [`Ending::BlockedOther`]: it would be refused. The git server does not answer or refuses.
pub async fn foreseen(
    outside: &Outside<'_>,
    source: &ConfigSource<'_>,
    (service, environment): (&str, &str),
    version: Option<&Version>,
    now: DateTime<Utc>,
) -> Result<Option<String>, Failure> {
    let repository = outside.repository;
    let journal = repository.journal_as_listed(environment, service).await;
    let journal = journal.map_err(failure::git)?;
    let records = journal::records(&journal);
    let records = if late::ends_withdrawn(&records) {
        let target = load::target(repository, source, Some(service), Some(environment)).await?;
        late::of_journal(outside, &target, &journal).await?
    } else {
        records
    };
    let Some(run) = InTheWay::find(&records) else {
        return Ok(None);
    };
    let record = &run.record;
    let is_the_same = version.is_some() && record.version.as_ref() == version && !record.drill;
    if is_the_same && record.state != State::RollingBack {
        let is_awaited = record.reason.as_deref() == Some(WAITS_FOR_APPROVAL);
        let (why, once) = if record.state == State::Held && is_awaited {
            (format!(": {WAITS_FOR_APPROVAL}"), " once that is given")
        } else if late::unwatched(record).is_some() {
            (format!(": {LATE}"), "")
        } else {
            (String::new(), "")
        };
        return Ok(Some(format!(
            "run {} of the same version is not finished ({}{why}): the deployment goes on with it{once}",
            record.run,
            record.state.word()
        )));
    }
    if run.standing(now) == Standing::Expired {
        if let Some(unwatched) = late::unwatched(record) {
            return Ok(Some(format!(
                "{unwatched}: the deployment recovers it first"
            )));
        }
        return Ok(Some(format!(
            "run {} has expired without an end ({}): the deployment recovers it first",
            record.run,
            record.state.word()
        )));
    }
    let about = About {
        flags: &Flags::to(repository, source),
        service,
        environment,
    };
    Err(run.refusal(about, now))
}

/// The end of a recovery that came before a deployment.
#[derive(Debug)]
pub struct Recovered(Outcome);

impl Recovered {
    /// Is the way free now?
    pub fn is_done(&self) -> bool {
        matches!(
            self.0.ending,
            Ending::TakenBack | Ending::Deployed | Ending::NoChange
        )
    }

    /// Returns the end of a deployment for which the way could not be cleared.
    pub fn into_end(self) -> Outcome {
        let mut outcome = self.0;
        outcome.reason = format!(
            "a run that had expired is in the way, and recovering it ended so: {}",
            outcome.reason
        );
        if outcome.ending == Ending::Superseded {
            let next = "look at what is on the branch now, then run the same deployment again";
            outcome.hints.push(next.to_owned());
        }
        outcome
    }

    /// Returns the end of the deployment that came after it. The branch is no longer as it was found
    /// once something was recovered there, and the code must not say that it is.
    pub fn before(self, mut outcome: Outcome) -> Outcome {
        let changed = self.0.deployment.as_ref().is_some_and(|run| run.changed);
        let code = outcome.ending.code().number;
        let says_untouched = matches!(outcome.ending, Ending::Interrupted | Ending::Terminated)
            || (1..40).contains(&code);
        if changed && says_untouched {
            outcome.ending = match (self.0.ending, outcome.ending) {
                (Ending::TakenBack, Ending::Interrupted | Ending::Terminated) => {
                    Ending::CancelledRolledBack
                }
                (Ending::TakenBack, _) => Ending::RolledBack,
                (_, Ending::Interrupted | Ending::Terminated) => Ending::CancelledLeft,
                _ => Ending::Held,
            };
            outcome.reason = format!("{}; after that: {}", self.0.reason, outcome.reason);
        }
        outcome
    }
}

/// Waits for runs that are in the way, in all not longer than a limit.
#[derive(Debug)]
pub struct Waiting {
    until: DateTime<Utc>,
    said: String,
}

impl Waiting {
    /// From now on, for this long.
    pub fn new(now: DateTime<Utc>, length: Duration) -> Self {
        let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        Self {
            until: now
                .checked_add_signed(length)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
            said: String::new(),
        }
    }

    /// Waits while a run holds the journal. Returns whether all is to be read and judged again,
    /// because the run has ended, has expired or is held now; else the limit is over. A git server
    /// that does not answer is asked again until then.
    ///
    /// # Errors
    /// The git server refuses, or does not answer at the end.
    pub async fn wait(
        &mut self,
        run: &InTheWay,
        outside: &Outside<'_>,
        target: &Target,
        reporter: &mut dyn Reporter,
    ) -> Result<bool, Failure> {
        let clock = &*outside.clock;
        let mut run = run.clone();
        loop {
            let now = clock.now();
            if run.standing(now) != Standing::Alive {
                return Ok(true);
            }
            let Some(left) = (self.until - now)
                .to_std()
                .ok()
                .filter(|left| !left.is_zero())
            else {
                return Ok(false);
            };
            self.say(format!("waiting for {}", run.sentence(target)), reporter);
            clock.sleep(left.min(LOOK)).await;
            match read_journal(outside.repository, target).await {
                Ok((_, records)) => match InTheWay::find(&records) {
                    Some(found) => run = found,
                    None => return Ok(true),
                },
                Err(failure)
                    if failure.0.ending == Ending::Unavailable && clock.now() < self.until =>
                {
                    self.say(format!("still waiting: {failure}"), reporter);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Says it, unless it was said last.
    fn say(&mut self, text: String, reporter: &mut dyn Reporter) {
        if self.said != text {
            reporter.event(&Event::Note(text.clone()));
            self.said = text;
        }
    }
}

/// Was it one of two that began at the same time, and the other was faster?
pub fn lost_the_start(outcome: &Outcome, announced: bool) -> bool {
    let changed = outcome.deployment.as_ref().is_some_and(|run| run.changed);
    outcome.ending == Ending::Superseded && !changed && !announced
}
