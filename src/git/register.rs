//! The process-wide settings of libgit2, made once before it is first used.
//!
//! The only file with `unsafe`: both calls change state of the C library that belongs to the whole
//! process and that no type guards. [`prepare`] guards it with a [`Once`] that every path into
//! libgit2 passes first, so nothing of ours can read that state while it changes.
#![expect(
    unsafe_code,
    reason = "libgit2 has no other way to register a transport or to isolate its configuration"
)]

use std::sync::Once;

use git2::{ConfigLevel, ObjectType, opts, transport};

use super::transport::open;

static ONCE: Once = Once::new();

/// Largest folder of a commit that is kept in memory, in bytes: a million files or so. All of them
/// together are at most libgit2's 256 MiB.
const LARGEST_KEPT_TREE: usize = 64 << 20;

/// A folder that nobody can make. On Windows anybody may make folders below the root, but none below a device.
const NOWHERE: &str = if cfg!(windows) {
    "NUL/shipgate"
} else {
    "/nonexistent/shipgate"
};

/// Makes libgit2 use our transport for `https` and `http`, and read no configuration but a
/// repository's own.
pub(super) fn prepare() {
    ONCE.call_once(|| {
        for level in [
            ConfigLevel::ProgramData,
            ConfigLevel::System,
            ConfigLevel::XDG,
            ConfigLevel::Global,
        ] {
            // SAFETY: inside the `Once`, before any other call into libgit2.
            unsafe { opts::set_search_path(level, NOWHERE) }
                .expect("the level is one of the four that have a path");
        }
        // A folder of ten thousand files is looked at once for each of them, and libgit2 would read
        // it anew each time: by itself it keeps only what is smaller than 4 KiB.
        // SAFETY: inside the `Once`, before any other call into libgit2.
        unsafe { opts::set_cache_object_limit(ObjectType::Tree, LARGEST_KEPT_TREE) }
            .expect("the option exists");
        // Of checkouts only the configuration is read, and neither a partial clone nor reftables
        // stand in the way of that.
        // SAFETY: inside the `Once`, before any other call into libgit2.
        unsafe { opts::set_extensions(&["partialclone", "refstorage"]) }
            .expect("the names have no NUL");
        // Who owns a folder matters to those who run its hooks and filters. libgit2 runs none, and
        // in a container the checkout often belongs to another user.
        // SAFETY: inside the `Once`, before any other call into libgit2.
        unsafe { opts::set_verify_owner_validation(false) }.expect("the option exists");
        for scheme in ["https", "http"] {
            // SAFETY: inside the `Once`; no other transport is being created.
            unsafe { transport::register(scheme, open) }.expect("the scheme has no NUL");
        }
    });
}
