//! The file itself: whole lines, appended and on the disk before anybody goes on.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::Record;

/// A file to which records are appended. It is made when it is not there, for its owner alone
/// (mode 0600); what is in it is never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFile {
    path: PathBuf,
}

impl AuditFile {
    /// Takes a path and proves, before anything else is done, that it can be appended to.
    ///
    /// # Errors
    /// It is a symbolic link, a directory or anything else that is no file; its directory is not
    /// there; no right to write. The message begins with the path.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, String> {
        let audit = Self { path: path.into() };
        audit.opened().map_err(|error| audit.complaint(&error))?;
        Ok(audit)
    }

    /// Appends one record and waits until the disk has it.
    ///
    /// Writers at the same time do not mix their lines: each line is one write to a file that is
    /// opened for appending. A line that an earlier writer could not finish is ended first.
    ///
    /// # Errors
    /// It cannot be opened (any more), the disk is full or broken. The message begins with the path.
    pub fn append(&self, record: &Record) -> Result<(), String> {
        self.write(&record.line())
            .map_err(|error| self.complaint(&error))
    }

    fn write(&self, line: &str) -> io::Result<()> {
        let mut file = self.opened()?;
        let is_new = file.metadata()?.len() == 0;
        let text = if is_new || ends_with_newline(&mut file)? {
            format!("{line}\n")
        } else {
            format!("\n{line}\n")
        };
        if file.write(text.as_bytes())? < text.len() {
            return Err(io::Error::new(
                ErrorKind::StorageFull,
                "only a part of the line could be written",
            ));
        }
        file.sync_all()?;
        if is_new {
            sync_directory(&self.path)?;
        }
        Ok(())
    }

    fn opened(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        refuse_links(&mut options, &self.path)?;
        let file = options.open(&self.path)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(ErrorKind::InvalidInput, "is no file"))
        }
    }

    fn complaint(&self, error: &io::Error) -> String {
        let path = self.path.display();
        let linked = self
            .path
            .symlink_metadata()
            .is_ok_and(|found| found.is_symlink());
        if linked {
            return format!("{path} is a symbolic link, and an audit file must be the file itself");
        }
        if self.path.is_dir() {
            return format!("{path} is a directory, not a file");
        }
        let text = error.to_string();
        // The system's number of an error says nothing that its text does not.
        let text = text.split(" (os error ").next().unwrap_or_default();
        format!("{path} cannot be written: {text}")
    }
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A link at the end of the path is refused while it is opened; a named pipe does not block.
#[cfg(unix)]
fn refuse_links(options: &mut OpenOptions, _path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    options
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    Ok(())
}

#[cfg(not(unix))]
fn refuse_links(_options: &mut OpenOptions, path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "is a symbolic link",
        )),
        _ => Ok(()),
    }
}

/// A new file is only there for good when its directory is written as well.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}
