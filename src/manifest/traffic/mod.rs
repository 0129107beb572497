//! Who gets which requests: weights, one file for each kind of object that splits traffic, and selectors.
//!
//! `weight` dispatches by kind; `backend`, `shares`, `canary_backend` and `second_backend` are what the kinds
//! have in common.

pub(super) mod backend;
pub(super) mod canary_backend;
pub(super) mod colour;
pub(super) mod http_route;
pub(super) mod ingress_nginx;
pub(super) mod leading;
pub(super) mod rollout_step;
pub(super) mod second_backend;
pub(super) mod selector;
pub(super) mod shares;
pub(super) mod subset;
pub(super) mod traefik_service;
pub(super) mod virtual_service;
pub(super) mod weight;
