//! `blue_green`: the new version goes into the colour that nobody uses, then everyone is switched over.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    DEFAULT_BAKE_TIME, Problems, Reading, TrafficDocument, Workload, read_duration, read_object,
    stand_in,
};
use crate::{
    config::verification::{RawHealth, RawVerification, Verification},
    manifest::ObjectRef,
};

/// How long the old colour is kept for a way back where the file does not say.
const DEFAULT_KEEP_FOR: Duration = Duration::from_secs(3_600);

/// The blue/green strategy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlueGreenDocument {
    /// Replicas of the colour that gets the new version. Default: those of the colour that serves.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 10_000))]
    pub replicas: Option<u32>,
    /// What is checked before anyone is switched over.
    #[serde(default)]
    #[schemars(with = "PreviewDocument")]
    pub preview: Option<PreviewDocument>,
    /// Service whose selector leads to the new version before the switch, as `Service/name`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub preview_service: Option<String>,
    /// Wait for an approval before the switch. Default: false.
    #[serde(default)]
    pub pause_before_switch: bool,
    /// How long the new version is watched with all the traffic before it counts as good.
    /// Default: 5m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub bake_time: Option<String>,
    /// How long the old colour stays as it is, for a way back; then `cleanup` may put it away.
    /// Default: 1h.
    #[serde(default)]
    #[schemars(with = "String")]
    pub keep_for: Option<String>,
}

/// Checks of the new version that nobody uses yet.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewDocument {
    /// How long its addresses are asked.
    pub duration: String,
    /// Time between two questions; 30s unless given, at least 1s.
    #[serde(default)]
    #[schemars(with = "String")]
    pub interval: Option<String>,
    /// Addresses that must answer as wanted.
    #[schemars(length(min = 1))]
    pub health: Vec<RawHealth>,
}

/// `strategy: {blue_green: …}`
#[derive(Debug, Clone, PartialEq)]
pub struct BlueGreen {
    /// One colour.
    pub blue: Workload,
    /// The other one.
    pub green: Workload,
    /// The Service whose selector says which colour serves everyone.
    pub service: ObjectRef,
    /// Key of the selector's label that holds the colour; none = the one by which the pods of the
    /// two differ.
    pub label: Option<String>,
    /// Replicas of the colour that gets the new version; none = those of the colour that serves.
    pub replicas: Option<u32>,
    /// What is checked before the switch.
    pub preview: Option<Preview>,
    /// The Service that leads to the new version before the switch.
    pub preview_service: Option<ObjectRef>,
    /// Is an approval waited for before the switch?
    pub pause_before_switch: bool,
    /// How long the new version is watched before it counts as good.
    pub bake_time: Duration,
    /// How long the old colour stays as it is.
    pub keep_for: Duration,
}

/// Checks of the new version that nobody uses yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// How long.
    pub duration: Duration,
    /// The checks.
    pub verification: Verification,
}

impl BlueGreen {
    /// Returns the other colour than one of the two.
    pub fn other(&self, colour: &ObjectRef) -> &ObjectRef {
        if *colour == self.blue.object {
            &self.green.object
        } else {
            &self.blue.object
        }
    }
}

impl BlueGreenDocument {
    pub(super) fn validate(&self, reading: &Reading<'_>, problems: &mut Problems<'_>) -> BlueGreen {
        const STRATEGY: &str = "blue_green";
        let document = reading.document;
        let (workloads, live) = (&document.workloads, &document.live);
        for (present, key) in [
            (workloads.stable.is_some(), "workloads/stable"),
            (workloads.canary.is_some(), "workloads/canary"),
            (live.stable.is_some(), "live/stable"),
            (live.canary.is_some(), "live/canary"),
        ] {
            if present {
                problems.at(
                    &reading.at(key),
                    "the strategy `blue_green` has a blue and a green workload; name them `blue` and `green`",
                );
            }
        }
        let blue = (workloads.blue.as_ref(), live.blue.as_ref());
        let green = (workloads.green.as_ref(), live.green.as_ref());
        let blue = reading.workload(STRATEGY, "blue", blue, problems);
        let green = reading.workload(STRATEGY, "green", green, problems);
        if blue.object == green.object && !blue.object.kind.is_empty() {
            problems.at(
                &reading.at("workloads/green"),
                format!("found {} twice, expected two workloads", green.object),
            );
        }
        let (service, label) = self.switch(reading, problems);
        let at = |key: &str| reading.at(&format!("strategy/blue_green/{key}"));
        let preview_service = self.preview_service.as_ref().map(|text| {
            let preview = read_service(text, &at("preview_service"), problems);
            if preview == service && !preview.kind.is_empty() {
                problems.at(
                    &at("preview_service"),
                    format!(
                        "found {preview}, which is what everyone uses; expected another Service"
                    ),
                );
            }
            preview
        });
        BlueGreen {
            blue,
            green,
            service,
            label,
            replicas: self.replicas,
            preview: self
                .preview
                .as_ref()
                .and_then(|preview| preview.validate(&at("preview"), problems)),
            preview_service,
            pause_before_switch: self.pause_before_switch,
            bake_time: read_duration(
                self.bake_time.as_deref(),
                DEFAULT_BAKE_TIME,
                &at("bake_time"),
                problems,
            ),
            keep_for: read_duration(
                self.keep_for.as_deref(),
                DEFAULT_KEEP_FOR,
                &at("keep_for"),
                problems,
            ),
        }
    }

    /// Reads the Service that is switched, and its label.
    fn switch(
        &self,
        reading: &Reading<'_>,
        problems: &mut Problems<'_>,
    ) -> (ObjectRef, Option<String>) {
        let traffic = reading.document.traffic.as_ref();
        for key in traffic
            .map(TrafficDocument::of_a_canary)
            .unwrap_or_default()
        {
            problems.at(
                &reading.at(&format!("traffic/{key}")),
                "the strategy `blue_green` splits no traffic; expected `service`",
            );
        }
        let Some(text) = traffic.and_then(|traffic| traffic.service.as_ref()) else {
            reading.missing("blue_green", "traffic/service", "Service/shop", problems);
            return (stand_in(), None);
        };
        let service = read_service(text, &reading.at("traffic/service"), problems);
        (service, traffic.and_then(|traffic| traffic.label.clone()))
    }
}

fn read_service(text: &str, pointer: &str, problems: &mut Problems<'_>) -> ObjectRef {
    let service = read_object(text, pointer, problems);
    if !service.kind.is_empty() && service.kind != "Service" {
        problems.at(
            pointer,
            format!("found {service}, expected a Service, such as `Service/shop`"),
        );
    }
    service
}

impl PreviewDocument {
    fn validate(&self, pointer: &str, problems: &mut Problems<'_>) -> Option<Preview> {
        let at = format!("{pointer}/duration");
        let duration = read_duration(Some(&self.duration), DEFAULT_BAKE_TIME, &at, problems);
        if duration.is_zero() {
            problems.at(
                &at,
                format!("found `{}`, expected longer than 0s", self.duration),
            );
        }
        let checks = RawVerification {
            interval: self.interval.clone(),
            health: self.health.clone(),
            ..RawVerification::default()
        };
        match checks.validate() {
            Ok(verification) => Some(Preview {
                duration,
                verification,
            }),
            Err(found) => {
                problems.all(pointer, found);
                None
            }
        }
    }
}
