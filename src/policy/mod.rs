//! May this be deployed, here, now? Policy document -> [`Policy`] -> [`Verdict`]. Knows no clock.
//!
//! [`document`] is what is written, `forms` tells its forms apart, `reading` turns it into
//! [`Policy`] or findings, `calendar` reads iCalendar files that it names, [`times`] knows days and
//! hours, [`zone`] the rules of time zones, `lint` what is hardly meant so,
//! `scope` whom a rule is for, [`Timetable`] when it opens and closes, and [`evaluate`] answers a
//! [`Request`] with the [`Facts`] that somebody found out. `people` tells who is the same person.

mod alerts;
mod approval;
mod calendar;
pub mod cases;
mod changes;
pub mod document;
mod evaluate;
mod facts;
mod forms;
mod freeze;
mod intervals;
mod lint;
mod many;
mod outlook;
mod people;
mod reading;
mod request;
mod rules;
mod scope;
pub mod times;
mod timetable;
mod verdict;
mod wording;
pub mod zone;

pub use alerts::AlertQuery;
pub use approval::{
    ApprovalSource, Approved, Identity, Overridden, Presented, Statement, StatementKind,
};
pub use cases::Mismatch;
pub use changes::changed_paths;
pub use document::{Overrun, PolicyDocument};
pub use evaluate::{Awaited, approved_since, evaluate};
pub use facts::{AlertsFact, Facts, FailedBefore, PlanFact, TrafficFact};
pub use freeze::Freeze;
pub use intervals::Interval;
pub use lint::{Lint, Neighbours, Severity};
pub use many::ManyServices;
pub use outlook::{Cause, ClockState, Outlook, Part, Period, RuleName};
pub use reading::{Files, files_named};
pub use request::{Action, Invoker, Request};
pub use rules::Policy;
pub use scope::Unnamed;
pub use times::{RuleSuggestion, suggest_rule};
pub use timetable::{Change, Timetable};
pub use verdict::{Decision, Effect, PolicyFile, PolicySource, Reason, ReasonCode, Verdict};
pub use wording::appointment;
pub use zone::tzdb_version;
