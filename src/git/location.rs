//! Where the repository is: the address as it was given, checked and told apart.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use url::{Host, Url};

use super::{error::GitError, kind};
use crate::secret::Secret;

/// A checked address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A smart HTTP server.
    Http {
        /// The address without user, password, query and closing slash.
        url: Url,
        /// User and password that stood in the address.
        userinfo: Option<(String, Secret)>,
    },
    /// An SSH server, as the `git` program takes it.
    Ssh {
        /// `ssh://…` or `user@host:path`.
        address: String,
    },
    /// A bare repository on this machine.
    Folder {
        /// Absolute path.
        path: PathBuf,
    },
}

impl Location {
    /// Reads an address. `allow_plain_http` admits `http://` to other machines.
    pub(super) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, GitError> {
        if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
            return Err(unusable(
                "the address of the repository is empty or not an address",
            ));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "https" | "http" => http(text, allow_plain_http),
                "ssh" => ssh_url(text),
                "file" => file_url(text),
                other => Err(unusable(&format!(
                    "{other}:// is no address shipgate can use"
                ))),
            };
        }
        if is_url_without_slashes(text) || holds_userinfo(text) {
            // It may hold a password, so it is not told as it is.
            return Err(unusable(
                "the address of the repository looks like a URL that lacks its `https://`",
            ));
        }
        if text.contains("::") {
            // `git` would start a program of that name: a remote helper.
            return Err(unusable("an address with :: names a helper program"));
        }
        match text.split_once(':') {
            Some((host, path))
                if !host.contains('/') && !has_drive(text) && !Path::new(text).exists() =>
            {
                scp_form(text, host, path)
            }
            _ => folder(Path::new(text)),
        }
    }

    /// Returns the address as it may be printed: no user, no password, no query.
    pub(super) fn display(&self) -> String {
        match self {
            Self::Http { url, .. } => url.to_string(),
            Self::Ssh { address } => address.clone(),
            Self::Folder { path } => path.display().to_string(),
        }
    }
}

/// Is it `https:/host/path`, or `https:host/path`?
fn is_url_without_slashes(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        let scheme = scheme.to_ascii_lowercase();
        ["https", "http", "ssh", "git", "file"].contains(&scheme.as_str())
    })
}

/// Is it `user:password@host/path`, or `//user:password@host/path`? What is there as a file is a path.
fn holds_userinfo(text: &str) -> bool {
    let authority = text.trim_start_matches('/');
    let authority = authority.split('/').next().unwrap_or_default();
    let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
    userinfo.is_some_and(|userinfo| userinfo.contains(':')) && !Path::new(text).exists()
}

fn unusable(message: &str) -> GitError {
    GitError::invalid(
        message,
        "use https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or the path of a bare repository",
    )
}

fn parse_url(text: &str) -> Result<Url, GitError> {
    Url::parse(text)
        .map_err(|error| unusable(&format!("the repository's address is not a URL: {error}")))
}

fn http(text: &str, allow_plain_http: bool) -> Result<Location, GitError> {
    let mut url = parse_url(text)?;
    let loopback = is_loopback(&url);
    if url.scheme() == "http" && !loopback && !allow_plain_http {
        return Err(GitError::invalid(
            format!(
                "http://{} would send credentials and manifests in the clear",
                url.host_str().unwrap_or_default()
            ),
            "use https://",
        ));
    }
    if url.path().trim_matches('/').is_empty() {
        return Err(unusable(
            "the address names a server, but no repository on it",
        ));
    }
    let userinfo = url.password().map(|password| {
        let secret = Secret::new(decoded(password));
        (decoded(url.username()), secret)
    });
    let userinfo = userinfo.or_else(|| {
        // `https://TOKEN@host/…`: forges take the token in the place of the user.
        (!url.username().is_empty()).then(|| (String::new(), Secret::new(decoded(url.username()))))
    });
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    if cleared.is_err() {
        return Err(unusable("the address of the repository has no host"));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(Location::Http { url, userinfo })
}

/// Is the server this machine, by name or number?
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

fn ssh_url(text: &str) -> Result<Location, GitError> {
    let url = parse_url(text)?;
    if url.password().is_some() {
        return Err(GitError::invalid(
            "an ssh:// address can not hold a password",
            "take it out and use a key",
        ));
    }
    let host = url.host_str().unwrap_or_default();
    check_ssh_part(host)?;
    if host.is_empty() || url.username().starts_with('-') || url.path().len() < 2 {
        return Err(unusable("the ssh:// address lacks a host or a path"));
    }
    Ok(Location::Ssh {
        address: url.to_string(),
    })
}

fn scp_form(text: &str, host: &str, path: &str) -> Result<Location, GitError> {
    let (user, host) = host.split_once('@').unwrap_or(("", host));
    check_ssh_part(user)?;
    check_ssh_part(host)?;
    if host.is_empty() || path.is_empty() || path.starts_with('-') {
        return Err(unusable(&format!(
            "found {text:?}, which lacks a host or a path"
        )));
    }
    Ok(Location::Ssh {
        address: text.to_owned(),
    })
}

/// Does it begin with a drive of Windows? `C:\shop.git` is no path on a host `C` there, for git neither.
fn has_drive(text: &str) -> bool {
    let start = text.as_bytes().get(..2);
    cfg!(windows) && start.is_some_and(|it| it[0].is_ascii_alphabetic() && it[1] == b':')
}

/// Refuses what ssh or a shell would read as something else than a name.
fn check_ssh_part(part: &str) -> Result<(), GitError> {
    let plain = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '[' | ']' | ':')
    };
    if part.starts_with('-') || !part.chars().all(plain) {
        return Err(unusable(&format!(
            "found {part:?} as a host or user of an ssh address"
        )));
    }
    Ok(())
}

fn file_url(text: &str) -> Result<Location, GitError> {
    match parse_url(text)?.to_file_path() {
        Ok(path) => folder(&path),
        Err(()) => Err(unusable(
            "a file:// address needs an absolute path and no host",
        )),
    }
}

fn folder(given: &Path) -> Result<Location, GitError> {
    let path = dunce::canonicalize(given).map_err(|error| {
        GitError::not_found(
            format!(
                "can not read the repository at {}: {error}",
                given.display()
            ),
            "check the path; an address on a server begins with https:// or ssh://",
        )
    })?;
    kind::check(&path)?;
    Ok(Location::Folder { path })
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| first == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let rows = [
            (
                "https://github.com/shop/gitops.git",
                "https://github.com/shop/gitops.git",
            ),
            (
                "https://ci:s%2Fcret@host:8443/a/b/?x=1#y",
                "https://host:8443/a/b",
            ),
            (
                "http://127.0.0.1:8080/shop.git",
                "http://127.0.0.1:8080/shop.git",
            ),
            ("http://localhost/shop.git", "http://localhost/shop.git"),
            ("http://[::1]/shop.git", "http://[::1]/shop.git"),
            (
                "ssh://git@host:2222/shop.git",
                "ssh://git@host:2222/shop.git",
            ),
            (
                "git@github.com:shop/gitops.git",
                "git@github.com:shop/gitops.git",
            ),
        ];
        for (text, shown) in rows {
            assert_eq!(
                Location::parse(text, false).unwrap().display(),
                shown,
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_that_start_something_else_are_refused() {
        for text in [
            "",
            "-x",
            "--upload-pack=touch /tmp/x",
            "ext::sh -c touch% /tmp/x",
            "git://host/shop.git",
            "http://example.com/shop.git",
            "http://127.0.0.1.example.com/shop.git",
            "https://host",
            "https://host/",
            "https:///shop",
            "ssh://-oProxyCommand=touch/shop",
            "ssh://-l@host/shop",
            "ssh://git:secret@host/shop",
            "bob:secret@host/shop.git",
            "https:/bob:secret@host/shop.git",
            "https:bob:secret@host/shop.git",
            "//bob:secret@host/shop.git",
            "ssh://host",
            "-oProxyCommand=x:shop",
            "git@-oProxyCommand=x:shop",
            "git@host$(x):shop",
            "git@host:-x",
            "git@host:",
            "file://host/shop",
            "/nowhere/at/all",
            "a\nb",
        ] {
            let error = Location::parse(text, false).unwrap_err();
            assert!(!error.message().contains("secret"), "{error}");
            assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn what_stands_in_the_address_is_taken_out_of_it() {
        let Location::Http { url, userinfo } =
            Location::parse("https://ci:s%2Fcret@host/shop", false).unwrap()
        else {
            panic!("not http");
        };
        assert_eq!(url.as_str(), "https://host/shop");
        assert_eq!(userinfo.unwrap(), ("ci".to_owned(), Secret::new("s/cret")));
        let Location::Http { userinfo, .. } =
            Location::parse("https://tok@host/shop", false).unwrap()
        else {
            panic!("not http");
        };
        assert_eq!(userinfo.unwrap(), (String::new(), Secret::new("tok")));
    }
}
