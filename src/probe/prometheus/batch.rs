//! Questions for counters that are asked side by side, as few queries.
//!
//! Whoever asks waits until all others that are asked at the same moment are there. Those that differ
//! only in the values of labels, for both arms or for many services, are asked as one `selector`, and
//! each gets exactly the series that its own query would have found. What cannot be told apart for
//! certain, or was not answered, is asked by itself from then on: a batch saves queries, and nothing
//! else depends on it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::{
    Endpoint,
    counters::{nothing, once},
    request::{self, Useless, When},
    samples::{Counted, One, Values, one_instant},
    selector::{Owner, Selector, Union},
};
use crate::{
    analysis::counters::CounterReading,
    clock::Clock,
    probe::{Client, json_api::may_pass},
};

/// Questions in one query. The answer has the limits of any other.
const MOST_TOGETHER: usize = 100;
/// How long the first one of several services waits for the others: more than timers differ by.
const LINGER: Duration = Duration::from_millis(50);
/// How long what could not be asked together is asked by itself.
const APART: TimeDelta = TimeDelta::minutes(10);

/// Puts questions together. Clones share what they know; one for each watch is enough, and one for many
/// services that are watched at the same instants saves more.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    state: Arc<Mutex<State>>,
    /// How long the first one that asks waits for others; none = until all that are ready have asked.
    linger: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    open: Vec<Group>,
    /// What is asked by itself: whom, the shape of it, and until when.
    apart: Vec<(Endpoint, String, DateTime<Utc>)>,
}

/// Questions of which one query is made.
#[derive(Debug)]
struct Group {
    alike: Alike,
    waiting: Vec<Waiting>,
}

/// What questions have in common of which one query is made.
#[derive(Debug, Clone, PartialEq)]
struct Alike {
    endpoint: Endpoint,
    at: DateTime<Utc>,
    timeout: Duration,
    values: Values,
    shape: String,
}

#[derive(Debug)]
struct Waiting {
    selector: Selector,
    answer: oneshot::Sender<CounterReading>,
}

impl Batch {
    /// For services that are watched side by side, whose timers do not end at the same moment.
    pub fn of_several() -> Self {
        Self {
            linger: Some(LINGER),
            ..Self::default()
        }
    }

    /// Asks as [`counters`](super::counters()) does, and is answered the same.
    pub async fn counters(
        &self,
        client: &Client,
        clock: &dyn Clock,
        endpoint: &Endpoint,
        (query, at): (&str, DateTime<Utc>),
        timeout: Duration,
    ) -> CounterReading {
        let values = Values::Counters;
        self.ask(client, clock, endpoint, (query, at), timeout, values)
            .await
    }

    /// Asks as [`buckets`](super::buckets()) does, and is answered the same.
    pub async fn buckets(
        &self,
        client: &Client,
        clock: &dyn Clock,
        endpoint: &Endpoint,
        (query, at): (&str, DateTime<Utc>),
        timeout: Duration,
    ) -> CounterReading {
        let values = Values::Buckets;
        self.ask(client, clock, endpoint, (query, at), timeout, values)
            .await
    }

    async fn ask(
        &self,
        client: &Client,
        clock: &dyn Clock,
        endpoint: &Endpoint,
        (query, at): (&str, DateTime<Utc>),
        timeout: Duration,
        values: Values,
    ) -> CounterReading {
        if let Some(selector) = Selector::parse(query) {
            let alike = Alike {
                endpoint: endpoint.clone(),
                at,
                timeout,
                values,
                shape: selector.shape(),
            };
            if let Some(answer) = self.join(&alike, selector) {
                match self.linger {
                    // Everyone who is asked side by side comes by before it goes on here.
                    None => tokio::task::yield_now().await,
                    Some(linger) => clock.sleep(linger).await,
                }
                if let Some(waiting) = self.take(&alike) {
                    self.lead(client, clock, &alike, waiting).await;
                }
                if let Ok(reading) = answer.await {
                    return reading;
                }
            }
        }
        once(client, clock, endpoint, (query, Some(at)), timeout, values).await
    }

    /// Takes a place among those that are alike; none where such are asked by themselves.
    fn join(&self, alike: &Alike, selector: Selector) -> Option<oneshot::Receiver<CounterReading>> {
        let mut state = self.state();
        let is_apart = |(endpoint, shape, until): &(Endpoint, String, DateTime<Utc>)| {
            (endpoint, shape) == (&alike.endpoint, &alike.shape) && alike.at < *until
        };
        if state.apart.iter().any(is_apart) {
            return None;
        }
        // Whoever was stopped before anyone asked waits for nothing any more.
        state
            .open
            .retain(|group| group.waiting.iter().any(|it| !it.answer.is_closed()));
        let (answer, receiver) = oneshot::channel();
        let waiting = Waiting { selector, answer };
        let has_room =
            |group: &&mut Group| group.alike == *alike && group.waiting.len() < MOST_TOGETHER;
        match state.open.iter_mut().find(has_room) {
            Some(group) => group.waiting.push(waiting),
            None => state.open.push(Group {
                alike: alike.clone(),
                waiting: vec![waiting],
            }),
        }
        Some(receiver)
    }

    /// Takes those that are alike away, to ask for them; none where somebody else has.
    fn take(&self, alike: &Alike) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        let found = state.open.iter().position(|group| group.alike == *alike)?;
        Some(state.open.remove(found).waiting)
    }

    /// Asks one query for all that wait. Whoever gets no answer by that asks by himself.
    async fn lead(&self, client: &Client, clock: &dyn Clock, alike: &Alike, waiting: Vec<Waiting>) {
        let Alike {
            endpoint,
            at,
            timeout,
            values,
            ..
        } = alike;
        let (selectors, answers): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .filter(|waiting| !waiting.answer.is_closed())
            .map(|waiting| (waiting.selector, waiting.answer))
            .unzip();
        let (Some(union), true) = (Union::of(&selectors), selectors.len() > 1) else {
            return;
        };
        let when = When::At(*at);
        let asked = request::ask(client, clock, endpoint, &union.query, when, *timeout).await;
        let readings = match asked {
            Ok(counted) => shared(counted, &union, selectors.len()),
            // Nobody would be answered now; the next time each asks by himself.
            Err(Useless::Unavailable(reason)) if may_pass(&reason) => {
                self.set_apart(alike);
                for answer in answers {
                    let _ = answer.send(CounterReading::Unavailable(reason.clone()));
                }
                return;
            }
            // It may be the fault of one of them.
            Err(_) => None,
        };
        let Some(readings) = readings else {
            self.set_apart(alike);
            return;
        };
        for (series, answer) in readings.into_iter().zip(answers) {
            let snapshot = one_instant(Counted::Vector(series), endpoint, *at, *values);
            let reading = snapshot.map_or_else(nothing, CounterReading::Snapshot);
            let _ = answer.send(reading);
        }
    }

    fn set_apart(&self, alike: &Alike) {
        let until = alike.at.checked_add_signed(APART);
        let until = until.unwrap_or(DateTime::<Utc>::MAX_UTC);
        let apart = (alike.endpoint.clone(), alike.shape.clone(), until);
        self.state().apart.push(apart);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives everyone his series; none where there are others in the answer than were asked for.
fn shared(counted: Counted, union: &Union, number: usize) -> Option<Vec<Vec<One>>> {
    let Counted::Vector(found) = counted else {
        return None;
    };
    let mut shares: Vec<Vec<One>> = std::iter::repeat_with(Vec::new).take(number).collect();
    for mut one in found {
        let owners = match union.owner(&one.metric) {
            Owner::Of(owners) => owners,
            Owner::Stranger => return None,
        };
        union.strip(&mut one.metric);
        for owner in owners {
            shares.get_mut(*owner)?.push(one.clone());
        }
    }
    Some(shares)
}
