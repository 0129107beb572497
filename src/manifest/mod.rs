//! Kubernetes manifests: find the bytes of a value, replace exactly those, prove nothing else changed.
//!
//! [`Manifests`] (parsed files) + [`Edit`]s --[`locate()`]--> [`ChangeSet`] --[`ChangeSet::apply`]--> files.
//! [`restore()`] takes a change set back, value by value, and leaves everyone's later edits alone;
//! [`reapply`] makes it again on a newer state.
//!
//! Reading order: `source` splits a file and parses its documents, `object` finds what is in them,
//! `cursor` walks to a place inside an object, `target` decides whether the scalar there may be
//! replaced, `scalar` writes the new one, `change_set` splices and `proof` compares. Each kind of
//! edit has a file: `version` (with `version_label`, `env`), `image`, `label`, `annotation`, `replicas`
//! (with `autoscaler`), `weight` (with a file for each kind of object that splits traffic), `selector`,
//! `subset`, `rollout_step`. `workloads` finds the objects that run pods, `pod_spec` the containers in
//! them.

mod annotation;
mod any_path;
mod autoscaler;
mod backend;
mod block_scalar;
mod canary_backend;
mod change_set;
mod content;
mod cursor;
mod env;
mod findings;
mod helm;
mod http_route;
mod identity;
mod image;
mod image_reference;
mod ingress_nginx;
mod insert;
mod kustomization;
mod label;
mod locate;
mod manifests;
mod mask;
mod object;
mod pieces;
mod plain;
mod pod_spec;
mod pointer;
mod proof;
mod qualified_name;
mod replicas;
mod restore;
mod rollout_step;
mod scalar;
mod second_backend;
mod selector;
mod shares;
mod source;
mod split;
mod subset;
mod target;
mod template;
mod traefik_service;
mod types;
mod version;
mod version_label;
mod virtual_service;
mod weight;
mod workloads;

pub use change_set::{Applied, ChangeSet};
pub use image::ImageReference;
pub use locate::{locate, locate_allowing};
pub use manifests::{Manifests, ObjectEntry};
pub use pointer::{Segment, parse_path};
pub use replicas::current_replicas;
pub use restore::{RestoreProblem, reapply, restore};
pub use target::Allowances;
pub use types::{Change, Containers, Edit, ObjectRef, Refusal, ScalarType, SourceFile, ValuesIn};
pub use version::current_version;
pub use weight::current_weight;
