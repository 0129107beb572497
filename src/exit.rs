//! Every exit code shipgate can return, one documented constant each. Nothing else is ever returned.
//!
//! Below 40 the branch is as this run found it; from 40 on it is not, or nobody can know: this run
//! changed it, or (43) somebody else did.
//! 0 only for a wanted outcome.

/// One exit code: its number, stable name and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The process's exit status.
    pub number: u8,
    /// The stable name used in output (`reason_code`).
    pub name: &'static str,
    /// One sentence for `shipgate explain` and the documentation.
    pub meaning: &'static str,
    /// In what state git and production are.
    pub state: &'static str,
    /// What the reader should do next.
    pub next_step: &'static str,
    /// May the same command be run again?
    pub again: &'static str,
}

macro_rules! codes {
    ($($ident:ident = $number:literal, $name:literal {
        meaning: $meaning:literal,
        state: $state:literal,
        next: $next:literal,
        again: $again:literal,
    })*) => {
        $(
            #[doc = $meaning]
            pub const $ident: Code = Code {
                number: $number,
                name: $name,
                meaning: $meaning,
                state: $state,
                next_step: $next,
                again: $again,
            };
        )*
        /// All codes in ascending order.
        pub const ALL: &[Code] = &[$($ident),*];
    };
}

codes! {
    OK = 0, "ok" {
        meaning: "allowed, deployed and verified, or already in that state",
        state: "as wanted: what was asked for is on the branch and live, or the command only looked",
        next: "nothing to do",
        again: "safe; what is done already is not done twice",
    }
    INTERNAL = 1, "internal" {
        meaning: "a defect of shipgate itself; never a verdict",
        state: "not known: a defect may come in the middle of a run",
        next: "run `shipgate recover`, then report the defect with the message",
        again: "after `shipgate recover`",
    }
    USAGE = 2, "usage" {
        meaning: "a flag or an input is missing or wrong",
        state: "as the run found them",
        next: "read the message; `shipgate COMMAND --help` lists the flags",
        again: "not before the command line is mended: the answer would be the same",
    }
    CONFIG_INVALID = 3, "config-invalid" {
        meaning: "the policy or configuration is unreadable or invalid, or names an unknown service or environment",
        state: "as the run found them",
        next: "mend the line that the message names",
        again: "not before the file is mended: the answer would be the same",
    }
    FINDINGS = 4, "findings" {
        meaning: "a policy test failed, or a strict validation or audit found something",
        state: "as the run found them: the commands that end so only look",
        next: "read the findings",
        again: "once the findings are dealt with",
    }
    BLOCKED_WINDOW = 10, "blocked-window" {
        meaning: "outside the deployment windows, or on a blocked date",
        state: "as the run found them; a deployment that was held stays held",
        next: "deploy at the next opening that the message names",
        again: "yes, once it is open; `--wait-for-window` waits for it",
    }
    APPROVAL_REQUIRED = 11, "approval-required" {
        meaning: "an approval is required that is not there",
        state: "as the run found them; a pull request that waits stays open",
        next: "ask an approver, then run the same command again",
        again: "yes, once somebody has approved",
    }
    BLOCKED_TRAFFIC = 12, "blocked-traffic" {
        meaning: "current traffic is above the policy's maximum",
        state: "as the run found them",
        next: "wait until traffic falls, then run the same command again",
        again: "yes; it may be open a minute later",
    }
    OVERRIDE_REFUSED = 13, "override-refused" {
        meaning: "the override is incomplete, expired or not allowed",
        state: "as the run found them",
        next: "mend the override as the message says",
        again: "not before the override is mended; without one the gate decides as usual",
    }
    BLOCKED_OTHER = 14, "blocked-other" {
        meaning: "another rule blocks: a known-bad version, an unfinished run, an alert, a freeze",
        state: "as the run found them; what an earlier run left is still there",
        next: "read the reason; an unfinished run is ended by `shipgate recover`",
        again: "once the reason is gone",
    }
    UNAVAILABLE = 20, "unavailable" {
        meaning: "a provider could not answer, so nothing was decided",
        state: "as the run found them",
        next: "run the same command again when the provider answers",
        again: "yes",
    }
    INSUFFICIENT_DATA = 21, "insufficient-data" {
        meaning: "too little data for a verdict",
        state: "as the run found them: nothing was changed",
        next: "run again when there is traffic, or verify for longer",
        again: "yes; more data may decide it",
    }
    UNHEALTHY = 22, "unhealthy" {
        meaning: "what runs was judged worse; nothing was changed",
        state: "the version that was judged still runs",
        next: "look at the metrics named; `shipgate rollback` takes the version back",
        again: "yes, it only looks; but the answer changes only with the numbers",
    }
    EDIT_REFUSED = 30, "edit-refused" {
        meaning: "a target in the manifests is missing, ambiguous or not safely editable",
        state: "as the run found them",
        next: "mend the manifest or the configuration at the line named",
        again: "not before the file is mended: the answer would be the same",
    }
    PUSH_CONFLICT = 31, "push-conflict" {
        meaning: "other writers won every race until the time was up",
        state: "as the others left the branch; nothing of this run is on it",
        next: "run the same command again",
        again: "yes, at once",
    }
    PUSH_DENIED = 32, "push-denied" {
        meaning: "the git server refused: authentication, permission or branch protection",
        state: "as the run found them",
        next: "check the token's rights and the branch protection named",
        again: "not before the right is there: the answer would be the same",
    }
    ROLLED_BACK = 40, "rolled-back" {
        meaning: "verification failed; the old state is restored and live",
        state: "the old values are back on the branch by commits of their own, and the old version was seen live; the message says what is not well",
        next: "look at the metrics named before trying this version again",
        again: "not with this version before the cause is known; where it failed verification the gate refuses it (14, `known-bad`)",
    }
    ROLLBACK_FAILED = 41, "rollback-failed" {
        meaning: "verification failed and so did the way back",
        state: "not as wanted: the message says which values are back and what is not live or not well; users may be hurt",
        next: "page someone; run `shipgate recover`",
        again: "only `shipgate recover`, which is safe at any time",
    }
    HELD = 42, "held" {
        meaning: "left at its weight: inconclusive, waiting for an approval, or on purpose",
        state: "what the last step wrote stays on the branch; the new version keeps its share of the users",
        next: "approve and run the same deploy again, or run `shipgate rollback`",
        again: "yes: the same deploy goes on from there",
    }
    SUPERSEDED = 43, "superseded" {
        meaning: "someone else changed the same values meanwhile; left alone",
        state: "what somebody else wrote is on the branch and stays; the message says what else of the version is there",
        next: "look at the newer commit on the branch",
        again: "only if the newer commit is not what is wanted",
    }
    PUSH_UNKNOWN = 44, "push-unknown" {
        meaning: "the outcome of a push could not be read back",
        state: "not known: the last push is on the branch, or it is not",
        next: "run `shipgate recover` when the git server answers",
        again: "after `shipgate recover`, which reads what is there",
    }
    CANCELLED_ROLLED_BACK = 51, "cancelled-rolled-back" {
        meaning: "a signal came after a push; rolled back",
        state: "the old values are back on the branch by commits of their own, and the old version was seen live",
        next: "nothing to do",
        again: "yes; a cancelled version is not known to be bad",
    }
    CANCELLED_LEFT = 52, "cancelled-left" {
        meaning: "a signal came after a push; left for `recover`",
        state: "what the last step wrote stays on the branch; the new version keeps its share of the users",
        next: "run `shipgate recover`",
        again: "yes: the same deploy goes on, or `shipgate recover` ends it",
    }
    INTERRUPTED = 130, "interrupted" {
        meaning: "interrupted (SIGINT) before any change",
        state: "as the run found them",
        next: "nothing was changed",
        again: "yes",
    }
    TERMINATED = 143, "terminated" {
        meaning: "terminated (SIGTERM) before any change",
        state: "as the run found them",
        next: "nothing was changed",
        again: "yes",
    }
}

/// Several services in one run: the first of these that occurred is the exit code.
pub const WORST_FIRST: &[u8] = &[
    41, 44, 52, 42, 1, 40, 51, 43, 130, 143, 32, 31, 30, 3, 2, 13, 10, 12, 14, 11, 22, 21, 20, 4, 0,
];

/// Finds a code by its number or its name.
pub fn find(text: &str) -> Option<Code> {
    ALL.iter()
        .find(|code| code.name == text || code.number.to_string() == text)
        .copied()
}
