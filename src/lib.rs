//! shipgate: a GitOps deployment gate. One stateless binary that a pipeline runs.
//!
//! ```text
//! GATE     may we deploy this service, here, now?           policy + clock + traffic   -> Verdict
//! REWRITE  put the new version or weight into the manifests bytes + Edit               -> ChangeSet
//! COMMIT   one commit on the GitOps branch, pushed safely   ChangeSet + Trailers       -> Pushed
//! VERIFY   is what runs now as good as what ran before?     probe -> Reading           -> Judgement
//! BACK     if not: restore git, wait until it is live, and exit with a code that says so
//! ```
//!
//! Where to start: `cli/<command>.rs` declares the flags, `ops/<command>.rs` does the work and speaks
//! only through [`event::Reporter`], and the domain modules below know neither.
//!
//! | layer | module | one line |
//! |---|---|---|
//! | words | [`units`] | weights, rates, versions, durations: parse, print with a unit, refuse nonsense |
//! | | [`clock`] | the only reader of the wall clock |
//! | | [`secret`] | prints as `***` |
//! | | [`process`] | sets programs apart, ends them with what they started |
//! | | [`exit`] | every exit code |
//! | | [`yaml`] | the one YAML parser: spans, values, positions |
//! | pure | [`policy`] | document -> `Policy` -> `Verdict` |
//! | | [`manifest`] | manifests + edits -> changed bytes |
//! | | [`analysis`] | readings -> judgement |
//! | | [`config`] | `shipgate.yaml` -> `Config` |
//! | | [`rollout`] | strategy -> plan; plan + position -> way back |
//! | | [`event`] | what happened, as data |
//! | edges | [`git`] | all of git behind one `Repository` |
//! | | [`probe`] | one outside answer a call |
//! | | [`forge`] | pull and merge requests: proposed, watched, merged |
//! | | [`sign`] | SSH signatures, allowed signers, signed statements |
//! | | [`notify`] | tells people: Slack, Teams, PagerDuty, webhooks |
//! | | [`audit`] | a line in a file for every override and outcome |
//! | jobs | [`ops`] | one file for each working command |
//! | faces | [`report`] | events -> text, JSON, GitHub |
//! | | [`sim`] | the embedded world of the demo and the tests |
//! | | [`cli`] | flags, environment, exit codes |
//!
//! `tests/repository/layering.rs` holds the table of what each may use.

pub mod analysis;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod event;
pub mod exit;
pub mod forge;
pub mod git;
pub mod manifest;
pub mod notify;
pub mod ops;
pub mod policy;
pub mod probe;
pub mod process;
pub mod report;
pub mod rollout;
pub mod secret;
pub mod sign;
pub mod sim;
pub mod units;
pub mod yaml;
