//! The one way to git: every operation as an awaitable call on a [`Repository`].

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    commit_id::CommitId,
    connect::{RepositoryOptions, remote},
    error::GitError,
    history::{self, LogEntry, Past},
    local::{Local, create_store},
    location::Location,
    names::{branch_reference, check_reference},
    outbox::Outbox,
    own_branch::{self, BranchOutcome},
    own_folder::OwnFolder,
    program::ConnectionOptions,
    push::{Proof, PushOutcome, push_branch},
    questions::Questions,
    register::prepare,
    remote::{Depth, Listing, Moment},
    signing::{self, Author, CommitRules},
    tree::{self, TreeEntry},
    worker::Worker,
};
use crate::manifest::{LookedAt, SourceFile};

/// A remote repository, with a bare folder of our own that is removed when this is dropped.
///
/// All work is done by one thread, in the order of the calls. A call that is given up (its future
/// is dropped) before its turn is left out; one that has begun is finished, and the next call waits
/// for it: after giving up a push, [`Repository::remote_tip`] tells what became of it. Dropping the
/// repository breaks off what is under way.
pub struct Repository {
    // Fields drop in this order: first the thread ends, then its folder goes.
    pub(super) worker: Worker<Local>,
    folder: Arc<OwnFolder>,
    display: String,
    is_named: bool,
    writer: String,
    turns: Arc<Mutex<()>>,
    /// What all that share it ask.
    questions: Questions,
    /// Records of all that share it, on their way.
    pub(super) outbox: Arc<Outbox>,
}

/// The right to push next among all that share a repository; given back when it is dropped.
pub struct Turn(#[expect(dead_code, reason = "holding it is all")] OwnedMutexGuard<()>);

impl Repository {
    /// Prepares a repository: checks the address, finds the credentials, makes the folder. Does not
    /// touch the network.
    ///
    /// # Errors
    /// An address that can not be used, a path that is no bare repository, a folder that can not be
    /// made, an author that git can not write down.
    pub fn open(options: RepositoryOptions) -> Result<Self, GitError> {
        Self::open_with(options, ConnectionOptions::default())
    }

    /// Like [`Repository::open`], with what SSH and the `git` program may take from outside.
    ///
    /// # Errors
    /// The same.
    pub fn open_with(
        options: RepositoryOptions,
        connection: ConnectionOptions,
    ) -> Result<Self, GitError> {
        prepare();
        let location = Location::parse(&options.url, connection.allow_plain_http)?;
        signing::check(&options.author_name, &options.author_email)?;
        let folder = OwnFolder::make()?;
        let path = folder.path().join("repository.git");
        let writer = random_name()?;
        let mark = writer.clone();
        let display = location.display();
        let questions = Questions::default();
        let asked = questions.clone();
        let worker = Worker::start(move |calls| {
            let calls = Arc::new(calls);
            let store = create_store(&path)?;
            let remote = remote(location, &calls, &path, &options, &connection)?;
            let author = Author {
                name: options.author_name,
                email: options.author_email,
                is_given: options.author_is_given,
                signer: options.signer,
                must_sign: false,
            };
            let mut local = Local::new(calls, path, store, remote, author, mark);
            local.questions = asked;
            Ok(local)
        })?;
        Ok(Self {
            worker,
            folder: Arc::new(folder),
            display,
            is_named: false,
            writer,
            turns: Arc::default(),
            questions,
            outbox: Arc::default(),
        })
    }

    /// Returns another way to the same repository, for another run beside this one: the same
    /// folder, connection and thread, but a limit of its own for how long answers may take.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            worker: self.worker.share(),
            folder: Arc::clone(&self.folder),
            display: self.display.clone(),
            is_named: self.is_named,
            writer: self.writer.clone(),
            turns: Arc::clone(&self.turns),
            questions: self.questions.clone(),
            outbox: Arc::clone(&self.outbox),
        }
    }

    /// Waits until nobody else who shares this repository is about to push: between reading a branch
    /// and pushing to it they would only lose races against each other.
    pub async fn turn(&self) -> Turn {
        Turn(Arc::clone(&self.turns).lock_owned().await)
    }

    /// Returns the address as it may be printed.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Lets commands that messages name lead to this address: whoever reads them later is elsewhere.
    #[must_use]
    pub fn named_in_commands(mut self) -> Self {
        self.is_named = true;
        self
    }

    /// Returns the address as such commands name it, without anything secret; none where they need not.
    pub fn name_in_commands(&self) -> Option<&str> {
        self.is_named.then_some(&*self.display)
    }

    /// Returns the mark that every journal record of this repository carries as `Writer`.
    pub fn writer(&self) -> &str {
        &self.writer
    }

    /// Lets no call to the server take longer than this from now on, whatever
    /// [`RepositoryOptions::timeout`] says; none takes that back. A call under way keeps its limit.
    pub fn answer_within(&self, longest: Option<Duration>) {
        self.worker.shorten(longest);
    }

    /// Makes all further commits as the repository's own configuration says.
    ///
    /// # Errors
    /// An author that git can not write down.
    pub async fn obey(&self, rules: CommitRules) -> Result<(), GitError> {
        self.worker.run(move |local| local.author.obey(rules)).await
    }

    /// Fetches the newest commit of a branch with its files. What the server is asked for one of several who
    /// share the repository answers all who had asked by then.
    ///
    /// # Errors
    /// [`GitError::BranchMissing`]; everything that can go wrong on the way.
    pub async fn fetch(&self, branch: &str) -> Result<CommitId, GitError> {
        let (branch, question) = (branch.to_owned(), self.questions.ask());
        self.worker
            .run(move |local| {
                let moment = question.moment(local.answered);
                let tip = local.fetch_branch(&branch, Depth::Tip, moment)?;
                Ok(CommitId::of(tip))
            })
            .await
    }

    /// As [`Repository::fetch`], but of the moment at which another branch was fetched last, if one
    /// was: what the two say belongs together, and the server is not asked twice.
    ///
    /// # Errors
    /// The same.
    pub async fn fetch_as_listed(&self, branch: &str) -> Result<CommitId, GitError> {
        let branch = branch.to_owned();
        self.worker
            .run(move |local| {
                let tip = local.fetch_branch(&branch, Depth::Tip, Moment::Listed)?;
                Ok(CommitId::of(tip))
            })
            .await
    }

    /// Returns the newest commit of a branch as [`Repository::can_push`] or a push saw it last, if it
    /// is here; else fetches it. For what a push follows, which compares and so finds out whether the
    /// branch has moved since.
    ///
    /// # Errors
    /// As [`Repository::fetch`].
    pub async fn branch_for_push(&self, branch: &str) -> Result<CommitId, GitError> {
        let branch = branch.to_owned();
        self.worker
            .run(move |local| local.branch_for_push(&branch).map(CommitId::of))
            .await
    }

    /// Fetches a branch with its whole history.
    ///
    /// # Errors
    /// As [`Repository::fetch`].
    pub async fn fetch_history(&self, branch: &str) -> Result<CommitId, GitError> {
        let branch = branch.to_owned();
        self.worker
            .run(move |local| {
                let tip = local.fetch_branch(&branch, Depth::Whole, Moment::Now)?;
                Ok(CommitId::of(tip))
            })
            .await
    }

    /// Fetches a branch so far back that its line of first parents reaches beyond an instant, or
    /// to its beginning. None = to its beginning. 20,000 commits are the most.
    ///
    /// # Errors
    /// As [`Repository::fetch`].
    pub async fn fetch_since(
        &self,
        branch: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<Past, GitError> {
        let branch = branch.to_owned();
        self.worker
            .run(move |local| history::fetch_since(local, &branch, since))
            .await
    }

    /// Returns the paths of the files that differ between two commits; none = an empty tree.
    ///
    /// # Errors
    /// A commit that was not fetched.
    pub async fn changed_paths(
        &self,
        older: Option<&CommitId>,
        newer: &CommitId,
    ) -> Result<Vec<String>, GitError> {
        let (older, newer) = (older.map(CommitId::oid), newer.oid());
        self.worker
            .run(move |local| history::changed_paths(local, older, newer))
            .await
    }

    /// Returns the branch that the server's `HEAD` stands for: as it was when
    /// [`Repository::fetch_default`] asked last, where it did.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when it stands for none, as in an empty repository.
    pub async fn default_branch(&self) -> Result<String, GitError> {
        self.worker
            .run(|local| {
                if let Some(branch) = &local.default_branch {
                    return Ok(branch.clone());
                }
                let listing = local.remote.list(&local.store, Some("HEAD"))?;
                default_branch(local, &listing)
            })
            .await
    }

    /// Fetches the newest commit of the branch that the server's `HEAD` stands for, and returns
    /// both.
    ///
    /// # Errors
    /// As [`Repository::default_branch`] and [`Repository::fetch`].
    pub async fn fetch_default(&self) -> Result<(String, CommitId), GitError> {
        let question = self.questions.ask();
        self.worker
            .run(move |local| {
                let branch = match (&local.default_branch, question.moment(local.answered)) {
                    (Some(branch), Moment::Listed) => branch.clone(),
                    _ => {
                        let asked = local.questions.last();
                        let listing = local.remote.list(&local.store, Some("HEAD"))?;
                        local.answered = Some(asked);
                        default_branch(local, &listing)?
                    }
                };
                local.default_branch = Some(branch.clone());
                let tip = local.fetch_branch(&branch, Depth::Tip, Moment::Listed)?;
                Ok((branch, CommitId::of(tip)))
            })
            .await
    }

    /// Reads a file of a commit; none = there is no such path. Never follows a link.
    ///
    /// # Errors
    /// A path that is a folder, a link, a submodule or behind one; a file above 16 MiB or kept in
    /// Git LFS; a commit that was not fetched.
    pub async fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let (commit, path) = (commit.clone(), path.to_owned());
        self.worker
            .run(move |local| tree::read(local, &commit, &path))
            .await
    }

    /// Reads those of some files of a listing that `wanted` is true for, in their order, to be looked at.
    /// What can not be read as [`Repository::read`] does, or can be no manifest, is left out. All that ask
    /// for the same file share it.
    ///
    /// # Errors
    /// Our own folder can not be read.
    pub async fn read_where(
        &self,
        listing: &Arc<[TreeEntry]>,
        positions: Vec<usize>,
        wanted: fn(&[u8]) -> bool,
    ) -> Result<Vec<LookedAt>, GitError> {
        let listing = Arc::clone(listing);
        self.worker
            .run(move |local| tree::read_where(local, &listing, positions, wanted))
            .await
    }

    /// Lists the files of a commit. All that ask for the same tree share one listing.
    ///
    /// # Errors
    /// A commit that was not fetched; more than 1,000,000 files and folders.
    pub async fn list(&self, commit: &CommitId) -> Result<Arc<[TreeEntry]>, GitError> {
        let commit = commit.clone();
        self.worker
            .run(move |local| tree::list(local, &commit))
            .await
    }

    /// Makes a commit on `base` in which these files have these bytes; nothing else changes, and
    /// modes stay. It is in our folder alone until it is pushed. Same input, same id, unless it is
    /// signed by a key that signs the same differently each time.
    ///
    /// # Errors
    /// A path that is not a file of the repository or can not become one; a base not fetched.
    pub async fn commit(
        &self,
        base: &CommitId,
        files: Vec<SourceFile>,
        message: &str,
        at: DateTime<Utc>,
    ) -> Result<CommitId, GitError> {
        let (base, message) = (base.clone(), message.to_owned());
        self.worker
            .run(move |local| tree::commit(local, &base, &files, &message, at))
            .await
    }

    /// Makes one commit on `base` with the files of `head`: whatever is between the two becomes one
    /// commit. It is in our folder alone until it is pushed.
    ///
    /// # Errors
    /// A commit that was not fetched or made here.
    pub async fn squash(
        &self,
        head: &CommitId,
        base: &CommitId,
        message: &str,
        at: DateTime<Utc>,
    ) -> Result<CommitId, GitError> {
        let (head, base, message) = (head.oid(), base.oid(), message.to_owned());
        self.worker
            .run(move |local| {
                let tree = local.commit_of(head)?.tree_id();
                let parent = local.commit_of(base)?;
                tree::write_commit(local, tree, &[&parent], &message, at)
            })
            .await
    }

    /// Moves a branch from `expected` to `new`, by compare-and-set, and reads it back.
    ///
    /// # Errors
    /// Only when the branch is certainly not changed: credentials refused, no connection, a branch
    /// that is gone, a commit that does not build on `expected`.
    pub async fn push(
        &self,
        branch: &str,
        expected: &CommitId,
        new: &CommitId,
    ) -> Result<PushOutcome, GitError> {
        self.push_proven(branch, expected, new, Proof::ReadBack)
            .await
    }

    /// As [`Repository::push`], for whoever reads the branch again before the next try: a lost race is
    /// [`PushOutcome::Overtaken`], and [`Repository::follows`] tells after the next fetch whether it was
    /// one. To look at once would fetch a tip that is old by the next try.
    ///
    /// # Errors
    /// The same.
    pub async fn push_for_retry(
        &self,
        branch: &str,
        expected: &CommitId,
        new: &CommitId,
    ) -> Result<PushOutcome, GitError> {
        self.push_proven(branch, expected, new, Proof::Tip).await
    }

    async fn push_proven(
        &self,
        branch: &str,
        expected: &CommitId,
        new: &CommitId,
        proof: Proof,
    ) -> Result<PushOutcome, GitError> {
        let (branch, expected, new) = (branch.to_owned(), expected.clone(), new.clone());
        self.worker
            .run(move |local| push_branch(local, &branch, &expected, &new, proof))
            .await
    }

    /// Fetches the newest commit of a branch of our own with its files; none = there is no such
    /// branch.
    ///
    /// # Errors
    /// Everything that can go wrong on the way.
    pub async fn fetch_own(&self, branch: &str) -> Result<Option<CommitId>, GitError> {
        let branch = branch.to_owned();
        self.worker
            .run(move |local| own_branch::fetch(local, &branch))
            .await
    }

    /// Moves a branch of our own by compare-and-set: makes it (`expected` is none), replaces what is
    /// on it, or takes it away (`new` is none). A commit at `expected` may be given up by that, so
    /// never call it with a commit that is not ours.
    ///
    /// # Errors
    /// As [`Repository::push`]: only when the branch is certainly not changed.
    pub async fn change_own(
        &self,
        branch: &str,
        expected: Option<&CommitId>,
        new: Option<&CommitId>,
    ) -> Result<BranchOutcome, GitError> {
        let (branch, expected, new) = (branch.to_owned(), expected.cloned(), new.cloned());
        self.worker
            .run(move |local| own_branch::change(local, &branch, expected.as_ref(), new.as_ref()))
            .await
    }

    /// Asks the server where a ref is now; none = there is no such ref.
    ///
    /// # Errors
    /// A name that is not a full ref name; everything that can go wrong on the way.
    pub async fn remote_tip(&self, reference: &str) -> Result<Option<CommitId>, GitError> {
        let reference = reference.to_owned();
        self.worker
            .run(move |local| {
                check_reference(&reference)?;
                Ok(local.tip(&reference)?.map(CommitId::of))
            })
            .await
    }

    /// Is `ancestor` in the history of `descendant` (or the same)? Fetches more history where that
    /// is needed for a sure no.
    ///
    /// # Errors
    /// A descendant that was not fetched; everything that can go wrong on the way.
    pub async fn contains(
        &self,
        descendant: &CommitId,
        ancestor: &CommitId,
    ) -> Result<bool, GitError> {
        let (descendant, ancestor) = (descendant.oid(), ancestor.oid());
        self.worker
            .run(move |local| local.contains(descendant, ancestor))
            .await
    }

    /// As [`Repository::contains`], as far as history was fetched: enough for a commit that was made here on
    /// a tip that was fetched.
    ///
    /// # Errors
    /// A descendant that was not fetched.
    pub async fn follows(
        &self,
        descendant: &CommitId,
        ancestor: &CommitId,
    ) -> Result<bool, GitError> {
        let (descendant, ancestor) = (descendant.oid(), ancestor.oid());
        self.worker
            .run(move |local| local.descends(descendant, ancestor))
            .await
    }

    /// Returns up to `limit` commits from `from` on back, every commit before its parents, as far
    /// as they were fetched.
    ///
    /// # Errors
    /// A commit that was not fetched.
    pub async fn log(&self, from: &CommitId, limit: usize) -> Result<Vec<LogEntry>, GitError> {
        let from = from.oid();
        self.worker
            .run(move |local| history::log(local, from, limit))
            .await
    }

    /// Asks the server for leave to push, without pushing. Branch protection shows only in a push.
    ///
    /// # Errors
    /// [`GitError::Denied`], [`GitError::BranchMissing`], and everything that can go wrong on the
    /// way.
    pub async fn can_push(&self, branch: &str) -> Result<(), GitError> {
        let branch = branch.to_owned();
        self.worker
            .run(move |local| {
                let reference = branch_reference(&branch)?;
                let listing = local.remote.check_push(&local.store, &reference)?;
                if listing.find(&reference).is_some() {
                    return Ok(());
                }
                let display = local.remote.display();
                let branches = listing.branches();
                Err(GitError::branch_missing(&branch, &display, &branches))
            })
            .await
    }
}

fn default_branch(local: &Local, listing: &Listing) -> Result<String, GitError> {
    let head = listing.head.as_deref();
    let branch = head.and_then(|head| head.strip_prefix("refs/heads/"));
    branch.map(str::to_owned).ok_or_else(|| {
        // Whoever asks for one name need not be told the others.
        let all = local.remote.list(&local.store, None);
        let branches = all.map_or_else(|_| Vec::new(), |listing| listing.branches());
        GitError::default_branch_missing(&local.remote.display(), &branches)
    })
}

/// Returns 16 hexadecimal digits that no other run has.
fn random_name() -> Result<String, GitError> {
    let mut bytes = [0; 8];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| GitError::internal("the machine gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_path(url: String) -> RepositoryOptions {
        RepositoryOptions {
            url,
            token: None,
            token_user: None,
            ca_file: None,
            checkout: None,
            author_name: "shipgate".to_owned(),
            author_email: "shipgate@example.com".to_owned(),
            author_is_given: false,
            signer: None,
            timeout: Duration::from_secs(10),
        }
    }

    #[test]
    fn the_folder_is_our_own_and_goes_with_the_repository() {
        let elsewhere = tempfile::tempdir().unwrap();
        create_store(elsewhere.path()).unwrap();
        let options = at_path(elsewhere.path().display().to_string());
        let one = Repository::open(options.clone()).unwrap();
        let two = Repository::open(options).unwrap();
        let folder = one.folder.path().to_owned();
        assert_ne!(folder, two.folder.path());
        assert!(folder.join("repository.git/HEAD").exists());
        drop(one);
        assert!(!folder.exists());
        assert!(two.folder.path().join("repository.git/HEAD").exists());
    }

    #[test]
    fn an_author_that_git_can_not_write_is_refused() {
        let mut options = at_path("https://host/shop".to_owned());
        options.author_name = "<>".to_owned();
        let error = Repository::open(options).err().unwrap();
        assert!(matches!(error, GitError::Invalid { .. }), "{error}");
    }
}
