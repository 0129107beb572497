//! Sends notices side by side with a run: each channel has a queue of its own, which is bounded, and
//! one that is slow or silent holds up neither the run nor another channel.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{Channel, Notice};
use crate::{
    clock::Clock,
    config::notification::NotificationEvent,
    probe::{self, Client},
    units::format_duration,
};

/// Most notices that wait for one channel. Of a run only its steps are many.
const LONGEST_QUEUE: usize = 64;
/// Most tries of a notice that may yet be taken. Within each the client is patient where the server
/// asks for it.
const TRIES: usize = 3;
/// Pause between two tries once the run has ended.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the run is, as the senders see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It goes on.
    Running,
    /// It has ended: what waits is sent, and nothing is tried again later.
    Ended,
    /// The time is short: only what happened in the end is sent.
    Hurried,
}

/// One channel's side of it.
#[derive(Debug)]
pub(super) struct Outlet {
    channel: Channel,
    queue: Mutex<Queue>,
    /// Counts what was put into the queue.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Notice>,
    sending: Option<NotificationEvent>,
    left_out: usize,
    troubles: Vec<String>,
}

impl Outlet {
    /// Begins with nothing to send.
    pub(super) fn new(channel: Channel) -> Arc<Self> {
        Arc::new(Self {
            channel,
            queue: Mutex::default(),
            news: watch::Sender::new(0),
        })
    }

    /// Takes a notice, if the channel wants it. Where too many wait, the oldest that only tells of
    /// progress is left out.
    pub(super) fn take(&self, notice: &Notice) {
        if !self.channel.wants(notice.event) {
            return;
        }
        {
            let mut queue = self.queue();
            queue.waiting.push_back(notice.clone());
            if queue.waiting.len() > LONGEST_QUEUE {
                let oldest = queue.waiting.iter().position(|it| it.event.is_progress());
                queue.waiting.remove(oldest.unwrap_or(0));
                queue.left_out += 1;
            }
        }
        self.news.send_modify(|count| *count += 1);
    }

    /// Returns what went wrong since the last time, a line each.
    pub(super) fn troubles(&self) -> Vec<String> {
        std::mem::take(&mut self.queue().troubles)
    }

    /// Returns what went wrong since the last time and, of a sender that is not going on, what it
    /// has not sent.
    pub(super) fn close(&self, after: Duration) -> Vec<String> {
        let mut queue = self.queue();
        let Queue {
            waiting,
            sending,
            left_out,
            troubles,
        } = std::mem::take(&mut *queue);
        drop(queue);
        let who = self.channel.shown();
        let mut troubles = troubles;
        let waiting = waiting.iter().map(|notice| notice.event);
        let (progress, ends): (Vec<_>, Vec<_>) = sending
            .into_iter()
            .chain(waiting)
            .partition(|event| event.is_progress());
        troubles.extend(ends.iter().map(|event| {
            let (event, after) = (event.word(), format_duration(after));
            format!("{who} was not told of `{event}`: it took longer than the {after} there are after a run")
        }));
        let left_out = left_out + progress.len();
        if left_out > 0 {
            troubles.push(format!(
                "{who} was slow: {left_out} of the steps' notifications were left out"
            ));
        }
        troubles
    }

    /// Sends what comes until the run has ended and nothing waits any more.
    pub(super) async fn run(
        self: Arc<Self>,
        client: Client,
        clock: Arc<dyn Clock>,
        mut phase: watch::Receiver<Phase>,
    ) {
        let mut news = self.news.subscribe();
        loop {
            // Seen before the queue is looked at, so that nothing can come in between unseen.
            news.borrow_and_update();
            let now = *phase.borrow_and_update();
            let Some(notice) = self.next(now) else {
                if now >= Phase::Ended {
                    return;
                }
                tokio::select! {
                    _ = news.changed() => {}
                    changed = phase.changed() => if changed.is_err() { return },
                }
                continue;
            };
            let mut hurry = phase.clone();
            let sent = tokio::select! {
                biased;
                _ = hurry.wait_for(|phase| *phase == Phase::Hurried), if notice.event.is_progress() => None,
                sent = self.tries(&client, &*clock, &mut phase, &notice) => Some(sent),
            };
            let mut queue = self.queue();
            queue.sending = None;
            match sent {
                Some(Ok(())) => {}
                Some(Err(reason)) => {
                    let (who, event) = (self.channel.shown(), notice.event.word());
                    let trouble = format!("{who} was not told of `{event}`: {reason}");
                    queue.troubles.push(trouble);
                }
                None => queue.left_out += 1,
            }
        }
    }

    /// Takes the next notice out of the queue.
    fn next(&self, phase: Phase) -> Option<Notice> {
        let mut queue = self.queue();
        if phase == Phase::Hurried {
            let before = queue.waiting.len();
            queue.waiting.retain(|notice| !notice.event.is_progress());
            queue.left_out += before - queue.waiting.len();
        }
        let notice = queue.waiting.pop_front()?;
        queue.sending = Some(notice.event);
        Some(notice)
    }

    /// Sends a notice, again where that is worth it: when there is more to tell, and once the run
    /// has ended after a pause. Nobody's clock is slept on while the run goes on.
    async fn tries(
        &self,
        client: &Client,
        clock: &dyn Clock,
        phase: &mut watch::Receiver<Phase>,
        notice: &Notice,
    ) -> Result<(), String> {
        let mut news = self.news.subscribe();
        for _ in 1..TRIES {
            match self.channel.send(client, clock, notice).await {
                Err(reason) if probe::may_pass(&reason) => {}
                sent => return sent,
            }
            if *phase.borrow() >= Phase::Ended {
                clock.sleep(PAUSE).await;
                continue;
            }
            tokio::select! {
                _ = news.changed() => {}
                _ = phase.wait_for(|phase| *phase >= Phase::Ended) => {}
            }
        }
        self.channel.send(client, clock, notice).await
    }

    /// A sender that has panicked loses a message, not the run.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
