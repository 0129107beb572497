//! A file that a report goes to: who named it, and how it is written without waiting for anybody.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

/// How often a reader that has not kept up is waited for, a tenth of a second each: 3 seconds in all.
#[cfg(unix)]
const WAITS: u32 = 30;

/// A file of a report. Nothing that stands at its path can hold a run up: a named pipe without a reader is
/// refused, and one whose reader stands still is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The variable or flag that names it.
    pub named_by: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.named_by, self.path.display())
    }
}

impl Place {
    /// Takes the path that a variable or flag names.
    pub fn new(named_by: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            named_by,
            path: path.into(),
        }
    }

    /// Writes the whole file.
    ///
    /// # Errors
    /// It cannot be written; the message names the place.
    pub fn replace(&self, text: &[u8]) -> io::Result<()> {
        self.create()?.write_all(text)
    }

    /// Adds to the end of the file.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub fn append(&self, text: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        self.open(&mut options)?.write_all(text)
    }

    /// Begins the file, to write it bit by bit.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub fn create(&self) -> io::Result<PlaceWriter> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        self.open(&mut options)
    }

    fn open(&self, options: &mut OpenOptions) -> io::Result<PlaceWriter> {
        let opened = open(options, &self.path).map_err(|error| self.complaint(&error))?;
        Ok(PlaceWriter {
            place: self.clone(),
            file: opened,
            #[cfg(unix)]
            waits: WAITS,
        })
    }

    fn complaint(&self, error: &io::Error) -> io::Error {
        let text = error.to_string();
        // The system's number of an error says nothing that its text does not.
        let text = text.split(" (os error ").next().unwrap_or_default();
        io::Error::new(error.kind(), format!("{self}: {text}"))
    }
}

/// A place that is being written.
#[derive(Debug)]
pub struct PlaceWriter {
    place: Place,
    file: File,
    #[cfg(unix)]
    waits: u32,
}

impl PlaceWriter {
    /// Waits a little until a reader has made room. One that stood still once is not waited for again.
    #[cfg(unix)]
    fn has_room(&mut self) -> bool {
        use std::os::fd::AsFd;

        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

        while self.waits > 0 {
            self.waits -= 1;
            let mut asked = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
            if poll(&mut asked, PollTimeout::from(100_u8)).is_ok_and(|ready| ready > 0) {
                return true;
            }
        }
        false
    }

    #[cfg(not(unix))]
    fn has_room(&mut self) -> bool {
        false
    }
}

impl Write for PlaceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.has_room() {
                        let error = io::Error::new(
                            ErrorKind::TimedOut,
                            "whoever reads it has stood still for 3 seconds",
                        );
                        return Err(self.place.complaint(&error));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                result => return result.map_err(|error| self.place.complaint(&error)),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens a file, a character device or a named pipe that is being read; nothing else, and without waiting.
#[cfg(unix)]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

    use nix::libc::{ENXIO, O_NOCTTY, O_NONBLOCK};

    let opened = options.custom_flags(O_NONBLOCK | O_NOCTTY).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(ENXIO) => io::Error::new(
            ErrorKind::InvalidInput,
            "is a named pipe or a socket that nobody reads",
        ),
        _ => error,
    })?;
    if file.metadata()?.file_type().is_block_device() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "is a whole disk"));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::fs::OpenOptionsExt, process::Command};

    use super::*;

    #[test]
    fn a_pipe_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let place = Place::new("SHIPGATE_HTML", &path);
        let unread = place.replace(b"report").unwrap_err().to_string();
        let reader = OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(&path)
            .unwrap();
        place.replace(b"report").unwrap();
        let mut writer = place.create().unwrap();
        writer.waits = 1;
        let stuck = writer.write_all(&[b'x'; 1 << 20]).unwrap_err();
        let again = writer.write_all(b"more").unwrap_err();
        drop(reader);
        let gone = writer.write_all(b"more").unwrap_err();
        let at = path.display().to_string();
        let said = [
            unread,
            stuck.to_string(),
            again.to_string(),
            gone.to_string(),
        ];
        let said = said.map(|text| text.replace(&at, "PIPE"));
        insta::assert_snapshot!(said.join("\n"), @r"
        SHIPGATE_HTML PIPE: is a named pipe or a socket that nobody reads
        SHIPGATE_HTML PIPE: whoever reads it has stood still for 3 seconds
        SHIPGATE_HTML PIPE: whoever reads it has stood still for 3 seconds
        SHIPGATE_HTML PIPE: Broken pipe
        ");
        assert_eq!(gone.kind(), ErrorKind::BrokenPipe);
    }
}
