//! Names whose addresses are checked before anybody is asked: no cloud's credentials are fetched.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::forbidden_address::{REFUSAL, is_forbidden};

pub(super) use crate::config::forbidden_address::check;

/// Resolves names and leaves out forbidden addresses; the connection is made to what was checked,
/// so a name that changes its mind between check and use gains nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckedNames;

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (forbidden, good): (Vec<SocketAddr>, Vec<SocketAddr>) =
                found.partition(|address| is_forbidden(address.ip()));
            if good.is_empty() && !forbidden.is_empty() {
                return Err(REFUSAL.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
