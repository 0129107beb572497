//! Kubernetes manifests: find the bytes of a value, replace exactly those, prove nothing else changed.
//!
//! [`Manifests`] (parsed files) + [`Edit`]s --[`locate`]--> [`ChangeSet`] --[`ChangeSet::apply`]--> files.
//! [`restore`] takes a change set back, value by value, and leaves everyone's later edits alone.

mod types;

pub use types::{Change, Edit, ObjectRef, Refusal, Segment, SourceFile};
