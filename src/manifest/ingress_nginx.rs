//! The weight of a canary Ingress of ingress-nginx.

use super::{
    Allowances, Manifests, ObjectRef, Refusal, cursor::Cursor, findings::Findings, target::Target,
};
use crate::units::Weight;

// Source: the ingress-nginx documentation, "Annotations", section "Canary".
const CANARY: &str = "nginx.ingress.kubernetes.io/canary";
const WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";
const TOTAL: &str = "nginx.ingress.kubernetes.io/canary-weight-total";

/// Finds the weight of a canary Ingress.
pub(super) fn locate(
    manifests: &Manifests,
    ingress: &ObjectRef,
    weight: Weight,
    findings: &mut Findings,
) {
    if let Some(place) = findings.take(place_of(manifests, ingress)) {
        findings.want(&place, &weight.percent().to_string());
    }
}

/// Returns the weight that a canary Ingress gives to the canary.
///
/// # Errors
/// The Ingress is not there exactly once, is no canary, or its weight is no number from 0 to 100.
pub(super) fn current(manifests: &Manifests, ingress: &ObjectRef) -> Result<Weight, Refusal> {
    let place = place_of(manifests, ingress)?;
    let target = Target::at(&place, Allowances::default())?;
    let percent = target.value.parse::<u64>().ok();
    percent
        .and_then(|percent| Weight::new(percent).ok())
        .ok_or_else(|| {
            place.refusal(format!(
                "`{WEIGHT}` of {ingress} is `{}`, expected a whole number from 0 to 100",
                target.value
            ))
        })
}

fn place_of<'a>(manifests: &'a Manifests, ingress: &ObjectRef) -> Result<Cursor<'a>, Refusal> {
    let view = manifests.one(ingress)?;
    let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
    if ingress.kind != "Ingress" {
        return Err(refuse(format!(
            "{ingress} is no Ingress and has no canary weight"
        )));
    }
    let object = Cursor::new(view);
    let annotations = object.keys(&["metadata", "annotations"])?;
    let annotation = |key: &str| match &annotations {
        Some(annotations) => annotations.key(key),
        None => Ok(None),
    };
    let switch = annotation(CANARY)?;
    if switch.as_ref().and_then(Cursor::text) != Some("true") {
        let found = match switch.as_ref().and_then(Cursor::text) {
            Some(text) => format!("`{text}`"),
            None => "none".to_owned(),
        };
        return Err(refuse(format!(
            "{ingress} is no canary: found {found} as annotation `{CANARY}`, expected \"true\""
        ))
        .hint(format!("add the annotation `{CANARY}: \"true\"`")));
    }
    if let Some(total) = annotation(TOTAL)?
        && total.text() != Some("100")
    {
        let found = total.text().unwrap_or("no number");
        return Err(total
            .refusal(format!(
                "`{TOTAL}` of {ingress} is `{found}`, expected 100, so that weights are percent"
            ))
            .hint("remove the annotation and give the weight in percent"));
    }
    annotation(WEIGHT)?.ok_or_else(|| {
        refuse(format!("{ingress} has no annotation `{WEIGHT}`"))
            .hint(format!("add the annotation `{WEIGHT}: \"0\"`"))
    })
}
