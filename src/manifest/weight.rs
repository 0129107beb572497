//! The share of the requests that goes to the canary: one file for each kind of object that splits
//! traffic.

use super::{Manifests, ObjectRef, Refusal, findings::Findings, ingress_nginx};
use crate::units::Weight;

/// Kinds that split traffic.
const KINDS: &[&str] = &["Ingress"];

/// Finds the values that give the canary its weight.
pub(super) fn locate(
    manifests: &Manifests,
    traffic: &ObjectRef,
    weight: Weight,
    _canary: Option<&str>,
    findings: &mut Findings,
) {
    match traffic.kind.as_str() {
        "Ingress" => ingress_nginx::locate(manifests, traffic, weight, findings),
        _ => findings.refusals.push(other_kind(manifests, traffic)),
    }
}

/// Returns the weight that the canary has now, in percent.
///
/// # Errors
/// The object is not there exactly once, splits no traffic, or its weight cannot be read.
pub fn current_weight(manifests: &Manifests, traffic: &ObjectRef) -> Result<Weight, Refusal> {
    match traffic.kind.as_str() {
        "Ingress" => ingress_nginx::current(manifests, traffic),
        _ => Err(other_kind(manifests, traffic)),
    }
}

fn other_kind(manifests: &Manifests, traffic: &ObjectRef) -> Refusal {
    match manifests.one(traffic) {
        Err(refusal) => refusal,
        Ok(view) => {
            let kinds = KINDS.join(", ");
            let reason = format!("{traffic} splits no traffic, expected one of {kinds}");
            Refusal::new(reason).at(view.path(), view.object.line)
        }
    }
}
