//! The files of the world's first commit: a small shop, its policy and its `shipgate.yaml`.

use chrono::{DateTime, Utc};

use super::{Scenario, Shape};

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
    let (manifests, shipgate) = match scenario.shape() {
        Shape::Ingress => (
            [
                (
                    "advertisements.yaml",
                    include_str!("world/advertisements.yaml"),
                ),
                (
                    "advertisements-canary.yaml",
                    include_str!("world/advertisements-canary.yaml"),
                ),
                ("ingress.yaml", include_str!("world/ingress.yaml")),
            ],
            include_str!("world/shipgate.yaml"),
        ),
        Shape::BlueGreen => (
            [
                (
                    "advertisements-blue.yaml",
                    include_str!("world/blue_green/blue.yaml"),
                ),
                (
                    "advertisements-green.yaml",
                    include_str!("world/blue_green/green.yaml"),
                ),
                (
                    "advertisements-service.yaml",
                    include_str!("world/blue_green/service.yaml"),
                ),
            ],
            include_str!("world/blue_green/shipgate.yaml"),
        ),
    };
    let shipgate = shipgate.replace("@BASE_URL@", base_url);
    let mut files: Vec<(String, String)> = manifests
        .into_iter()
        .map(|(name, text)| (format!("{ROOT}/{name}"), text.to_owned()))
        .collect();
    files.push(("policies/production.yaml".to_owned(), policy));
    files.push(("shipgate.yaml".to_owned(), shipgate));
    files
}
