//! The processes above this one: whoever started the starter, up to the first process.

use std::fs;

use nix::unistd::Pid;

/// More than any pipeline has.
const MOST: usize = 64;

/// A process that was there when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    id: u32,
    /// Tells it from a later one with the same id.
    started: u64,
}

/// The processes above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestors(Vec<Process>);

/// What the kernel says of a process (proc(5), `/proc/PID/stat`).
struct Stat {
    is_alive: bool,
    parent: u32,
    started: u64,
}

impl Ancestors {
    /// Returns the starter and those above it that are there now, without the first process of all. Where the kernel does not
    /// tell, such as on systems without `/proc`, there are none.
    pub fn above(starter: Pid) -> Self {
        let mut found = Vec::new();
        let mut next = u32::try_from(starter.as_raw()).unwrap_or(0);
        while next > 1
            && found.len() < MOST
            && let Some(stat) = stat(next)
        {
            found.push(Process {
                id: next,
                started: stat.started,
            });
            next = stat.parent;
        }
        Self(found)
    }

    /// Is one of them gone? One that has ended and that nobody has asked for its end counts as gone.
    pub fn have_lost_one(&self) -> bool {
        self.0.iter().any(|process| {
            stat(process.id).is_none_or(|stat| !stat.is_alive || stat.started != process.started)
        })
    }
}

fn stat(process: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Its name, in brackets, may hold anything; the rest is numbers but for the state.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    // Fields 3 and 4 are read by now, and 22 is when it started.
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat {
        is_alive: !matches!(state, "Z" | "X" | "x"),
        parent,
        started,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let rest = "4711 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3";
        let rows = [
            ("12 (sh) S", Some((true, 4711, 98765))),
            ("12 (a) S 9 (b) R", Some((true, 4711, 98765))),
            ("12 (sh) Z", Some((false, 4711, 98765))),
            ("12 sh S", None),
        ];
        for (start, expected) in rows {
            let found = parse(&format!("{start} {rest}"));
            let found = found.map(|stat| (stat.is_alive, stat.parent, stat.started));
            assert_eq!(found, expected, "{start}");
        }
        assert!(parse("12 (sh) S 1 2").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_own_ancestors_are_there() {
        let own = Ancestors::above(nix::unistd::getppid());
        assert!(!own.0.is_empty());
        assert!(!own.have_lost_one());
        let mut other = own;
        other.0[0].started += 1;
        assert!(other.have_lost_one());
        assert!(!Ancestors(Vec::new()).have_lost_one());
    }
}
