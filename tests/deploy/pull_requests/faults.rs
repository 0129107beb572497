//! Kills, outages and refusals: nothing is ever merged without somebody watching it.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{github, merge_at, merge_everything};
use crate::{
    forge::{Answer, Flavour, Moment, Standing},
    runs::Start,
    wire::{Call, Fate, When},
};

#[tokio::test]
async fn a_killed_run_is_continued_or_recovered_whatever_happened_to_its_pull_request() {
    for merged in [None, Some(Flavour::Merge), Some(Flavour::Squash)] {
        for recovers in [false, true] {
            let what = format!("{merged:?}, recovers: {recovers}");
            let place = github("");
            let start = Start::new();
            let kill = Arc::clone(&start.kill);
            place.forge.people(move |_, look| {
                if look == 2 {
                    kill.notify_one();
                }
            });
            let end = place.stage.deploy_with("1.1", start).await;
            assert_eq!(end.code, None, "{what}:\n{end}");
            if let Some(flavour) = merged {
                place
                    .forge
                    .desk()
                    .merge(1, flavour, Some("somebody's own message"));
            }
            place.forge.people(|desk, _| {
                let open = desk
                    .pulls
                    .iter()
                    .find(|pull| pull.standing == Standing::Open);
                if let Some(number) = open.map(|pull| pull.number) {
                    desk.merge(number, Flavour::Squash, None);
                }
            });
            place.stage.clock.advance(Duration::from_secs(60));
            if recovers {
                // Nothing of it is wanted any more: what is open is closed before anybody looks.
                place.forge.people(|_, _| {});
                let back = merged.is_some();
                place.forge.people(move |desk, _| {
                    if back && desk.pulls.len() == 2 && desk.pulls[1].standing == Standing::Open {
                        desk.merge(2, Flavour::Squash, None);
                    }
                });
                place.stage.recover().await.assert(0, &what);
                place.stage.assert_restored(&what);
                let closed = matches!(place.forge.desk().pulls[0].standing, Standing::Closed);
                assert_eq!(closed, merged.is_none(), "{what}");
            } else {
                place.stage.deploy("1.1").await.assert(0, &what);
                assert_eq!(place.forge.desk().pulls.len(), 1, "{what}");
                assert!(place.stage.tree().contains("advertisements:1.1"), "{what}");
            }
            assert_eq!(place.branches(), ["main"], "{what}");
        }
    }
}

#[tokio::test]
async fn a_merge_that_the_forge_refuses_for_good_says_what_it_said_and_stays_open() {
    let place = github(", merge_method: squash");
    let text = "Resource not accessible by integration";
    let answer = Answer::json(403, &json!({"message": text}));
    let merge = ("PUT", "/pulls/1/merge");
    place
        .forge
        .desk()
        .fault(merge.0, merge.1, answer, usize::MAX);
    let end = place.stage.deploy("1.1").await;
    end.assert(32, "refused");
    let url = place.forge.api.clone();
    insta::assert_snapshot!(end.end().replace(&url, "FORGE"), @r"
    32 push-denied: the pull request FORGE/git/gitops/pull/1 stays open, the forge does not let this run merge it: FORGE answered with status 403: Resource not accessible by integration
      hint: once it is merged, run the same deploy again: it goes on from there
      hint: to give it up: `shipgate rollback --service advertisements --environment production` closes it
      hint: merge it by hand, or check that the token in SHIPGATE_TOKEN may merge into the branch; without `merge_method` in the configuration it is left to people
    ");
    assert_eq!(place.stage.tree(), "as at first");
}

#[tokio::test]
async fn what_the_forge_refuses_ends_below_40_with_what_to_do() {
    let message = |status, text: &str| Answer::json(status, &json!({"message": text}));
    let rows = [
        ("GET", "/gitops", message(401, "Bad credentials"), 32),
        ("GET", "/gitops", message(404, "Not Found"), 32),
        ("GET", "/gitops", message(503, "Service Unavailable"), 20),
        (
            "POST",
            "/pulls",
            message(403, "Resource not accessible by personal access token"),
            32,
        ),
        ("POST", "/pulls", message(422, "Validation Failed"), 32),
        ("POST", "/pulls", message(500, "Server Error"), 20),
        ("GET", "/pulls/1", message(401, "Bad credentials"), 32),
        (
            "GET",
            "/gitops",
            Answer::json(302, &json!({})).with("location", "https://evil.example/"),
            32,
        ),
    ];
    let mut told = Vec::new();
    for (method, part, answer, code) in rows {
        let place = github("");
        let status = answer.status;
        place.forge.desk().fault(method, part, answer, usize::MAX);
        let end = place.stage.deploy("1.1").await;
        end.assert(code, &format!("{method} {part} {status}"));
        let url = place.forge.api.clone();
        told.push(format!(
            "{method} {part} {status}: {}",
            end.end().replace(&url, "FORGE")
        ));
        assert_eq!(place.stage.tree(), "as at first");
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    GET /gitops 401: 32 push-denied: FORGE answered with status 401: Bad credentials
      hint: check that the token in SHIPGATE_TOKEN may open pull requests there (GitHub: contents and pull requests, read and write; GitLab: scope `api`)
    GET /gitops 404: 32 push-denied: FORGE answered with status 404: Not Found
      hint: check the repository's address, and that the token in SHIPGATE_TOKEN may see it
    GET /gitops 503: 20 unavailable: FORGE answered with status 503: Service Unavailable
      hint: run the same command again when the forge answers
    POST /pulls 403: 32 push-denied: FORGE answered with status 403: Resource not accessible by personal access token
      hint: check that the token in SHIPGATE_TOKEN may open pull requests there (GitHub: contents and pull requests, read and write; GitLab: scope `api`)
    POST /pulls 422: 32 push-denied: FORGE opens no pull request: Validation Failed
      hint: look at the project's settings for pull requests, and at `pull_request` in the configuration
    POST /pulls 500: 20 unavailable: FORGE answered with status 500: Server Error
      hint: run the same command again when the forge answers
    GET /pulls/1 401: 32 push-denied: the pull request FORGE/git/gitops/pull/1 stays open: FORGE answered with status 401: Bad credentials
      hint: once it is merged, run the same deploy again: it goes on from there
      hint: to give it up: `shipgate rollback --service advertisements --environment production` closes it
      hint: check that the token in SHIPGATE_TOKEN is valid still and may read and merge there
    GET /gitops 302: 32 push-denied: FORGE answered with status 302; redirects are not followed, so the address must be the final one
      hint: look at the project's settings for pull requests, and at `pull_request` in the configuration
    ");
}

#[tokio::test]
async fn outages_and_limits_are_waited_through() {
    let busy = |status: u16| Answer::json(status, &json!({"message": "API rate limit exceeded"}));
    let rows = [
        ("GET", "/pulls/1", Answer::json(502, &json!({})), 3),
        ("GET", "/pulls/1", Answer::hang_up(), 3),
        ("GET", "/pulls/1", busy(403).with("retry-after", "120"), 2),
        (
            "GET",
            "/pulls/1",
            busy(429)
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", "1773137400"),
            1,
        ),
        ("POST", "/pulls", busy(403).with("retry-after", "90"), 1),
        ("POST", "/pulls", Answer::hang_up(), 1),
        (
            "GET",
            "/pulls/1",
            Answer::json(200, &json!({"number": 1})),
            2,
        ),
    ];
    for (method, part, answer, times) in rows {
        let what = format!("{method} {part} {answer:?}");
        let place = github("");
        place.forge.desk().fault(method, part, answer, times);
        let before = place.stage.clock_now();
        merge_at(&place, 8, Flavour::Merge);
        let end = place.stage.deploy("1.1").await;
        end.assert(0, &what);
        assert_eq!(place.forge.desk().pulls.len(), 1, "{what}");
        if what.contains("120") {
            assert!(
                (place.stage.clock_now() - before).num_seconds() > 240,
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn a_pull_request_whose_opening_was_not_answered_is_found() {
    let place = github("");
    let start = Start::new();
    place.forge.people(|desk, _| {
        let number = desk.open();
        desk.merge(number, Flavour::Merge, None);
    });
    // The server does it and hangs up: the next try is told that there is one already.
    place.forge.desk().lost_openings = 1;
    place
        .stage
        .deploy_with("1.1", start)
        .await
        .assert(0, "found again");
    assert_eq!(place.forge.desk().pulls.len(), 1);
}

/// A run that is killed around each request to the forge leaves nothing that could be merged without
/// anybody knowing, and whoever comes next ends it.
#[tokio::test]
async fn a_run_may_be_killed_around_every_request_to_the_forge() {
    let mut kills = 0;
    for moment in [Moment::Before, Moment::After] {
        for at in 1.. {
            let what = format!("killed {moment:?} request {at}");
            let place = github(", merge_method: squash");
            let start = Start::new();
            let kill = Arc::clone(&start.kill);
            place.forge.observe(move |number, now| {
                if (number, now) == (at, moment) {
                    kill.notify_one();
                }
            });
            let end = place.stage.deploy_with("1.1", start).await;
            if end.code.is_some() {
                end.assert(0, &what);
                assert!(at > 6, "{what}");
                break;
            }
            kills += 1;
            place.forge.observe(|_, _| {});
            if at % 2 == 0 {
                merge_everything(&place);
                place.stage.deploy("1.1").await.assert(0, &what);
                assert!(place.stage.tree().contains("advertisements:1.1"), "{what}");
                assert_eq!(place.forge.desk().pulls.len(), 1, "{what}");
            } else {
                place.stage.clock.advance(Duration::from_secs(60));
                let merged = place
                    .forge
                    .desk()
                    .pulls
                    .iter()
                    .any(|pull| matches!(pull.standing, Standing::Merged(_)));
                if merged {
                    merge_everything(&place);
                }
                place.stage.recover().await.assert(0, &what);
                place.stage.assert_restored(&what);
                let open = place
                    .forge
                    .desk()
                    .pulls
                    .iter()
                    .any(|pull| pull.standing == Standing::Open);
                assert!(!open, "{what}");
                assert_eq!(place.forge.desk().pulls.len() > 1, merged, "{what}");
            }
            assert_eq!(place.branches(), ["main"], "{what}");
            assert_eq!(
                place.forge.desk().violations,
                Vec::<String>::new(),
                "{what}"
            );
        }
    }
    assert!(kills > 12, "{kills}");
}

/// What the git server did with a push of ours is read back, never guessed.
#[tokio::test]
async fn a_lost_answer_of_the_git_server_changes_nothing() {
    for (when, fate) in [
        (When::Before, Fate::Drop),
        (When::Before, Fate::Unavailable),
        (When::After, Fate::Drop),
        (When::After, Fate::Unavailable),
    ] {
        for nth in 1..=2 {
            let what = format!("{when:?} {fate:?} {nth}");
            let place = github("");
            let fate = fate.clone();
            // The first push makes our branch, the second takes it away.
            place
                .stage
                .wire
                .at(Call::Branch, when, nth, move || fate.clone());
            merge_everything(&place);
            let end = place.stage.deploy("1.1").await;
            end.assert(0, &what);
            assert_eq!(place.forge.desk().pulls.len(), 1, "{what}");
            assert!(place.stage.tree().contains("advertisements:1.1"), "{what}");
        }
    }
}
