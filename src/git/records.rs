//! What runs and people leave beside the files of a [`Repository`]: journals and approvals.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    approvals::{self, KeptApproval},
    branch_journal::Place,
    commit_id::CommitId,
    error::GitError,
    journal::{self, Journal, JournalOutcome},
    names::{WantedJournals, branch_reference, journal_at},
    outbox::Letter,
    push::Proof,
    remote::Moment,
    repository::Repository,
};

impl Repository {
    /// Says which branch an environment is deployed to: where the server refuses refs for journals,
    /// they are there.
    ///
    /// # Errors
    /// No name of a branch.
    pub async fn journal_beside(&self, environment: &str, branch: &str) -> Result<(), GitError> {
        let (environment, branch) = (environment.to_owned(), branch.to_owned());
        self.worker
            .run(move |local| {
                branch_reference(&branch)?;
                local.journals.branches.insert(environment, branch);
                Ok(())
            })
            .await
    }

    /// Says which journals will be read, as far as their names are known: they come along with the
    /// newest commit of a branch. None = there is no saying yet.
    ///
    /// # Errors
    /// None but that the git thread has ended.
    pub async fn journals_wanted(
        &self,
        environment: Option<&str>,
        service: Option<&str>,
    ) -> Result<(), GitError> {
        let (environment, service) = (environment.map(str::to_owned), service.map(str::to_owned));
        self.worker
            .run(move |local| {
                local.wanted_journals = WantedJournals(Some((environment, service)));
                Ok(())
            })
            .await
    }

    /// Is the journal of a service on its branch, as far as is known by now? Then each record moves
    /// the branch.
    ///
    /// # Errors
    /// None but that the git thread has ended.
    pub async fn journal_is_on_branch(
        &self,
        environment: &str,
        service: &str,
    ) -> Result<bool, GitError> {
        let place = Place::new(environment, service);
        self.worker
            .run(move |local| Ok(local.journals.branch_of(&place).is_some()))
            .await
    }

    /// Returns, once, what a person should know about a journal that is on its branch.
    ///
    /// # Errors
    /// As [`Repository::journal_is_on_branch`].
    pub async fn journal_warning(
        &self,
        environment: &str,
        service: &str,
    ) -> Result<Option<String>, GitError> {
        let place = Place::new(environment, service);
        self.worker
            .run(move |local| Ok(local.journals.warning(&place)))
            .await
    }

    /// Reads the journal of a service; empty when there is none.
    ///
    /// # Errors
    /// Names that are no DNS labels; everything that can go wrong on the way.
    pub async fn journal(&self, environment: &str, service: &str) -> Result<Journal, GitError> {
        self.journal_of(environment, service, Moment::Now).await
    }

    /// As [`Repository::journal`], but of the moment at which a branch was fetched last: what the two
    /// say belongs together, and the server is not asked twice. Whoever acts on it finds out by
    /// compare-and-set what has changed since.
    ///
    /// # Errors
    /// The same.
    pub async fn journal_as_listed(
        &self,
        environment: &str,
        service: &str,
    ) -> Result<Journal, GitError> {
        self.journal_of(environment, service, Moment::Listed).await
    }

    async fn journal_of(
        &self,
        environment: &str,
        service: &str,
        moment: Moment,
    ) -> Result<Journal, GitError> {
        let (environment, service) = (environment.to_owned(), service.to_owned());
        self.worker
            .run(move |local| journal::read(local, &environment, &service, moment))
            .await
    }

    /// Returns the environment and the service of every journal that is a reference, whatever any
    /// configuration names.
    ///
    /// # Errors
    /// Everything that can go wrong on the way.
    pub async fn journals(&self) -> Result<Vec<(String, String)>, GitError> {
        self.worker
            .run(|local| {
                let listing = local.remote.list(&local.store, Some("refs/shipgate/*"))?;
                let places = listing.refs.iter().filter_map(|(name, _)| journal_at(name));
                Ok(places
                    .map(|(environment, service)| (environment.to_owned(), service.to_owned()))
                    .collect())
            })
            .await
    }

    /// Reads the newest approvals that are kept for a service, at most 50, newest first. They are
    /// untrusted texts.
    ///
    /// # Errors
    /// As [`Repository::journal`].
    pub async fn approvals(
        &self,
        environment: &str,
        service: &str,
    ) -> Result<Vec<KeptApproval>, GitError> {
        let (environment, service) = (environment.to_owned(), service.to_owned());
        self.worker
            .run(move |local| approvals::read(local, &environment, &service))
            .await
    }

    /// Stores the text of an approval for a service and returns its ref. A text that is already
    /// there is [`JournalOutcome::Lost`] with its commit as tip: nothing is ever replaced.
    ///
    /// # Errors
    /// As [`Repository::append_journal`].
    pub async fn store_approval(
        &self,
        environment: &str,
        service: &str,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<(String, JournalOutcome), GitError> {
        let (environment, service) = (environment.to_owned(), service.to_owned());
        let text = text.to_owned();
        self.worker
            .run(move |local| approvals::store(local, &environment, &service, &text, at))
            .await
    }

    /// Writes a record into the journal of a service, after `expected` (none = the first), by
    /// compare-and-set. `message` carries the trailers. A record that another one will follow may be
    /// proven by that one's compare-and-set. Records that wait at the same time go in one push.
    ///
    /// # Errors
    /// As [`Repository::push`]: only when the journal is certainly not changed.
    pub async fn append_journal(
        &self,
        environment: &str,
        service: &str,
        expected: Option<&CommitId>,
        message: &str,
        at: DateTime<Utc>,
        proof: Proof,
    ) -> Result<JournalOutcome, GitError> {
        let (number, mut answered) = self.outbox.add(Letter {
            environment: environment.to_owned(),
            service: service.to_owned(),
            expected: expected.cloned(),
            message: message.to_owned(),
            at,
            proof,
            longest: self.worker.longest(),
        });
        let outbox = Arc::clone(&self.outbox);
        let write = self.worker.run(move |local| {
            outbox.write(number, local);
            Ok(())
        });
        let gone = |_| GitError::internal("a record has got no answer");
        tokio::select! {
            biased;
            // Somebody has taken it along.
            answer = &mut answered => answer.map_err(gone)?,
            written = write => {
                written?;
                answered.await.map_err(gone)?
            }
        }
    }
}
