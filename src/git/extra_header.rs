//! The `http.extraheader` that a pipeline's checkout leaves in its configuration for later steps.

use std::path::Path;

use url::Url;

use super::register::prepare;
use crate::secret::Secret;

/// Reads the `Authorization` header that a work tree's configuration holds for this server, in the
/// file itself or behind `includeIf`. Only the same scheme, host and port count, and of several
/// paths the longest; an empty value takes back what came before it, as in git.
pub(super) fn extra_header(folder: &Path, url: &Url) -> Result<Option<Secret>, git2::Error> {
    prepare();
    let config =
        git2::Repository::open_ext(folder, git2::RepositoryOpenFlags::empty(), &[] as &[&Path])?
            .config()?
            .snapshot()?;
    let cloned_from_here = config
        .get_string("remote.origin.url")
        .ok()
        .and_then(|remote| Url::parse(&remote).ok())
        .is_some_and(|remote| remote.origin() == url.origin());
    let mut best = None;
    let mut longest = 0;
    config
        .entries(Some("^http\\..*extraheader$"))?
        .for_each(|entry| {
            let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else {
                return;
            };
            let scope = name
                .strip_prefix("http.")
                .and_then(|rest| rest.strip_suffix("extraheader"))
                .map(|scope| scope.trim_end_matches('.'));
            let specificity = match scope {
                Some("") if cloned_from_here => Some(0),
                Some(scope) => matched_length(scope, url),
                None => None,
            };
            let Some(specificity) = specificity.filter(|length| *length >= longest) else {
                return;
            };
            if value.is_empty() {
                best = None;
                longest = specificity;
            } else if let Some((header, value)) = value.split_once(':')
                && header.trim().eq_ignore_ascii_case("authorization")
            {
                best = Some(Secret::new(value.trim()));
                longest = specificity;
            }
        })?;
    Ok(best)
}

/// Returns how much of the address a configured scope covers: the length of its path plus 1.
fn matched_length(scope: &str, url: &Url) -> Option<usize> {
    let scope = Url::parse(scope).ok()?;
    if scope.origin() != url.origin() || !scope.username().is_empty() {
        return None;
    }
    let path = scope.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(path)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| path.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_cover_only_their_own_server_and_path() {
        let address = Url::parse("https://host/shop/gitops.git").unwrap();
        let rows = [
            ("https://host", Some(1)),
            ("https://host/", Some(1)),
            ("https://host:443/", Some(1)),
            ("https://host/shop", Some(6)),
            ("https://host/shop/", Some(6)),
            ("https://host/sho", None),
            ("https://host/other", None),
            ("http://host/", None),
            ("https://host:8443/", None),
            ("https://host.evil/", None),
            ("https://evil/", None),
            ("https://user@host/", None),
            ("host", None),
        ];
        for (scope, expected) in rows {
            assert_eq!(matched_length(scope, &address), expected, "{scope}");
        }
    }
}
