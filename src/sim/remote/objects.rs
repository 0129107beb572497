//! Objects that travel: which ones a client lacks, packs out and packs in.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io::Write,
};

use git2::{ErrorClass, ErrorCode, ObjectType, Oid, PackBuilder, Repository};

use super::{GitError, ObjectId, Remote};

/// What a client asks for and what it has already.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Wanted {
    /// Tips the client wants.
    pub(in crate::sim) wants: Vec<ObjectId>,
    /// Commits that both sides have.
    pub(in crate::sim) common: Vec<ObjectId>,
    /// Commits whose parents the client lacks now.
    pub(in crate::sim) shallow: HashSet<ObjectId>,
    /// Commits whose parents the client will lack afterwards.
    pub(in crate::sim) shallow_afterwards: HashSet<ObjectId>,
}

impl Remote {
    /// Is this commit, or this tag of a commit, here?
    pub(in crate::sim) fn has_commit(&self, id: ObjectId) -> bool {
        peeled(&self.lock(), id).is_ok()
    }

    /// Is the commit here together with its files' list? A branch must not stand on less.
    pub(in crate::sim) fn is_whole(&self, id: ObjectId) -> bool {
        let repository = self.lock();
        repository
            .find_commit(id)
            .and_then(|commit| commit.tree().map(drop))
            .is_ok()
    }

    /// Returns a commit's parents.
    ///
    /// # Errors
    /// The commit is not here.
    pub(in crate::sim) fn parents(&self, id: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        Ok(self.lock().find_commit(id)?.parent_ids().collect())
    }

    /// Returns what an annotated tag stands for in the end; none for anything else.
    pub(in crate::sim) fn behind_tag(&self, id: ObjectId) -> Option<ObjectId> {
        let repository = self.lock();
        let tag = repository.find_tag(id).ok()?;
        peeled(&repository, tag.id()).ok()
    }

    /// Does every wanted tip have one of these commits in its history?
    ///
    /// # Errors
    /// An object is missing.
    pub(in crate::sim) fn all_reach(
        &self,
        wants: &[ObjectId],
        common: &[ObjectId],
    ) -> Result<bool, GitError> {
        let repository = self.lock();
        for want in wants {
            let want = peeled(&repository, *want)?;
            let mut reached = false;
            for have in common {
                let have = peeled(&repository, *have)?;
                if want == have || repository.graph_descendant_of(want, have)? {
                    reached = true;
                    break;
                }
            }
            if !reached {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns how far each commit is from the wanted tips (a tip is at 1), down to `depth`.
    ///
    /// # Errors
    /// An object is missing.
    pub(in crate::sim) fn depths(
        &self,
        wants: &[ObjectId],
        depth: u32,
    ) -> Result<HashMap<ObjectId, u32>, GitError> {
        let repository = self.lock();
        let mut found = HashMap::new();
        let mut queue = VecDeque::new();
        for want in wants {
            queue.push_back((peeled(&repository, *want)?, 1));
        }
        // Breadth first: the first time that a commit is met is its least depth.
        while let Some((id, at)) = queue.pop_front() {
            if found.contains_key(&id) {
                continue;
            }
            let commit = repository.find_commit(id)?;
            found.insert(id, at);
            if at < depth {
                queue.extend(commit.parent_ids().map(|parent| (parent, at + 1)));
            }
        }
        Ok(found)
    }

    /// Makes the pack that gives a client what it wants.
    ///
    /// # Errors
    /// An object is missing.
    pub(in crate::sim) fn pack(&self, wanted: &Wanted) -> Result<Vec<u8>, GitError> {
        let repository = self.lock();
        let there = reachable(
            &repository,
            &wanted.common,
            &wanted.shallow,
            &HashSet::new(),
        )?;
        let there: HashSet<Oid> = there.into_iter().collect();
        let missing = reachable(
            &repository,
            &wanted.wants,
            &wanted.shallow_afterwards,
            &there,
        )?;
        let mut seen = HashSet::new();
        for id in &missing {
            for parent in repository.find_commit(*id)?.parent_ids() {
                if there.contains(&parent) {
                    let tree = repository.find_commit(parent)?.tree_id();
                    collect(&repository, tree, &mut seen, &mut |_| Ok(()))?;
                }
            }
        }
        let mut builder = repository.packbuilder()?;
        for want in &wanted.wants {
            add_tags(&repository, *want, &mut builder)?;
        }
        for id in missing {
            builder.insert_object(id, None)?;
            let tree = repository.find_commit(id)?.tree_id();
            collect(&repository, tree, &mut seen, &mut |object| {
                builder.insert_object(object, None)
            })?;
        }
        let mut pack = git2::Buf::new();
        builder.write_buf(&mut pack)?;
        Ok(pack.to_vec())
    }

    /// Stores the objects of a pack.
    ///
    /// # Errors
    /// It is not a pack, or is cut short, or lacks an object that it builds upon.
    pub(in crate::sim) fn take_pack(&self, pack: &[u8]) -> Result<(), GitError> {
        // "PACK", version, number of objects: four bytes each (gitformat-pack).
        let count = pack.get(8..12).ok_or_else(|| {
            GitError::new(
                ErrorCode::GenericError,
                ErrorClass::Indexer,
                "the pack is cut short",
            )
        })?;
        if count == [0; 4] {
            return Ok(());
        }
        let repository = self.lock();
        let objects = repository.odb()?;
        let mut writer = objects.packwriter()?;
        writer.write_all(pack).map_err(|error| {
            GitError::new(
                ErrorCode::GenericError,
                ErrorClass::Indexer,
                error.to_string(),
            )
        })?;
        writer.commit().map(drop)
    }
}

/// Returns the commit that an id stands for, through annotated tags.
fn peeled(repository: &Repository, id: Oid) -> Result<Oid, GitError> {
    let object = repository.find_object(id, None)?;
    Ok(object.peel(ObjectType::Commit)?.id())
}

/// Returns the commits that can be reached from some, without `except` and without the parents of
/// those at `stop_at`.
fn reachable(
    repository: &Repository,
    from: &[Oid],
    stop_at: &HashSet<Oid>,
    except: &HashSet<Oid>,
) -> Result<Vec<Oid>, GitError> {
    let mut found = Vec::new();
    let mut seen = except.clone();
    let mut stack = Vec::new();
    for id in from {
        stack.push(peeled(repository, *id)?);
    }
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        found.push(id);
        if !stop_at.contains(&id) {
            stack.extend(repository.find_commit(id)?.parent_ids());
        }
    }
    Ok(found)
}

/// Visits a tree and all below it that has not been seen yet.
fn collect(
    repository: &Repository,
    tree: Oid,
    seen: &mut HashSet<Oid>,
    visit: &mut dyn FnMut(Oid) -> Result<(), GitError>,
) -> Result<(), GitError> {
    if !seen.insert(tree) {
        return Ok(());
    }
    visit(tree)?;
    for entry in &repository.find_tree(tree)? {
        match entry.kind() {
            Some(ObjectType::Tree) => collect(repository, entry.id(), seen, visit)?,
            Some(ObjectType::Blob) if seen.insert(entry.id()) => visit(entry.id())?,
            // Submodules live elsewhere.
            _ => {}
        }
    }
    Ok(())
}

/// Adds the annotated tags that lead from an id to its commit.
fn add_tags(
    repository: &Repository,
    id: Oid,
    builder: &mut PackBuilder<'_>,
) -> Result<(), GitError> {
    let mut next = id;
    while let Ok(tag) = repository.find_tag(next) {
        builder.insert_object(next, None)?;
        next = tag.target_id();
    }
    Ok(())
}
