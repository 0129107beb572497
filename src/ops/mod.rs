//! What the commands do: one file for each working command. Knows neither flags nor output.

pub mod verify;
pub mod watch;
