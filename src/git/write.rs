//! Writes the objects of a new tree: a few files one by one, many as one pack.

use std::{collections::HashSet, io::Write};

use git2::{ErrorCode, FileMode, ObjectType, Oid, Tree, build::TreeUpdateBuilder};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::{error::GitError, local::Local};
use crate::manifest::SourceFile;

/// From so many files on they are written as one pack: each by itself would be a file of its own in
/// a folder of its own, and making those takes longer than all else.
const MANY: usize = 100;

/// Writes a tree in which these files have these bytes and modes, and all else is as in `root`.
pub(super) fn tree(
    local: &Local,
    root: &Tree<'_>,
    edits: &[(&SourceFile, FileMode)],
) -> Result<Oid, GitError> {
    let keeping = GitError::while_doing("keep the files");
    let blobs = if edits.len() < MANY {
        let blobs = edits.iter().map(|(file, _)| local.store.blob(&file.bytes));
        blobs.collect::<Result<Vec<Oid>, _>>().map_err(&keeping)?
    } else {
        let (pack, blobs) =
            Pack::of(edits.iter().map(|(file, _)| &*file.bytes)).map_err(&keeping)?;
        let objects = local.store.odb().map_err(&keeping)?;
        let mut writer = objects.packwriter().map_err(&keeping)?;
        let written = writer.write_all(&pack);
        written.map_err(|error| GitError::no_room(&format!("keep a pack: {error}")))?;
        writer.commit().map_err(&keeping)?;
        // What is in a new pack is found only after a look.
        objects.refresh().map_err(&keeping)?;
        blobs
    };
    let mut builder = TreeUpdateBuilder::new();
    for ((file, mode), blob) in edits.iter().zip(blobs) {
        builder.upsert(file.path.as_str(), blob, *mode);
    }
    builder.create_updated(&local.store, root).map_err(|error| {
        if error.code() == ErrorCode::Directory {
            GitError::internal("a file to change lies below another")
        } else {
            GitError::while_doing("put the files together")(error)
        }
    })
}

/// A pack of whole files in the making (gitformat-pack, version 2).
struct Pack {
    bytes: Vec<u8>,
    objects: u32,
}

impl Pack {
    /// Packs contents of files; returns the pack, and their ids in the same order.
    fn of<'a>(
        contents: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(Vec<u8>, Vec<Oid>), git2::Error> {
        let mut pack = Self {
            bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(),
            objects: 0,
        };
        let (mut ids, mut packed) = (Vec::new(), HashSet::new());
        for content in contents {
            let id = Oid::hash_object(ObjectType::Blob, content)?;
            if packed.insert(id) {
                pack.add(content);
            }
            ids.push(id);
        }
        Ok((pack.finish(), ids))
    }

    fn add(&mut self, content: &[u8]) {
        /// The type of a file.
        const BLOB: u8 = 3;
        let mut length = content.len();
        let mut byte = (BLOB << 4) | low_bits(length, 0x0F);
        length >>= 4;
        while length > 0 {
            self.bytes.push(byte | 0x80);
            byte = low_bits(length, 0x7F);
            length >>= 7;
        }
        self.bytes.push(byte);
        self.store(content);
        self.objects += 1;
    }

    /// Adds bytes in the form of zlib (RFC 1950) without compressing them (RFC 1951, 3.2.4). The pack
    /// stays in our folder, and what a push sends is compressed then: doing so here as well would be
    /// most of the time that the commit takes.
    fn store(&mut self, content: &[u8]) {
        /// Most bytes of a block.
        const LONGEST: usize = 0xFFFF;
        self.bytes.extend([0x78, 0x01]);
        let mut blocks = content.chunks(LONGEST).peekable();
        if blocks.peek().is_none() {
            self.block(&[], true);
        }
        while let Some(block) = blocks.next() {
            self.block(block, blocks.peek().is_none());
        }
        self.bytes
            .extend(adler2::adler32_slice(content).to_be_bytes());
    }

    fn block(&mut self, bytes: &[u8], is_last: bool) {
        let length = [
            low_bits(bytes.len(), 0xFF),
            low_bits(bytes.len() >> 8, 0xFF),
        ];
        self.bytes.push(u8::from(is_last));
        self.bytes.extend(length);
        self.bytes.extend(length.map(|byte| !byte));
        self.bytes.extend(bytes);
    }

    fn finish(mut self) -> Vec<u8> {
        // Where the header has the number of objects.
        self.bytes.splice(8..12, self.objects.to_be_bytes());
        let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.bytes);
        self.bytes.extend(sum.as_ref());
        self.bytes
    }
}

fn low_bits(number: usize, mask: u8) -> u8 {
    number.to_le_bytes().first().map_or(0, |byte| byte & mask)
}
