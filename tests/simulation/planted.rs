//! Bugs that are planted between the runs and the outside, to see that the tester finds them.

use std::collections::BTreeSet;

use crate::{server::Question, world::World};

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The compare-and-set of a journal is none: whoever comes last wins.
    JournalByForce,
    /// The same of the branch.
    BranchByForce,
    /// The answer to a push to the branch is lost, and it is read back as it was before.
    StaleReadBack,
    /// "Is it live?" is answered from git: weight goes to pods that are not there yet.
    LiveFromGit,
    /// Health and metrics are answered from before it got bad.
    StaleHealth,
    /// A way back brings whole files back, with whatever others wrote into them.
    WholeFiles,
}

impl Bug {
    /// All of them, each with a seed that finds it; none = that is looked for at length only.
    pub const ALL: [(Self, Option<u64>); 6] = [
        (Self::JournalByForce, Some(2)),
        (Self::BranchByForce, Some(3)),
        (Self::LiveFromGit, Some(1)),
        (Self::StaleHealth, Some(1)),
        (Self::WholeFiles, Some(3)),
        (Self::StaleReadBack, None),
    ];

    /// Makes another request of a push, as the bug has it.
    pub fn forge(self, world: &World, question: &Question) -> Option<Question> {
        let wanted = match self {
            Self::JournalByForce => "refs/shipgate/",
            Self::BranchByForce => "refs/heads/",
            _ => return None,
        };
        let commands = question.commands();
        let (old, _, name) = commands
            .iter()
            .find(|(_, _, name)| name.starts_with(wanted))?;
        let now = world.disk.lock().unwrap().refname_to_id(name).ok()?;
        let now = now.to_string();
        // The first id of the request is where the writer expects the reference.
        let at = question
            .body
            .windows(40)
            .position(|window| window == old.as_bytes())?;
        let mut forged = question.clone();
        forged.body[at..at + 40].copy_from_slice(now.as_bytes());
        Some(forged)
    }

    /// Does what the bug does once a way back is on the branch: the files of its base are put in
    /// the place of those that are there.
    pub fn after_way_back(
        self,
        world: &World,
        base: git2::Oid,
        paths: &BTreeSet<String>,
    ) -> Option<git2::Oid> {
        if self != Self::WholeFiles {
            return None;
        }
        let old = world.files(base);
        let disk = world.disk.lock().unwrap();
        let tip = disk.refname_to_id("refs/heads/main").unwrap();
        let tip = disk.find_commit(tip).unwrap();
        let mut update = git2::build::TreeUpdateBuilder::new();
        for path in paths {
            let text = old.get(path)?;
            update.upsert(
                path.as_str(),
                disk.blob(text.as_bytes()).unwrap(),
                git2::FileMode::Blob,
            );
        }
        let tree = update.create_updated(&disk, &tip.tree().unwrap()).unwrap();
        let tree = disk.find_tree(tree).unwrap();
        let author = tip.author();
        let message = tip.message().unwrap();
        let made = disk.commit(
            Some("refs/heads/main"),
            &author,
            &author,
            message,
            &tree,
            &[&tip],
        );
        let made = made.ok()?;
        // That no journal knows this commit is no part of the bug.
        world.state().others.insert(made.to_string());
        Some(made)
    }
}
