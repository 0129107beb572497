//! Canaries of many seeds: good versions are promoted, bad ones are taken back to the last byte.

use std::time::Instant;

use crate::{
    is_proof, side_by_side,
    stage::{Pace, Stage},
    until,
};

const SERVICE: &str = "advertisements";

/// What one deployment came to.
#[derive(Debug)]
struct Figures {
    seed: u64,
    code: i32,
    seconds: f64,
    /// The highest weight that got onto the branch, in percent.
    weight: u32,
}

#[test]
fn good_versions_are_promoted_and_bad_ones_taken_back() {
    let each = if is_proof() { 20 } else { 2 };
    let jobs: Vec<(u64, bool)> = (0..each)
        .flat_map(|seed| [(seed, false), (seed, true)])
        .collect();
    let figures = side_by_side(jobs, |(seed, is_bad)| {
        let failing: &[&str] = if is_bad { &["1.1"] } else { &[] };
        let stage = Stage::start(seed, failing, Pace::CAREFUL)?;
        let started = Instant::now();
        let code = if is_bad {
            assert_taken_back(&stage);
            40
        } else {
            assert_promoted(&stage);
            0
        };
        let weights = stage.git(&[
            "log",
            "--all",
            "--format=%(trailers:key=Shipgate-Weight,valueonly,separator=)",
        ]);
        Some(Figures {
            seed,
            code,
            seconds: started.elapsed().as_secs_f64(),
            weight: weights
                .lines()
                .filter_map(|line| line.parse().ok())
                .max()
                .unwrap(),
        })
    });
    for code in [0, 40] {
        report(code, figures.iter().flatten().filter(|it| it.code == code));
    }
}

#[test]
fn canaries_are_compared_by_their_counters() {
    let ended = side_by_side(vec![false, true], |is_bad| {
        let failing: &[&str] = if is_bad { &["1.1"] } else { &[] };
        let stage = Stage::start(3, failing, Pace::COMPARED)?;
        let code = if is_bad { 40 } else { 0 };
        let ran = stage.run(stage.deploy(SERVICE, "1.1")).expect(code);
        Some((is_bad, ran.said()))
    });
    for (is_bad, said) in ended.into_iter().flatten() {
        if is_bad {
            assert!(
                said.contains("sure it is worse than the tolerated"),
                "{said}"
            );
        } else {
            assert!(said.starts_with("DEPLOYED"), "{said}");
        }
    }
}

/// Deploys 1.1 and checks everything that is to be seen of a promoted version.
pub fn assert_promoted(stage: &Stage) {
    let ran = stage.run(stage.deploy(SERVICE, "1.1")).expect(0);
    assert!(
        ran.stdout
            .starts_with("DEPLOYED  advertisements 1.1 in production is live and verified\n"),
        "{}",
        ran.stdout
    );
    assert_versions_alone(stage, "1.1");
    insta::allow_duplicates! {
        insta::assert_snapshot!(history(stage), @"
        shipgate | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production) | 1/11 | started | 0
        shipgate | advertisements 1.1: canary weight 10% (production) | 3/11 | advanced | 10
        shipgate | advertisements 1.1: canary weight 50% (production) | 5/11 | advanced | 50
        shipgate | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | 7/11 | promoted | 50
        shipgate | advertisements 1.1: canary weight 0% (production) | 10/11 | promoted | 0
        shipgate | advertisements 1.1: canary to 0 replicas (production) | 11/11 | promoted | 0
        ");
    }
    assert_eq!(stage.cluster.runs("advertisements").unwrap(), "1.1");
    until("the canary's pods to go", || {
        stage
            .cluster
            .runs("advertisements-canary")
            .is_none()
            .then_some(())
    });
    assert_eq!(
        stage.journal(SERVICE),
        [
            "verified", "promoted", "promoted", "promoted", "advanced", "advanced", "started"
        ]
    );
    let trailer = |key: &str| {
        let format = format!("--format=%(trailers:key=Shipgate-{key},valueonly,separator=)");
        let range = format!("{}..main", stage.first);
        let mut values: Vec<String> = stage
            .git(&["log", &format, &range])
            .lines()
            .map(str::to_owned)
            .collect();
        values.dedup();
        values
    };
    assert_eq!(trailer("Run").len(), 1, "one run, one id");
    assert_eq!(trailer("Base"), [stage.first.as_str()]);
    assert_eq!(trailer("Version"), ["1.1"]);
    assert_eq!(trailer("Previous-Version"), ["1.0"]);
    let [policy] = &trailer("Policy")[..] else {
        panic!("one policy let all of it through");
    };
    assert!(
        policy.starts_with(&format!("policies/production.yaml@{} ", stage.first)),
        "{policy}"
    );
    stage.assert_sound();
    let again = stage.run(stage.deploy(SERVICE, "1.1")).expect(0);
    assert!(
        again.said().contains("is in production already"),
        "{}",
        again.stdout
    );
}

/// Deploys 1.1, which fails, and checks that nothing of it is left.
fn assert_taken_back(stage: &Stage) {
    let ran = stage.run(stage.deploy(SERVICE, "1.1")).expect(40);
    let said = ran.said();
    assert!(
        said.starts_with("ROLLED BACK advertisements 1.1 in production was taken back, 1.0 is live again: error_ratio is 0."),
        "{said}"
    );
    stage.assert_as_at_first();
    assert_eq!(stage.cluster.runs("advertisements").unwrap(), "1.0");
    until("the canary's pods to go", || {
        stage
            .cluster
            .runs("advertisements-canary")
            .is_none()
            .then_some(())
    });
    let states = stage.journal(SERVICE);
    assert_eq!(
        states[..3],
        ["rolled-back", "rolling-back", "rolling-back"],
        "the weight goes first, in a commit of its own"
    );
    stage.assert_sound();
}

/// Weight and replicas are what they were: only the versions differ (image, labels and `DD_VERSION`), in
/// their own quotes, and the comments beside them stay.
pub fn assert_versions_alone(stage: &Stage, version: &str) {
    let changed = changed_lines(stage).replace(version, "NEW");
    insta::allow_duplicates! {
        insta::assert_snapshot!(changed, @r#"
        +++ clusters/prod/advertisements-canary.yaml
        -    version: "1.0"
        +    version: "NEW"
        -    tags.datadoghq.com/version: "1.0"
        +    tags.datadoghq.com/version: "NEW"
        -        version: "1.0"
        +        version: "NEW"
        -        tags.datadoghq.com/version: "1.0"
        +        tags.datadoghq.com/version: "NEW"
        -          image: "registry.example/shop/advertisements:1.0"
        +          image: "registry.example/shop/advertisements:NEW"
        -            - {name: DD_VERSION, value: "1.0"}
        +            - {name: DD_VERSION, value: "NEW"}
        +++ clusters/prod/advertisements.yaml
        -    version: "1.0"
        +    version: "NEW"
        -    tags.datadoghq.com/version: "1.0"    # what the dashboards group by
        +    tags.datadoghq.com/version: "NEW"    # what the dashboards group by
        -        version: '1.0'
        +        version: 'NEW'
        -        tags.datadoghq.com/version: '1.0'
        +        tags.datadoghq.com/version: 'NEW'
        -          image: registry.example/shop/advertisements:1.0
        +          image: registry.example/shop/advertisements:NEW
        -              value: "1.0"     # not a number
        +              value: "NEW"     # not a number
        "#);
    }
}

/// The lines that differ from the first commit.
fn changed_lines(stage: &Stage) -> String {
    let range = format!("{}..main", stage.first);
    let options = ["diff", "--unified=0", "--no-color", "--no-prefix", &range];
    let shown = stage.git(&options);
    let kept = shown.lines().filter(|line| {
        !["diff ", "index ", "--- ", "@@ "]
            .iter()
            .any(|start| line.starts_with(start))
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// The commits since the first with the trailers that tell how a deployment went on.
fn history(stage: &Stage) -> String {
    let value = |key: &str| format!("%(trailers:key=Shipgate-{key},valueonly,separator=)");
    let format = format!(
        "--format=%an | %s | {} | {} | {}",
        value("Step"),
        value("State"),
        value("Weight")
    );
    let range = format!("{}..main", stage.first);
    stage.git(&["log", "--reverse", &format, &range])
}

#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn report<'a>(code: i32, figures: impl Iterator<Item = &'a Figures>) {
    let figures: Vec<_> = figures.collect();
    if figures.is_empty() {
        return;
    }
    let mut seconds: Vec<f64> = figures.iter().map(|it| it.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let mut weights: Vec<u32> = figures.iter().map(|it| it.weight).collect();
    weights.sort_unstable();
    eprintln!(
        "exit {code}: {} seeds {:?}; {:.1} s to {:.1} s, in the middle {:.1} s; highest weights {weights:?}",
        figures.len(),
        figures.iter().map(|it| it.seed).collect::<Vec<_>>(),
        seconds[0],
        seconds[seconds.len() - 1],
        seconds[seconds.len() / 2],
    );
}
