//! Where the API of a repository's forge is, and what the project is called there.
//!
//! A token goes to no other host than the repository's own: the configuration, which many may
//! change, can not send it elsewhere.

use url::Url;

use crate::{config::pull_request::ForgeKind, probe::rest, units::is_loopback};

/// A project at a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Which forge it is.
    pub kind: ForgeKind,
    /// Base address of the API, without a slash at the end.
    pub api: Url,
    /// `owner/name`; at GitLab with any number of groups.
    pub project: String,
}

/// A repository's address, taken apart.
struct Remote {
    /// Where its pages are, such as `https://github.com`.
    site: Url,
    /// `owner/name`.
    path: String,
}

impl Address {
    /// Finds the API of a repository, given as it is printed: `https://…`, `ssh://…` or
    /// `user@host:path`.
    ///
    /// # Errors
    /// It is not at a known forge and nothing says which one it is; it is a folder; the API is on
    /// another host. As a clause.
    pub fn find(
        repository: &str,
        kind: Option<ForgeKind>,
        api: Option<&Url>,
    ) -> Result<Self, String> {
        let Remote { site, path } = Remote::parse(repository).ok_or_else(|| {
            format!("{repository} is not at a forge; expected an https or ssh address")
        })?;
        let host = site.host_str().unwrap_or_default().to_owned();
        let kind = kind.or_else(|| known(&host)).ok_or_else(|| {
            format!("which forge {host} is, is not known; expected `forge: github` or `forge: gitlab` below `pull_request`")
        })?;
        let api = match api {
            Some(api) => on_same_host(api, &site)?,
            None => usual(kind, &site),
        };
        let mut project = path.as_str();
        if kind == ForgeKind::GitLab
            && let Some(root) = api.path().trim_end_matches('/').strip_suffix("/api/v4")
        {
            // GitLab may live below a folder of its site, which is no part of the project's name.
            let below = root.trim_matches('/');
            if let Some(rest) = project.strip_prefix(below) {
                project = rest.trim_start_matches('/');
            }
        }
        let parts: Vec<&str> = project.split('/').collect();
        let fits = match kind {
            ForgeKind::GitHub => parts.len() == 2,
            ForgeKind::GitLab => parts.len() >= 2,
        };
        if !fits || !parts.iter().all(|part| is_path_word(part)) {
            return Err(format!(
                "found {repository}, expected an address that ends in OWNER/NAME"
            ));
        }
        Ok(Self {
            kind,
            project: project.to_owned(),
            api,
        })
    }
}

impl Remote {
    fn parse(text: &str) -> Option<Self> {
        let (site, path) = match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "http") => {
                let mut site = url.clone();
                site.set_path("");
                (site, url.path().to_owned())
            }
            // The port is SSH's.
            Ok(url) if url.scheme() == "ssh" => (site_of(url.host_str()?)?, url.path().to_owned()),
            _ => {
                let (host, path) = text.split_once(':')?;
                let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
                if host.contains('/') || host.is_empty() {
                    return None;
                }
                (site_of(host)?, path.to_owned())
            }
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).to_owned();
        Some(Self { site, path })
    }
}

/// Returns the site behind the host of an SSH address. GitHub and GitLab take SSH on the port of
/// HTTPS under names of its own.
fn site_of(host: &str) -> Option<Url> {
    let host = match host {
        "ssh.github.com" => "github.com",
        "altssh.gitlab.com" => "gitlab.com",
        other => other,
    };
    Url::parse(&format!("https://{host}")).ok()
}

fn known(host: &str) -> Option<ForgeKind> {
    match host {
        "github.com" => Some(ForgeKind::GitHub),
        "gitlab.com" => Some(ForgeKind::GitLab),
        other if other.ends_with(".ghe.com") => Some(ForgeKind::GitHub),
        _ => None,
    }
}

/// Returns where a forge has its API: <https://docs.github.com/en/rest/using-the-rest-api>,
/// <https://docs.github.com/en/enterprise-server@latest/rest/enterprise-admin>,
/// <https://docs.gitlab.com/api/rest/>.
fn usual(kind: ForgeKind, site: &Url) -> Url {
    let mut api = site.clone();
    let host = site.host_str().unwrap_or_default();
    match kind {
        ForgeKind::GitHub if known(host) == Some(ForgeKind::GitHub) => {
            // A host with a name in front of it is a host.
            let _ = api.set_host(Some(&format!("api.{host}")));
        }
        ForgeKind::GitHub => api.set_path("/api/v3"),
        ForgeKind::GitLab => api.set_path("/api/v4"),
    }
    api
}

fn on_same_host(api: &Url, site: &Url) -> Result<Url, String> {
    let (theirs, own) = (
        api.host_str().unwrap_or_default(),
        site.host_str().unwrap_or_default(),
    );
    let same = theirs == own
        || theirs.strip_prefix("api.") == Some(own)
        || is_loopback(api) && is_loopback(site);
    let safe = api.scheme() == "https" || is_loopback(api);
    if !same || !safe || api.query().is_some() || api.fragment().is_some() {
        return Err(format!(
            "found {} as `pull_request.api`, expected an address on {own}: the token goes nowhere else",
            rest::shown(api)
        ));
    }
    Ok(api.clone())
}

/// Is it a part of a project's name, and none that a path would read as something else?
fn is_path_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=255).contains(&text.len()) && text.bytes().all(allowed) && !matches!(text, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(repository: &str, kind: Option<ForgeKind>, api: Option<&str>) -> String {
        let api = api.map(|api| Url::parse(api).unwrap());
        match Address::find(repository, kind, api.as_ref()) {
            Ok(address) => format!("{} {}", address.api, address.project),
            Err(reason) => format!("refused: {reason}"),
        }
    }

    #[test]
    fn the_api_is_where_the_forge_has_it() {
        use ForgeKind::{GitHub, GitLab};
        let rows = [
            (
                "https://github.com/shop/gitops.git",
                None,
                None,
                "https://api.github.com/ shop/gitops",
            ),
            (
                "git@github.com:shop/gitops.git",
                None,
                None,
                "https://api.github.com/ shop/gitops",
            ),
            (
                "ssh://git@ssh.github.com:443/shop/gitops",
                None,
                None,
                "https://api.github.com/ shop/gitops",
            ),
            (
                "https://octo.ghe.com/shop/gitops",
                None,
                None,
                "https://api.octo.ghe.com/ shop/gitops",
            ),
            (
                "https://ghe.example/shop/gitops",
                Some(GitHub),
                None,
                "https://ghe.example/api/v3 shop/gitops",
            ),
            (
                "https://gitlab.com/shop/team/gitops.git",
                None,
                None,
                "https://gitlab.com/api/v4 shop/team/gitops",
            ),
            (
                "ssh://git@git.example:2222/shop/gitops.git",
                Some(GitLab),
                None,
                "https://git.example/api/v4 shop/gitops",
            ),
            (
                "https://git.example:8443/shop/gitops.git",
                Some(GitLab),
                None,
                "https://git.example:8443/api/v4 shop/gitops",
            ),
            (
                "https://example.org/gitlab/shop/gitops.git",
                Some(GitLab),
                Some("https://example.org/gitlab/api/v4"),
                "https://example.org/gitlab/api/v4 shop/gitops",
            ),
            (
                "https://ghe.example/shop/gitops",
                Some(GitHub),
                Some("https://api.ghe.example"),
                "https://api.ghe.example/ shop/gitops",
            ),
        ];
        for (repository, kind, api, expected) in rows {
            assert_eq!(found(repository, kind, api), expected, "{repository}");
        }
    }

    #[test]
    fn a_token_goes_to_no_other_host() {
        use ForgeKind::GitHub;
        let remote = "https://github.com/shop/gitops.git";
        for api in [
            "https://evil.example/api/v3",
            "https://api.github.com.evil.example",
            "http://api.github.com",
            "https://api.github.com/?x=1",
            "https://apixgithub.com",
        ] {
            let found = found(remote, Some(GitHub), Some(api));
            assert!(found.ends_with("the token goes nowhere else"), "{found}");
        }
        for remote in [
            "https://git.example/shop/gitops",
            "/srv/gitops.git",
            "https://github.com/gitops",
            "https://github.com/a/b/c",
            "https://github.com/shop/..",
            "git@github.com:shop/a b",
        ] {
            assert!(found(remote, None, None).starts_with("refused"), "{remote}");
        }
    }
}
