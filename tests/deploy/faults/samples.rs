//! The sample plans: one of each strategy, in a world whose health is asked of an address of the test's.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use shipgate::{
    clock::{Clock, ManualClock, Sleep},
    sim::{Scenario, Shape},
};

use crate::{
    argo_rollouts::good_rollout, endings::rolling_text, runs::Start, stage::Stage,
    stand_in::StandIn,
};

/// A plan, and what becomes of a service that has it.
pub struct Sample {
    /// What it is called.
    pub name: &'static str,
    /// Makes a world with it whose health is asked at an address.
    pub ground: fn(&str) -> Ground,
    /// What runs where nothing has happened.
    pub old: &'static str,
    /// What runs once the new version is everywhere.
    pub new: &'static str,
}

/// The world's clock for a machine that is busy: whoever answers has many times as long for it as the
/// program gives.
struct Patient(Arc<ManualClock>);

impl Clock for Patient {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.0.sleep(duration)
    }

    fn real(&self, duration: Duration) -> Duration {
        duration * 20
    }
}

/// A world, and what it takes to ask its cluster.
pub enum Ground {
    /// The pods say themselves what they run.
    World(Stage),
    /// The cluster's API says it.
    Cluster(StandIn),
}

impl Ground {
    /// Lets everybody have the time that a busy machine needs to answer.
    pub fn patient(mut self) -> Self {
        let stage = match &mut self {
            Self::World(stage) => stage,
            Self::Cluster(stand_in) => &mut stand_in.stage,
        };
        stage.time = Arc::new(Patient(Arc::clone(&stage.clock)));
        stage.git_timeout *= 20;
        self
    }

    /// Returns the world.
    pub fn stage(&self) -> &Stage {
        match self {
            Self::World(stage) => stage,
            Self::Cluster(stand_in) => &stand_in.stage,
        }
    }

    /// Returns a start of a run in it.
    pub fn start(&self) -> Start {
        match self {
            Self::World(_) => Start::new(),
            Self::Cluster(stand_in) => stand_in.start(),
        }
    }
}

const CANARY: Sample = Sample {
    name: "canary",
    ground: |health| canary(Shape::Ingress, health, |text| text),
    old: "stable 1.0, canary nothing with 0%",
    new: "stable 1.1, canary nothing with 0%",
};

const COLOURS: Sample = Sample {
    name: "blue/green with a preview",
    ground: |health| colours(health, |text| text),
    old: "blue 1.0, green nothing with 0%",
    new: "blue 1.0, green 1.1 with 100%",
};

/// All of them.
pub const SAMPLES: [Sample; 7] = [
    Sample {
        name: "rolling",
        ground: |health| canary(Shape::Ingress, health, rolling_text),
        ..CANARY
    },
    CANARY,
    Sample {
        name: "canary by an HTTPRoute",
        ground: |health| canary(Shape::HttpRoute, health, one_weight),
        ..CANARY
    },
    Sample {
        name: "canary by pods",
        ground: |health| canary(Shape::Replicas, health, one_weight),
        ..CANARY
    },
    COLOURS,
    Sample {
        name: "blue/green without a preview",
        ground: |health| colours(health, without_preview),
        ..COLOURS
    },
    Sample {
        name: "Argo Rollouts",
        ground: |health| Ground::Cluster(good_rollout(|text| watched(&text, health))),
        ..CANARY
    },
];

fn canary(shape: Shape, health: &str, configure: fn(String) -> String) -> Ground {
    Ground::World(Stage::shaped(shape, Scenario::Healthy, |text| {
        configure(watched(&text, health))
    }))
}

fn colours(health: &str, configure: fn(String) -> String) -> Ground {
    Ground::World(Stage::edited(Scenario::BlueGreen, |text| {
        configure(watched(&text, health))
    }))
}

/// Every health check asks at an address, and nothing is asked often.
fn watched(text: &str, health: &str) -> String {
    let lines = text.lines().map(|line| {
        let (indentation, rest) = line.split_at(line.len() - line.trim_start().len());
        if rest.starts_with("health: [") {
            format!("{indentation}health: [{{http: \"{health}\"}}]\n")
        } else {
            format!("{line}\n")
        }
    });
    watched_rarely(lines.collect())
}

/// Nothing is asked often.
pub fn watched_rarely(text: String) -> String {
    text.replace("interval: 15s", "interval: 1m")
}

/// The steps with one weight alone.
fn one_weight(text: String) -> String {
    let second = "          - set_weight: 50\n          - pause: {duration: 3m}\n";
    assert!(text.contains(second), "{text}");
    text.replace(second, "")
}

fn without_preview(text: String) -> String {
    let (head, rest) = text.split_once("        preview_service:").unwrap();
    let (_, tail) = rest.split_once("        bake_time:").unwrap();
    format!("{head}        bake_time:{tail}")
}
