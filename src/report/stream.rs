//! A stream that several writers share, and that remembers whether it could be written.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// A shared stream. Clones write to the same place.
#[derive(Clone)]
pub struct Stream(Arc<Mutex<State>>);

struct State {
    writer: Box<dyn Write + Send>,
    used: bool,
    failure: Option<String>,
}

impl Stream {
    /// Shares a writer.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(State {
            writer,
            used: false,
            failure: None,
        })))
    }

    /// Has anything been written to it?
    pub fn used(&self) -> bool {
        self.state(|state| state.used)
    }

    /// Returns why it could not be written, where that happened. A reader that has gone away
    /// (`| head`) is no failure.
    pub fn failure(&self) -> Option<String> {
        self.state(|state| state.failure.clone())
    }

    fn state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn attempt<T>(
        &self,
        act: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<T>,
    ) -> io::Result<T> {
        self.state(|state| {
            let result = act(state.writer.as_mut());
            if let Err(error) = &result
                && !matches!(
                    error.kind(),
                    io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted
                )
            {
                state.failure = Some(error.to_string());
            }
            result
        })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.state(|state| state.used = true);
        self.attempt(|writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(|writer| writer.flush())
    }
}
