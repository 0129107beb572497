//! What the journal of a service says about its runs, and what this run writes into it.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};

use super::cause::Cause;
use crate::{
    git::{CommitId, Journal, JournalRecord, Trailers},
    policy::Overridden,
    rollout::CLEANUP,
    units::{Version, Weight},
};

/// The step of a record that ends a way back.
pub const BACK: &str = "back";

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The first commit is about to be pushed.
    Started,
    /// A further commit is about to be pushed.
    Advanced,
    /// The new version is about to go to everyone.
    Promoted,
    /// The way back has begun: whoever goes on, goes back.
    RollingBack,
    /// Finished: the new version is live and judged good.
    Verified,
    /// Finished: the old state is back.
    RolledBack,
    /// Left at its weight on purpose: waits for an approval, or inconclusive.
    Held,
    /// Finished: nothing of it ever got onto the branch.
    Withdrawn,
    /// Finished: somebody else set a value of it to a third one; that was left alone.
    Superseded,
    /// Finished: the new version is live and was judged worse, which was only to be told.
    Alerted,
    /// Finished: the new version is live, was judged worse, and a person has accepted that.
    Accepted,
}

impl State {
    /// Returns the word in the trailer.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Advanced => "advanced",
            Self::Promoted => "promoted",
            Self::RollingBack => "rolling-back",
            Self::Verified => "verified",
            Self::RolledBack => "rolled-back",
            Self::Held => "held",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Alerted => "alerted",
            Self::Accepted => "accepted",
        }
    }

    /// Is the run over?
    pub fn is_final(self) -> bool {
        match self {
            Self::Verified
            | Self::RolledBack
            | Self::Withdrawn
            | Self::Superseded
            | Self::Alerted
            | Self::Accepted => true,
            Self::Started | Self::Advanced | Self::Promoted | Self::RollingBack | Self::Held => {
                false
            }
        }
    }

    /// Did the run bring its version to everyone, so that there is something to go back from?
    pub fn is_deployed(self) -> bool {
        matches!(self, Self::Verified | Self::Alerted | Self::Accepted)
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [
            Self::Started,
            Self::Advanced,
            Self::Promoted,
            Self::RollingBack,
            Self::Verified,
            Self::RolledBack,
            Self::Held,
            Self::Withdrawn,
            Self::Superseded,
            Self::Alerted,
            Self::Accepted,
        ]
        .into_iter()
        .find(|state| state.word() == word)
        .ok_or(())
    }
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Run id.
    pub run: String,
    /// How it stood.
    pub state: State,
    /// The version asked for.
    pub version: Option<Version>,
    /// The version that ran before.
    pub previous_version: Option<String>,
    /// Name of the strategy.
    pub strategy: String,
    /// Step that was about to be pushed: `2/9`, or `back 1/2`.
    pub step: String,
    /// Branch head before the run's first push.
    pub base: Option<CommitId>,
    /// Weight that the next push would set.
    pub weight: Option<Weight>,
    /// Who started the run.
    pub actor: Option<String>,
    /// Address of the pipeline run.
    pub pipeline: Option<String>,
    /// Why, for endings that were not wanted.
    pub reason: Option<String>,
    /// Names of the health checks that failed before the run began.
    pub unhealthy_before: Vec<String>,
    /// Why its version was judged worse, where that was only to be told.
    pub judged_worse: Option<String>,
    /// Is it of a rehearsal?
    pub drill: bool,
    /// The regions that its version goes to one after the other, where it is the run of one of them.
    pub regions: Option<String>,
    /// The commit that was about to be pushed.
    pub intended: Option<CommitId>,
    /// Steps of the run whose values were on the branch when their commits were to be pushed.
    pub found_there: Vec<String>,
    /// Until when the writer holds the journal.
    pub expires_at: Option<DateTime<Utc>>,
    /// Which open repository wrote it.
    pub writer: Option<String>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Id of the record.
    pub id: CommitId,
}

impl Record {
    /// Is it the end of a run that brought a version, or took one back? A cleanup does neither.
    pub fn is_end(&self) -> bool {
        self.state.is_final() && self.strategy != CLEANUP
    }

    /// Is it the end of a way back that somebody else's value was in the way of? Whatever that was to take
    /// back may be there still.
    pub fn is_way_back_given_up(&self) -> bool {
        self.state == State::Superseded && self.step == BACK && self.strategy != CLEANUP
    }

    /// Reads a record; none for a commit that is not one of ours.
    pub fn read(record: &JournalRecord) -> Option<Self> {
        let trailers = &record.trailers;
        let owned = |key| trailers.get(key).map(str::to_owned);
        let all = |wanted: &str| {
            let found = trailers.iter().filter(|(key, _)| *key == wanted);
            found.map(|(_, value)| value.to_owned()).collect()
        };
        Some(Self {
            run: owned("Run")?,
            state: trailers.get("State")?.parse().ok()?,
            version: trailers.get("Version").and_then(|text| text.parse().ok()),
            previous_version: owned("Previous-Version"),
            strategy: owned("Strategy").unwrap_or_default(),
            step: owned("Step").unwrap_or_default(),
            base: trailers.get("Base").and_then(|text| text.parse().ok()),
            weight: trailers.get("Weight").and_then(|text| text.parse().ok()),
            actor: owned("Actor"),
            pipeline: owned("Pipeline"),
            reason: owned("Reason"),
            unhealthy_before: all("Unhealthy-Before"),
            judged_worse: owned("Judged-Worse"),
            drill: trailers.get("Drill") == Some("true"),
            regions: owned("Regions"),
            intended: trailers.get("Intended").and_then(|text| text.parse().ok()),
            found_there: all("Found-There"),
            expires_at: trailers
                .get("Expires")
                .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
                .map(|instant| instant.to_utc()),
            writer: owned("Writer"),
            at: record.at,
            id: record.id.clone(),
        })
    }
}

/// Reads the number of a plan's step from a `Step` trailer, from 0; none for steps of a way back.
pub fn step_index(step: &str) -> Option<usize> {
    let number = step.split('/').next()?.parse::<usize>().ok()?;
    number.checked_sub(1)
}

/// The records of one service, newest first.
pub fn records(journal: &Journal) -> Vec<Record> {
    journal.records.iter().filter_map(Record::read).collect()
}

/// Returns the run that is not finished, if there is one: its newest record.
pub fn unfinished(records: &[Record]) -> Option<&Record> {
    records.first().filter(|record| !record.state.is_final())
}

/// Prints an instant as trailers hold it: RFC 3339, UTC, whole seconds.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What stays the same in every commit and record of a run.
#[derive(Debug, Clone)]
pub struct RunIdentity {
    /// Run id: the idempotency key.
    pub run: String,
    /// Service.
    pub service: String,
    /// Environment.
    pub environment: String,
    /// The version asked for.
    pub version: Version,
    /// The version that ran before.
    pub previous_version: String,
    /// Name of the strategy.
    pub strategy: String,
    /// Branch head before the run's first push.
    pub base: CommitId,
    /// Application repository and commit.
    pub source: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Address of the pipeline run.
    pub pipeline: Option<String>,
    /// Policy as `path@commit sha256`.
    pub policy: Option<String>,
    /// Ids of the approvals that let it through: used up by this run.
    pub approvals: Vec<String>,
    /// The overrides that let it through: used up by this run.
    pub overridden: Option<Overridden>,
    /// Why, where a person said it.
    pub reason: Option<String>,
    /// Why it is taken back, once it is.
    pub cause: Option<Cause>,
    /// Names of the health checks that failed before it began: what a way back brings back.
    pub unhealthy_before: Vec<String>,
    /// Why its version was judged worse, where that is only to be told.
    pub judged_worse: Option<String>,
    /// Is it a rehearsal, which says nothing about how well changes do?
    pub drill: bool,
    /// The regions that its version goes to one after the other, where it is the run of one of them.
    pub regions: Option<String>,
}

impl RunIdentity {
    /// Returns the trailers of a commit or record of this run.
    pub fn trailers(&self, state: State, step: &str, weight: Option<Weight>) -> Trailers {
        let mut trailers = Trailers::default();
        trailers.push("Run", &self.run);
        trailers.push("Service", &self.service);
        trailers.push("Environment", &self.environment);
        trailers.push("Version", self.version.as_str());
        trailers.push("Previous-Version", &self.previous_version);
        trailers.push("Strategy", &self.strategy);
        trailers.push("Step", step);
        if let Some(weight) = weight {
            trailers.push("Weight", weight.percent().to_string());
        }
        trailers.push("State", state.word());
        trailers.push("Base", self.base.as_str());
        for (key, value) in [
            ("Source", &self.source),
            ("Actor", &self.actor),
            ("Pipeline", &self.pipeline),
            ("Policy", &self.policy),
            ("Reason", &self.reason),
            ("Judged-Worse", &self.judged_worse),
        ] {
            if let Some(value) = value {
                trailers.push(key, value);
            }
        }
        if let Some(cause) = self.cause {
            trailers.push("Cause", cause.word());
        }
        for name in &self.unhealthy_before {
            trailers.push("Unhealthy-Before", name);
        }
        if self.drill {
            trailers.push("Drill", "true");
        }
        // Who reads of a way back with its regions takes the others back, too.
        if let Some(regions) = &self.regions
            && self.cause.is_none_or(Cause::fails_its_region)
        {
            trailers.push("Regions", regions);
        }
        for id in &self.approvals {
            trailers.push("Approval", id);
        }
        if let Some(overridden) = &self.overridden {
            for id in &overridden.ids {
                trailers.push("Override", format!("{id} {}", overridden.ticket));
            }
        }
        trailers
    }
}

/// Computes the run id: the same deployment again is the same run, until a run has finished.
pub fn run_id(
    repository: &str,
    branch: &str,
    environment: &str,
    service: &str,
    version: &Version,
    intent: &str,
    records: &[Record],
) -> String {
    let finished = records.iter().find(|record| record.state.is_final());
    let finished = finished.map_or("", |record| record.id.as_str());
    // Lengths in front keep ("ab", "c") and ("a", "bc") apart.
    let mut text = String::new();
    for part in [
        repository,
        branch,
        environment,
        service,
        version.as_str(),
        intent,
        finished,
    ] {
        text.push_str(&format!("{}:{part}\n", part.len()));
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hexadecimal(&digest.as_ref()[..10])
}

/// Prints bytes in lower-case hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
