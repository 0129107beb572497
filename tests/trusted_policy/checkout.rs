//! A checkout cannot bring the policy that judges it: pipelines read it from the repository.

use std::{fs, sync::Arc};

use chrono::{DateTime, Utc};
use shipgate::{
    clock::{Clock, ManualClock},
    sim::{Scenario, World, WorldOptions},
};

use super::run::run_at;

const ALLOWS: &str =
    "version: 1\ntimezone: UTC\nallowed_windows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun]}]\n";

#[test]
fn a_pipeline_asks_the_repository_and_not_its_checkout() {
    let now: DateTime<Utc> = "2026-03-10T10:00:00Z".parse().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(now));
    let remote = tempfile::tempdir().unwrap();
    let world = World::start(WorldOptions::new(
        Scenario::Blocked,
        clock.clone(),
        remote.path().to_owned(),
    ))
    .unwrap();
    let checkout = tempfile::tempdir().unwrap();
    fs::create_dir(checkout.path().join("policies")).unwrap();
    fs::write(checkout.path().join("policies/production.yaml"), ALLOWS).unwrap();
    let url = &world.git_url();
    let token = ("SHIPGATE_TOKEN", world.token());
    let policy = "policies/production.yaml";
    let run = |environment: &[(&str, &str)], arguments: &[&str]| {
        let environment = [&[token], environment].concat();
        run_at(&clock, checkout.path(), &environment, arguments).code
    };

    // By hand, without a repository, a file on disk is what was asked for.
    assert_eq!(run(&[], &["check", "--policy", policy]), 0);
    // With a repository the same words mean the policy in it.
    assert_eq!(
        run(&[], &["check", "--policy", policy, "--repository", url]),
        10
    );
    assert_eq!(run(&[], &["check", "--repository", url]), 10);
    let inputs = [
        ("SHIPGATE_COMMAND", "check"),
        ("SHIPGATE_REPOSITORY", url),
        ("SHIPGATE_POLICY", policy),
    ];
    assert_eq!(run(&inputs, &["ci"]), 10);
    assert_eq!(run(&inputs[..2], &["ci"]), 10);
}
