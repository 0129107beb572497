//! The part of a terminal that is drawn again and again, below the lines already printed; it is gone once
//! dropped.

use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{style::Line, view::Screen};

/// Time between two pictures of what turns.
const TICK: Duration = Duration::from_millis(150);
/// What a terminal is taken for that does not say how large it is: rows and columns.
const USUAL: (u16, u16) = (24, 80);

/// A picture under the lines already printed.
pub struct Live {
    bar: ProgressBar,
    terminal: Term,
    colour: bool,
    unicode: bool,
}

impl Live {
    /// Draws on `target`, with colours if `colour`, with characters beyond ASCII if `unicode`.
    pub fn new(target: ProgressDrawTarget, colour: bool, unicode: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            let turns = if unicode { "◐◓◑◒ " } else { "-\\|/ " };
            bar.set_style(style.tick_chars(turns));
        }
        Self {
            bar,
            terminal: Term::stderr(),
            colour,
            unicode,
        }
    }

    /// Returns what lines must fit into now.
    pub fn screen(&self) -> Screen {
        let size = self.terminal.size_checked();
        let (rows, columns) = size
            .filter(|(rows, columns)| *rows > 0 && *columns > 0)
            .unwrap_or(USUAL);
        Screen {
            rows: rows.into(),
            columns: columns.into(),
            unicode: self.unicode,
        }
    }

    /// Shows a picture in place of the one before.
    pub fn show(&self, lines: &[Line]) {
        let lines = lines.iter().map(|line| line.render(self.colour));
        self.bar.set_message(lines.collect::<Vec<_>>().join("\n"));
        // It turns by itself, so that everyone sees that it goes on.
        self.bar.enable_steady_tick(TICK);
    }

    /// Prints above the picture.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

/// Returns the columns of the terminal that standard output is, where it says how many it has.
pub fn columns_of_stdout() -> Option<usize> {
    let (_, columns) = Term::stdout().size_checked()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
