//! `traffic`: what splits the requests between stable and canary.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Problems, Reading, read_object, stand_in};
use crate::{
    manifest::{Edit, ObjectRef},
    units::Weight,
};

/// What splits the traffic: exactly one key, beside an object optionally `canary`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficDocument {
    /// The canary Ingress of ingress-nginx as `Ingress/name`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub ingress_nginx: Option<String>,
    /// A route of the Gateway API as `HTTPRoute/name`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub http_route: Option<String>,
    /// A route of the Gateway API as `GRPCRoute/name`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub grpc_route: Option<String>,
    /// A VirtualService of Istio as `VirtualService/name`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub virtual_service: Option<String>,
    /// A weighted TraefikService as `TraefikService/name`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub traefik_service: Option<String>,
    /// The numbers of pods behind one Service; it takes no settings: `{}`.
    #[serde(default)]
    #[schemars(with = "ReplicasDocument")]
    pub replicas: Option<ReplicasDocument>,
    /// The Service that everyone uses, as `Service/name`: its selector names the colour that serves
    /// of a blue/green pair.
    #[serde(default)]
    #[schemars(with = "String")]
    pub service: Option<String>,
    /// With `service`: key of the selector's label that holds the colour. Default: the one by which
    /// the pods of blue and green differ.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub label: Option<String>,
    /// The backend, host or subset of the object that is the canary, where its name does not tell.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub canary: Option<String>,
}

/// The numbers of pods: nothing to set.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicasDocument {}

/// What splits the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traffic {
    /// An object that holds the canary's weight.
    Object {
        /// The object.
        object: ObjectRef,
        /// The one of its backends that is the canary, where its name does not tell.
        canary: Option<String>,
    },
    /// The numbers of pods behind one Service.
    Replicas,
}

impl Traffic {
    /// Returns the object that holds the weight; none where the numbers of pods split.
    pub fn object(&self) -> Option<&ObjectRef> {
        match self {
            Self::Object { object, .. } => Some(object),
            Self::Replicas => None,
        }
    }

    /// Returns the edit that gives the canary a weight; none where the numbers of pods split.
    pub fn edit(&self, weight: Weight) -> Option<Edit> {
        match self {
            Self::Object { object, canary } => Some(Edit::Weight {
                traffic: Some(object.clone()),
                weight,
                canary: canary.clone(),
            }),
            Self::Replicas => None,
        }
    }
}

impl TrafficDocument {
    /// Returns the objects that are named, each with its key and the kind that this is for.
    fn objects(&self) -> Vec<(&'static str, &'static str, &String)> {
        let objects = [
            &self.ingress_nginx,
            &self.http_route,
            &self.grpc_route,
            &self.virtual_service,
            &self.traefik_service,
        ];
        let named = OBJECTS.into_iter().zip(objects);
        named
            .filter_map(|((key, kind), text)| Some((key, kind, text.as_ref()?)))
            .collect()
    }

    /// Returns the keys that are there and make sense for a canary only.
    pub(super) fn of_a_canary(&self) -> Vec<&'static str> {
        let mut keys: Vec<&str> = self.objects().into_iter().map(|(key, ..)| key).collect();
        keys.extend(self.replicas.as_ref().map(|_| "replicas"));
        keys.extend(self.canary.as_ref().map(|_| "canary"));
        keys
    }
}

/// The keys for objects with the kind that each is for.
///
/// The editor knows TCPRoute, TLSRoute and UDPRoute too. They have no key: their weights are of new
/// connections, so that a weight of 0 would leave everyone who is connected on a bad version.
const OBJECTS: [(&str, &str); 5] = [
    ("ingress_nginx", "Ingress"),
    ("http_route", "HTTPRoute"),
    ("grpc_route", "GRPCRoute"),
    ("virtual_service", "VirtualService"),
    ("traefik_service", "TraefikService"),
];

/// Returns the key of `traffic` that objects of a kind are named by; none for a kind that has none.
pub fn traffic_key(kind: &str) -> Option<&'static str> {
    let mut all = OBJECTS.iter();
    all.find(|(_, known)| *known == kind).map(|(key, _)| *key)
}

/// Reads what splits the traffic of a canary.
pub(super) fn read(reading: &Reading<'_>, problems: &mut Problems<'_>) -> Traffic {
    let unread = Traffic::Object {
        object: stand_in(),
        canary: None,
    };
    let Some(traffic) = &reading.document.traffic else {
        reading.missing(
            "canary",
            "traffic/ingress_nginx",
            "Ingress/shop-canary",
            problems,
        );
        return unread;
    };
    let named = traffic.objects();
    match (named.as_slice(), &traffic.replicas) {
        ([(key, kind, text)], None) => {
            let at = reading.at(&format!("traffic/{key}"));
            let object = read_object(text, &at, problems);
            if object != stand_in() && object.kind != *kind {
                problems.at(&at, other_kind(&object, key, kind));
            }
            Traffic::Object {
                object,
                canary: traffic.canary.clone(),
            }
        }
        ([], Some(ReplicasDocument {})) => {
            if traffic.canary.is_some() {
                problems.at(
                    &reading.at("traffic/canary"),
                    "`replicas` splits by the numbers of pods, so there is no backend to name; remove this",
                );
            }
            Traffic::Replicas
        }
        (several, replicas) => {
            let mut keys: Vec<&str> = several.iter().map(|(key, ..)| *key).collect();
            keys.extend(replicas.as_ref().map(|_| "replicas"));
            let found = if keys.is_empty() {
                "nothing says what splits the traffic".to_owned()
            } else {
                format!("found `{}`", keys.join("` and `"))
            };
            let known: Vec<&str> = OBJECTS.iter().map(|(key, _)| *key).collect();
            let known = known.join("`, `");
            problems.at(
                &reading.at("traffic"),
                format!("{found}, expected one of `{known}` and `replicas`"),
            );
            unread
        }
    }
}

/// Names the key that an object of another kind belongs to, where there is one.
fn other_kind(object: &ObjectRef, key: &str, kind: &str) -> String {
    let right = traffic_key(&object.kind);
    let next = right.map_or_else(String::new, |key| format!("; write `{key}: {object}`"));
    format!("found {object}, expected the kind {kind} for `{key}`{next}")
}
