//! Services whose workloads a Helm chart writes: only the keys of the values file that the configuration
//! names are changed, and everything goes back there.

use shipgate::sim::{Scenario, Shape};

use crate::{
    endings::rolling_text,
    stage::{RELEASE, Stage, TRAFFIC, VALUES},
};

/// The keys of the canary, as the configuration names them.
const CANARY_KEYS: &str = "      canary: {image_tag: canary.image.tag, version_keys: [canary.podVersion], replicas: canary.replicas}\n";

fn chart(scenario: Scenario) -> Stage {
    Stage::shaped(Shape::Chart, scenario, |text| text)
}

/// The same chart with one workload to be deployed.
fn rolling(scenario: Scenario, change: impl FnOnce(String) -> String) -> Stage {
    Stage::shaped(Shape::Chart, scenario, |text| {
        change(rolling_text(text.replace(CANARY_KEYS, "")))
    })
}

/// What a deployment says of each that it refuses before it writes anything.
async fn refused<const N: usize>(stages: [Stage; N]) -> String {
    let mut ends = Vec::new();
    for stage in stages {
        let end = stage.deploy("1.1").await;
        end.assert(30, "refused");
        assert_eq!(stage.commits(), 0);
        ends.push(end.end());
    }
    ends.join("\n")
}

#[tokio::test]
async fn a_canary_of_a_chart_is_promoted_and_rolled_back() {
    let stage = chart(Scenario::Healthy);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    warning: a chart writes the workloads: whose pods the backends of Ingress/advertisements-canary lead to is not known
    plan: 11 steps, 5 back
    changes: 4
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: passed (good after 3m)
    5/11 canary weight 50%: passed (commit ID)
    6/11 watch canary for 3m: passed (good after 3m)
    7/11 promote: Deployment/advertisements to 1.1: passed (commit ID)
    8/11 wait until stable runs 1.1: passed (live after 27s)
    9/11 watch stable for 2m: passed (good after 2m)
    10/11 canary weight 0%: passed (commit ID)
    11/11 canary to 0 replicas: passed (commit ID)
    0 ok: advertisements 1.1 in production is live and verified
    log: advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1: canary weight 0% (production) | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced promoted promoted promoted verified
    tree: values.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    ");
    let end = stage.rollback(None).await;
    end.assert(0, "rollback");
    // The values of the canary stay at the version that it had last, as those of any canary do.
    insta::assert_snapshot!(stage.story(&end), @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/5 back: canary weight to what it was: passed (already so)
    2/5 back: version and replicas to what they were: passed (commit ID)
    3/5 back: wait until stable runs the previous version: passed
    4/5 back: wait until the canary no longer runs the new version: passed
    5/5 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (a test)
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1: canary weight 0% (production) | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced promoted promoted promoted verified rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    stage.rollback(Some("0.9")).await.assert(0, "rollback --to");
    insta::assert_snapshot!(format!("{}\n{}", stage.tree(), stage.live()), @r#"
    values.yaml: tag: "1.0"          # the version of stable -> tag: "0.9"          # the version of stable
    values.yaml: podVersion: "1.0"     # DD_VERSION and the label of stable's pods -> podVersion: "0.9"     # DD_VERSION and the label of stable's pods
    stable 0.9, canary nothing with 0%
    "#);
    assert_eq!(stage.world.lost_requests(), 0);
}

#[tokio::test]
async fn a_bad_version_leaves_the_values_as_they_were() {
    let stage = chart(Scenario::Errors);
    let before = [VALUES, TRAFFIC].map(|path| stage.text(path));
    let end = stage.deploy("1.1").await;
    end.assert(40, "errors");
    assert_eq!([VALUES, TRAFFIC].map(|path| stage.text(path)), before);
    stage.assert_restored("errors");
    insta::assert_snapshot!(stage.log().join("\n"), @r"
    advertisements 1.1: values back to 1.0 (production)
    advertisements 1.1: traffic back to 1.0 (production)
    advertisements 1.1: canary weight 10% (production)
    advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    ");
}

#[tokio::test]
async fn the_one_workload_of_a_chart_is_deployed_at_once() {
    let stage = rolling(Scenario::Healthy, |text| text);
    let end = stage.deploy("1.1").await;
    end.assert(0, "rolling");
    insta::assert_snapshot!(format!("{}\n{}", stage.log().join("\n"), stage.tree()), @r#"
    advertisements 1.1: Deployment/advertisements to 1.1 (production)
    values.yaml: tag: "1.0"          # the version of stable -> tag: "1.1"          # the version of stable
    values.yaml: podVersion: "1.0"     # DD_VERSION and the label of stable's pods -> podVersion: "1.1"     # DD_VERSION and the label of stable's pods
    "#);
    stage.rollback(None).await.assert(0, "rollback");
    assert_eq!(stage.tree(), "as at first");
    let again = stage.deploy("1.0").await;
    insta::assert_snapshot!(again.end(), @"0 ok: advertisements 1.0 is in production already; nothing to do");
}

#[tokio::test]
async fn keys_that_are_not_there_are_found_before_the_first_push() {
    let key = |old: &'static str, new: &'static str| {
        let change = move |text: String| text.replace(old, new);
        Stage::shaped(Shape::Chart, Scenario::Healthy, change)
    };
    let empty = chart(Scenario::Healthy);
    empty.edit(VALUES, "tag: \"1.0\"", "tag: \"\"");
    let number = chart(Scenario::Healthy);
    number.edit(VALUES, "  replicas: 0 ", "  replicas: none ");
    let stages = [
        key("image_tag: image.tag", "image_tag: image.tags"),
        key("[podVersion]", "[podVersions]"),
        key("canary.replicas}", "canary.replica}"),
        key("root}/values.yaml", "root}/values-prod.yaml"),
        key("root}/values.yaml", "root}/shop/templates/stable.yaml"),
        empty,
        number,
    ];
    insta::assert_snapshot!(refused(stages).await, @r"
    30 edit-refused: clusters/prod/values.yaml:2: there is no `image.tags` here, and a key that the chart does not know would change nothing
      hint: check the key; where only the chart's own values have it, write the value that counts now here
    30 edit-refused: clusters/prod/values.yaml:2: there is no `podVersions` here, and a key that the chart does not know would change nothing
      hint: check the key; where only the chart's own values have it, write the value that counts now here
    30 edit-refused: clusters/prod/values.yaml:2: there is no `canary.replica` here, and a key that the chart does not know would change nothing
      hint: check the key; where only the chart's own values have it, write the value that counts now here
    30 edit-refused: there is no `clusters/prod/values-prod.yaml` in 1 file
      hint: check the path, and that the files to edit include the values file
    30 edit-refused: clusters/prod/shop/templates/stable.yaml:1: a Helm template here, expected the values of a chart
      hint: change the chart's values file (values.yaml) instead; if it is no template, put quotes around the text that holds {{
    30 edit-refused: clusters/prod/values.yaml:4: `image.tag` is empty, expected a value
      hint: write the value that counts now there
    30 edit-refused: clusters/prod/values.yaml:11: `canary.replicas` of clusters/prod/values.yaml is `none`, expected a whole number
      hint: write a number there
    ");
}

/// Both shapes with the values inside of an object.
const INLINE: [Shape; 2] = [Shape::HelmRelease, Shape::Application];

fn inline(shape: Shape, scenario: Scenario) -> Stage {
    Stage::shaped(shape, scenario, |text| text)
}

#[tokio::test]
async fn values_inside_of_an_object_are_changed_there() {
    let mut told = Vec::new();
    for shape in INLINE {
        let stage = inline(shape, Scenario::Healthy);
        let end = stage.deploy("1.1").await;
        end.assert(0, "deploy");
        told.push(format!("{shape:?}\n{}\n{}", stage.tree(), stage.live()));
        assert_eq!(stage.world.lost_requests(), 0);
        stage.rollback(None).await.assert(0, "rollback");
        assert_eq!(stage.tree(), "as at first", "{shape:?}");
        stage.rollback(Some("0.9")).await.assert(0, "rollback --to");
        stage.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(stage.live(), "stable 0.9, canary nothing with 0%");
        let bad = inline(shape, Scenario::Errors);
        bad.deploy("1.1").await.assert(40, "errors");
        bad.assert_restored("errors");
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    HelmRelease
    release.yaml: tag: "1.0"          # the version of stable -> tag: "1.1"          # the version of stable
    release.yaml: podVersion: "1.0"     # DD_VERSION and the label of stable's pods -> podVersion: "1.1"     # DD_VERSION and the label of stable's pods
    release.yaml: image: {tag: '1.0'} -> image: {tag: '1.1'}
    release.yaml: podVersion: "1.0" -> podVersion: "1.1"
    stable 1.1, canary nothing with 0%
    Application
    release.yaml: tag: "1.0"          # the version of stable -> tag: "1.1"          # the version of stable
    release.yaml: podVersion: "1.0"     # DD_VERSION and the label of stable's pods -> podVersion: "1.1"     # DD_VERSION and the label of stable's pods
    release.yaml: image: {tag: '1.0'} -> image: {tag: '1.1'}
    release.yaml: podVersion: "1.0" -> podVersion: "1.1"
    stable 1.1, canary nothing with 0%
    "#);
}

#[tokio::test]
async fn what_does_not_hold_the_values_is_found_before_the_first_push() {
    let wrong = |shape, old: &'static str, new: &'static str| {
        Stage::shaped(shape, Scenario::Healthy, move |text| {
            assert!(text.contains(old));
            text.replace(old, new)
        })
    };
    let no_values = inline(Shape::HelmRelease, Scenario::Healthy);
    no_values.edit(RELEASE, "  values:", "  valuesThatAreNone:");
    let no_text = inline(Shape::Application, Scenario::Healthy);
    no_text.edit(RELEASE, "      values: |", "      values: >");
    let stages = [
        wrong(
            Shape::HelmRelease,
            "HelmRelease/advertisements",
            "HelmRelease/shop",
        ),
        wrong(
            Shape::HelmRelease,
            "image_tag: image.tag",
            "image_tag: image.tags",
        ),
        wrong(Shape::Application, "[podVersion]", "[podVersions]"),
        no_values,
        no_text,
    ];
    insta::assert_snapshot!(refused(stages).await, @r"
    30 edit-refused: there is no HelmRelease/shop in 2 files; found HelmRelease/advertisements
      hint: check kind and name, and that the files to edit include the one that holds it
    30 edit-refused: clusters/prod/release.yaml:2: there is no `image.tags` here, and a key that the chart does not know would change nothing
      hint: check the key; where only the chart's own values have it, write the value that counts now here
    30 edit-refused: clusters/prod/release.yaml:2: there is no `podVersions` here, and a key that the chart does not know would change nothing
      hint: check the key; where only the chart's own values have it, write the value that counts now here
    30 edit-refused: clusters/prod/release.yaml:2: there is no `image.tag` here, and a key that the chart does not know would change nothing
      hint: check the key; where only the chart's own values have it, write the value that counts now here
    30 edit-refused: clusters/prod/release.yaml:15: `values` of Application/advertisements is not a mapping in a literal block, expected one
      hint: write it as `values: |`, or as `valuesObject`
    ");
}
