//! The files of the world's first commit: a small shop, its policy and its `shipgate.yaml`.

use chrono::{DateTime, Utc};

use super::Scenario;

/// The branch that the cluster follows.
pub(super) const BRANCH: &str = "main";

/// The folder that the cluster applies.
pub(super) const ROOT: &str = "clusters/prod";

/// Returns path and text of every file. `base_url` is where the world answers, without a slash at
/// the end; `now` is the day that the scenario `blocked` blocks.
pub(super) fn files(
    scenario: Scenario,
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
    let mut shipgate = include_str!("world/shipgate.yaml").replace("@BASE_URL@", base_url);
    if scenario == Scenario::Held {
        let weight = "          - set_weight: 50\n";
        let pause = "          - pause: {}                 # a person decides\n";
        shipgate = shipgate.replace(weight, &format!("{pause}{weight}"));
    }
    [
        (
            format!("{ROOT}/advertisements.yaml"),
            include_str!("world/advertisements.yaml").to_owned(),
        ),
        (
            format!("{ROOT}/advertisements-canary.yaml"),
            include_str!("world/advertisements-canary.yaml").to_owned(),
        ),
        (
            format!("{ROOT}/ingress.yaml"),
            include_str!("world/ingress.yaml").to_owned(),
        ),
        ("policies/production.yaml".to_owned(), policy),
        ("shipgate.yaml".to_owned(), shipgate),
    ]
    .into()
}
