//! Kubernetes manifests: find the bytes of a value, replace exactly those, prove nothing else changed.
//!
//! [`Manifests`] (parsed files) + [`Edit`]s --[`locate()`]--> [`ChangeSet`] --[`ChangeSet::apply`]--> files.
//! [`restore()`] takes a change set back, value by value, and leaves everyone's later edits alone;
//! [`reapply`] makes it again on a newer state.
//!
//! Reading order: `source` splits a file and parses its documents (`mask` makes Helm templates readable),
//! `object` finds what is in them, `cursor` walks to a place inside an object, `target` decides whether
//! the scalar there may be replaced, `scalar` writes the new one, `insert` puts in what is missing;
//! `change_set` splices and `proof` compares. The kinds of edit are in `pods`, `scale`, `traffic`, `helm`
//! and `any_path`; where a kustomization decides over a value, `kustomization` leads the edit there. `survey`
//! looks at files that nobody has described yet.

mod any_path;
mod block_scalar;
mod change_set;
mod content;
mod cursor;
mod findings;
mod helm;
mod insert;
mod kustomization;
mod list_item;
mod locate;
mod manifests;
mod mask;
mod needles;
mod object;
mod pieces;
mod plain;
mod pods;
mod pointer;
mod proof;
mod restore;
mod scalar;
mod scale;
mod secret_lines;
mod source;
mod split;
mod survey;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod traffic;
mod trail;
mod types;
mod unified_diff;

use pods::{
    annotation, env, identity, image, image_reference, label, pod_selector, pod_spec,
    qualified_name, serving, version, version_label, workloads,
};
use scale::{autoscaler, replicas};
use traffic::{
    backend, canary_backend, colour, http_route, ingress_nginx, leading, rollout_step,
    second_backend, selector, shares, subset, traefik_service, virtual_service, weight,
};

pub use change_set::{Applied, ChangeSet};
pub use colour::{Colours, colours};
pub use helm::{
    INSTALLERS, current as current_chart_value, current_number as current_chart_number,
};
pub use image::ImageReference;
pub use leading::{Leading, LeadsTo, leading};
pub use list_item::ListItem;
pub use locate::{locate, locate_allowing};
pub use manifests::{Manifests, ObjectEntry};
pub use plain::is_text;
pub use pod_selector::may_select_pods;
pub use pointer::{Segment, parse_path, path_of};
pub use replicas::current_replicas;
pub use restore::{RestoreProblem, reapply, restore};
pub use serving::{Serving, scaled_by, serving, splits_by_subsets};
pub use source::LookedAt;
pub use survey::{Surveyed, built, is_kustomization, patches, reaching, survey};
pub use target::Allowances;
pub use types::{Change, Containers, Edit, ObjectRef, Refusal, ScalarType, SourceFile, ValuesIn};
pub use version::{current_version, running_version, runs_version};
pub use weight::{LargestShare, current_weight, largest_share};
