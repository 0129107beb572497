//! A watcher made from the text of a `verification` section, and a reporter that remembers.

use std::{sync::Arc, time::Duration};

use reqwest::Url;
use shipgate::{
    clock::Clock,
    config::{query::Variables, verification::RawVerification},
    event::{Event, MetricRecord, Outcome, Reporter},
    ops::watch::{Endpoints, Extent, Reference, Subject, Watcher},
    probe::{Client, ClientOptions, prometheus::Endpoint},
    yaml::{Limits, read},
};

/// Remembers what was measured.
#[derive(Default)]
pub struct Memory {
    /// The measurements in their order.
    pub measured: Vec<MetricRecord>,
    /// How long each announced wait is at most.
    pub waits: Vec<Duration>,
}

impl Reporter for Memory {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Measured { metric, .. } => self.measured.push(metric.clone()),
            Event::Waiting { limit, .. } => self.waits.extend(*limit),
            other => panic!("a verification has no such event: {other:?}"),
        }
    }

    fn finish(&mut self, _outcome: &Outcome) {}
}

/// Makes a watcher of version 1.1 of `ads` in `production` that asks the Prometheus at `url`.
pub fn watcher(text: &str, url: &str, clock: Arc<dyn Clock>) -> Watcher {
    let (raw, _) = read::<RawVerification>(text, &Limits::SETTINGS).unwrap();
    let verification = raw.validate().unwrap();
    let endpoints = Endpoints {
        prometheus: Some(Endpoint::open(Url::parse(url).unwrap())),
        ..Endpoints::default()
    };
    let variables = Variables {
        service: Some("ads".to_owned()),
        environment: Some("production".to_owned()),
        version: Some("1.1".to_owned()),
        ..Variables::default()
    };
    let client = Client::new(ClientOptions {
        ca_file: None,
        user_agent: "shipgate/test".to_owned(),
    });
    Watcher::new(
        &verification,
        &endpoints,
        &subject(variables),
        client,
        clock,
    )
    .unwrap()
}

/// Somebody who is compared with nobody.
pub fn subject(judged: Variables) -> Subject {
    Subject {
        judged,
        reference: Reference::Nobody,
        extent: Extent::Polls(5),
        began: None,
        weight: None,
    }
}
