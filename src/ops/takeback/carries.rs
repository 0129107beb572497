//! Whether stable carries what comes back to it, as far as checks can tell it from the canary.

use std::time::Duration;

use super::Takeback;
use crate::{
    config::verification::Verification,
    event::Reporter,
    ops::{
        deploy::{self, Watched, Watching},
        stop::{Stop, StopReason},
    },
    rollout::{Arm, Roles},
    units::Weight,
};

/// How a look at stable ended.
pub(super) enum Carried {
    Yes(String),
    /// Says why that is not so, or not known.
    No(String),
    Stopped(StopReason),
}

impl Takeback<'_> {
    /// Watches stable alone for a while: by what comes back to it, it must not fail. Where every check asks
    /// the same whoever is meant, a bad answer may be the canary's, and then the weight goes on down: that
    /// is what takes users off it.
    pub(super) async fn carries(
        &self,
        weight: Weight,
        duration: Duration,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Carried {
        let service = &self.target.service;
        let Some(single) = deploy::single(&service.verification) else {
            // What only compares says nothing of stable by itself.
            return match stop.sleep(&*self.outside.clock, duration).await {
                Ok(()) => Carried::Yes(
                    "nothing is configured that could be asked of stable alone".to_owned(),
                ),
                Err(reason) => Carried::Stopped(reason),
            };
        };
        let of_stable = Some(single.telling_arms_apart()).filter(Verification::decides);
        let is_shared = of_stable.is_none();
        let previous = self.writer.identity.previous_version.as_str();
        let Some(roles) = Roles::of(&service.strategy) else {
            return Carried::No("the configuration has no canary any more".to_owned());
        };
        let watching = Watching {
            target: self.target,
            roles: &roles,
            verification: of_stable.as_ref().unwrap_or(&single),
            arm: Arm::Stable,
            version: previous,
            previous,
            changed_at: self.outside.clock.now(),
            began: None,
            promote_early: false,
            weight: Some(weight),
            duration,
            limit: duration + service.on_unavailable_after,
        };
        let watched = deploy::watch(&watching, self.outside, stop, reporter, &mut Vec::new()).await;
        match watched {
            Ok(Watched::Good(detail)) => Carried::Yes(detail),
            Ok(Watched::Worse(reason)) if is_shared => Carried::Yes(format!(
                "{reason}, which may be the canary: no check asks of stable alone, by {{{{workload}}}}, {{{{arm}}}} or {{{{version}}}}"
            )),
            Ok(Watched::Worse(reason) | Watched::Unwanted(reason) | Watched::Undecided(reason)) => {
                Carried::No(reason)
            }
            Ok(Watched::Stopped(reason)) => Carried::Stopped(reason),
            Err(failure) => Carried::No(failure.to_string()),
        }
    }
}
