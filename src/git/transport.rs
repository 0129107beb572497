//! libgit2's smart protocol over our own HTTP client.

use std::{
    cell::RefCell,
    io::{self, Read, Write},
    sync::Arc,
};

use git2::{
    Remote,
    transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport},
};

use super::http::{Answer, Server};

thread_local! {
    /// The server of the repository whose thread this is: transports are registered for the whole
    /// process, but each repository has its own credentials.
    static SERVER: RefCell<Option<Arc<Server>>> = const { RefCell::new(None) };
}

/// Gives this thread's transports their server.
pub(super) fn attach(server: Arc<Server>) {
    SERVER.with(|slot| *slot.borrow_mut() = Some(server));
}

/// Makes a transport for libgit2; called by it on the thread that connects.
pub(super) fn open(remote: &Remote<'_>) -> Result<Transport, git2::Error> {
    let server = SERVER
        .with(|slot| slot.borrow().clone())
        .ok_or_else(|| git2::Error::from_str("no server belongs to this thread"))?;
    Transport::smart(remote, true, Subtransport { server })
}

struct Subtransport {
    server: Arc<Server>,
}

impl SmartSubtransport for Subtransport {
    fn action(
        &self,
        url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        if !self.server.is_at(url) {
            return Err(git2::Error::from_str(
                "refused to connect to another server than the configured one",
            ));
        }
        Ok(Box::new(Stream {
            server: Arc::clone(&self.server),
            service,
            body: Vec::new(),
            answer: None,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer: what is written is the body, the first read sends it.
struct Stream {
    server: Arc<Server>,
    service: Service,
    body: Vec<u8>,
    answer: Option<Answer>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.answer.is_none() {
            let body = std::mem::take(&mut self.body);
            self.answer = Some(self.server.ask(self.service, body)?);
        }
        match &mut self.answer {
            Some(answer) => self.server.read(answer, buffer),
            None => Ok(0),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.body.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
