//! The reporter that stands between a run and the other reporters, and tells those who want to know.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use super::{
    About, Channel,
    delivery::{Outlet, Phase},
    story::Story,
};
use crate::{
    clock::Clock,
    event::{Event, Outcome, Reporter},
    probe::Client,
};

/// Passes every event on and tells those who want to know. Nothing that goes wrong here decides
/// anything: it is a warning.
pub struct Notifier<'a> {
    inner: &'a mut dyn Reporter,
    client: Client,
    clock: Arc<dyn Clock>,
    story: Option<Story>,
    outlets: Vec<Arc<Outlet>>,
    senders: JoinSet<()>,
    phase: watch::Sender<Phase>,
}

impl<'a> Notifier<'a> {
    /// Stands in front of a reporter and tells nobody yet.
    pub fn new(inner: &'a mut dyn Reporter, client: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            client,
            clock,
            story: None,
            outlets: Vec::new(),
            senders: JoinSet::new(),
            phase: watch::Sender::new(Phase::Running),
        }
    }

    /// Tells these channels from now on what happens to a run; further ones are not added.
    pub fn tell(&mut self, about: About, channels: Vec<Channel>) {
        if self.story.is_some() || channels.is_empty() {
            return;
        }
        self.story = Some(Story::new(about));
        for channel in channels {
            let outlet = Outlet::new(channel);
            let (client, clock) = (self.client.clone(), self.clock.clone());
            let sender = outlet.clone().run(client, clock, self.phase.subscribe());
            self.senders.spawn(sender);
            self.outlets.push(outlet);
        }
    }

    /// Is there anybody who is told?
    pub fn is_heard(&self) -> bool {
        self.story.is_some()
    }

    /// Takes the end of the run; what is to be told of it waits to be sent.
    pub fn end(&mut self, outcome: &Outcome) {
        let Some(story) = &self.story else { return };
        if let Some(notice) = story.end(outcome, self.clock.now()) {
            self.outlets.iter().for_each(|outlet| outlet.take(&notice));
        }
        self.phase.send_replace(Phase::Ended);
    }

    /// Waits until everything is sent, at most for `limit`. In the second half of it only what
    /// happened in the end is sent. May be dropped at any time.
    pub async fn wait(&mut self, limit: Duration) {
        // A clock that runs faster has the servers on the other side not run faster.
        let half = self.clock.real(limit / 2).max(Duration::from_secs(1));
        if self.sent_within(half).await {
            return;
        }
        self.phase.send_replace(Phase::Hurried);
        self.sent_within(half).await;
    }

    /// Ends what is still being sent after `limit`, and warns of all that nobody was told of.
    pub fn close(mut self, limit: Duration) {
        self.senders.abort_all();
        for outlet in &self.outlets {
            for trouble in outlet.close(limit) {
                self.inner.event(&Event::Warning(trouble));
            }
        }
    }

    async fn sent_within(&mut self, time: Duration) -> bool {
        let all = async { while self.senders.join_next().await.is_some() {} };
        tokio::time::timeout(time, all).await.is_ok()
    }
}

impl Reporter for Notifier<'_> {
    fn event(&mut self, event: &Event) {
        self.inner.event(event);
        let Some(story) = &mut self.story else { return };
        for notice in story.event(event) {
            self.outlets.iter().for_each(|outlet| outlet.take(&notice));
        }
        for trouble in self.outlets.iter().flat_map(|outlet| outlet.troubles()) {
            self.inner.event(&Event::Warning(trouble));
        }
    }

    fn finish(&mut self, outcome: &Outcome) {
        self.inner.finish(outcome);
    }
}
