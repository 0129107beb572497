//! What shipgate is made for, as a reader of the README does it: two versions run side by side, the new
//! one is slow and failing, and is taken back; the next one is good and goes to everyone.

use std::time::{Duration, Instant};

use crate::{
    LIMIT,
    canaries::assert_versions_alone,
    process::Ran,
    stage::{CONFIG, Pace, Stage},
    until,
};

const SERVICE: &str = "advertisements";

/// The share of slow requests is compared as well, and a person looks while both versions run.
fn configured(text: &str) -> String {
    let weight = "          - set_weight: 50\n";
    let first = "          - set_weight: 10\n";
    let duration = "        - name: duration
          provider: prometheus
          histogram: http_request_duration_seconds_bucket{service=\"{{service}}\",arm=\"{{arm}}\",version=\"{{version}}\"}
          slow_above: 0.5
          negligible_rate: 0.05

  # team-web.
  storefront:";
    let next = "\n  # team-web.\n  storefront:";
    assert!(text.contains(weight) && text.contains(next), "{text}");
    text.replacen(first, &format!("{first}          - pause: {{}}\n"), 1)
        .replacen(next, duration, 1)
}

/// Runs a command as somebody at a terminal does, and checks how it ends.
fn run(stage: &Stage, line: &str, code: i32) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    stage.run(stage.command(&words)).expect(code)
}

/// Compares the last seconds of a version with 1.0, until there was enough to see.
fn compared(stage: &Stage, version: &str, code: i32) -> String {
    let line = format!(
        "compare --service {SERVICE} --version {version} --stable-version 1.0 --from -8s --step 1s"
    );
    let words: Vec<&str> = line.split(' ').collect();
    let since = Instant::now();
    loop {
        let ran = stage.run(stage.command(&words));
        if ran.code == code {
            return ran.said();
        }
        // Too little to judge yet.
        assert!(
            [20, 21].contains(&ran.code) && since.elapsed() < LIMIT,
            "{version}: {}\n{}\n{}",
            ran.code,
            ran.stdout,
            ran.stderr
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_slow_and_failing_version_is_taken_back_and_the_next_one_goes_live() {
    let Some(mut stage) = Stage::start(41, &["1.1"], Pace::COMPARED) else {
        return;
    };
    let config = configured(&stage.text(CONFIG));
    stage.rewrite(CONFIG, &config);
    let runs = |deployment: &str| stage.cluster.runs(deployment);

    run(&stage, "plan --service advertisements --version 1.1", 0);
    let held = run(&stage, "deploy --service advertisements --version 1.1", 42);
    assert!(
        held.said()
            .contains("to go on (the policy names nobody who approves):"),
        "{}",
        held.stdout
    );
    assert_eq!(runs("advertisements").as_deref(), Some("1.0"));
    assert_eq!(runs("advertisements-canary").as_deref(), Some("1.1"));

    let worse = compared(&stage, "1.1", 22);
    for name in ["error_ratio", "duration"] {
        assert!(worse.contains(name), "{worse}");
    }
    assert!(worse.contains("sure it is worse"), "{worse}");
    let back = run(&stage, "rollback --service advertisements", 0);
    assert!(back.said().contains("1.0"), "{}", back.stdout);
    stage.assert_as_at_first();
    until("the canary's pods to go", || {
        runs("advertisements-canary").is_none().then_some(())
    });

    run(&stage, "deploy --service advertisements --version 1.2", 42);
    compared(&stage, "1.2", 0);
    let accepted = "deploy --service advertisements --version 1.2 --accept";
    let done = run(&stage, accepted, 0);
    assert!(
        done.said()
            .starts_with("DEPLOYED advertisements 1.2 in production is live and verified"),
        "{}",
        done.stdout
    );
    assert_eq!(runs("advertisements").as_deref(), Some("1.2"));
    until("the canary's pods to go", || {
        runs("advertisements-canary").is_none().then_some(())
    });
    assert_versions_alone(&stage, "1.2");
    let history = run(&stage, "history --service advertisements", 0);
    for line in ["1.2", "1.1", "rolled-back"] {
        assert!(history.stdout.contains(line), "{}", history.stdout);
    }
}
