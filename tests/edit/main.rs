//! Edits of manifests: by folders of cases, in random styles, from the command line, and as kustomize builds them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cases;
mod command;
mod kustomize;
mod styles;
