//! A world for a test, and what a test does with it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use shipgate::{
    clock::{Clock, ManualClock},
    sim::{Scenario, Workload, World, WorldOptions},
};
use tempfile::TempDir;

/// The stable half's manifests.
pub const STABLE: &str = "clusters/prod/advertisements.yaml";
/// The canary half's manifests.
pub const CANARY: &str = "clusters/prod/advertisements-canary.yaml";

/// A world on a clock that stands still, and someone who looks at it over HTTP.
pub struct Stage {
    /// Its time, which stands still.
    pub clock: Arc<ManualClock>,
    /// The world.
    pub world: World,
    /// Someone who looks at it.
    pub client: reqwest::blocking::Client,
    /// Where its remote is.
    pub folder: TempDir,
}

impl Stage {
    /// Starts the usual world.
    pub fn new(scenario: Scenario) -> Self {
        Self::with_seed(scenario, 1)
    }

    /// Starts a world with a seed.
    pub fn with_seed(scenario: Scenario, seed: u64) -> Self {
        // Only the first test of the process installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(instant("2026-03-10T10:00:00Z")));
        let time: Arc<dyn Clock> = clock.clone();
        let world = World::start(WorldOptions {
            seed,
            ..WorldOptions::new(scenario, time, folder.path().to_owned())
        })
        .unwrap();
        Self {
            clock,
            world,
            client: reqwest::blocking::Client::builder()
                .no_proxy()
                .build()
                .unwrap(),
            folder,
        }
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Returns a file of the branch.
    pub fn text(&self, path: &str) -> String {
        let bytes = self.world.read(path).unwrap().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Commits a change of one text in a file.
    pub fn edit(&self, path: &str, changes: &[(&str, &str)]) {
        let mut text = self.text(path);
        for (old, new) in changes {
            assert!(text.contains(old), "{old:?} is not in {path}");
            text = text.replace(old, new);
        }
        self.world.write(path, text.as_bytes(), "an edit").unwrap();
    }

    /// Brings the canary up with 1.1 and gives it a share of the traffic.
    pub fn canary_at(&self, weight: &str) {
        self.edit(
            CANARY,
            &[("replicas: 0", "replicas: 1"), (":1.0\"", ":1.1\"")],
        );
        self.wait(60);
        let new = format!("canary-weight: \"{weight}\"");
        self.edit(CANARY, &[("canary-weight: \"0\"", &new)]);
        self.wait(15);
    }

    /// Returns status and body of one address.
    pub fn get(&self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.world.base_url());
        let response = self.client.get(url).send().unwrap();
        (response.status().as_u16(), response.text().unwrap())
    }

    /// Returns status and body of one query.
    pub fn ask(&self, query: &str) -> (u16, Value) {
        let url = format!("{}/api/v1/query", self.world.base_url());
        let response = self
            .client
            .get(url)
            .query(&[("query", query)])
            .send()
            .unwrap();
        let status = response.status().as_u16();
        (status, response.json().unwrap())
    }

    /// Returns the values of a query as Prometheus writes them.
    pub fn values(&self, query: &str) -> Vec<String> {
        let (status, body) = self.ask(query);
        assert_eq!(status, 200, "{body}");
        let result = body["data"]["result"].as_array().unwrap();
        result
            .iter()
            .map(|series| series["value"][1].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the one value of a query.
    pub fn value(&self, query: &str) -> f64 {
        let values = self.values(query);
        assert_eq!(values.len(), 1, "{query}: {values:?}");
        values[0].parse().unwrap()
    }
}

/// Reads RFC 3339.
pub fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// Returns what runs when a version has so many pods.
pub fn running(version: &str, replicas: u32) -> Workload {
    Workload {
        version: Some(version.to_owned()),
        replicas,
    }
}
