//! `shipgate.yaml` -> `Config`: services, what carries their version, how they are deployed and judged.

pub mod provider;
pub mod query;
mod schema;
pub mod verification;

/// One thing wrong with the meaning of a configuration: the JSON pointer of the value, counted from
/// the part that was validated, and what is wrong with it as a lower-case fragment.
pub type Problem = (String, String);
