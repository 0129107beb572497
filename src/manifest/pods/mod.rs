//! Pods and what is said about them: images, versions, labels, annotations, variables.
//!
//! `workloads` finds the objects that run pods, `pod_spec` the containers in them; `version` is every
//! carrier of a version (with `version_label` and `env`), `identity` says which labels selectors use.

pub(super) mod annotation;
pub(super) mod env;
pub(super) mod identity;
pub(super) mod image;
pub(super) mod image_reference;
pub(super) mod label;
pub(super) mod pod_selector;
pub(super) mod pod_spec;
pub(super) mod qualified_name;
pub(super) mod serving;
pub(super) mod version;
pub(super) mod version_label;
pub(super) mod workloads;
