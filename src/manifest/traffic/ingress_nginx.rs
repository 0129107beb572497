//! The weight of a canary Ingress of ingress-nginx.

use crate::manifest::{
    Allowances, Manifests, ObjectRef, Refusal, ScalarType, Segment, backend::check_group,
    cursor::Cursor, findings::Findings, manifests::listed, object::View, shares::part,
    target::Target, weight::LargestShare,
};
use crate::units::Weight;

// Source: the ingress-nginx documentation, "Annotations", section "Canary".
const CANARY: &str = "nginx.ingress.kubernetes.io/canary";
const WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";
const TOTAL: &str = "nginx.ingress.kubernetes.io/canary-weight-total";

/// The API groups that the kind has had.
const GROUPS: &[&str] = &["networking.k8s.io", "extensions"];

/// What weights are parts of where no annotation says it.
const WHOLE: u32 = 100;

/// A canary Ingress.
struct Canary<'a> {
    view: View<'a>,
    /// What its weight is a part of.
    total: u32,
    /// The line that says so, or that of the object.
    line: usize,
}

/// Finds the weight of a canary Ingress; it is added where it is missing.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    ingress: &ObjectRef,
    (weight, canary): (Weight, Option<&str>),
    findings: &mut Findings,
) {
    let Some(found) = findings.take(Canary::find(manifests, ingress, canary)) else {
        return;
    };
    let share = u32::from(weight.percent());
    match part(found.total, share, WHOLE) {
        Some(share) => findings.put(
            &Cursor::new(found.view),
            &Segment::keys(&["metadata", "annotations", WEIGHT]),
            &share.to_string(),
            ScalarType::Text,
        ),
        None => findings.refusals.push(
            Refusal::new(format!(
                "`{TOTAL}` of {ingress} is {}, of which {weight} is no whole number",
                found.total
            ))
            .at(found.view.path(), found.line)
            .hint("give a weight that divides it, or another total such as \"100\""),
        ),
    }
}

/// Returns the weight that a canary Ingress gives to the canary.
///
/// # Errors
/// The Ingress is not there exactly once, is no canary, or its weight is no whole percent.
pub(in crate::manifest) fn current(
    manifests: &Manifests,
    ingress: &ObjectRef,
    canary: Option<&str>,
) -> Result<Weight, Refusal> {
    let found = Canary::find(manifests, ingress, canary)?;
    let object = Cursor::new(found.view);
    // Without the annotation it is 0.
    let Some(place) = object.keys(&["metadata", "annotations", WEIGHT])? else {
        return Ok(Weight::ZERO);
    };
    let target = Target::at(&place, Allowances::default())?;
    let parts = target.value.parse::<u32>().ok();
    let percent = parts.and_then(|parts| part(WHOLE, parts, found.total));
    percent
        .and_then(|percent| Weight::new(u64::from(percent)).ok())
        .ok_or_else(|| {
            place
                .refusal(format!(
                    "`{WEIGHT}` of {ingress} is `{}`, expected 0 to {} in whole percent",
                    target.value, found.total
                ))
                .hint("set the weight once, then it is one")
        })
}

/// Returns the share of a canary Ingress, also where it is no whole percent.
///
/// # Errors
/// As [`current`]; the weight is no number.
pub(in crate::manifest) fn largest_share(
    manifests: &Manifests,
    ingress: &ObjectRef,
    canary: Option<&str>,
) -> Result<LargestShare, Refusal> {
    let found = Canary::find(manifests, ingress, canary)?;
    let object = Cursor::new(found.view);
    let Some(place) = object.keys(&["metadata", "annotations", WEIGHT])? else {
        return Ok(LargestShare::of(0, found.total, &object));
    };
    match place.text().and_then(|text| text.parse().ok()) {
        Some(parts) => Ok(LargestShare::of(parts, found.total, &place)),
        // It says why this is none.
        None => {
            let weight = current(manifests, ingress, canary)?;
            Ok(LargestShare::of(weight.percent().into(), WHOLE, &place))
        }
    }
}

impl<'a> Canary<'a> {
    fn find(
        manifests: &'a Manifests,
        ingress: &ObjectRef,
        named: Option<&str>,
    ) -> Result<Self, Refusal> {
        let view = manifests.one(ingress)?;
        check_group(view, GROUPS)?;
        let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
        let annotations = Cursor::new(view).keys(&["metadata", "annotations"])?;
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
        let (total, line) = match annotation(TOTAL)? {
            None => (WHOLE, view.object.line),
            Some(place) => (total_at(&place)?, place.line()),
        };
        if let Some(named) = named {
            let services = services(&Cursor::new(view))?;
            let mut names = services.iter().filter_map(Cursor::text);
            if !names.any(|name| name == named) {
                let names = services.iter().filter_map(Cursor::text);
                let found = listed(names.map(|name| format!("`{name}`")));
                let found = if found.is_empty() { "none" } else { &found };
                return Err(refuse(format!(
                    "{ingress} does not lead to the Service `{named}`; found {found}"
                ))
                .hint("name the Service of the canary Ingress, or none"));
            }
        }
        Ok(Self { view, total, line })
    }
}

fn total_at(place: &Cursor<'_>) -> Result<u32, Refusal> {
    let text = place.text().unwrap_or("no number");
    let total = text.parse().ok().filter(|total| *total > 0);
    total.ok_or_else(|| {
        place
            .refusal(format!(
                "`{TOTAL}` of {} is `{text}`, expected a whole number from 1",
                place.view.reference()
            ))
            .hint("remove the annotation, then weights are percent")
    })
}

/// Returns the names of the Services that a canary Ingress leads to, where they are written.
///
/// # Errors
/// As [`current`].
pub(in crate::manifest) fn backends<'a>(
    manifests: &'a Manifests,
    ingress: &ObjectRef,
    canary: Option<&str>,
) -> Result<Vec<Cursor<'a>>, Refusal> {
    services(&Cursor::new(Canary::find(manifests, ingress, canary)?.view))
}

/// Returns the names of the Services that an Ingress leads to, where they are written.
fn services<'a>(ingress: &Cursor<'a>) -> Result<Vec<Cursor<'a>>, Refusal> {
    let mut backends = Vec::new();
    backends.extend(ingress.keys(&["spec", "defaultBackend"])?);
    let rules = ingress.keys(&["spec", "rules"])?;
    for rule in rules.iter().flat_map(Cursor::items) {
        let paths = rule.keys(&["http", "paths"])?;
        for path in paths.iter().flat_map(Cursor::items) {
            backends.extend(path.key("backend")?);
        }
    }
    let mut found = Vec::new();
    for backend in backends {
        found.extend(backend.keys(&["service", "name"])?);
    }
    Ok(found)
}
