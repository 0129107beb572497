//! Files whose content Git LFS keeps elsewhere: the commit holds only a pointer.

/// Longest pointer, in bytes (Git LFS specification: "must be less than 1024 bytes").
pub(super) const LONGEST_POINTER: usize = 1024;

/// How a pointer begins (Git LFS specification, "The Pointer").
const BEGINNING: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What to do about a manifest or policy that is one.
pub const LFS_HINT: &str = "keep the file in git itself: take it out of .gitattributes";

/// Is this the pointer to a file's content instead of the content?
pub fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGINNING)
}
