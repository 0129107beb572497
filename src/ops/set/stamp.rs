//! What tells without reading a file again that it is what was read.

use std::fs::Metadata;

use chrono::{DateTime, TimeDelta, Utc};

/// For how long a file must have been left alone before it was read. The kernel's clock for files ticks
/// every 10 ms at the slowest; within one tick a second change is not seen (git calls such files racy).
const SETTLED: TimeDelta = TimeDelta::milliseconds(20);

/// Which file it is, how long, and when it was last written to, as git keeps it in its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    /// Of its content or its inode, which no program can set back.
    changed: (i64, i64),
}

impl Stamp {
    /// Takes the stamp of a file; none where it does not tell a later change for certain: the file was
    /// written to just before `now`, or its times are in whole seconds. `now` must be earlier than the
    /// reading of the file.
    pub(super) fn of(metadata: &Metadata, now: DateTime<Utc>) -> Option<Self> {
        let stamp = Self::unsettled(metadata)?;
        let latest = now - SETTLED;
        let latest = (
            latest.timestamp(),
            i64::from(latest.timestamp_subsec_nanos()),
        );
        let is_exact = stamp.changed.1 != 0;
        (is_exact && stamp.changed < latest && stamp.modified < latest).then_some(stamp)
    }

    /// Is it the stamp of a file as it is now?
    pub(super) fn is_of(&self, metadata: &Metadata) -> bool {
        Self::unsettled(metadata).as_ref() == Some(self)
    }

    #[cfg(unix)]
    fn unsettled(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;

        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    fn unsettled(_: &Metadata) -> Option<Self> {
        None
    }
}
