//! The live line of a terminal: a progress bar that follows the steps and is gone once dropped.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sanitise;

/// A progress bar under the lines already printed.
pub struct Live {
    bar: ProgressBar,
}

impl Live {
    /// Shows a bar on `target`.
    pub fn new(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner:.cyan} [{bar:20.cyan}] {wide_msg}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    /// Shows how far it is: `done` of `total` steps, and one line about now.
    pub fn show(&self, done: usize, total: usize, message: &str) {
        self.bar.set_length(total.max(1) as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(sanitise::line(message));
        self.bar.tick();
    }

    /// Prints above the bar.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
