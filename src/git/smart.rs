//! The way to an HTTP server: libgit2's protocol over our own transport.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
};

use git2::{
    AutotagOption, Direction, ErrorCode, FetchOptions, Oid, PushOptions, RemoteCallbacks,
    RemoteHead, Repository,
};

use super::{
    ends,
    error::GitError,
    http::Server,
    names::WantedJournals,
    outgoing::{self, Outgoing},
    remote::{Depth, Fetched, Listing, Moment, Remote, Report, Update, tracking_name},
    transport::attach,
};

/// Longest text of a server that is kept for a message, in bytes.
const LONGEST_TALK: usize = 16 << 10;

/// A repository behind smart HTTP.
pub(super) struct Smart {
    server: Arc<Server>,
    /// The refs, as they were listed last for reading; none after a push of ours.
    seen: RefCell<Option<Listing>>,
    /// The same, as they were listed last for a push.
    seen_for_push: RefCell<Option<Listing>>,
}

impl Smart {
    /// Makes this thread's transports go to `server`.
    pub(super) fn new(server: Arc<Server>) -> Self {
        attach(Arc::clone(&server));
        Self {
            server,
            seen: RefCell::default(),
            seen_for_push: RefCell::default(),
        }
    }

    /// Returns our transport's reason, or libgit2's where the transport had none.
    fn explain(&self, what: &str) -> impl Fn(git2::Error) -> GitError {
        move |error| {
            self.server.take_failure().unwrap_or_else(|| {
                let said = self.server.printable(error.message());
                if let Some((_, format)) = said.split_once("unknown remote object format") {
                    let format = format.trim().trim_matches('\'');
                    return GitError::object_format(&self.display(), format);
                }
                let hint = if said.contains("invalid packet line") {
                    // What a server adds to the list of refs of a shallow repository.
                    "check that it is a git server, and that the repository there is not shallow; run the same command again"
                } else {
                    "check that it is a git server; run the same command again"
                };
                GitError::unavailable(format!("could not {what} {}: {said}", self.display()), hint)
            })
        }
    }

    /// Connects, beginning with the refs as they are now.
    fn connect<'store, T>(
        &self,
        store: &'store Repository,
        direction: Direction,
        then: impl FnOnce(&mut git2::Remote<'store>, Listing) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        self.server.begin();
        self.converse(store, direction, |remote, listing| {
            let seen = match direction {
                Direction::Fetch => &self.seen,
                Direction::Push => &self.seen_for_push,
            };
            *seen.borrow_mut() = Some(listing.clone());
            then(remote, listing)
        })
    }

    /// Connects for a push. A list of refs from before will do where it has the refs at the expected
    /// places: it is the server that compares, at the moment at which it applies the push.
    fn connect_for<'store, T>(
        &self,
        store: &'store Repository,
        updates: &[&Update],
        then: impl FnOnce(&mut git2::Remote<'store>, Listing) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let is_as_expected = self.seen_for_push.borrow().as_ref().is_some_and(|listing| {
            let is_there = |update: &&Update| listing.find(&update.reference) == update.expected;
            updates.iter().all(is_there)
        });
        if !is_as_expected {
            return self.connect(store, Direction::Push, then);
        }
        self.server.begin();
        self.server.list_as_before();
        self.converse(store, Direction::Push, then)
    }

    /// Connects for reading, beginning with the refs of a moment.
    fn connect_at<'store, T>(
        &self,
        moment: Moment,
        store: &'store Repository,
        then: impl FnOnce(&mut git2::Remote<'store>, Listing) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        if moment == Moment::Now || self.seen.borrow().is_none() {
            return self.connect(store, Direction::Fetch, then);
        }
        self.server.begin();
        self.server.list_as_before();
        self.converse(store, Direction::Fetch, then)
    }

    fn converse<'store, T>(
        &self,
        store: &'store Repository,
        direction: Direction,
        then: impl FnOnce(&mut git2::Remote<'store>, Listing) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let mut remote = store
            .remote_anonymous(self.server.url.as_str())
            .map_err(GitError::while_doing("name the remote"))?;
        let mut connection = remote
            .connect_auth(direction, None, None)
            .map_err(self.explain("reach"))?;
        let heads = connection
            .list()
            .map_err(self.explain("list the refs of"))?;
        let listing = listing(heads);
        then(connection.remote(), listing)
    }
}

/// Brings refs into the store; `depth` as git counts it, 0 = everything that is new.
fn download(
    remote: &mut git2::Remote<'_>,
    references: &[&str],
    depth: i32,
) -> Result<(), git2::Error> {
    let mut options = FetchOptions::new();
    options
        .depth(depth)
        .download_tags(AutotagOption::None)
        .update_fetchhead(false);
    let refspec = |reference: &&str| format!("+{reference}:{}", tracking_name(reference));
    let refspecs: Vec<String> = references.iter().map(refspec).collect();
    remote.fetch(&refspecs, Some(&mut options), None)
}

/// Is a commit here with its files?
fn is_whole(store: &Repository, commit: Oid) -> bool {
    store
        .find_commit(commit)
        .is_ok_and(|commit| commit.tree().is_ok())
}

fn listing(heads: &[RemoteHead<'_>]) -> Listing {
    let mut listing = Listing::default();
    for head in heads {
        if head.name() == "HEAD" {
            listing.head = head.symref_target().map(str::to_owned);
        } else if !head.name().ends_with("^{}") && !head.oid().is_zero() {
            listing.refs.push((head.name().to_owned(), head.oid()));
        }
    }
    listing
}

impl Remote for Smart {
    fn display(&self) -> String {
        self.server.url.to_string()
    }

    fn list(&self, store: &Repository, _only: Option<&str>) -> Result<Listing, GitError> {
        self.connect(store, Direction::Fetch, |_, listing| Ok(listing))
    }

    fn listed(&self, reference: &str) -> Option<Oid> {
        self.seen.borrow().as_ref()?.find(reference)
    }

    fn listed_for_push(&self, reference: &str) -> Option<Oid> {
        self.seen_for_push.borrow().as_ref()?.find(reference)
    }

    fn fetch(
        &self,
        store: &Repository,
        reference: &str,
        depth: Depth,
        moment: Moment,
    ) -> Result<Fetched, GitError> {
        let fetch = |remote: &mut git2::Remote<'_>, listing: Listing| {
            let Some(tip) = listing.find(reference) else {
                return Ok(Fetched::Missing {
                    branches: listing.branches(),
                });
            };
            download(remote, &[reference], depth.number(store))
                .map_err(self.explain("fetch from"))?;
            Ok(Fetched::Tip(tip))
        };
        self.connect_at(moment, store, fetch)
    }

    /// A client that says where its history ends is sent nothing from behind that, and journals in
    /// the same answer. So the commit is named as such an end before it is here: to ask for it one
    /// commit deep would be a request more, and another one for the journals.
    fn fetch_tip(
        &self,
        store: &Repository,
        reference: &str,
        journals: &WantedJournals,
        moment: Moment,
    ) -> Result<Fetched, GitError> {
        let fetched = self.connect_at(moment, store, |remote, listing| {
            let Some(tip) = listing.find(reference) else {
                return Ok(Fetched::Missing {
                    branches: listing.branches(),
                });
            };
            let listed = listing.refs.iter().map(|(name, _)| name.as_str());
            let mut wanted = journals.among(listed);
            wanted.insert(0, reference);
            if !is_whole(store, tip) {
                ends::add(store, tip)?;
            }
            let downloaded = download(remote, &wanted, 0);
            if !is_whole(store, tip) {
                ends::remove(store, tip)?;
            }
            match (downloaded, self.server.take_failure()) {
                (Err(_), Some(failure)) => Err(failure),
                _ => Ok(Fetched::Tip(tip)),
            }
        });
        match fetched {
            // The server did not understand, so it is asked in the usual way.
            Ok(Fetched::Tip(tip)) if !is_whole(store, tip) => {
                self.fetch(store, reference, Depth::Tip, Moment::Listed)
            }
            fetched => fetched,
        }
    }

    fn fetch_below(&self, store: &Repository, below: &str) -> Result<(), GitError> {
        self.connect(store, Direction::Fetch, |remote, _| {
            let mut options = FetchOptions::new();
            options
                .download_tags(AutotagOption::None)
                .update_fetchhead(false);
            let refspec = format!("+{below}*:{}*", tracking_name(below));
            remote
                .fetch(&[refspec], Some(&mut options), None)
                .map_err(self.explain("fetch from"))
        })
    }

    fn push(&self, store: &Repository, update: &Update) -> Result<Report, GitError> {
        let mut reports = self.push_together(store, &[update])?;
        reports
            .pop()
            .ok_or_else(|| GitError::internal("a push has got no report"))
    }

    fn push_all(&self, store: &Repository, updates: &[&Update]) -> Vec<Result<Report, GitError>> {
        match self.push_together(store, updates) {
            Ok(reports) => reports.into_iter().map(Ok).collect(),
            Err(error) => updates.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn check_push(&self, store: &Repository, _reference: &str) -> Result<Listing, GitError> {
        self.connect(store, Direction::Push, |_, listing| Ok(listing))
    }

    /// Asks the side of the server that takes pushes: the one for readers may be a copy that lags
    /// behind, and a push that follows needs the answer as well.
    fn read_back(&self, store: &Repository, reference: &str) -> Result<Option<Oid>, GitError> {
        let listing = self.connect(store, Direction::Push, |_, listing| Ok(listing))?;
        Ok(listing.find(reference))
    }
}

impl Smart {
    /// Pushes to several refs over one connection. One that is not where it was expected keeps none of the
    /// others.
    fn push_together(
        &self,
        store: &Repository,
        updates: &[&Update],
    ) -> Result<Vec<Report>, GitError> {
        let outgoing = Outgoing::keep(store, updates)?;
        // From here on what was listed for reading may be older than what we wrote ourselves.
        *self.seen.borrow_mut() = None;
        let reports = self.connect_for(store, updates, |remote, listing| {
            let tips: Vec<Option<Oid>> = updates
                .iter()
                .map(|update| listing.find(&update.reference))
                .collect();
            let pairs = || updates.iter().zip(&tips).enumerate();
            let sent: Vec<(usize, &Update)> = pairs()
                .filter(|(_, (update, tip))| **tip == update.expected)
                .map(|(number, (update, _))| (number, *update))
                .collect();
            let mut said = match sent.as_slice() {
                [] => Vec::new(),
                sent => self.send(remote, sent)?,
            }
            .into_iter();
            let report = |(_, (update, tip)): (usize, (&&Update, &Option<Oid>))| {
                let said = (*tip == update.expected).then(|| said.next()).flatten();
                said.unwrap_or(Report::Elsewhere(*tip))
            };
            Ok(pairs().map(report).collect::<Vec<Report>>())
        });
        drop(outgoing);
        let is_accepted = |report: &Report| matches!(report, Report::Accepted);
        if !reports
            .as_ref()
            .is_ok_and(|reports| reports.iter().all(is_accepted))
        {
            // The next try asks for the refs first: a server that is away then surely took nothing.
            *self.seen_for_push.borrow_mut() = None;
        }
        reports
    }

    /// Sends a push over a connection and reads what the server says to each part of it. The numbers are
    /// those of what is [`Outgoing`].
    fn send(
        &self,
        remote: &mut git2::Remote<'_>,
        updates: &[(usize, &Update)],
    ) -> Result<Vec<Report>, GitError> {
        let stale = Cell::new(false);
        let statuses = RefCell::new(HashMap::new());
        let talk = RefCell::new(Vec::new());
        let result = {
            let mut callbacks = RemoteCallbacks::new();
            // The server compares with what it advertised; here the advertised is compared with
            // what we expect. Both together are a compare-and-set.
            callbacks.push_negotiation(|negotiated| {
                let as_expected = negotiated.iter().all(|one| {
                    updates.iter().any(|(_, update)| {
                        one.dst_refname().ok() == Some(&update.reference)
                            && (!one.src().is_zero()).then(|| one.src()) == update.expected
                    })
                });
                stale.set(!as_expected);
                if as_expected {
                    Ok(())
                } else {
                    Err(git2::Error::from_str(
                        "the ref is not where it was expected",
                    ))
                }
            });
            callbacks.push_update_reference(|reference, refusal| {
                let refusal = refusal.map(str::to_owned);
                statuses.borrow_mut().insert(reference.to_owned(), refusal);
                Ok(())
            });
            callbacks.sideband_progress(|bytes| {
                let mut talk = talk.borrow_mut();
                let room = LONGEST_TALK.saturating_sub(talk.len());
                talk.extend_from_slice(&bytes[..bytes.len().min(room)]);
                true
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks);
            let refspecs = updates.iter().map(|(number, update)| {
                match (update.new.is_zero(), update.replaces) {
                    (true, _) => format!(":{}", update.reference),
                    (false, true) => format!("+{}:{}", outgoing::name(*number), update.reference),
                    (false, false) => format!("{}:{}", outgoing::name(*number), update.reference),
                }
            });
            let refspecs: Vec<String> = refspecs.collect();
            remote.push(&refspecs, Some(&mut options))
        };
        let reason = |refusal: &str| {
            let talk = String::from_utf8_lossy(&talk.borrow()).into_owned();
            self.server.printable(&format!("{talk}\n{refusal}"))
        };
        let failure = self.server.take_failure();
        let statuses = statuses.into_inner();
        let is_not_fast_forward = |error: &git2::Error| error.code() == ErrorCode::NotFastForward;
        if stale.get() && result.is_err() || result.as_ref().is_err_and(is_not_fast_forward) {
            return Ok(updates.iter().map(|_| Report::Stale).collect());
        }
        // What the server did not say something about, or where the dialogue ended early.
        let unsaid = || {
            let said = match &result {
                Ok(()) => "the server did not say whether it took the push",
                Err(error) => error.message(),
            };
            match failure.clone() {
                // These two the server says before it looks at what was pushed.
                Some(error @ (GitError::Denied { .. } | GitError::NotFound { .. })) => Err(error),
                Some(error) if self.server.pack_left() => Ok(Report::Broken(error)),
                Some(error) => Err(error),
                None if self.server.pack_left() => Ok(Report::Refused(reason(said))),
                None => Err(GitError::unavailable(
                    format!("could not push to {}: {}", self.display(), reason(said)),
                    "check that the server takes pushes; run the same command again",
                )),
            }
        };
        let report =
            |(_, update): &(usize, &Update)| match (&result, statuses.get(&update.reference)) {
                (Ok(()), Some(None)) => Ok(Report::Accepted),
                (Ok(()), Some(Some(refusal))) => Ok(Report::Refused(reason(refusal))),
                _ => unsaid(),
            };
        updates.iter().map(report).collect()
    }
}
