//! Outcomes as real runs end, and the sinks that render them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::{
    event::{
        BranchAudit, CommitRecord, Deployment, Ending, Event, Gap, GapKind, MetricRecord, Outcome,
        StepRecord, StepState, ValueChange, ValueKey,
    },
    manifest::{Change, ObjectRef, Refusal, ScalarType, Segment},
    policy::{Decision, Effect, Overrun, PolicyFile, PolicySource, Reason, ReasonCode, Verdict},
    report::{Ended, Sink},
    units::Weight,
};

pub fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An ending that began at 14:00 and took 25 minutes.
pub fn ended<'a>(command: &'a str, outcome: &'a Outcome) -> Ended<'a> {
    Ended {
        command,
        outcome,
        exit_code: outcome.ending.code().number,
        started_at: utc("2025-12-02T14:00:00Z"),
        finished_at: utc("2025-12-02T14:25:10Z"),
        report: "/tmp/report.json",
    }
}

/// What a sink writes at the end.
pub fn written(make: impl FnOnce(Buffer) -> Box<dyn Sink>, ended: &Ended<'_>) -> String {
    let buffer = Buffer::default();
    make(buffer.clone()).finish(ended).unwrap();
    buffer.text()
}

/// A writer that can be read.
#[derive(Clone, Default)]
pub struct Buffer(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Buffer {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Friday after Thanksgiving, 13:30 in New York; the shop is closed for changes until Monday.
pub fn blocked() -> Outcome {
    let at = |text: &str| Some(DateTime::parse_from_rfc3339(text).unwrap());
    let reason = |rule: &str, code, effect, message: &str, line| Reason {
        rule: rule.to_owned(),
        code,
        effect,
        message: message.to_owned(),
        line: Some(line),
    };
    let verdict = Verdict {
        decision: Decision::Blocked,
        reasons: vec![
            reason(
                "blocked_dates[2]",
                ReasonCode::BlockedDate,
                Effect::Blocks,
                "Friday 2025-11-28 is blocked: Black Friday",
                12,
            ),
            reason(
                "allowed_windows",
                ReasonCode::BlockedWindow,
                Effect::Blocks,
                "outside every allowed window (Mon-Thu 09:00-16:00 America/New_York)",
                4,
            ),
            reason(
                "traffic_threshold",
                ReasonCode::BlockedTraffic,
                Effect::Warns,
                "traffic of 5200 requests/s is above the maximum of 5000 requests/s",
                18,
            ),
        ],
        would_be: None,
        opens_because: Some("the window Mon-Thu 09:00-16:00 America/New_York begins".to_owned()),
        closes_because: None,
        overrun: Overrun::Finish,
        reopens_at: None,
        opens_at: at("2025-12-01T09:00:00-05:00"),
        closes_at: None,
        timezone: "America/New_York".to_owned(),
        evaluated_at: at("2025-11-28T13:30:00-05:00").unwrap(),
        policy: PolicySource {
            path: "policies/production.yaml".to_owned(),
            commit: Some("4f2a91c07b6e5d3f8a1b2c3d4e5f60718293a4b5".to_owned()),
            sha256: "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab".to_owned(),
            files: vec![PolicyFile {
                path: "holidays.ics".to_owned(),
                sha256: "4a7d1ed414474e4033ac29ccb8653d9b5a3a1f0c9d7e6b8a2c4e6f8091a3b5c7"
                    .to_owned(),
            }],
        },
        approvals: Vec::new(),
        overridden: None,
    };
    let mut outcome = Outcome::new(
        Ending::from(&verdict),
        "Friday 2025-11-28 is blocked: Black Friday",
    );
    outcome.reason_code = ReasonCode::BlockedDate.word().to_owned();
    outcome.verdict = Some(verdict);
    outcome
}

fn change(line: usize, pointer: Vec<Segment>, old: &str, new: &str) -> Change {
    Change {
        path: "clusters/prod/advertisements-canary.yaml".to_owned(),
        line,
        column: 18,
        object: ObjectRef {
            kind: "Deployment".to_owned(),
            name: "advertisements-canary".to_owned(),
        },
        pointer,
        old: Some(old.to_owned()),
        new: Some(new.to_owned()),
        item: None,
        scalar_type: ScalarType::Text,
        created: 0,
        span: 0..3,
        old_text: "1.0".to_owned(),
        text: new.to_owned(),
    }
}

fn step(
    index: usize,
    name: &str,
    weight: u64,
    state: StepState,
    from: &str,
    to: &str,
) -> StepRecord {
    let at = |time: &str| utc(&format!("2025-12-02T{time}Z"));
    StepRecord {
        index,
        name: name.to_owned(),
        weight: Some(Weight::new(weight).unwrap()),
        state,
        started_at: (!from.is_empty()).then(|| at(from)),
        finished_at: (!to.is_empty()).then(|| at(to)),
    }
}

fn metric(
    name: &str,
    verdict: &'static str,
    value: Option<f64>,
    detail: &str,
    failed: u32,
) -> MetricRecord {
    MetricRecord {
        name: name.to_owned(),
        verdict,
        value,
        wanted: "at most 0.5".to_owned(),
        detail: detail.to_owned(),
        measured: 20,
        failed,
        errors_in_a_row: 0,
        dry_run: false,
        comparison: None,
    }
}

/// A canary that went well.
pub fn deployed() -> Outcome {
    let mut outcome = Outcome::new(
        Ending::Deployed,
        "advertisements 1.1 is live in production and verified",
    );
    let key = |name: &str| Segment::Key(name.to_owned());
    outcome.changes = vec![
        change(9, vec![key("spec"), key("replicas")], "0", "1"),
        change(
            23,
            vec![
                key("spec"),
                key("template"),
                key("spec"),
                key("containers"),
                Segment::named("app"),
                key("image"),
            ],
            "registry.example/shop/advertisements:1.0",
            "registry.example/shop/advertisements:1.1",
        ),
    ];
    outcome.files_changed = vec!["clusters/prod/advertisements-canary.yaml".to_owned()];
    outcome.diff = "--- a/clusters/prod/advertisements-canary.yaml\n+++ b/clusters/prod/advertisements-canary.yaml\n@@ -9 +9 @@\n-  replicas: 0\n+  replicas: 1\n".to_owned();
    outcome.metrics = vec![
        metric(
            "errors",
            "pass",
            Some(0.000_431_2),
            "0.04% of 51,200 requests",
            0,
        ),
        metric("p95", "pass", Some(0.312), "0.312 s", 1),
    ];
    outcome.deployment = Some(Deployment {
        run: "b1946ac92492d2347c6235b4d2611184".to_owned(),
        service: "advertisements".to_owned(),
        environment: "production".to_owned(),
        version: Some("1.1".parse().unwrap()),
        previous_version: Some("1.0".to_owned()),
        strategy: "canary".to_owned(),
        state: "verified".to_owned(),
        steps: vec![
            step(
                1,
                "canary to 1.1, wait until live",
                0,
                StepState::Passed,
                "14:00:04",
                "14:04:10",
            ),
            step(
                2,
                "set weight 10%, watch for 10m",
                10,
                StepState::Passed,
                "14:04:10",
                "14:14:20",
            ),
            step(3, "promote", 0, StepState::Passed, "14:14:20", "14:25:10"),
        ],
        commits: vec![
            CommitRecord {
                sha: "1111111111111111111111111111111111111111".to_owned(),
                subject: "advertisements 1.1 to the canary".to_owned(),
            },
            CommitRecord {
                sha: "2222222222222222222222222222222222222222".to_owned(),
                subject: "advertisements canary to weight 10".to_owned(),
            },
        ],
        previous_head: Some("0000000000000000000000000000000000000000".to_owned()),
        weight: Some(Weight::ZERO),
        changed: true,
        started_at: Some(utc("2025-12-02T14:00:00Z")),
        finished_at: Some(utc("2025-12-02T14:25:10Z")),
        actor: Some("mira".to_owned()),
        ..Deployment::default()
    });
    outcome
}

/// A canary whose errors rose.
pub fn rolled_back() -> Outcome {
    let mut outcome = deployed();
    outcome.ending = Ending::RolledBack;
    outcome.reason_code = "rolled-back".to_owned();
    outcome.reason =
        "errors of the canary failed 3 times (1.9, at most 0.5); 1.0 is restored and live"
            .to_owned();
    outcome.hints =
        vec!["look at errors of advertisements-canary between 14:04 and 14:06 UTC".to_owned()];
    outcome.changes.clear();
    outcome.diff.clear();
    outcome.metrics = vec![
        metric("errors", "fail", Some(1.9), "1.9% of 2,400 requests", 3),
        metric("p95", "inconclusive", None, "no series for version 1.1", 0),
    ];
    let deployment = outcome.deployment.as_mut().unwrap();
    deployment.state = "rolled-back".to_owned();
    deployment.changed = false;
    deployment.steps[1].state = StepState::Failed;
    deployment.steps[2] = step(3, "promote", 0, StepState::Waiting, "", "");
    deployment.commits[1] = CommitRecord {
        sha: "3333333333333333333333333333333333333333".to_owned(),
        subject: "advertisements back to 1.0: errors of the canary failed 3 times".to_owned(),
    };
    outcome
}

/// Two targets that cannot be edited.
pub fn edit_refused() -> Outcome {
    let mut outcome = Outcome::new(
        Ending::EditRefused,
        "clusters/prod/ads.yaml:31: the image is behind the alias *image",
    );
    outcome.refusals = vec![
        Refusal {
            path: Some("clusters/prod/ads.yaml".to_owned()),
            line: Some(31),
            reason: "the image is behind the alias *image".to_owned(),
            hint: Some("write the image out where the alias stands".to_owned()),
        },
        Refusal {
            path: None,
            line: None,
            reason: "found no Ingress/ads-canary in 4 files".to_owned(),
            hint: None,
        },
    ];
    outcome
}

/// A configuration with a slip of the pen.
pub fn config_invalid() -> Outcome {
    let mut outcome = Outcome::new(
        Ending::ConfigInvalid,
        "shipgate.yaml:7:5: unknown key `strateggy`; did you mean `strategy`?",
    );
    outcome.hints = vec!["`shipgate schema --kind config` prints what is allowed".to_owned()];
    outcome
}

/// The events of a canary, as an operation reports them.
pub fn canary() -> Vec<Event> {
    let at = |minute: i64| utc("2025-12-02T14:00:00Z") + TimeDelta::minutes(minute);
    vec![
        Event::Started {
            at: at(0),
            title: "deploy advertisements 1.1 to production".to_owned(),
        },
        Event::Gate(Box::new(blocked().verdict.unwrap())),
        Event::Changes {
            changes: deployed().changes,
            diff: String::new(),
        },
        Event::Plan {
            steps: vec![String::new(); 3],
            way_back: Vec::new(),
            length: Duration::from_secs(1_500),
        },
        Event::StepStarted {
            at: at(1),
            index: 1,
            total: 3,
            name: "canary to 1.1".to_owned(),
            weight: Some(Weight::ZERO),
        },
        Event::Pushed {
            at: at(1),
            commit: "1111111111111111111111111111111111111111".to_owned(),
            subject: "advertisements 1.1 to the canary".to_owned(),
            branch: "main".to_owned(),
            retries: 2,
        },
        Event::Waiting {
            at: at(2),
            what: "canary to run 1.1 (runs 1.0)".to_owned(),
            elapsed: Duration::from_millis(61_300),
            limit: Some(Duration::from_secs(600)),
        },
        Event::Measured {
            at: at(3),
            metric: rolled_back().metrics[0].clone(),
        },
        Event::Warning("prometheus was slow".to_owned()),
        Event::Warning("prometheus was slow".to_owned()),
        Event::StepFinished {
            at: at(3),
            index: 1,
            state: StepState::Failed,
            detail: "errors failed 3 times".to_owned(),
        },
        Event::WayBack {
            at: at(3),
            reason: "errors failed 3 times".to_owned(),
        },
        Event::Note("weight is 0 again".to_owned()),
    ]
}

/// All of them, by the command that ends so.
pub fn all() -> Vec<(&'static str, Outcome)> {
    vec![
        ("check", blocked()),
        ("deploy", deployed()),
        ("deploy", rolled_back()),
        ("set", edit_refused()),
        ("validate", config_invalid()),
    ]
}

/// A branch with two gaps.
pub fn audited() -> Outcome {
    let mut outcome = Outcome::new(Ending::Findings, "2 gaps in 14 commits on `main`");
    let change = ValueChange {
        key: ValueKey {
            object: "Deployment/advertisements".to_owned(),
            target: "spec.template.spec.containers[name=advertisements].image".to_owned(),
        },
        path: "clusters/prod/advertisements.yaml".to_owned(),
        line: 31,
        old: Some("registry.example/shop/advertisements:1.1".to_owned()),
        new: None,
    };
    let gap = Gap {
        kind: GapKind::Unexplained,
        commit: Some("3333333333333333333333333333333333333333".to_owned()),
        author: Some("Robin <robin@example.com>".to_owned()),
        at: utc("2025-12-02T15:00:00Z"),
        service: "advertisements".to_owned(),
        run: None,
        change: Some(change),
        message: "it names no run".to_owned(),
    };
    let missing = Gap {
        kind: GapKind::MissingCommit,
        commit: None,
        author: None,
        run: Some("5f0c".to_owned()),
        change: None,
        message: "run 5f0c pushed commit 44444444 for step 2/9, and it is not on the branch"
            .to_owned(),
        ..gap.clone()
    };
    outcome.audit = Some(BranchAudit {
        branch: "main".to_owned(),
        from: Some(utc("2025-12-01T00:00:00Z")),
        commits: 14,
        values: 8,
        explained: 21,
        cut: None,
        gaps: vec![gap, missing],
    });
    outcome
}
