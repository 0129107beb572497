//! Reads what a deployment's plan must be like, and what its version's past means.

use std::time::Duration;

use chrono::TimeDelta;

use super::Reader;
use crate::{
    policy::{
        document::{RequireDocument, RunwayDocument, VersionsDocument},
        rules::{Require, Runway, VersionRules, Written},
    },
    units::{Weight, parse_duration},
};

impl Reader<'_> {
    pub(super) fn require(&mut self, document: &RequireDocument) -> Require {
        let mut names = |names: &Option<Vec<String>>, key: &str| {
            let pointer = format!("/require/{key}");
            let names = names.clone()?;
            self.not_blank(&names, &pointer);
            Some(self.written(names, &pointer))
        };
        let strategies = names(&document.strategies, "strategies");
        let metrics = names(&document.metrics, "metrics");
        let least_hold = document.least_hold.as_deref().and_then(|text| {
            let length = self.length(text, "/require/least_hold")?;
            let length = TimeDelta::from_std(length).ok()?;
            Some(self.written(length, "/require/least_hold"))
        });
        let largest_first_weight = document.largest_first_weight.and_then(|percent| {
            let pointer = "/require/largest_first_weight";
            let weight = Weight::new(percent).map_err(|error| error.to_string());
            let weight = self.take(weight, pointer)?;
            Some(self.written(weight, pointer))
        });
        if document.strategies.is_none()
            && document.metrics.is_none()
            && document.least_hold.is_none()
            && document.largest_first_weight.is_none()
            && document.on_failure.is_none()
        {
            self.wrong(
                "/require",
                "`require` asks for nothing; name what it requires",
            );
        }
        Require {
            line: self.written((), "/require").position.line,
            strategies,
            metrics,
            least_hold,
            largest_first_weight,
            on_failure: document
                .on_failure
                .map(|least| self.written(least, "/require/on_failure")),
        }
    }

    pub(super) fn runway(&mut self, document: &RunwayDocument) -> Option<Written<Runway>> {
        let runway = match document {
            RunwayDocument::Plan(false) => return None,
            RunwayDocument::Plan(true) => Runway::Plan,
            RunwayDocument::Length(text) => {
                Runway::Length(TimeDelta::from_std(self.length(text, "/runway")?).ok()?)
            }
        };
        Some(self.written(runway, "/runway"))
    }

    pub(super) fn versions(&mut self, document: &VersionsDocument) -> VersionRules {
        if *document == VersionsDocument::default() {
            return VersionRules::default();
        }
        let pointer = "/versions/known_bad_for";
        let counted = document.known_bad_for.as_deref();
        let counted = counted.and_then(|text| self.length(text, pointer));
        VersionRules {
            known_bad: document.known_bad,
            counted: counted.and_then(|length| TimeDelta::from_std(length).ok()),
            line: Some(self.written((), "/versions").position.line),
        }
    }

    /// Reads a length of time above zero.
    pub(super) fn length(&mut self, text: &str, pointer: &str) -> Option<Duration> {
        let length = parse_duration(text).map_err(|error| error.to_string());
        let length = self.take(length, pointer)?;
        if length.is_zero() {
            self.wrong(pointer, "expected a length of time above 0");
            return None;
        }
        Some(length)
    }
}
