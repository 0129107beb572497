//! Waits for a pull request: until it is merged, closed, outdated, or nothing more is to be expected.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    ends::listed,
    land::{Case, Open, Waited},
};
use crate::{
    config::pull_request::{MergeMethod, WaitFor},
    event::{Event, Failure},
    forge::{Checks, Merge, Merging, PullRequest, Readiness, State, Trouble},
    ops::{land::Direction, writer::NotLanded},
};

/// Time between the first two looks. It grows up to [`LONGEST_PAUSE`], with which an hour is 120
/// looks: GitHub allows a workflow's token 1,000 requests an hour.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After a merge was asked for.
const MERGE_PAUSE: Duration = Duration::from_millis(500);
/// How long a merge that was taken may need to show, also beyond the time that there was: it is on the
/// branch, or will be, and somebody has to watch what it brings.
const MERGE_SHOWS: TimeDelta = TimeDelta::seconds(60);
/// How long a new commit may have no checks, or those of the commit before, until they count.
const CHECKS_APPEAR: TimeDelta = TimeDelta::seconds(30);

/// What one look came to.
enum Look {
    Ended(Waited),
    Failed(NotLanded),
    /// Nothing yet. Says what it waits for.
    On(String),
    /// A merge was taken; it shows in a moment.
    Merged,
}

impl Case<'_, '_> {
    /// Waits for an open pull request.
    ///
    /// # Errors
    /// As [`super::land`].
    pub(super) async fn wait(&mut self, open: Open) -> Result<Waited, NotLanded> {
        let page = open.pull_request.page.clone();
        let mut growing = FIRST_PAUSE;
        let mut pause = FIRST_PAUSE;
        let mut shows_until: Option<DateTime<Utc>> = None;
        loop {
            let clock = self.writer.clock;
            if let Err(reason) = self.stop.sleep(clock, pause).await {
                return Err(self.stopped(reason));
            }
            growing = (growing * 2).min(LONGEST_PAUSE);
            pause = growing;
            let looked = match self.forge.look(open.pull_request.number).await {
                Ok(seen) => self.judge(&open, seen).await,
                Err(trouble) => Err(trouble),
            };
            let why = match looked {
                Ok(Look::Ended(ended)) => return Ok(ended),
                Ok(Look::Failed(reason)) => return Err(reason),
                Ok(Look::On(why)) => why,
                Ok(Look::Merged) => {
                    pause = MERGE_PAUSE;
                    shows_until.get_or_insert(clock.now() + MERGE_SHOWS);
                    "it is being merged".to_owned()
                }
                // An outage is waited through: nothing has been decided.
                Err(Trouble::Unavailable { reason, wait }) => {
                    pause = pause.max(wait.unwrap_or_default());
                    reason
                }
                Err(trouble) => {
                    let failure = self.told(&page).in_trouble(trouble);
                    return Err(self.left(&page, failure));
                }
            };
            let now = clock.now();
            if shows_until.is_some_and(|end| now < end) {
                pause = MERGE_PAUSE;
                continue;
            }
            if self.leave_has_ended(now) {
                return Err(self.told(&page).window_ended().into());
            }
            if now >= self.until {
                let failure = self.told(&page).still_open(self.write.patience, &why);
                return Err(self.left(&page, failure));
            }
            let left = (self.until - now).to_std().unwrap_or_default();
            pause = pause.min(left);
            self.reporter.event(&Event::Waiting {
                at: now,
                what: format!("the {} {page} to be merged ({why})", self.forge.noun()),
                elapsed: (now - self.started).to_std().unwrap_or_default(),
                limit: Some(self.write.patience),
            });
        }
    }

    async fn judge(&mut self, open: &Open, seen: PullRequest) -> Result<Look, Trouble> {
        let readiness = match &seen.state {
            State::Merged { commit } => {
                return Ok(match self.merged(commit).await {
                    Ok(landed) => Look::Ended(Waited::Landed(landed)),
                    Err(reason) => Look::Failed(reason),
                });
            }
            State::Closed => return Ok(Look::Failed(self.told(&seen.page).closed().into())),
            State::Open(readiness) => readiness,
        };
        // Whoever pushed to our branch: what is there is read again.
        let elsewhere = !seen.head.is_empty() && seen.head != open.head.as_str();
        if elsewhere && !self.own.has(&seen.head) {
            return Ok(Look::Ended(Waited::Again { outdated: false }));
        }
        let reference = format!("refs/heads/{}", self.writer.target.branch);
        let tip = match self.writer.repository.remote_tip(&reference).await {
            Ok(tip) => tip,
            Err(error) => return Ok(Look::On(error.to_string())),
        };
        let outdated = *readiness == Readiness::Outdated;
        let moved = tip.as_ref() != Some(&open.tip);
        let old_base = open.made_on.as_ref() != Some(&open.tip);
        if moved || outdated && old_base {
            return Ok(Look::Ended(Waited::Again { outdated }));
        }
        let readiness = readiness.clone();
        self.ask_checks(open, &seen, readiness).await
    }

    async fn ask_checks(
        &mut self,
        open: &Open,
        seen: &PullRequest,
        readiness: Readiness,
    ) -> Result<Look, Trouble> {
        let why = match &readiness {
            Readiness::Ready => "nothing stands in its way".to_owned(),
            Readiness::Outdated => "it does not fit onto the branch".to_owned(),
            Readiness::Blocked(reason) => reason.clone(),
            Readiness::Unknown => "the forge has not said whether it can be".to_owned(),
        };
        let Some(settings) = self.writer.proposals.as_ref().map(|it| it.settings) else {
            return Ok(Look::On(why));
        };
        if self.writer.clock.now() - self.since < CHECKS_APPEAR {
            let is_to_be_merged = settings.merge_method.is_some() && readiness == Readiness::Ready;
            return Ok(Look::On(if is_to_be_merged {
                let seconds = CHECKS_APPEAR.num_seconds();
                format!("{why}, and its checks have {seconds} s to appear before it is merged")
            } else {
                why
            }));
        }
        match self.forge.checks(seen).await {
            Ok(Checks::Failed(names)) => {
                let failure = self.told(&seen.page).checks_failed(&names);
                return Ok(Look::Failed(self.left(&seen.page, failure)));
            }
            Ok(Checks::Pending(names)) => {
                let names = listed(&names);
                return Ok(Look::On(format!("checks are not through: {names}")));
            }
            Ok(Checks::Passed | Checks::None) => {}
            Err(Trouble::Unavailable { reason, wait }) => {
                return Err(Trouble::Unavailable { reason, wait });
            }
            // Who waits for checks must know them. Whether a merge may be is the forge's to say.
            Err(trouble) if settings.wait_for == WaitFor::Checks => return Err(trouble),
            Err(trouble) => self.complain(&trouble),
        }
        match (settings.merge_method, settings.wait_for) {
            (Some(method), _) if readiness == Readiness::Ready => {
                self.ask_for_merge(open, seen, method).await
            }
            (None, WaitFor::Checks) => {
                let failure = self.told(&seen.page).checks_passed();
                Ok(Look::Failed(self.left(&seen.page, failure)))
            }
            _ => Ok(Look::On(why)),
        }
    }

    async fn ask_for_merge(
        &mut self,
        open: &Open,
        seen: &PullRequest,
        method: MergeMethod,
    ) -> Result<Look, Trouble> {
        let log = self.writer.repository.log(&open.head, 1).await;
        let message = match log.map(|log| log.into_iter().next()) {
            Ok(Some(entry)) => entry.message,
            Ok(None) => self.write.subject.clone(),
            Err(error) => return Ok(Look::On(error.to_string())),
        };
        let (subject, message) = message.split_once('\n').unwrap_or((&message, ""));
        let merge = Merge {
            number: seen.number,
            head: open.head.as_str(),
            method,
            subject,
            message: message.trim(),
        };
        match self.forge.merge(merge).await {
            Ok(Merging::Done) => Ok(Look::Merged),
            Ok(Merging::NotNow(reason)) => {
                Ok(Look::On(format!("the forge does not merge it: {reason}")))
            }
            Err(Trouble::Unavailable { reason, wait }) => Err(Trouble::Unavailable {
                reason: format!("asked to merge it, {reason}"),
                wait,
            }),
            Err(trouble) => {
                let failure = self.told(&seen.page).not_merged(&trouble);
                Ok(Look::Failed(self.left(&seen.page, failure)))
            }
        }
    }

    fn complain(&mut self, trouble: &Trouble) {
        if !self.complained {
            self.complained = true;
            let text = format!("its checks are not known: {}", trouble.reason());
            self.reporter.event(&Event::Warning(text));
        }
    }

    /// What the gate let through must be merged while it does.
    fn leave_has_ended(&self, now: DateTime<Utc>) -> bool {
        let closes_at = self.writer.proposals.as_ref().and_then(|it| it.closes_at);
        self.write.direction == Direction::Forward && closes_at.is_some_and(|at| now >= at)
    }

    fn left(&mut self, page: &str, failure: Failure) -> NotLanded {
        self.leave_open(page);
        failure.into()
    }
}
