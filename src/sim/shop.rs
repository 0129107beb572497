//! The files of the world's first commit: a small shop, its policy and its `shipgate.yaml`.

use chrono::{DateTime, Utc};

use super::{Scenario, Shape};

/// The branch that the cluster follows.
pub(super) const BRANCH: &str = "main";

/// The folder that the cluster applies.
pub(super) const ROOT: &str = "clusters/prod";

/// Returns path and text of every file. `shape` is what splits its traffic; `base_url` is where the world answers, without a slash at
/// the end; `now` is the day that the scenario `blocked` blocks.
pub(super) fn files(
    (scenario, shape): (Scenario, Shape),
    base_url: &str,
    now: DateTime<Utc>,
) -> Vec<(String, String)> {
    let mut policy = include_str!("world/policy.yaml").to_owned();
    if scenario == Scenario::Blocked {
        policy.push_str(&format!(
            "blocked_dates:\n  - \"{}\"   # stock-taking: nothing is deployed\n",
            now.format("%Y-%m-%d")
        ));
    }
    let mut shipgate = shape.config().replace("@BASE_URL@", base_url);
    if scenario == Scenario::Held {
        let weight = "          - set_weight: 50\n";
        let pause = "          - pause: {}                 # a person decides\n";
        shipgate = shipgate.replace(weight, &format!("{pause}{weight}"));
    }
    if scenario == Scenario::Drill {
        let patience = "    on_unavailable_after";
        let drills = "    drills: true\n";
        shipgate = shipgate.replace(patience, &format!("{drills}{patience}"));
    }
    let mut files = shape.manifests();
    files.push(("policies/production.yaml".to_owned(), policy));
    files.push(("shipgate.yaml".to_owned(), shipgate));
    files
}
