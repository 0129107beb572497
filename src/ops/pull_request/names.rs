//! What a run's own branches are called, so that the same run finds them again.

use crate::ops::{journal::RunIdentity, land::Direction};

/// How much of the run's id is in the name: enough to keep runs of one version apart.
const RUN_DIGITS: usize = 12;

/// What a branch is named after.
pub(super) struct Run<'a> {
    pub(super) id: &'a str,
    pub(super) environment: &'a str,
    pub(super) service: &'a str,
    pub(super) version: &'a str,
}

/// Returns the branch that carries a change of a run. `step` tells its ways back apart.
pub(super) fn branch(identity: &RunIdentity, direction: Direction, step: &str) -> String {
    let run = Run {
        id: &identity.run,
        environment: &identity.environment,
        service: &identity.service,
        version: identity.version.as_str(),
    };
    run.branch(direction, step)
}

impl Run<'_> {
    /// As [`branch`].
    pub(super) fn branch(&self, direction: Direction, step: &str) -> String {
        let Self {
            id,
            environment,
            service,
            version,
        } = self;
        // Git allows no two points in a row, versions do.
        let version = version.replace("..", ".-");
        let id = id.get(..RUN_DIGITS).unwrap_or(id);
        let name = format!("shipgate/{environment}/{service}-{version}-{id}");
        match direction {
            Direction::Forward => name,
            Direction::Back => {
                let digits = step.chars().skip_while(|it| !it.is_ascii_digit());
                let number: String = digits.take_while(char::is_ascii_digit).collect();
                format!("{name}-back-{number}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_named_after_its_run() {
        let rows = [
            (
                "1.1",
                Direction::Forward,
                "1/3",
                "shipgate/production/shop-1.1-3fa9c2d10b7e",
            ),
            (
                "1...1",
                Direction::Forward,
                "1/3",
                "shipgate/production/shop-1.-.1-3fa9c2d10b7e",
            ),
            (
                "1.1",
                Direction::Back,
                "back 1/2",
                "shipgate/production/shop-1.1-3fa9c2d10b7e-back-1",
            ),
            (
                "1.1",
                Direction::Back,
                "back 12/20",
                "shipgate/production/shop-1.1-3fa9c2d10b7e-back-12",
            ),
        ];
        for (version, direction, step, expected) in rows {
            let run = Run {
                id: "3fa9c2d10b7e4f5a6c8d",
                environment: "production",
                service: "shop",
                version,
            };
            assert_eq!(run.branch(direction, step), expected);
        }
    }
}
