//! What an audit says of merges whose commits do not say which run they are of.

use std::time::Duration;

use shipgate::sim::Scenario;

use super::{Place, merge_at, place};
use crate::{
    forge::{Flavour, Kind},
    third_party::ThirdParty,
};

/// Merged with the title alone as message after the run gave up waiting.
async fn merged_unwatched(kind: Kind, flavour: Flavour) -> Place {
    let place = place(kind, Scenario::Healthy, ", timeout: 10m");
    place.forge.desk().wants_approval = true;
    place.stage.deploy("1.1").await.assert(11, "waits");
    place
        .forge
        .desk()
        .merge(1, flavour, Some("somebody's own message"));
    place.stage.clock.advance(Duration::from_secs(60));
    place
}

#[tokio::test]
async fn a_squash_that_lost_its_trailers_is_a_gap_until_the_deployment_goes_on() {
    let rows = [
        (Kind::GitHub, Flavour::Squash),
        (Kind::GitLab, Flavour::Squash),
        (Kind::GitLab, Flavour::SquashedMerge),
    ];
    for (kind, flavour) in rows {
        let what = format!("{kind:?} {flavour:?}");
        let place = merged_unwatched(kind, flavour).await;
        let (explained, gaps) = place.stage.audit().await;
        assert_eq!((explained, gaps.len()), (0, 4), "{what}: {gaps:?}");
        let text = "it names no run; if a request of a run was squashed into it without the run's \
            trailers, run the same deployment again: that looks for it and writes it down";
        for gap in gaps {
            let told = gap.starts_with("Unexplained") && gap.ends_with(text);
            assert!(told, "{what}: {gap}");
        }
        place.stage.deploy("1.1").await.assert(0, &what);
        assert_eq!(place.stage.audit().await, (4, Vec::new()), "{what}");
    }
}

#[tokio::test]
async fn a_merge_of_a_run_explains_one_squashed_commit_and_no_other() {
    let place = place(Kind::GitLab, Scenario::Healthy, "");
    merge_at(&place, 1, Flavour::SquashedMerge);
    place.stage.deploy("1.1").await.assert(0, "deployed");
    let others = ThirdParty::at(&place.stage.folder.path().join("gitops.git"));
    let tip = others.tip();
    let path = crate::stage::STABLE;
    let text = others.text(tip, path).unwrap();
    let at = place.stage.clock_now().timestamp() + 60;
    let hotfix = text.replace("advertisements:1.1", "advertisements:1.2");
    let side = others.commit_on(&[tip], &[(path, Some(&hotfix))], "hotfix", at);
    let edits = [(path, Some(hotfix.as_str()))];
    let merge = others.commit_on(&[tip, side], &edits, "Merge", at + 1);
    others.move_to(merge);
    let (explained, gaps) = place.stage.audit().await;
    assert_eq!((explained, gaps.len()), (4, 1), "{gaps:?}");
}
