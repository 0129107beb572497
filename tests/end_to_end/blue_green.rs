//! Two colours with a preview: healthy, failing before the switch, failing after it, killed on the way,
//! rolled back, cleaned up. No request ever finds a colour without pods.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    is_proof,
    process::Running,
    side_by_side,
    stage::{CONFIG, POLICY, Pace, QUIET, Stage},
    until,
};

/// The service that has them.
pub const SERVICE: &str = "checkout";
/// A whole run takes about this long.
const LENGTH: Duration = Duration::from_millis(9_000);

/// A stage with a blue/green pair beside the shop's own services.
pub fn stage(seed: u64, failing: &[&str]) -> Option<Stage> {
    let mut stage = Stage::start(seed, failing, Pace::QUICK)?;
    for (colour, replicas) in [("blue", 3), ("green", 0)] {
        stage.rewrite(
            &format!("clusters/prod/checkout/{colour}.yaml"),
            &deployment(colour, replicas),
        );
    }
    // Nobody is sent to blue before it has pods.
    until("blue to run", || stage.cluster.runs("checkout-blue"));
    stage.rewrite("clusters/prod/checkout/service.yaml", SERVICES);
    stage.rewrite(POLICY, QUIET);
    let config = stage.text(CONFIG).trim_end().to_owned() + "\n" + &service(&stage);
    stage.rewrite(CONFIG, &config);
    until("blue to serve", || {
        (stage.cluster.leads_to(SERVICE)? == "checkout-blue").then_some(())
    });
    assert_eq!(stage.cluster.lost(), 0, "before anything is deployed");
    Some(stage)
}

fn deployment(colour: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout-{colour}
spec:
  replicas: {replicas}   # by hand: no autoscaler
  selector:
    matchLabels: {{app: checkout, colour: {colour}}}
  template:
    metadata:
      labels:
        app: checkout
        colour: {colour}
        version: \"1.0\"
    spec:
      containers:
        - name: checkout
          image: registry.example/shop/checkout:1.0
"
    )
}

const SERVICES: &str = "apiVersion: v1
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout, colour: blue}   # who serves
---
apiVersion: v1
kind: Service
metadata: {name: checkout-preview}
spec:
  selector: {app: checkout, colour: blue}
";

fn service(stage: &Stage) -> String {
    let cluster = &stage.cluster.target;
    let series = r#"http_requests_total{service="checkout",version="{{version}}""#;
    format!(
        "  checkout:
    manifests: [\"{{root}}/checkout/*.yaml\"]
    image: registry.example/shop/checkout
    workloads: {{blue: Deployment/checkout-blue, green: Deployment/checkout-green}}
    traffic: {{service: Service/checkout}}
    live:
      blue: {{http: \"http://{cluster}/checkout-blue/version\", pointer: /version}}
      green: {{http: \"http://{cluster}/checkout-green/version\", pointer: /version}}
    strategy:
      blue_green:
        preview_service: Service/checkout-preview
        preview:
          duration: 2s
          interval: 1s
          health: [{{http: \"http://{cluster}/checkout-preview/health\"}}]
        bake_time: 4s
        keep_for: 3s
    progress_deadline: 30s
    verification:
      interval: 1s
      health: [{{http: \"http://{cluster}/checkout/health\"}}]
      metrics:
        - name: error_ratio
          provider: prometheus
          initial_delay: 1s
          query: 'sum(rate({series},status=\"500\"}}[3s])) / sum(rate({series}}}[3s]))'
          threshold_range: {{max: 0.02}}
          inconclusive_limit: 5
"
    )
}

/// A colour has the users and the pods of a version, and nobody was ever sent to one without pods.
#[track_caller]
pub fn assert_serves(stage: &Stage, colour: &str, version: &str) {
    assert_eq!(stage.cluster.leads_to(SERVICE).as_deref(), Some(colour));
    assert_eq!(stage.cluster.runs(colour).as_deref(), Some(version));
    assert_eq!(stage.cluster.lost(), 0, "requests without a pod");
    stage.assert_sound();
}

/// Waits until a colour has the users.
#[track_caller]
pub fn wait_for(stage: &Stage, colour: &str) {
    until("the switch to arrive", || {
        (stage.cluster.leads_to(SERVICE)? == colour).then_some(())
    });
}

#[test]
fn colours_are_switched_rolled_back_and_put_away() {
    let Some(stage) = stage(1, &[]) else { return };
    let ran = stage.run(stage.deploy(SERVICE, "1.1")).expect(0);
    assert!(ran.said().starts_with("DEPLOYED"), "{}", ran.said());
    assert_serves(&stage, "checkout-green", "1.1");
    assert_eq!(stage.cluster.runs("checkout-blue").as_deref(), Some("1.0"));
    assert_eq!(
        stage.cluster.leads_to("checkout-preview").as_deref(),
        Some("checkout-green")
    );
    until("keep_for to be over", || {
        let ran = stage.run(stage.command(&["cleanup", "--service", SERVICE]));
        assert!(matches!(ran.code, 0 | 14), "{}", ran.said());
        (ran.code == 0).then_some(())
    });
    until("blue's pods to go", || {
        stage.cluster.runs("checkout-blue").is_none().then_some(())
    });
    let json = ["cleanup", "--service", SERVICE, "--output", "json"];
    let again = stage.run(stage.command(&json)).expect(0);
    assert!(again.stdout.contains("\"no-change\""), "{}", again.stdout);
    // The pods come first, then the users.
    stage
        .run(stage.command(&["rollback", "--service", SERVICE]))
        .expect(0);
    wait_for(&stage, "checkout-blue");
    assert_serves(&stage, "checkout-blue", "1.0");
    stage.assert_as_at_first();
    stage
        .run(stage.command(&["history", "--audit", "--service", SERVICE]))
        .expect(0);
}

#[test]
fn what_fails_is_taken_back_before_and_after_the_switch() {
    let rows = vec![("1.1-broken", false), ("1.1", true)];
    side_by_side(rows, |(version, switches)| {
        let stage = stage(2, &["1.1"])?;
        let ran = stage.run(stage.deploy(SERVICE, version)).expect(40);
        assert!(ran.said().starts_with("ROLLED BACK"), "{}", ran.said());
        wait_for(&stage, "checkout-blue");
        assert_serves(&stage, "checkout-blue", "1.0");
        stage.assert_as_at_first();
        let subjects = stage.git(&["log", "--format=%s", &format!("{}..main", stage.first)]);
        assert_eq!(subjects.contains("switch Service/checkout"), switches);
        Some(())
    });
}

#[test]
fn killed_at_any_moment_it_goes_on_or_is_taken_back() {
    let kills: u32 = if is_proof() { 24 } else { 4 };
    let jobs: Vec<u32> = (0..kills).collect();
    side_by_side(jobs, |number| {
        let stage = stage(10 + u64::from(number), &[])?;
        let moment = LENGTH * number / kills;
        let mut run = Running::start(stage.deploy(SERVICE, "1.1"));
        let (_keep, never) = mpsc::channel::<()>();
        let started = Instant::now();
        while started.elapsed() < moment && !run.has_ended() {
            let _ = never.recv_timeout(Duration::from_millis(5));
        }
        run.signal(Signal::SIGKILL);
        let _ = run.wait();
        stage.sweep();
        until("the server to rest", || {
            stage.server().is_idle().then_some(())
        });
        let goes_on = number % 2 == 0;
        if goes_on {
            stage.run(stage.deploy(SERVICE, "1.1")).expect(0);
            wait_for(&stage, "checkout-green");
            assert_serves(&stage, "checkout-green", "1.1");
        } else {
            stage.run(stage.recover(SERVICE)).expect(0);
            let is_over = stage.tree("main") != stage.tree(&stage.first);
            let (colour, version) = if is_over {
                ("checkout-green", "1.1")
            } else {
                ("checkout-blue", "1.0")
            };
            wait_for(&stage, colour);
            assert_serves(&stage, colour, version);
        }
        Some(())
    });
}
