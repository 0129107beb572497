//! Events and outcomes made visible: text, JSON, HTML, CI systems. Every sink renders the same [`Ended`].

pub mod azure;
mod cases;
mod comparison;
mod ends;
mod findings;
pub mod github;
pub mod gitlab;
pub mod html;
pub mod ics;
pub mod json;
mod json_past;
mod json_plan;
mod json_traffic_plan;
pub mod junit;
pub mod live;
mod log_commands;
pub mod markdown;
mod matrix;
mod outlook;
mod page;
mod past;
pub mod phrases;
mod place;
mod plan;
pub mod progress;
pub mod sanitise;
mod services;
mod sparkline;
mod stream;
pub mod style;
mod tables;
pub mod text;
mod timeline;
mod traffic_plan;
pub mod view;

pub use place::{Place, PlaceWriter};
pub use stream::Stream;
pub use timeline::Timeline;

use std::io;

use chrono::{DateTime, Utc};

use crate::event::{Event, Outcome};

/// The end of a command, as every sink sees it.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// The command's name.
    pub command: &'a str,
    /// How it ended.
    pub outcome: &'a Outcome,
    /// The process's exit status.
    pub exit_code: u8,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Path of the JSON report file; empty where none is written.
    pub report: &'a str,
}

/// A place that shows what happened.
pub trait Sink {
    /// Names the place in a message: `the job summary`.
    fn name(&self) -> &'static str;

    /// Takes one event.
    ///
    /// # Errors
    /// The place cannot be written.
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let _ = event;
        Ok(())
    }

    /// Makes way for the result, which is printed next: nothing of this sink may stand around it.
    ///
    /// # Errors
    /// The place cannot be written.
    fn make_way(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Takes the end of the command; called once.
    ///
    /// # Errors
    /// The place cannot be written.
    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()>;
}

/// A sink that could not be written.
#[derive(Debug)]
pub struct Unwritten {
    /// The sink's name.
    pub sink: &'static str,
    /// Why.
    pub error: io::Error,
}

/// Several sinks that get everything. One that fails never stops the others.
#[derive(Default)]
pub struct Fanout {
    sinks: Vec<Box<dyn Sink>>,
    failed: Vec<Unwritten>,
}

impl Fanout {
    /// Adds a sink; events reach the sinks in the order in which they were added.
    pub fn add(&mut self, sink: impl Sink + 'static) {
        self.sinks.push(Box::new(sink));
    }

    /// Passes one event on.
    pub fn event(&mut self, event: &Event) {
        for sink in &mut self.sinks {
            note(&mut self.failed, sink.name(), sink.event(event));
        }
    }

    /// Lets every sink make way for the result.
    pub fn make_way(&mut self) {
        for sink in &mut self.sinks {
            note(&mut self.failed, sink.name(), sink.make_way());
        }
    }

    /// Passes the end on and returns every sink that failed at any time, once each. A reader that
    /// has gone away (`| head`) is no failure.
    pub fn finish(&mut self, ended: &Ended<'_>) -> Vec<Unwritten> {
        for sink in &mut self.sinks {
            note(&mut self.failed, sink.name(), sink.finish(ended));
        }
        std::mem::take(&mut self.failed)
    }
}

fn note(failed: &mut Vec<Unwritten>, sink: &'static str, result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
        && !failed.iter().any(|earlier| earlier.sink == sink)
    {
        failed.push(Unwritten { sink, error });
    }
}
