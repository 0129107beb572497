//! A checkout cannot bring the policy that judges it: pipelines read it from the repository.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use shipgate::{
    cli::{self, Context},
    clock::{Clock, ManualClock},
    sim::{Scenario, World, WorldOptions},
};

const ALLOWS: &str =
    "version: 1\ntimezone: UTC\nallowed_windows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun]}]\n";

/// Runs a command line in a folder whose own policy allows everything.
fn shipgate(
    clock: &Arc<dyn Clock>,
    folder: &Path,
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> u8 {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect::<BTreeMap<_, _>>();
    let context = Context {
        environment,
        clock: clock.clone(),
        stdout: Box::new(io::sink()),
        stderr: Box::new(io::sink()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: folder.to_owned(),
    };
    let arguments = ["shipgate"].iter().chain(arguments);
    cli::run(arguments.map(Into::into), context)
}

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
        shipgate(&clock, checkout.path(), &environment, arguments)
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
