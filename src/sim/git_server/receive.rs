//! `git-receive-pack`: what a client pushes (gitprotocol-pack, stateless over HTTP, version 0).

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::{
    Faults,
    packet::{self, Band, Malformed, Packet, Packets},
};
use crate::sim::remote::{Changed, ObjectId, Remote};

/// What the server can do, as it tells clients. It wants whole packs: `no-thin`.
pub(super) const CAPABILITIES: &str =
    "report-status delete-refs side-band-64k quiet ofs-delta no-thin";

/// Names that a client may push to.
const OPEN: [&str; 3] = ["refs/heads/", "refs/shipgate/", "refs/tags/"];

/// One reference that a client wants changed; no id where it is not there.
struct Command {
    name: String,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
}

/// Applies one push and returns the answer; none when the answer is to get lost.
pub(super) fn answer(
    remote: &Remote,
    faults: &Mutex<Faults>,
    now: DateTime<Utc>,
    body: &[u8],
) -> Result<Option<Vec<u8>>, Malformed> {
    let mut packets = Packets::new(body);
    let mut commands = Vec::new();
    let mut side_band = false;
    let mut report = false;
    while let Some(Packet::Line(line)) = packets.next()? {
        // A client with a shallow history tells its border; whole commits are checked below.
        if packet::after(line, "shallow").is_some() {
            continue;
        }
        let mut halves = line.splitn(2, |byte| *byte == 0);
        let command = halves.next().unwrap_or_default();
        let capabilities = String::from_utf8_lossy(halves.next().unwrap_or_default());
        for capability in capabilities.split(' ') {
            side_band |= capability == "side-band-64k";
            report |= capability == "report-status";
        }
        commands.push(Command::read(command)?);
    }
    let mut out = Vec::new();
    // An empty request is how clients ask whether their token is good before a large push.
    if commands.is_empty() {
        return Ok(Some(out));
    }
    let faults = faults_of_push(remote, faults, now, &commands);
    let mut messages = String::new();
    let mut lines = Vec::new();
    let unpacked = if commands.iter().any(|command| command.new.is_some()) {
        remote.take_pack(packets.rest())
    } else {
        Ok(())
    };
    match &unpacked {
        Ok(()) => packet::line(&mut lines, b"unpack ok\n"),
        Err(error) => packet::line(
            &mut lines,
            format!("unpack {}\n", one_line(error.message())).as_bytes(),
        ),
    }
    for command in &commands {
        let result = if unpacked.is_ok() {
            command.run(remote, &faults, &mut messages)
        } else {
            Err("unpacker error".to_owned())
        };
        let name = &command.name;
        let text = match result {
            Ok(()) => format!("ok {name}\n"),
            Err(reason) => format!("ng {name} {reason}\n"),
        };
        packet::line(&mut lines, text.as_bytes());
    }
    packet::flush(&mut lines);
    if side_band {
        packet::band(&mut out, Band::Progress, messages.as_bytes());
        if report {
            packet::band(&mut out, Band::Data, &lines);
        }
        packet::flush(&mut out);
    } else if report {
        out = lines;
    }
    Ok((faults.lost_answers == 0).then_some(out))
}

/// Returns what goes wrong with this push and counts it; lets a rival commit first where that is
/// asked for.
fn faults_of_push(
    remote: &Remote,
    faults: &Mutex<Faults>,
    now: DateTime<Utc>,
    commands: &[Command],
) -> Faults {
    let mut coming = faults.lock().unwrap_or_else(PoisonError::into_inner);
    let mut this = coming.clone();
    let to_branch = commands
        .iter()
        .any(|command| command.name == remote.branch());
    if !to_branch {
        this.lost_answers = 0;
        this.rivals = 0;
    }
    coming.lost_answers -= this.lost_answers.min(1);
    coming.rivals -= this.rivals.min(1);
    drop(coming);
    if this.rivals > 0 {
        let path = format!("notes/rival-{}.md", this.rivals);
        // A rival that cannot write is no rival; the push then simply wins.
        let _ = remote.write(
            &path,
            b"someone else was here\n",
            "notes: someone else",
            now,
        );
    }
    this
}

impl Command {
    fn read(line: &[u8]) -> Result<Self, Malformed> {
        let wrong = || Malformed("expected old id, new id and a reference's name".to_owned());
        let text = std::str::from_utf8(line).map_err(|_| wrong())?;
        let mut words = text.splitn(3, ' ');
        let mut id = || {
            words
                .next()
                .filter(|word| word.len() == 40)
                .and_then(|word| word.parse::<ObjectId>().ok())
                .map(|id| Some(id).filter(|id| !id.is_zero()))
                .ok_or_else(wrong)
        };
        let (old, new) = (id()?, id()?);
        let name = words.next().filter(|name| !name.is_empty());
        Ok(Self {
            name: name.ok_or_else(wrong)?.to_owned(),
            old,
            new,
        })
    }

    /// Changes the reference, or says why not in the words that clients know.
    fn run(&self, remote: &Remote, faults: &Faults, messages: &mut String) -> Result<(), String> {
        let name = &self.name;
        if !OPEN.iter().any(|open| name.starts_with(open)) {
            return Err("deny updating a hidden ref".to_owned());
        }
        if faults.protect_branch && name == remote.branch() {
            messages.push_str(&format!(
                "error: {name} is protected: changes go through a pull request\n"
            ));
            return Err("protected branch hook declined".to_owned());
        }
        if faults.refuse_journal && !name.starts_with("refs/heads/") {
            messages.push_str(&format!("error: only branches are kept here, not {name}\n"));
            return Err("pre-receive hook declined".to_owned());
        }
        if self.new.is_some_and(|new| {
            let branch_like = !name.starts_with("refs/tags/");
            branch_like && !remote.is_whole(new)
        }) {
            return Err("missing necessary objects".to_owned());
        }
        match remote.change(name, self.old, self.new) {
            Ok(Changed::Done) => Ok(()),
            Ok(Changed::Lost(current)) => {
                let shown = |id: Option<ObjectId>| {
                    id.map_or_else(|| "missing".to_owned(), |id| id.to_string())
                };
                messages.push_str(&format!(
                    "error: cannot lock ref '{name}': is at {} but expected {}\n",
                    shown(current),
                    shown(self.old)
                ));
                Err("failed to update ref".to_owned())
            }
            Err(error) => {
                messages.push_str(&format!("error: {}\n", one_line(error.message())));
                Err("failed to update ref".to_owned())
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
