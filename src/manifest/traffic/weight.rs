//! The share of the requests that goes to the canary: one file for each kind of object that splits
//! traffic.

use crate::manifest::{
    Manifests, ObjectRef, Refusal,
    cursor::Cursor,
    findings::Findings,
    http_route, ingress_nginx,
    manifests::listed,
    object::View,
    shares::{self, Splitter},
    traefik_service, virtual_service,
};
use crate::units::Weight;

/// The largest share of the requests that a rule gives the canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargestShare {
    /// In percent, rounded up: it is 0 only where nobody is sent there.
    pub weight: Weight,
    /// Path of the file that says so.
    pub path: String,
    /// 1-based line in it.
    pub line: usize,
}

impl LargestShare {
    /// Reads it from parts of a whole at a place; parts of nothing are none.
    pub(in crate::manifest) fn of(parts: u32, whole: u32, place: &Cursor<'_>) -> Self {
        let percent = match u64::from(whole) {
            0 => 0,
            whole => (u64::from(parts) * 100).div_ceil(whole),
        };
        Self {
            weight: Weight::new(percent.min(100)).unwrap_or(Weight::FULL),
            path: place.view.path().to_owned(),
            line: place.line(),
        }
    }
}

/// The canary Ingress of ingress-nginx says its weight itself.
const INGRESS: &str = "Ingress";

/// Kinds that list their backends with a weight for each.
const SPLITTERS: &[(&str, &Splitter)] = &[
    ("HTTPRoute", &http_route::SPLITTER),
    ("GRPCRoute", &http_route::SPLITTER),
    ("TLSRoute", &http_route::SPLITTER),
    ("TCPRoute", &http_route::SPLITTER),
    ("UDPRoute", &http_route::SPLITTER),
    ("VirtualService", &virtual_service::SPLITTER),
    ("TraefikService", &traefik_service::SPLITTER),
];

/// Finds the values that give the canary its weight. `canary` names it among the backends. Where no
/// object is named, the only one that splits traffic is meant.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    traffic: Option<&ObjectRef>,
    weight: Weight,
    canary: Option<&str>,
    findings: &mut Findings,
) {
    let only = match traffic {
        Some(traffic) => Ok(traffic.clone()),
        None => only_splitting(manifests, canary),
    };
    let Some(traffic) = &findings.take(only) else {
        return;
    };
    if traffic.kind == INGRESS {
        return ingress_nginx::locate(manifests, traffic, (weight, canary), findings);
    }
    match splitter(traffic) {
        Some(splitter) => {
            shares::locate(manifests, traffic, splitter, (weight, canary), findings);
        }
        None => findings.refusals.push(other_kind(manifests, traffic)),
    }
}

/// Returns the weight that the canary has now, in percent. `canary` names it among the backends of an
/// object; where it is not there yet beside the only one, it is 0.
///
/// # Errors
/// The object is not there exactly once, splits no traffic, its canary is not clear, or its weight
/// cannot be read, is no whole percent, or differs between rules.
pub fn current_weight(
    manifests: &Manifests,
    traffic: &ObjectRef,
    canary: Option<&str>,
) -> Result<Weight, Refusal> {
    if traffic.kind == INGRESS {
        return ingress_nginx::current(manifests, traffic, canary);
    }
    match splitter(traffic) {
        Some(splitter) => shares::current(manifests, traffic, splitter, canary),
        None => Err(other_kind(manifests, traffic)),
    }
}

/// Returns the largest share that any rule gives the canary, also where its weights are no whole percent or
/// differ between rules: what has to be known of users before their pods go.
///
/// # Errors
/// The object is not there exactly once, splits no traffic, its canary is not clear, or a weight is no
/// number.
pub fn largest_share(
    manifests: &Manifests,
    traffic: &ObjectRef,
    canary: Option<&str>,
) -> Result<LargestShare, Refusal> {
    if traffic.kind == INGRESS {
        return ingress_nginx::largest_share(manifests, traffic, canary);
    }
    match splitter(traffic) {
        Some(splitter) => shares::largest(manifests, traffic, splitter, canary),
        None => Err(other_kind(manifests, traffic)),
    }
}

/// Returns the only object among the files that splits traffic.
fn only_splitting(manifests: &Manifests, canary: Option<&str>) -> Result<ObjectRef, Refusal> {
    let mut all: Vec<&ObjectRef> = Vec::new();
    for kind in kinds() {
        let of_kind = |view: &View<'_>| view.reference().kind == kind;
        let named = [kind];
        let views = manifests.views_with(&named).filter(of_kind);
        all.extend(views.map(|view| view.reference()));
    }
    all.sort();
    all.dedup();
    let splits = |object: &&&ObjectRef| current_weight(manifests, object, canary).is_ok();
    let splitting: Vec<&&ObjectRef> = all.iter().filter(splits).collect();
    if let [only] = splitting.as_slice() {
        return Ok((**only).clone());
    }
    let found = if splitting.is_empty() {
        listed(all.iter().map(ToString::to_string))
    } else {
        listed(splitting.iter().map(ToString::to_string))
    };
    let reason = match (splitting.is_empty(), found.as_str()) {
        (_, "") => "no object of the files splits traffic, expected one".to_owned(),
        (true, found) => {
            format!("no object of the files splits traffic for sure, expected one; found {found}")
        }
        (false, found) => format!("several objects split traffic, expected one; found {found}"),
    };
    Err(Refusal::new(reason).hint("name the object that gives the canary its weight"))
}

fn kinds() -> impl Iterator<Item = &'static str> {
    std::iter::once(INGRESS).chain(SPLITTERS.iter().map(|(kind, _)| *kind))
}

/// Returns how a kind that lists its backends splits traffic; none of another kind.
pub(in crate::manifest) fn splitter(traffic: &ObjectRef) -> Option<&'static Splitter> {
    let mut kinds = SPLITTERS.iter();
    let (_, splitter) = kinds.find(|(kind, _)| *kind == traffic.kind)?;
    Some(splitter)
}

fn other_kind(manifests: &Manifests, traffic: &ObjectRef) -> Refusal {
    match manifests.one(traffic) {
        Err(refusal) => refusal,
        Ok(view) => {
            let kinds: Vec<&str> = kinds().collect();
            let reason = format!(
                "{traffic} splits no traffic, expected one of {}",
                kinds.join(", ")
            );
            Refusal::new(reason)
                .at(view.path(), view.object.line)
                .hint("name the object that says how many requests the canary gets")
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::{current_weight, largest_share};
    use crate::{
        manifest::{Manifests, SourceFile},
        units::Weight,
    };

    fn weight(kind: &str, spec: &str, canary: &str) -> Result<u8, String> {
        let text = format!("kind: {kind}\nmetadata: {{name: app}}\nspec: {spec}\n");
        let file = SourceFile {
            path: "f.yaml".to_owned(),
            bytes: text.into_bytes(),
        };
        let manifests = Manifests::parse(vec![file]).unwrap();
        let traffic = format!("{kind}/app").parse().unwrap();
        let named = (!canary.is_empty()).then_some(canary);
        current_weight(&manifests, &traffic, named)
            .map(Weight::percent)
            .map_err(|refusal| refusal.to_string())
    }

    /// The backends of a rule: names with their weights, where they have one.
    fn backends(of: &[(&str, &str)], istio: bool) -> String {
        let items: Vec<String> = of
            .iter()
            .map(|(name, weight)| {
                let name = if istio {
                    format!("destination: {{host: {name}}}")
                } else {
                    format!("name: {name}")
                };
                let weight = if weight.is_empty() {
                    String::new()
                } else {
                    format!(", weight: {weight}")
                };
                format!("{{{name}{weight}}}")
            })
            .collect();
        items.join(", ")
    }

    fn route(of: &[(&str, &str)]) -> String {
        format!("{{rules: [{{backendRefs: [{}]}}]}}", backends(of, false))
    }

    fn virtual_service(of: &[(&str, &str)]) -> String {
        format!("{{http: [{{route: [{}]}}]}}", backends(of, true))
    }

    #[test]
    fn weights_are_read_in_percent() {
        let pair = [("app", "90"), ("app-canary", "10")];
        let parts = [("app", "9"), ("app-canary", "1")];
        let bare = [("app", ""), ("app-canary", "")];
        let one_bare = [("app", "100"), ("app-canary", "")];
        let alone = [("app", "")];
        let seven = [("app", "7"), ("app-canary", "0")];
        let traefik = format!("{{weighted: {{services: [{}]}}}}", backends(&parts, false));
        let rows = [
            ("HTTPRoute", route(&pair), "", 10),
            ("HTTPRoute", route(&pair), "app", 90),
            ("HTTPRoute", route(&parts), "", 10),
            ("GRPCRoute", route(&bare), "", 50),
            ("HTTPRoute", route(&alone), "app-canary", 0),
            ("TraefikService", traefik, "", 10),
            ("VirtualService", virtual_service(&pair), "", 10),
            ("VirtualService", virtual_service(&one_bare), "", 0),
            ("VirtualService", virtual_service(&alone), "app-canary", 0),
            // Relative there too: `9` and `1` are 10 %, `7` and `0` are none.
            ("VirtualService", virtual_service(&parts), "", 10),
            ("VirtualService", virtual_service(&seven), "", 0),
            ("VirtualService", virtual_service(&seven), "app", 100),
        ];
        for (kind, spec, canary, expected) in rows {
            assert_eq!(weight(kind, &spec, canary), Ok(expected), "{kind} {spec}");
        }
    }

    #[test]
    fn the_largest_share_is_known_of_every_rule() {
        let rule = |of: &[(&str, &str)]| format!("{{backendRefs: [{}]}}", backends(of, false));
        let pair = |stable, canary| rule(&[("app", stable), ("app-canary", canary)]);
        let rows = [
            (vec![pair("100", "0")], 0),
            (vec![pair("0", "0")], 0),
            (vec![pair("70", "40")], 37),
            (vec![pair("999", "1")], 1),
            (vec![pair("100", "0"), pair("2", "1")], 34),
            (vec![pair("50", "50"), pair("100", "0")], 50),
            // What a header or the like sends there is no split.
            (vec![pair("100", "0"), rule(&[("app-canary", "")])], 0),
        ];
        for (rules, expected) in rows {
            let text = format!(
                "kind: HTTPRoute\nmetadata: {{name: app}}\nspec: {{rules: [{}]}}\n",
                rules.join(", ")
            );
            let file = SourceFile {
                path: "f.yaml".to_owned(),
                bytes: text.clone().into_bytes(),
            };
            let manifests = Manifests::parse(vec![file]).unwrap();
            let traffic = "HTTPRoute/app".parse().unwrap();
            let share = largest_share(&manifests, &traffic, None).unwrap();
            assert_eq!(share.weight.percent(), expected, "{text}");
        }
    }

    #[test]
    fn weights_that_are_no_percent_are_refused() {
        let thirds = [("app", "2"), ("app-canary", "1")];
        let none = [("app", "0"), ("app-canary", "0")];
        let text = [("app", "90"), ("app-canary", "ten")];
        let parts = [("app", "9"), ("app-canary", "1")];
        let differ = format!(
            "{{rules: [{{backendRefs: [{}]}}, {{backendRefs: [{}]}}]}}",
            backends(&thirds, false).replace("weight: 2", "weight: 3"),
            backends(&parts, false)
        );
        let refusals = [
            weight("HTTPRoute", &route(&thirds), ""),
            weight("HTTPRoute", &route(&none), ""),
            weight("HTTPRoute", &route(&text), ""),
            weight("HTTPRoute", &differ, ""),
            weight("HTTPRoute", &route(&[("app", "")]), ""),
            weight("HTTPRoute", "{rules: []}", "app"),
            weight("VirtualService", &virtual_service(&thirds), ""),
            weight("VirtualService", &virtual_service(&none), ""),
        ]
        .map(Result::unwrap_err);
        insta::assert_snapshot!(refusals.join("\n"), @r"
        f.yaml:3: the weights of `spec.rules[0].backendRefs` in HTTPRoute/app give the canary no whole percent; found `app` (weight 2, line 3), `app-canary` (weight 1, line 3)
        f.yaml:3: the weights of `spec.rules[0].backendRefs` in HTTPRoute/app give the canary no whole percent; found `app` (weight 0, line 3), `app-canary` (weight 0, line 3)
        f.yaml:3: the weight of `app-canary` in HTTPRoute/app is `ten`, expected a whole number from 0
        f.yaml:3: the canary of HTTPRoute/app has 10% here and 25% on line 3, expected the same in every rule
        f.yaml:1: HTTPRoute/app splits no traffic, expected two backends; found `app` (no weight, line 3)
        f.yaml:1: no backend of HTTPRoute/app that shares requests is `app`; found no backend
        f.yaml:3: the weights of `spec.http[0].route` in VirtualService/app give the canary no whole percent; found `app` (weight 2, line 3), `app-canary` (weight 1, line 3)
        f.yaml:3: the weights of `spec.http[0].route` in VirtualService/app give the canary no whole percent; found `app` (weight 0, line 3), `app-canary` (weight 0, line 3)
        ");
    }
}
