//! A hostile input costs at most a second.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Longest time that one input may take.
const LONGEST: Duration = Duration::from_secs(1);

/// Does some work and refuses it if it took longer than a second of this thread's own time: a
/// machine that is busy with something else proves nothing.
pub fn bounded<T>(work: impl FnOnce() -> T) -> T {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time that it takes is what is looked at"
    )]
    let clock = Instant::now;
    let (started, worked) = (clock(), worked());
    let result = work();
    if clock() - started > LONGEST {
        let took = match (worked, self::worked()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => clock() - started,
        };
        assert!(took <= LONGEST, "took {took:?} of processor time");
    }
    result
}

/// Returns for how long this thread was on a processor; none where the system does not say.
fn worked() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
