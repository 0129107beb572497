//! What a seed says: which services there are, who does what when, and what goes wrong.

use chrono::TimeDelta;
use shipgate::{
    ops::{deploy::OnCancel, stop::StopReason},
    units::Version,
};

use crate::{
    random::Random,
    shop::{SERVICES, Service},
};

/// Versions that are deployed; what is added to the first one's number.
const VERSIONS: u64 = 3;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A version.
    Deploy(Version),
    /// The last version taken back.
    Rollback,
    /// Whatever is unfinished finished.
    Recover,
    /// What a deployment left over put away.
    Cleanup,
}

/// What becomes of the push at which a run dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// The server never hears of it.
    Before,
    /// The server has done it.
    After,
    /// The server comes to it later.
    Late,
}

/// One run.
#[derive(Debug, Clone)]
pub struct Role {
    /// When it begins, after the world.
    pub at: TimeDelta,
    /// What it does.
    pub deed: Deed,
    /// To which of the world's services.
    pub service: usize,
    /// It dies so long after its begin.
    pub killed: Option<TimeDelta>,
    /// It dies at its push of this number, from 1.
    pub dies: Option<(u64, Death)>,
    /// It is sent a signal so long after its begin.
    pub signal: Option<(TimeDelta, StopReason)>,
    /// What a signal does.
    pub on_cancel: OnCancel,
    /// How far its clock is off.
    pub skew: TimeDelta,
    /// Its clock jumps: when, and how far.
    pub jump: Option<(TimeDelta, TimeDelta)>,
}

/// What somebody else commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A line of their own, at the top of a service's manifest.
    Line(usize),
    /// A file of their own.
    Notes,
    /// A version that nobody deploys.
    Third(usize),
    /// A version that is deployed as well.
    Same(usize, String),
}

/// A world's whole story.
#[derive(Debug, Clone)]
pub struct Script {
    /// Where it comes from.
    pub seed: u64,
    /// What there is.
    pub services: Vec<Service>,
    /// Does the server refuse journals of their own?
    pub on_branch: bool,
    /// How often each controller looks, in seconds; none = never.
    pub sync: Vec<Option<i64>>,
    /// How long pods start, in seconds.
    pub start: i64,
    /// A controller that does not look for a while: which, from when, for how long, in seconds.
    pub asleep: Option<(usize, i64, i64)>,
    /// While metrics and health do not answer, in seconds: from when, for how long.
    pub probes_out: Option<(i64, i64)>,
    /// The same of the git server.
    pub git_out: Option<(i64, i64)>,
    /// Versions that are bad, and after how many seconds with users they are.
    pub bad: Vec<(usize, String, i64)>,
    /// The runs.
    pub roles: Vec<Role>,
    /// Somebody else.
    pub rivals: Vec<(TimeDelta, Act)>,
    /// Of 1,000 pushes how many are held up.
    pub held: u64,
    /// Of 1,000 pushes how many break, one way or another.
    pub broken: u64,
}

fn seconds(random: &mut Random, limit: u64) -> i64 {
    i64::try_from(random.below(limit)).unwrap()
}

/// Draws one of some.
fn one<T: Clone>(random: &mut Random, of: &[T]) -> T {
    of[usize::try_from(random.below(of.len() as u64)).unwrap()].clone()
}

fn version(random: &mut Random) -> String {
    format!("1.{}", 1 + random.below(VERSIONS))
}

impl Script {
    /// Reads a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x0100_0000_01b3) ^ 0x5eed);
        let random = &mut random;
        let count = 1 + usize::try_from(random.below(3)).unwrap();
        let chance = |random: &mut Random, percent: u64| random.below(100) < percent;
        let services = SERVICES[..count].to_vec();
        let sync = (0..count)
            .map(|_| one(random, &[Some(5), Some(5), Some(15), Some(60), None]))
            .collect();
        let mut bad = Vec::new();
        for service in 0..count {
            for number in 1..=VERSIONS {
                if chance(random, 25) {
                    let onset = one(random, &[0, 0, 30, 100, 200]);
                    bad.push((service, format!("1.{number}"), onset));
                }
            }
        }
        let calm = chance(random, 30);
        let roles: Vec<Role> = (0..3 + random.below(4))
            .map(|index| Self::role(random, index, count, calm))
            .collect();
        let mut rivals: Vec<(TimeDelta, Act)> = (0..random.below(4))
            .map(|_| {
                let at = TimeDelta::seconds(seconds(random, 900));
                let service = usize::try_from(random.below(count as u64)).unwrap();
                let act = match random.below(8) {
                    0 => Act::Third(service),
                    1 => Act::Same(service, version(random)),
                    2 | 3 => Act::Notes,
                    _ => Act::Line(service),
                };
                (at, act)
            })
            .collect();
        rivals.extend(Self::in_between(random, &roles, &bad));
        Self {
            seed,
            services,
            on_branch: chance(random, 15),
            sync,
            start: one(random, &[2, 10, 40]),
            asleep: chance(random, 15).then(|| {
                (
                    random.below(count as u64).try_into().unwrap(),
                    seconds(random, 600),
                    30 + seconds(random, 600),
                )
            }),
            probes_out: chance(random, 20)
                .then(|| (seconds(random, 600), 5 + seconds(random, 400))),
            git_out: chance(random, 3).then(|| (seconds(random, 600), 5 + seconds(random, 60))),
            bad,
            roles,
            rivals,
            held: one(random, &[0, 100, 300]),
            broken: if calm { 0 } else { one(random, &[0, 10, 40]) },
        }
    }

    /// Lets somebody else write into the manifest of a service while a version that goes bad is
    /// brought to it: between its first commit and its way back.
    fn in_between(
        random: &mut Random,
        roles: &[Role],
        bad: &[(usize, String, i64)],
    ) -> Vec<(TimeDelta, Act)> {
        let mut rivals = Vec::new();
        for role in roles {
            let is_bad = bad.iter().any(|(service, version, _)| {
                matches!(&role.deed, Deed::Deploy(wanted) if wanted.as_str() == version)
                    && *service == role.service
            });
            if is_bad && random.below(2) == 0 {
                let at = role.at + TimeDelta::seconds(5 + seconds(random, 90));
                rivals.push((at, Act::Line(role.service)));
            }
        }
        rivals
    }

    fn role(random: &mut Random, index: u64, services: usize, calm: bool) -> Role {
        let deed = match random.below(10) {
            _ if index == 0 => Deed::Deploy(version(random).parse().unwrap()),
            0 => Deed::Rollback,
            1 | 2 => Deed::Recover,
            3 => Deed::Cleanup,
            _ => Deed::Deploy(version(random).parse().unwrap()),
        };
        let within = |random: &mut Random| TimeDelta::milliseconds(seconds(random, 400_000));
        let rare = |random: &mut Random, percent: u64| !calm && random.below(100) < percent;
        Role {
            at: TimeDelta::milliseconds(seconds(random, 600_000)),
            deed,
            service: usize::try_from(random.below(services as u64)).unwrap(),
            killed: rare(random, 8).then(|| within(random)),
            dies: rare(random, 10).then(|| {
                let death = one(random, &[Death::Before, Death::After, Death::Late]);
                (1 + random.below(12), death)
            }),
            signal: rare(random, 10).then(|| {
                let reason = one(random, &[StopReason::Interrupt, StopReason::Terminate]);
                (within(random), reason)
            }),
            on_cancel: one(
                random,
                &[OnCancel::Rollback, OnCancel::Rollback, OnCancel::Hold],
            ),
            skew: TimeDelta::seconds(one(random, &[0, 0, 0, -40, 40, 1_200, -1_200])),
            jump: rare(random, 8).then(|| {
                (
                    within(random),
                    TimeDelta::seconds(one(random, &[-600, 90, 3_600])),
                )
            }),
        }
    }

    /// Returns how many deployments it has.
    pub fn rollouts(&self) -> usize {
        let deploys = |role: &&Role| matches!(role.deed, Deed::Deploy(_));
        self.roles.iter().filter(deploys).count()
    }
}
