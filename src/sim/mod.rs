//! The embedded world of the demo and the tests: a git remote, a stand-in cluster that follows it,
//! traffic and metrics. Nothing but this binary is needed, and nothing leaves loopback.
//!
//! ```text
//! push --git_server--> remote --(polled)--> cluster --> traffic --> metrics, health, version
//! ```
//!
//! What runs is a function of the pushes and the clock, and what is measured is a function of what
//! runs and the seed: nothing ticks in the background, so a clock that jumps gives the same world
//! as a clock that runs.

mod cluster;
mod form;
mod git_server;
mod manifests;
mod metrics;
mod origin;
mod random;
mod remote;
mod rival;
mod scenario;
mod server;
mod shape;
mod shop;
mod totals;
mod traffic;
mod world;

pub use cluster::{Arm, ClusterState, Moment, Workload};
pub use git_server::Faults;
pub use origin::{Origin, OriginAnswer, OriginRequest};
pub use remote::LogLine;
pub use scenario::{
    Behaviour, FIRST_VERSION, HOTFIX_VERSION, NEW_VERSION, Scenario, UnknownScenario,
};
pub use shape::Shape;
pub use world::{World, WorldOptions};
