//! What the gate does not let through is not pushed, and a dry run writes nothing.

use std::net::TcpListener;

use crate::{
    process::Ran,
    stage::{POLICY, Pace, QUIET, Stage},
};

const SERVICE: &str = "advertisements";

/// Blocks every day there is.
const CLOSED: &str = "version: 1
timezone: Europe/Zurich
blocked_windows:
  - {name: stocktaking, description: nothing moves while we count}
";

const BUSY: &str = "version: 1
traffic_threshold:
  max_requests_per_second: 100
  action: block_deployment
  query: sum(rate(http_requests_total[5s]))
";

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["deploy", "--service", SERVICE, "--version", "1.1"];
    arguments.extend(more);
    arguments
}

/// Runs `deploy` and checks that it wrote nothing anywhere.
fn refused(stage: &Stage, more: &[&str], code: i32) -> Ran {
    let before = stage.references();
    let ran = stage.run(stage.command(&arguments(more))).expect(code);
    assert_eq!(stage.references(), before);
    assert!(
        !stage
            .server()
            .log()
            .iter()
            .any(|line| line.target.contains("receive-pack")),
        "the server was asked for leave to push"
    );
    ran
}

#[test]
fn what_is_not_let_through_is_not_pushed() {
    let Some(mut stage) = Stage::start(11, &[], Pace::QUICK) else {
        return;
    };
    let closed_port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nowhere = format!("http://{closed_port}");

    let open = refused(&stage, &["--dry-run"], 0);
    assert!(
        open.said().contains("dry run: nothing was pushed"),
        "{}",
        open.stdout
    );
    let down = refused(&stage, &["--prometheus", &nowhere], 20);
    assert!(
        down.said().starts_with(&format!(
            "UNDETERMINED traffic is not known: {nowhere} did not answer: "
        )),
        "{}",
        down.stdout
    );

    stage.rewrite(POLICY, BUSY);
    let busy = refused(&stage, &[], 12);
    let said = busy.said();
    assert!(
        said.contains("above the maximum of 100 requests/s"),
        "{said}"
    );
    refused(&stage, &["--dry-run"], 12);
    refused(&stage, &["--prometheus", &nowhere, "--dry-run"], 20);

    stage.rewrite(POLICY, CLOSED);
    let closed = refused(&stage, &[], 10);
    let said = closed.said();
    assert!(
        said.contains("is in the blocked window \"stocktaking\"")
            && said.contains("nothing moves while we count"),
        "{said}"
    );
    refused(&stage, &["--dry-run"], 10);
}

#[test]
fn a_provider_that_is_down_is_found_before_anything_is_pushed() {
    let Some(mut stage) = Stage::start(12, &[], Pace::QUICK) else {
        return;
    };
    // The policy does not ask; the verification does.
    stage.rewrite(POLICY, QUIET);
    let closed_port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = stage.text("shipgate.yaml");
    let url = stage.prometheus.url.clone();
    stage.rewrite(
        "shipgate.yaml",
        &config.replace(&url, &format!("http://{closed_port}")),
    );
    let before = stage.references();
    let ran = stage.run(stage.deploy(SERVICE, "1.1")).expect(20);
    assert!(ran.said().contains("nothing was pushed"), "{}", ran.stdout);
    assert_eq!(stage.references(), before);
}
