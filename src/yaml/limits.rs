//! What an input may cost, and what is said when it cannot be read.

use std::fmt;

/// What an input may cost before it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest input in bytes.
    pub bytes: usize,
    /// Deepest nesting.
    pub depth: usize,
    /// Most nodes in one document.
    pub nodes: usize,
    /// Most aliases that may be followed when values are built.
    pub aliases: usize,
    /// Most bytes of text that following aliases may produce.
    pub expanded_bytes: usize,
}

impl Limits {
    /// Manifests: 16 MiB, depth 200.
    pub const MANIFEST: Self = Self {
        bytes: 16 << 20,
        depth: 200,
        nodes: 1_000_000,
        aliases: 10_000,
        expanded_bytes: 64 << 20,
    };
    /// Policy and configuration: 2 MiB, depth 64, 100 aliases, 4 MiB expanded.
    pub const SETTINGS: Self = Self {
        bytes: 2 << 20,
        depth: 64,
        nodes: 200_000,
        aliases: 100,
        expanded_bytes: 4 << 20,
    };
}

/// Why a text is not readable YAML, with 1-based line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for YamlError {}
