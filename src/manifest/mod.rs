//! Kubernetes manifests: find the bytes of a value, replace exactly those, prove nothing else changed.
//!
//! [`Manifests`] (parsed files) + [`Edit`]s --[`locate()`]--> [`ChangeSet`] --[`ChangeSet::apply`]--> files.
//! [`restore()`] takes a change set back, value by value, and leaves everyone's later edits alone;
//! [`reapply`] makes it again on a newer state.
//!
//! Reading order: `source` splits a file and parses its documents, `object` finds what is in them,
//! `cursor` walks to a place inside an object, `target` decides whether the scalar there may be
//! replaced, `scalar` writes the new one, `change_set` splices and `proof` compares. Each kind of
//! edit has a file: `version` (with `label`, `env`, `image`), `replicas`, `ingress_nginx`.

mod change_set;
mod cursor;
mod env;
mod image;
mod ingress_nginx;
#[cfg_attr(not(test), expect(dead_code, reason = "no edit inserts yet"))]
#[expect(unused_imports, reason = "no edit inserts yet")]
mod insert;
mod kustomization;
mod label;
mod locate;
mod manifests;
mod object;
mod plain;
mod pod_spec;
mod proof;
mod replicas;
mod restore;
mod scalar;
mod source;
mod split;
mod target;
mod template;
mod types;
mod version;

pub use change_set::ChangeSet;
pub use image::ImageReference;
pub use ingress_nginx::current_weight;
pub use locate::locate;
pub use manifests::{Manifests, ObjectEntry};
pub use replicas::current_replicas;
pub use restore::{RestoreProblem, reapply, restore};
pub use types::{Change, Edit, ObjectRef, Refusal, Segment, SourceFile};
pub use version::current_version;
