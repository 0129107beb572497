//! `traffic`: what splits the requests between stable and canary.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Problems, Reading, read_object, stand_in};
use crate::{
    manifest::{Edit, ObjectRef},
    units::Weight,
};

/// What splits the traffic.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficDocument {
    /// The canary Ingress of ingress-nginx as `Ingress/name`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub ingress_nginx: Option<String>,
    /// The Service that everyone uses, as `Service/name`: its selector names the colour that serves.
    #[serde(default)]
    #[schemars(with = "String")]
    pub service: Option<String>,
    /// With `service`: key of the selector's label that holds the colour. Default: the one by which
    /// the pods of blue and green differ.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub label: Option<String>,
}

/// What splits the traffic: an object that holds the canary's weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// The object.
    pub object: ObjectRef,
    /// The one of its backends that is the canary, where it splits between several.
    pub canary: Option<String>,
}

impl Traffic {
    /// Returns the edit that gives the canary a weight.
    pub fn edit(&self, weight: Weight) -> Edit {
        Edit::Weight {
            traffic: Some(self.object.clone()),
            weight,
            canary: self.canary.clone(),
        }
    }
}

/// Reads what splits the traffic of a canary.
pub(super) fn read(reading: &Reading<'_>, problems: &mut Problems<'_>) -> Traffic {
    let key = "traffic/ingress_nginx";
    let traffic = reading.document.traffic.as_ref();
    let object = match traffic.and_then(|traffic| traffic.ingress_nginx.as_ref()) {
        Some(text) => read_object(text, &reading.at(key), problems),
        None => {
            reading.missing("canary", key, "Ingress/shop-canary", problems);
            stand_in()
        }
    };
    Traffic {
        object,
        canary: None,
    }
}
