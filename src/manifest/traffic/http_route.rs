//! The backends of the routes of the Gateway API: `HTTPRoute`, `GRPCRoute`, `TLSRoute`, `TCPRoute`
//! and `UDPRoute` write them alike.

use crate::manifest::{
    Manifests, Refusal,
    backend::{Rule, check_group, for_everyone},
    cursor::Cursor,
    object::View,
    second_backend::{self, Second},
    shares::Splitter,
};

/// The API groups of these kinds; Linkerd's HTTPRoute is an older copy.
const GROUPS: &[&str] = &["gateway.networking.k8s.io", "policy.linkerd.io"];

/// What a match asks for that chooses among users, and not among paths.
const CHOOSING: &[&str] = &["headers", "queryParams"];

/// What a backend may say for a second one to be made like it.
const COPIED: &[&str] = &["group", "kind", "name", "port", "weight"];

/// Weights are relative to each other; one that is not written is 1.
/// Source: Gateway API reference, `BackendRef.weight`.
pub(in crate::manifest) const SPLITTER: Splitter = Splitter {
    rules,
    missing: 1,
    second,
};

/// Reads the rules that have backends. Mirrors are filters and no backends.
fn rules(view: View<'_>) -> Result<Vec<Rule<'_>>, Refusal> {
    check_group(view, GROUPS)?;
    let mut found = Vec::new();
    let rules = Cursor::new(view).keys(&["spec", "rules"])?;
    for rule in rules.iter().flat_map(Cursor::items) {
        if let Some(list) = rule.key("backendRefs")? {
            let of_services = Rule::of_services(list)?;
            let matches = rule.key("matches")?;
            let chosen = of_services.map(|of_services| of_services.chosen_by(matches, CHOOSING));
            found.extend(chosen.transpose()?);
        }
    }
    Ok(for_everyone(found))
}

fn second(_: &Manifests, rule: &Rule<'_>, name: &str) -> Result<Second, Refusal> {
    second_backend::service(rule, name, COPIED)
}
