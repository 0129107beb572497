//! A deployment that waits for its window: what comes meanwhile counts.

use std::{sync::Arc, time::Duration};

use shipgate::{
    event::Event,
    ops::{case::Circumstances, stop::StopReason},
    sim::Scenario,
};

use crate::{
    runs::Start,
    stage::{CANARY, Stage},
    trail::End,
};

const POLICY: &str = "policies/production.yaml";
/// It is 10:00 when a stage begins.
const LATER: &str = "version: 1\ntimezone: UTC\nallowed_windows: [{hours: '10:30-16:00'}]\n";

/// Deploys with an hour's patience; `meanwhile` happens once, after a few minutes of waiting.
async fn waits(stage: &Stage, meanwhile: impl FnOnce() + 'static) -> End {
    stage
        .world
        .write(POLICY, LATER.as_bytes(), "policy: later")
        .unwrap();
    let mut meanwhile = Some(meanwhile);
    let mut waited = 0;
    let start = Start {
        circumstances: Circumstances {
            wait_for_window: Some(Duration::from_secs(3600)),
            ..Circumstances::default()
        },
        ..Start::new()
    };
    let start = start.hook(move |event| {
        waited += u32::from(matches!(event, Event::Waiting { .. }));
        if waited == 3
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile();
        }
    });
    stage.deploy_with("1.1", start).await
}

#[tokio::test]
async fn it_goes_when_the_window_opens_on_what_is_there_then() {
    let stage = Stage::brief(Scenario::Healthy);
    let world = Arc::clone(&stage.world);
    let end = waits(&stage, move || {
        let text = String::from_utf8(world.read(CANARY).unwrap().unwrap()).unwrap();
        let text = format!("# somebody else\n{text}");
        world.write(CANARY, text.as_bytes(), "note").unwrap();
    })
    .await;
    end.assert(0, "deployed after the waiting");
    assert!(stage.text(CANARY).starts_with("# somebody else\n"));
    let log = stage.world.log().unwrap();
    let trailers = log.iter().flat_map(|line| line.body.lines());
    let policies: Vec<&str> = trailers
        .filter_map(|line| line.strip_prefix("Shipgate-Policy: "))
        .collect();
    let tip = log.iter().find(|line| line.subject == "note").unwrap();
    let wanted = format!("{POLICY}@{} ", tip.commit);
    assert!(
        !policies.is_empty() && policies.iter().all(|policy| policy.starts_with(&wanted)),
        "{policies:?} {wanted}"
    );
}

#[tokio::test]
async fn a_freeze_or_a_signal_meanwhile_stops_it_before_any_change() {
    let stage = Stage::brief(Scenario::Healthy);
    let world = Arc::clone(&stage.world);
    let frozen = waits(&stage, move || {
        world
            .write("policies/FREEZE", b"checkout is down\n", "freeze")
            .unwrap();
    })
    .await;
    frozen.assert(14, "frozen meanwhile");
    let stage = Stage::brief(Scenario::Healthy);
    stage
        .world
        .write(POLICY, LATER.as_bytes(), "policy: later")
        .unwrap();
    let start = Start {
        circumstances: Circumstances {
            wait_for_window: Some(Duration::from_secs(3600)),
            ..Circumstances::default()
        },
        ..Start::new()
    };
    let stopper = start.stopper.clone();
    let start = start.hook(move |event| {
        if matches!(event, Event::Waiting { .. }) {
            stopper.stop(StopReason::Terminate);
        }
    });
    let end = stage.deploy_with("1.1", start).await;
    end.assert(143, "stopped while it waited");
    assert!(
        stage.clock_now()
            < "2026-03-10T10:05:00Z"
                .parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap()
    );
    assert_eq!(stage.journal(), Vec::<String>::new());
}
