//! What the commands do: one file for each working command. Knows neither flags nor output.

pub mod acceptance;
pub mod alerts;
pub mod announce;
pub mod approvals;
pub mod approve;
pub mod arms;
pub mod asker;
pub mod beside;
pub mod carried;
pub mod case;
pub mod cause;
pub mod check;
pub mod check_many;
pub mod cleanup;
pub mod command;
pub mod compare;
pub mod convoy;
mod credential;
pub mod deploy;
mod errand;
pub mod failure;
pub mod fleet;
pub mod gate;
pub mod github_approvals;
pub mod group_push;
pub mod history;
pub mod init;
pub mod journal;
pub mod land;
mod land_in_group;
mod land_together;
pub mod live;
pub mod load;
pub mod lookout;
mod manifests;
pub mod next;
pub mod notifications;
pub mod nudge;
mod overridden;
pub mod patience;
pub mod plan;
pub mod policy_test;
pub mod preflight;
pub mod programs;
pub mod provenance;
pub mod pull_request;
pub mod recover;
pub mod regions;
pub mod rollback;
pub mod runbook;
pub mod set;
mod shared;
mod shared_state;
pub mod signer;
mod standing;
pub mod stop;
pub mod takeback;
mod trial;
pub mod trusted;
pub mod unnamed;
pub mod validate;
pub mod verify;
pub mod watch;
pub mod window;
pub mod writer;

use crate::event::{Ending, Failure};

use stop::StopReason;

/// The end of a run that was asked to stop before it changed anything.
pub fn stopped_before_change(reason: StopReason) -> Failure {
    let ending = match reason {
        StopReason::Interrupt => Ending::Interrupted,
        StopReason::Terminate | StopReason::StarterGone => Ending::Terminated,
        StopReason::TakenOver => Ending::Superseded,
    };
    Failure::new(
        ending,
        format!("{}; nothing was changed", reason.sentence()),
    )
}
