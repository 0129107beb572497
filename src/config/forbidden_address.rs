//! Addresses that nobody's metrics or versions live at: those where clouds hand out credentials.

// Types alone: what opens connections is in `std`.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why such an address is refused.
pub const REFUSAL: &str =
    "the address is link-local or a cloud's metadata service, which is never asked";

/// Refuses an address that is written as a number. `url` reads the decimal, octal and hexadecimal
/// forms as the same number.
///
/// # Errors
/// [`REFUSAL`].
pub fn check(url: &Url) -> Result<(), String> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_forbidden(address) {
        Err(REFUSAL.to_owned())
    } else {
        Ok(())
    }
}

/// Is an address link-local, or that of a metadata service?
pub fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_forbidden_v4(address),
        IpAddr::V6(address) => match address.to_ipv4() {
            Some(inner) => is_forbidden_v4(inner),
            None => is_forbidden_v6(address),
        },
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    // AWS, Azure, Google and most others are link-local; Alibaba and Oracle are not.
    const OTHERS: [Ipv4Addr; 2] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    address.is_link_local() || OTHERS.contains(&address)
}

fn is_forbidden_v6(address: Ipv6Addr) -> bool {
    // The instance metadata service of AWS over IPv6.
    const AWS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254);
    address.is_unicast_link_local() || address == AWS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_refused_in_every_spelling() {
        let forbidden = [
            "http://169.254.169.254/latest",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://0xa9.254.169.254/",
            "http://169.254.43518/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::169.254.169.254]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
        ];
        for url in forbidden {
            assert!(check(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
        let allowed = [
            "http://127.0.0.1:9090/",
            "http://[::1]:9090/",
            "http://10.0.0.1/",
            "http://[fd00::1]/",
            "https://prometheus.example/",
        ];
        for url in allowed {
            assert!(check(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
    }
}
