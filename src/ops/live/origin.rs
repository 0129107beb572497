//! Does a controller apply what is deployed to: this repository, this branch, this environment's folder?

use url::Url;

use crate::{
    ops::load::Target,
    probe::{
        excerpt,
        live::{
            kubeconfig::Unusable,
            source::{Source, branch_of},
        },
    },
};

/// What is deployed to.
pub(super) struct Origin<'a> {
    /// Address of the repository as the controller has it, where the configuration says it, else ours.
    pub(super) repository: &'a str,
    pub(super) target: &'a Target,
}

impl Origin<'_> {
    /// Picks the sources that are what is deployed to. Nothing is picked where all are charts: such a
    /// controller names no commit.
    ///
    /// # Errors
    /// It has sources in git, and none of them is. Names both.
    pub(super) fn among<'s>(
        &self,
        what: &str,
        sources: &'s [Source],
    ) -> Result<Vec<&'s Source>, Unusable> {
        let branch = &self.target.branch;
        let root = &self.target.environment.root;
        let in_git: Vec<&Source> = sources.iter().filter(|one| !one.is_chart).collect();
        let ours = |one: &&Source| match &one.repository {
            Some(repository) => is_same_repository(repository, self.repository),
            None => true,
        };
        let here: Vec<&Source> = in_git.iter().copied().filter(ours).collect();
        if here.is_empty() && !in_git.is_empty() {
            let found = in_git.iter().filter_map(|one| one.repository.as_deref());
            return Err(Unusable {
                reason: format!(
                    "{what} applies {}, not {}, which is deployed to",
                    named(found.map(shown)),
                    shown(self.repository)
                ),
                hint: "name the one that applies this repository; if it knows it by another address, write that as `repository` beside its name".to_owned(),
            });
        }
        let follows = |one: &&Source| match &one.follows {
            // Which one is the default branch is not said here.
            None => true,
            Some(text) if text.is_empty() || text == "HEAD" => true,
            Some(text) => branch_of(text) == branch,
        };
        let followed: Vec<&Source> = here.iter().copied().filter(follows).collect();
        if followed.is_empty() && !here.is_empty() {
            let found = here.iter().filter_map(|one| one.follows.as_deref());
            return Err(Unusable {
                reason: format!(
                    "{what} follows {}, not the branch `{branch}`, which is deployed to",
                    named(found.map(excerpt))
                ),
                hint: "name the one that follows the branch, or mend `branch` of the environment"
                    .to_owned(),
            });
        }
        let globs = self.target.service.globs(&self.target.environment);
        let applies = |one: &&Source| one.paths.iter().any(|path| holds(path, root, &globs));
        let applied: Vec<&Source> = followed.iter().copied().filter(applies).collect();
        if applied.is_empty() && !followed.is_empty() {
            let found = followed.iter().flat_map(|one| one.paths.iter());
            return Err(Unusable {
                reason: format!(
                    "{what} applies {}, not `{root}`, the folder of {}",
                    named(found.map(|text| excerpt(text))),
                    self.target.environment_name
                ),
                hint: "name the one whose path is the environment's `root`, or mend `root`"
                    .to_owned(),
            });
        }
        Ok(applied)
    }
}

fn named(found: impl Iterator<Item = String>) -> String {
    let mut found: Vec<String> = found.map(|one| format!("`{one}`")).collect();
    found.dedup();
    match found.as_slice() {
        [] => "nothing that it names".to_owned(),
        some => some.join(" and "),
    }
}

/// Returns an address as it may be shown: without user, password and query.
fn shown(address: &str) -> String {
    match Url::parse(address) {
        Ok(mut url) => {
            // An address without a host has neither.
            let _ = url.set_username("").and_then(|()| url.set_password(None));
            url.set_query(None);
            excerpt(url.as_str())
        }
        Err(_) => excerpt(address),
    }
}

/// Do two addresses name one repository? Protocol, user, port, a closing slash and `.git` do not
/// matter; one that is a folder of this machine is not comparable and passes.
fn is_same_repository(left: &str, right: &str) -> bool {
    match (place(left), place(right)) {
        (Some(left), Some(right)) => left == right,
        _ => place(right).is_none(),
    }
}

/// Returns host and path of an address; none where it has no host.
fn place(address: &str) -> Option<(String, String)> {
    let address = address.trim();
    let (host, path) = match Url::parse(address) {
        Ok(url) if address.contains("://") => (url.host_str()?.to_owned(), url.path().to_owned()),
        // `git@host:group/name.git`
        _ => {
            let (host, path) = address.split_once(':')?;
            let host = host.rsplit('@').next().unwrap_or(host);
            if host.is_empty() || host.contains('/') {
                return None;
            }
            (host.to_owned(), path.to_owned())
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let host = host.to_ascii_lowercase();
    // Where a forge answers to SSH on the port of https.
    let host = match host.as_str() {
        "ssh.github.com" => "github.com".to_owned(),
        "altssh.gitlab.com" => "gitlab.com".to_owned(),
        "altssh.bitbucket.org" => "bitbucket.org".to_owned(),
        _ => host,
    };
    // Forges do not tell paths apart by case, and a wrong "the same" ends at the commit.
    Some((host, path.to_ascii_lowercase()))
}

/// Does what is applied from a path hold the environment's folder, or the manifests of the service?
fn holds(path: &str, root: &str, globs: &[String]) -> bool {
    let Some(path) = parts(path) else {
        return false;
    };
    let root = parts(root).unwrap_or_default();
    // Without a folder of its own an environment is told apart by its manifests only.
    if path.is_empty() || (!root.is_empty() && root.starts_with(&path)) {
        return true;
    }
    globs.iter().any(|glob| {
        let is_literal = |part: &&str| !part.contains(['*', '?', '[', '{']);
        let all: Vec<&str> = glob.split('/').filter(|part| !part.is_empty()).collect();
        let literal: Vec<&str> = all.iter().copied().take_while(is_literal).collect();
        let has_more_folders = all.len() > literal.len() + 1;
        literal.starts_with(&path) || (has_more_folders && path.starts_with(&literal))
    })
}

/// Takes a path apart; none where it leads out of the repository.
fn parts(path: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_many_addresses() {
        let ours = "https://git.example/group/gitops";
        let same = [
            "https://git.example/group/gitops.git",
            "https://robot:secret@GIT.example/Group/gitops/",
            "ssh://git@git.example:2222/group/gitops.git",
            "git@git.example:group/gitops.git",
            "http://git.example:8080/group/gitops",
        ];
        for address in same {
            assert!(is_same_repository(address, ours), "{address}");
        }
        let other = [
            "https://git.example/group/gitops-old",
            "https://git.example/gitops",
            "https://forge.example/group/gitops",
            "git@git.example:group/other.git",
            "https://charts.example",
            "",
        ];
        for address in other {
            assert!(!is_same_repository(address, ours), "{address}");
        }
        assert!(is_same_repository(ours, "/srv/git/gitops.git"));
        assert_eq!(
            shown("https://robot:hunter2@git.example/a?token=hunter2"),
            "https://git.example/a"
        );
    }

    #[test]
    fn what_is_applied_holds_the_environment_or_the_manifests() {
        let rows = [
            (
                "clusters/prod",
                "clusters/prod",
                "clusters/prod/ads*.yaml",
                true,
            ),
            (
                "./clusters/prod/",
                "clusters/prod",
                "clusters/prod/ads*.yaml",
                true,
            ),
            ("clusters", "clusters/prod", "clusters/prod/ads*.yaml", true),
            (".", "clusters/prod", "clusters/prod/ads*.yaml", true),
            (
                "clusters/staging",
                "clusters/prod",
                "clusters/prod/ads*.yaml",
                false,
            ),
            (
                "clusters/production",
                "clusters/prod",
                "clusters/prod/ads*.yaml",
                false,
            ),
            (
                "clusters/prod/shop",
                "clusters/prod",
                "clusters/prod/ads*.yaml",
                false,
            ),
            (
                "clusters/prod/ads",
                "clusters/prod",
                "clusters/prod/ads/*.yaml",
                true,
            ),
            (
                "clusters/prod/shop",
                "clusters/prod",
                "clusters/prod/ads/*.yaml",
                false,
            ),
            (
                "clusters/prod/shop",
                "clusters/prod",
                "clusters/prod/**/*.yaml",
                true,
            ),
            (
                "charts/ads/../../clusters/prod/values.yaml",
                "clusters/prod",
                "clusters/prod/values.yaml",
                true,
            ),
            ("../elsewhere", ".", "**/*.yaml", false),
            ("apps/ads", ".", "apps/ads/*.yaml", true),
            ("apps/shop", ".", "apps/ads/*.yaml", false),
            ("apps/shop", ".", "**/*.yaml", true),
        ];
        for (path, root, glob, expected) in rows {
            assert_eq!(
                holds(path, root, &[glob.to_owned()]),
                expected,
                "{path} {root} {glob}"
            );
        }
    }
}
