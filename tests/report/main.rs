//! Reports: what every sink shows, that nothing hostile gets through, and whole command lines.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod azure;
mod command_line;
mod comparisons;
mod files;
mod hostile;
mod html;
mod json_lines;
mod oracle;
mod sinks;
mod story;
mod support;
mod untrusted;
