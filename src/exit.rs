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
    /// What the reader should do next.
    pub next_step: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $ident:ident = $number:literal, $name:literal, $meaning:literal, $next:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $ident: Code = Code { number: $number, name: $name, meaning: $meaning, next_step: $next };
        )*
        /// All codes in ascending order.
        pub const ALL: &[Code] = &[$($ident),*];
    };
}

codes! {
    OK = 0, "ok", "allowed, deployed and verified, or already in that state", "nothing to do";
    INTERNAL = 1, "internal", "a defect of shipgate itself; never a verdict", "run `shipgate recover`, then report the defect with the message";
    USAGE = 2, "usage", "a flag or an input is missing or wrong", "read the message; `shipgate COMMAND --help` lists the flags";
    CONFIG_INVALID = 3, "config-invalid", "the policy or configuration is unreadable or invalid, or names an unknown service or environment", "mend the line that the message names";
    FINDINGS = 4, "findings", "a policy test failed, or a strict validation or audit found something", "read the findings";
    BLOCKED_WINDOW = 10, "blocked-window", "outside the deployment windows, or on a blocked date", "deploy at the next opening that the message names";
    APPROVAL_REQUIRED = 11, "approval-required", "an approval is required that is not there", "ask an approver, then run the same command again";
    BLOCKED_TRAFFIC = 12, "blocked-traffic", "current traffic is above the policy's maximum", "wait until traffic falls, then run the same command again";
    OVERRIDE_REFUSED = 13, "override-refused", "the override is incomplete, expired or not allowed", "mend the override as the message says";
    BLOCKED_OTHER = 14, "blocked-other", "another rule blocks: a known-bad version, an unfinished run, an alert, a freeze", "read the reason; an unfinished run is ended by `shipgate recover`";
    UNAVAILABLE = 20, "unavailable", "a provider could not answer, so nothing was decided", "run the same command again when the provider answers";
    INSUFFICIENT_DATA = 21, "insufficient-data", "too little data for a verdict", "run again when there is traffic, or verify for longer";
    UNHEALTHY = 22, "unhealthy", "what runs was judged worse; nothing was changed", "look at the metrics named; `shipgate rollback` takes the version back";
    EDIT_REFUSED = 30, "edit-refused", "a target in the manifests is missing, ambiguous or not safely editable", "mend the manifest or the configuration at the line named";
    PUSH_CONFLICT = 31, "push-conflict", "other writers won every race until the time was up", "run the same command again";
    PUSH_DENIED = 32, "push-denied", "the git server refused: authentication, permission or branch protection", "check the token's rights and the branch protection named";
    ROLLED_BACK = 40, "rolled-back", "verification failed; the old state is restored and live", "look at the metrics named before trying this version again";
    ROLLBACK_FAILED = 41, "rollback-failed", "verification failed and so did the way back", "page someone; run `shipgate recover`";
    HELD = 42, "held", "left at its weight: inconclusive, waiting for an approval, or on purpose", "approve and run the same deploy again, or run `shipgate rollback`";
    SUPERSEDED = 43, "superseded", "someone else changed the same values meanwhile; left alone", "look at the newer commit on the branch";
    PUSH_UNKNOWN = 44, "push-unknown", "the outcome of a push could not be read back", "run `shipgate recover` when the git server answers";
    CANCELLED_ROLLED_BACK = 51, "cancelled-rolled-back", "a signal came after a push; rolled back", "nothing to do";
    CANCELLED_LEFT = 52, "cancelled-left", "a signal came after a push; left for `recover`", "run `shipgate recover`";
    INTERRUPTED = 130, "interrupted", "interrupted (SIGINT) before any change", "nothing was changed";
    TERMINATED = 143, "terminated", "terminated (SIGTERM) before any change", "nothing was changed";
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
