//! What is known of trees and files that were read before: the services of one run ask the same of
//! them, and what an id stands for never changes.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
    sync::Arc,
};

use git2::Oid;

use super::tree::{InFolder, TreeEntry};
use crate::manifest::LookedAt;

/// Trees whose listings are kept: the head of a branch, and the one that is just made of it.
const LISTINGS: usize = 3;
/// Most entries of folders that are kept.
const MOST_IN_FOLDERS: usize = 500_000;
/// Most bytes of files that are kept.
const MOST_BYTES: usize = 32 << 20;
/// Most bytes of files that are kept as they are looked at: what is found in them takes several times that.
const MOST_BYTES_LOOKED_AT: usize = 8 << 20;

/// Says of a file's bytes whether they are wanted.
pub(super) type Wanted = fn(&[u8]) -> bool;

/// Listings and files by their ids.
#[derive(Debug, Default)]
pub(super) struct Known {
    listings: VecDeque<(Oid, Arc<[TreeEntry]>)>,
    /// By id and path: the same folder may be in several places.
    folders: HashMap<(Oid, Arc<str>), Rc<[InFolder]>>,
    in_folders: usize,
    files: HashMap<Oid, Rc<[u8]>>,
    bytes: usize,
    unwanted: HashMap<Wanted, HashSet<Oid>>,
    /// By id, path and what they are wanted for.
    looked_at: HashMap<Oid, Vec<(String, Wanted, LookedAt)>>,
    bytes_looked_at: usize,
}

impl Known {
    /// Returns the listing of a tree that was listed lately.
    pub(super) fn listing(&self, tree: Oid) -> Option<Arc<[TreeEntry]>> {
        let found = self.listings.iter().find(|(id, _)| *id == tree);
        found.map(|(_, listing)| Arc::clone(listing))
    }

    /// Keeps a listing, and lets go of the oldest.
    pub(super) fn listed(&mut self, tree: Oid, listing: &Arc<[TreeEntry]>) {
        if self.listings.len() == LISTINGS {
            self.listings.pop_front();
        }
        self.listings.push_back((tree, Arc::clone(listing)));
    }

    /// Returns what is in a folder that was read before.
    pub(super) fn folder(&self, id: Oid, path: &Arc<str>) -> Option<Rc<[InFolder]>> {
        self.folders.get(&(id, Arc::clone(path))).map(Rc::clone)
    }

    /// Keeps what is in a folder; what is kept is let go where it would be too much.
    pub(super) fn read_folder(&mut self, id: Oid, path: &Arc<str>, entries: &Rc<[InFolder]>) {
        if self.in_folders + entries.len() > MOST_IN_FOLDERS {
            self.folders.clear();
            self.in_folders = 0;
        }
        // An empty one counts, too.
        self.in_folders += entries.len() + 1;
        let place = (id, Arc::clone(path));
        self.folders.insert(place, Rc::clone(entries));
    }

    /// Returns the bytes of a file that was read before.
    pub(super) fn file(&self, id: Oid) -> Option<Rc<[u8]>> {
        self.files.get(&id).map(Rc::clone)
    }

    /// Keeps the bytes of a file; what is kept is let go where it would be too much.
    pub(super) fn read(&mut self, id: Oid, bytes: &Rc<[u8]>) {
        if self.bytes + bytes.len() > MOST_BYTES {
            self.files.clear();
            self.bytes = 0;
        }
        if bytes.len() <= MOST_BYTES && self.files.insert(id, Rc::clone(bytes)).is_none() {
            self.bytes += bytes.len();
        }
    }

    /// Returns a file that somebody else looks at, too.
    pub(super) fn looked_at(&self, id: Oid, path: &str, wanted: Wanted) -> Option<LookedAt> {
        let mut known = self.looked_at.get(&id)?.iter();
        let found = known.find(|(of, by, _)| of == path && std::ptr::fn_addr_eq(*by, wanted));
        found.map(|(_, _, file)| file.clone())
    }

    /// Keeps a file of so many bytes that is looked at; what is kept is let go where it would be too much.
    pub(super) fn look_at(
        &mut self,
        id: Oid,
        path: &str,
        wanted: Wanted,
        file: &LookedAt,
        bytes: usize,
    ) {
        if self.bytes_looked_at + bytes > MOST_BYTES_LOOKED_AT {
            self.looked_at.clear();
            self.bytes_looked_at = 0;
        }
        if bytes <= MOST_BYTES_LOOKED_AT {
            let known = self.looked_at.entry(id).or_default();
            known.push((path.to_owned(), wanted, file.clone()));
            self.bytes_looked_at += bytes;
        }
    }

    /// Were the bytes of a file looked at, and not wanted?
    pub(super) fn is_unwanted(&self, id: Oid, wanted: Wanted) -> bool {
        let known = self.unwanted.get(&wanted);
        known.is_some_and(|ids| ids.contains(&id))
    }

    /// Notes that the bytes of a file are not wanted.
    pub(super) fn unwanted(&mut self, id: Oid, wanted: Wanted) {
        self.unwanted.entry(wanted).or_default().insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::SourceFile;

    fn id(digit: char) -> Oid {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn what_is_kept_is_never_more_than_may_be() {
        let mut known = Known::default();
        let large: Rc<[u8]> = vec![0; MOST_BYTES / 2].into();
        for digit in ['a', 'a', 'b'] {
            known.read(id(digit), &large);
        }
        assert!(known.file(id('a')).is_some() && known.file(id('b')).is_some());
        known.read(id('c'), &large);
        assert!(known.file(id('a')).is_none() && known.file(id('c')).is_some());
        known.read(id('d'), &vec![0; MOST_BYTES + 1].into());
        assert!(known.file(id('d')).is_none());
        for digit in ['a', 'b', 'c', 'd'] {
            known.listed(id(digit), &Arc::from([]));
        }
        assert!(known.listing(id('a')).is_none() && known.listing(id('b')).is_some());
    }

    #[test]
    fn a_folder_is_known_by_its_place_too() {
        let mut known = Known::default();
        let (one, other): (Arc<str>, Arc<str>) = ("one/".into(), "other/".into());
        let folder = |at: &str| -> Rc<[InFolder]> {
            Rc::new([InFolder::Folder(id('b'), format!("{at}in/").into(), true)])
        };
        known.read_folder(id('a'), &one, &folder(&one));
        assert!(known.folder(id('a'), &other).is_none());
        known.read_folder(id('a'), &other, &folder(&other));
        for at in [&one, &other] {
            let found = known.folder(id('a'), at).unwrap();
            assert!(matches!(&found[0], InFolder::Folder(_, path, _) if path.starts_with(&**at)));
        }
        // Too much of it is let go.
        let many = InFolder::Folder(id('b'), "many/in/".into(), true);
        let many: Rc<[InFolder]> = vec![many; MOST_IN_FOLDERS].into();
        let place = "many/".into();
        known.read_folder(id('c'), &place, &many);
        assert!(known.folder(id('a'), &one).is_none() && known.folder(id('c'), &place).is_some());
    }

    #[test]
    fn what_is_looked_at_is_shared_by_id_path_and_question() {
        let mut known = Known::default();
        let wanted: Wanted = |bytes| !bytes.is_empty();
        let file = |path: &str| {
            LookedAt::new(SourceFile {
                path: path.to_owned(),
                bytes: b"kind: Service\n".to_vec(),
            })
            .unwrap()
        };
        known.look_at(id('a'), "a.yaml", wanted, &file("a.yaml"), 14);
        known.look_at(id('a'), "b.yaml", wanted, &file("b.yaml"), 14);
        let found = |known: &Known, path| known.looked_at(id('a'), path, wanted).is_some();
        assert!(found(&known, "a.yaml") && found(&known, "b.yaml") && !found(&known, "c.yaml"));
        let other: Wanted = |bytes| bytes.len() > 3;
        assert!(known.looked_at(id('a'), "a.yaml", other).is_none());
        assert!(known.looked_at(id('b'), "a.yaml", wanted).is_none());
        // Too much of it is let go.
        known.look_at(
            id('c'),
            "c.yaml",
            wanted,
            &file("c.yaml"),
            MOST_BYTES_LOOKED_AT,
        );
        assert!(!found(&known, "a.yaml") && known.looked_at(id('c'), "c.yaml", wanted).is_some());
        known.look_at(
            id('d'),
            "d.yaml",
            wanted,
            &file("d.yaml"),
            MOST_BYTES_LOOKED_AT + 1,
        );
        assert!(known.looked_at(id('d'), "d.yaml", wanted).is_none());
    }

    #[test]
    fn what_one_question_does_not_want_another_one_may() {
        let mut known = Known::default();
        known.unwanted(id('a'), |bytes| bytes.is_empty());
        assert!(!known.is_unwanted(id('a'), |bytes| bytes.len() > 3));
    }
}
