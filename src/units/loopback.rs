//! Addresses of this machine itself, for which other rules hold than for the rest of the world.

use url::{Host, Url};

/// Does an address name this machine: `localhost` and below it (RFC 6761, section 6.3), 127.0.0.0/8
/// or `::1`? What is sent there is seen by nobody on the way, so it needs no TLS and no proxy.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
