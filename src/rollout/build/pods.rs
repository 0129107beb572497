//! A share of the traffic by numbers of pods: how many the canary gets, and what that is in percent.

use std::fmt;

use crate::units::Weight;

/// How many of the pods behind a Service are the canary's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Pods of the canary.
    pub canary: u32,
    /// Pods of both.
    pub all: u32,
}

impl Share {
    /// Returns the largest share that is not above a weight, and that of one pod where even one is:
    /// whoever asks for 10 % of 3 pods gets 1 pod of 4, which is 25 %.
    ///
    /// Stable keeps its pods all the while, so the canary's come on top: c of s + c is at most W %
    /// as long as c <= s * W / (100 - W). A weight of 100 % has no such number; it counts as 99 %.
    pub fn of(stable: u32, weight: Weight) -> Self {
        let percent = u64::from(weight.percent());
        let rest = 100_u64.saturating_sub(percent).max(1);
        let pods = u64::from(stable) * percent / rest;
        let canary = u32::try_from(pods).unwrap_or(u32::MAX).max(1);
        Self {
            canary,
            all: stable.saturating_add(canary),
        }
    }

    /// Returns the share in whole percent, rounded to the nearest. Pods that are there never count as
    /// none, and never as all while stable has some.
    pub fn weight(self) -> Weight {
        if self.canary == 0 {
            return Weight::ZERO;
        }
        let all = u64::from(self.all.max(1));
        let percent = (u64::from(self.canary) * 200 + all) / (2 * all);
        let most = if self.canary < self.all { 99 } else { 100 };
        Weight::new(percent.clamp(1, most)).unwrap_or(Weight::FULL)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pods = if self.canary == 1 { "pod" } else { "pods" };
        let weight = self.weight();
        write!(
            formatter,
            "{} {pods} of {} ({weight})",
            self.canary, self.all
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(stable: u32, percent: u64) -> Share {
        Share::of(stable, Weight::new(percent).unwrap())
    }

    #[test]
    fn the_share_is_as_near_as_pods_can_be_and_not_above() {
        // Stable's pods, the weight, the canary's pods, the real share.
        let rows = [
            (10, 25, 3, 23),
            (3, 10, 1, 25),
            (3, 1, 1, 25),
            (3, 50, 3, 50),
            (9, 10, 1, 10),
            (10, 10, 1, 9),
            (20, 10, 2, 9),
            (90, 10, 10, 10),
            (1, 50, 1, 50),
            (1, 5, 1, 50),
            (200, 1, 2, 1),
            (400, 1, 4, 1),
            (7, 33, 3, 30),
        ];
        for (stable, percent, canary, real) in rows {
            let found = share(stable, percent);
            assert_eq!(
                (found.canary, found.weight().percent()),
                (canary, real),
                "{percent}% of {stable}"
            );
        }
    }

    #[test]
    fn no_share_is_above_its_weight_unless_it_is_one_pod_and_none_could_be_larger() {
        for stable in 1..=120 {
            for percent in 1..=50 {
                let found = share(stable, percent);
                let over =
                    |canary: u32| u64::from(canary) * 100 > percent * u64::from(stable + canary);
                assert!(
                    found.canary == 1 || !over(found.canary),
                    "{percent} {stable}"
                );
                assert!(over(found.canary + 1), "{percent} {stable}");
            }
        }
    }

    #[test]
    fn extremes_are_numbers_too() {
        assert_eq!(share(u32::MAX, 50).all, u32::MAX);
        assert_eq!(share(0, 10).weight(), Weight::FULL);
        assert_eq!(Share { canary: 0, all: 0 }.weight(), Weight::ZERO);
        let nearly_none = Share {
            canary: 1,
            all: 1_000,
        };
        assert_eq!(nearly_none.weight().percent(), 1);
        let nearly_all = Share {
            canary: 999,
            all: 1_000,
        };
        assert_eq!(nearly_all.weight().percent(), 99);
    }
}
