//! The way to an SSH server or to a path: the `git` program's own fetch and push.

use git2::{Oid, Repository};

use super::{
    error::GitError,
    program::{Program, Said},
    remote::{Depth, Fetched, Listing, Moment, Remote, Report, Update, tracking_name},
    sanitise::sanitise,
};

/// A repository that the `git` program talks to.
pub(super) struct ProgramRemote {
    program: Program,
    /// As the program takes it.
    address: String,
    /// As people read it.
    display: String,
}

impl ProgramRemote {
    pub(super) fn new(program: Program, address: String, display: String) -> Self {
        Self {
            program,
            address,
            display,
        }
    }

    fn run(&self, arguments: &[&str]) -> Result<Said, GitError> {
        let said = self.program.run(arguments)?;
        if said.status.success() {
            Ok(said)
        } else {
            Err(self.explain(&said))
        }
    }

    /// Sorts a failure to connect. The program has no other way to say which one it was than its
    /// (untranslated) text; no decision about a push hangs on it.
    fn explain(&self, said: &Said) -> GitError {
        let reason = said.reason();
        let text = said.stderr.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let message = format!("{}: {reason}", self.display);
        if has(&["mismatched algorithms", "hash algorithm"]) {
            GitError::object_format(&self.display, "sha256")
        } else if has(&["unknown repository extension", "git repo version"]) {
            GitError::unsupported(
                message,
                "install a git program that knows the repository's format; reftable needs git 2.45",
            )
        } else if has(&["remote host identification has changed"]) {
            GitError::denied(
                format!(
                    "{}: the server shows another host key than the known one",
                    self.display
                ),
                "somebody may be in between: ask whoever runs the server whether its key was changed, \
                 and only then replace it in the known hosts",
            )
        } else if has(&["host key verification failed", "host key is known for"]) {
            GitError::denied(
                message,
                "compare the fingerprint of the server's host key (`ssh-keyscan HOST | ssh-keygen -lf -`) with \
                 the one that its owner publishes, then add the key to the known hosts (--known-hosts FILE)",
            )
        } else if has(&[
            "permission denied",
            "authentication failed",
            "access denied",
            "read-only",
            "read only",
            "not allowed",
            "insufficient permission",
        ]) {
            GitError::denied(
                message,
                "check that the key (--ssh-key FILE, the SSH agent, or what OpenSSH's configuration names) \
                 has no passphrase outside of an agent and may read and write this repository",
            )
        } else if has(&[
            "does not appear to be a git repository",
            "not found",
            "no such",
        ]) {
            GitError::not_found(
                message,
                "check the address, and that the key may see the repository",
            )
        } else {
            GitError::unavailable(
                message,
                "check the address and the network, then run the same command again",
            )
        }
    }
}

impl Remote for ProgramRemote {
    fn display(&self) -> String {
        self.display.clone()
    }

    fn list(&self, _store: &Repository, only: Option<&str>) -> Result<Listing, GitError> {
        let mut arguments = vec!["ls-remote", "--symref", "--", &self.address];
        arguments.extend(only);
        Ok(read_listing(&self.run(&arguments)?.stdout))
    }

    fn fetch(
        &self,
        store: &Repository,
        reference: &str,
        depth: Depth,
        _moment: Moment,
    ) -> Result<Fetched, GitError> {
        let refspec = format!("+{reference}:{}", tracking_name(reference));
        let depth = match depth.number(store) {
            0 => None,
            number => Some(format!("--depth={number}")),
        };
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
        ];
        arguments.extend(depth.as_deref());
        arguments.extend(["--", &self.address, &refspec]);
        let said = self.program.run(&arguments)?;
        if !said.status.success() {
            let failure = self.explain(&said);
            // Credentials that were refused are not tried again.
            if matches!(failure, GitError::Denied { .. }) {
                return Err(failure);
            }
            let listing = self.list(store, None)?;
            return match listing.find(reference) {
                None => Ok(Fetched::Missing {
                    branches: listing.branches(),
                }),
                Some(_) => Err(failure),
            };
        }
        let tip = store
            .refname_to_id(&tracking_name(reference))
            .map_err(GitError::while_doing("read what was fetched"))?;
        Ok(Fetched::Tip(tip))
    }

    fn fetch_below(&self, _store: &Repository, below: &str) -> Result<(), GitError> {
        let refspec = format!("+{below}*:{}*", tracking_name(below));
        self.run(&[
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--",
            &self.address,
            &refspec,
        ])
        .map(drop)
    }

    fn push(&self, store: &Repository, update: &Update) -> Result<Report, GitError> {
        // What fails from here on may have failed after the server got it; so first see that it
        // can be reached at all.
        let tip = self
            .list(store, Some(&update.reference))?
            .find(&update.reference);
        if tip != update.expected {
            return Ok(Report::Elsewhere(tip));
        }
        let expected = update
            .expected
            .map_or_else(String::new, |id| id.to_string());
        let lease = format!("--force-with-lease={}:{expected}", update.reference);
        let refspec = if update.new.is_zero() {
            format!(":{}", update.reference)
        } else {
            format!("{}:{}", update.new, update.reference)
        };
        let pushed = self.program.run(&[
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--no-signed",
            "--recurse-submodules=no",
            &lease,
            "--",
            &self.address,
            &refspec,
        ]);
        match pushed {
            Ok(said) => Ok(self.read_report(&said, &update.reference)),
            Err(error @ GitError::Unavailable { .. }) => Ok(Report::Broken(error)),
            Err(error) => Err(error),
        }
    }

    fn check_push(&self, store: &Repository, reference: &str) -> Result<Listing, GitError> {
        let listing = self.list(store, None)?;
        if listing.find(reference).is_none() {
            return Ok(listing);
        }
        let probe = orphan(store).map_err(GitError::while_doing("prepare a test push"))?;
        let refspec = format!("{probe}:{reference}");
        let said = self.program.run(&[
            "push",
            "--porcelain",
            "--dry-run",
            "--no-verify",
            "--recurse-submodules=no",
            "--",
            &self.address,
            &refspec,
        ])?;
        // That the probe does not fit onto the branch is known only after the server let us in.
        if said.status.success() || status_line(&said.stdout, reference).is_some() {
            Ok(listing)
        } else {
            Err(self.explain(&said))
        }
    }
}

impl ProgramRemote {
    fn read_report(&self, said: &Said, reference: &str) -> Report {
        match status_line(&said.stdout, reference) {
            Some((' ' | '*' | '+' | '-' | '=', _)) => Report::Accepted,
            Some(('!', summary)) if summary.starts_with("[rejected]") => Report::Stale,
            Some(('!', summary)) if summary.starts_with("[remote rejected]") => {
                let remote: Vec<_> = said
                    .stderr
                    .lines()
                    .filter_map(|line| line.strip_prefix("remote:"))
                    .collect();
                let reason = summary.trim_start_matches("[remote rejected]").trim();
                let reason = reason.trim_start_matches('(').trim_end_matches(')');
                Report::Refused(sanitise(&format!("{}\n{reason}", remote.join("\n"))))
            }
            _ => Report::Broken(self.explain(said)),
        }
    }
}

/// Finds a ref's line of `git push --porcelain`: `<flag>\t<from>:<to>\t<summary> (<reason>)`.
fn status_line<'text>(stdout: &'text str, reference: &str) -> Option<(char, &'text str)> {
    stdout.lines().find_map(|line| {
        let (flag, rest) = line.split_once('\t')?;
        let (refs, summary) = rest.split_once('\t')?;
        let (_, to) = refs.split_once(':')?;
        (to == reference).then_some((flag.chars().next()?, summary))
    })
}

/// Reads `git ls-remote --symref`: `ref: refs/heads/main\tHEAD` and `<id>\t<name>` lines.
fn read_listing(stdout: &str) -> Listing {
    let mut listing = Listing::default();
    for line in stdout.lines() {
        let Some((value, name)) = line.split_once('\t') else {
            continue;
        };
        if let Some(target) = value.strip_prefix("ref: ") {
            if name == "HEAD" {
                listing.head = Some(target.to_owned());
            }
        } else if let Ok(id) = Oid::from_str(value)
            && name.starts_with("refs/")
            && !name.ends_with("^{}")
        {
            listing.refs.push((name.to_owned(), id));
        }
    }
    listing
}

/// Makes a commit that belongs to nothing.
fn orphan(store: &Repository) -> Result<Oid, git2::Error> {
    let tree = store.find_tree(store.treebuilder(None)?.write()?)?;
    let author = git2::Signature::new("shipgate", "shipgate@localhost", &git2::Time::new(0, 0))?;
    store.commit(None, &author, &author, "test push", &tree, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_lines_are_read() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let listing = read_listing(&format!(
            "ref: refs/heads/main\tHEAD\n{id}\tHEAD\n{id}\trefs/heads/main\n{id}\trefs/tags/v1^{{}}\nwarning\n"
        ));
        assert_eq!(listing.head.as_deref(), Some("refs/heads/main"));
        assert_eq!(listing.branches(), ["main"]);
        assert_eq!(listing.refs.len(), 1);

        let stdout = "To /tmp/shop.git\n!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n";
        assert_eq!(
            status_line(stdout, "refs/heads/main"),
            Some(('!', "[remote rejected] (pre-receive hook declined)"))
        );
        assert_eq!(status_line(stdout, "refs/heads/other"), None);
        assert_eq!(
            status_line(" \ta:refs/heads/main\t1..2\n", "refs/heads/main"),
            Some((' ', "1..2"))
        );
    }
}
