//! What a forge does in its repository: merges in three flavours, and what people push.

use std::path::Path;

use git2::{Commit, Oid, Repository, Signature, Time, build::TreeUpdateBuilder};

/// How it is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// A commit with two parents.
    Merge,
    /// One new commit.
    Squash,
    /// One new commit beside the branch, and a commit with two parents that brings it in: GitLab's
    /// way where the project makes merge commits.
    SquashedMerge,
    /// The commits made again on the branch.
    Rebase,
    /// The branch moves to the commit itself.
    FastForward,
}

/// The commit of a merge, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Where the branch was moved to.
    pub commit: String,
    /// The squashed commit that a merge commit brought in.
    pub squashed: Option<String>,
    /// How.
    pub flavour: Flavour,
}

fn open(path: &Path) -> Repository {
    Repository::open_bare(path).unwrap()
}

fn reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// Returns where a branch is.
pub fn tip(path: &Path, branch: &str) -> Option<String> {
    let id = open(path).refname_to_id(&reference(branch)).ok()?;
    Some(id.to_string())
}

/// Would merging one branch into another end in conflicts?
pub fn conflicts(path: &Path, head: &str, base: &str) -> bool {
    let repository = open(path);
    let commit = |branch: &str| {
        let id = repository.refname_to_id(&reference(branch)).ok()?;
        repository.find_commit(id).ok()
    };
    match (commit(head), commit(base)) {
        (Some(head), Some(base)) => merged_tree(&repository, &base, &head).is_none(),
        _ => false,
    }
}

fn merged_tree(repository: &Repository, base: &Commit<'_>, head: &Commit<'_>) -> Option<Oid> {
    let mut index = repository.merge_commits(base, head, None).unwrap();
    if index.has_conflicts() {
        return None;
    }
    Some(index.write_tree_to(repository).unwrap())
}

fn somebody(name: &str) -> Signature<'static> {
    let address = format!("{name}@shop.example");
    Signature::new(name, &address, &Time::new(1_773_100_000, 0)).unwrap()
}

/// Merges a branch into another and moves that. `message` replaces the usual one.
pub fn merge(
    path: &Path,
    head: &str,
    base: &str,
    flavour: Flavour,
    message: Option<&str>,
    number: u64,
) -> Merged {
    let repository = open(path);
    let at = repository.refname_to_id(&reference(base)).unwrap();
    let onto = repository.find_commit(at).unwrap();
    let from = repository.refname_to_id(&reference(head)).unwrap();
    let ours = repository.find_commit(from).unwrap();
    let tree = merged_tree(&repository, &onto, &ours).expect("it fits");
    let tree = repository.find_tree(tree).unwrap();
    let theirs = ours.message().unwrap().to_owned();
    let (subject, rest) = theirs.split_once('\n').unwrap_or((&theirs, ""));
    let squashed = format!("{subject} (#{number})\n{rest}");
    let merged = format!("Merge pull request #{number} from {head}\n\n{subject}\n");
    let (usual, parents) = match flavour {
        Flavour::Merge | Flavour::SquashedMerge => (merged.as_str(), vec![&onto, &ours]),
        Flavour::Squash => (squashed.as_str(), vec![&onto]),
        Flavour::Rebase => (theirs.as_str(), vec![&onto]),
        Flavour::FastForward => ("", Vec::new()),
    };
    let mut beside = None;
    let id = if flavour == Flavour::SquashedMerge {
        let who = somebody("reviewer");
        let begun = ours.parent(0).unwrap();
        let text = message.unwrap_or(subject);
        let squashed = repository
            .commit(None, &who, &who, text, &ours.tree().unwrap(), &[&begun])
            .unwrap();
        beside = Some(squashed.to_string());
        let squashed = repository.find_commit(squashed).unwrap();
        let parents = [&onto, &squashed];
        repository
            .commit(None, &who, &who, message.unwrap_or(usual), &tree, &parents)
            .unwrap()
    } else if flavour == Flavour::FastForward {
        assert!(repository.graph_descendant_of(from, at).unwrap());
        from
    } else {
        let who = somebody("reviewer");
        let text = message
            .filter(|_| flavour != Flavour::Rebase)
            .unwrap_or(usual);
        repository
            .commit(None, &who, &who, text, &tree, &parents)
            .unwrap()
    };
    repository
        .reference_matching(&reference(base), id, true, at, "merge")
        .unwrap();
    Merged {
        commit: id.to_string(),
        squashed: beside,
        flavour,
    }
}

/// Pushes a commit of somebody else onto a branch: one text of a file replaced, or the file made.
pub fn others_push(path: &Path, branch: &str, file: &str, old: &str, new: &str) -> String {
    let repository = open(path);
    let at = repository.refname_to_id(&reference(branch)).unwrap();
    let parent = repository.find_commit(at).unwrap();
    let tree = parent.tree().unwrap();
    let text = match tree.get_path(Path::new(file)) {
        Ok(entry) => {
            let blob = repository.find_blob(entry.id()).unwrap();
            let text = String::from_utf8(blob.content().to_vec()).unwrap();
            assert!(text.contains(old), "{old:?} is not in {text}");
            text.replace(old, new)
        }
        Err(_) => new.to_owned(),
    };
    let blob = repository.blob(text.as_bytes()).unwrap();
    let mut update = TreeUpdateBuilder::new();
    update.upsert(file, blob, git2::FileMode::Blob);
    let tree = update.create_updated(&repository, &tree).unwrap();
    let tree = repository.find_tree(tree).unwrap();
    let who = somebody("robin");
    let id = repository
        .commit(None, &who, &who, "robin: something else", &tree, &[&parent])
        .unwrap();
    repository
        .reference_matching(&reference(branch), id, true, at, "push")
        .unwrap();
    id.to_string()
}
