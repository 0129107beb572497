//! The backends of a weighted `TraefikService`.

use crate::manifest::{
    Manifests, Refusal,
    backend::{Rule, check_group},
    cursor::Cursor,
    object::View,
    second_backend::{self, Second},
    shares::Splitter,
};

/// The API groups of the kind, the one of Traefik 2 last.
const GROUPS: &[&str] = &["traefik.io", "traefik.containo.us"];

/// What a backend may say for a second one to be made like it.
const COPIED: &[&str] = &["kind", "name", "port", "weight"];

/// Weights are relative to each other; one that is not written is 1.
/// Source: Traefik's documentation, "Weighted Round Robin", and `WRRService.SetDefaults` in its source.
pub(in crate::manifest) const SPLITTER: Splitter = Splitter {
    rules,
    missing: 1,
    second,
};

/// Reads the one rule of the object; what it mirrors to has no weight.
fn rules(view: View<'_>) -> Result<Vec<Rule<'_>>, Refusal> {
    check_group(view, GROUPS)?;
    let services = Cursor::new(view).keys(&["spec", "weighted", "services"])?;
    let rule = services.map(Rule::of_services).transpose()?;
    Ok(rule.flatten().into_iter().collect())
}

fn second(_: &Manifests, rule: &Rule<'_>, name: &str) -> Result<Second, Refusal> {
    second_backend::service(rule, name, COPIED)
}
