//! The audit file: one JSON object a line for every override that is used and every run that ends,
//! only ever appended to.

mod file;
mod record;

pub use file::AuditFile;
pub use record::{Record, Run};
