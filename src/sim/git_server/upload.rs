//! `git-upload-pack`: what a client fetches (gitprotocol-pack, stateless over HTTP, version 0).

use std::collections::HashSet;

use super::packet::{self, Band, Malformed, Packet, Packets};
use crate::sim::remote::{GitError, ObjectId, Remote, Wanted};

/// What the server can do, as it tells clients.
pub(super) const CAPABILITIES: &str = "multi_ack_detailed side-band-64k shallow ofs-delta \
     allow-tip-sha1-in-want allow-reachable-sha1-in-want";

/// Answers one request.
pub(super) fn answer(remote: &Remote, body: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut packets = Packets::new(body);
    let request = Request::read(&mut packets)?;
    let mut out = Vec::new();
    if request.wants.is_empty() {
        return Ok(out);
    }
    if let Some(missing) = request.wants.iter().find(|want| !remote.has_commit(**want)) {
        packet::line(
            &mut out,
            format!("ERR upload-pack: not our ref {missing}\n").as_bytes(),
        );
        return Ok(out);
    }
    match serve(remote, &request, &mut packets, &mut out) {
        Ok(()) => {}
        Err(Problem::Malformed(malformed)) => return Err(malformed),
        Err(Problem::Git(error)) => {
            packet::line(
                &mut out,
                format!("ERR upload-pack: {}\n", error.message()).as_bytes(),
            );
        }
    }
    Ok(out)
}

enum Problem {
    Malformed(Malformed),
    Git(GitError),
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<GitError> for Problem {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

/// The first section of a request.
#[derive(Default)]
struct Request {
    wants: Vec<ObjectId>,
    shallow: HashSet<ObjectId>,
    depth: Option<u32>,
    side_band: bool,
    detailed: bool,
}

impl Request {
    fn read(packets: &mut Packets<'_>) -> Result<Self, Malformed> {
        let mut request = Self::default();
        while let Some(Packet::Line(line)) = packets.next()? {
            if let Some(want) = packet::after(line, "want") {
                let (id, capabilities) = want.split_once(' ').unwrap_or((want, ""));
                for capability in capabilities.split(' ') {
                    request.side_band |= capability == "side-band-64k";
                    request.detailed |= capability == "multi_ack_detailed";
                }
                request.wants.push(object_id(id)?);
            } else if let Some(id) = packet::after(line, "shallow") {
                request.shallow.insert(object_id(id)?);
            } else if let Some(depth) = packet::after(line, "deepen") {
                let depth = depth
                    .parse()
                    .map_err(|_| Malformed("the depth is not a number".to_owned()))?;
                request.depth = Some(depth).filter(|depth| *depth > 0);
            } else {
                return Err(Malformed("expected want, shallow or deepen".to_owned()));
            }
        }
        Ok(request)
    }
}

fn object_id(text: &str) -> Result<ObjectId, Malformed> {
    (text.len() == 40)
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| Malformed("expected an object id of 40 hexadecimal digits".to_owned()))
}

fn serve(
    remote: &Remote,
    request: &Request,
    packets: &mut Packets<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let mut wanted = Wanted {
        wants: request.wants.clone(),
        common: Vec::new(),
        shallow: request.shallow.clone(),
        shallow_afterwards: request.shallow.clone(),
    };
    if let Some(depth) = request.depth {
        deepen(remote, depth, &mut wanted, out)?;
    }
    // A client that deepens first asks for the new border alone and then begins again.
    if packets.rest().is_empty() || !negotiate(remote, request, packets, &mut wanted, out)? {
        return Ok(());
    }
    let pack = remote.pack(&wanted)?;
    if request.side_band {
        packet::band(out, Band::Data, &pack);
        packet::flush(out);
    } else {
        out.extend_from_slice(&pack);
    }
    Ok(())
}

/// Tells the client where its history will end.
fn deepen(
    remote: &Remote,
    depth: u32,
    wanted: &mut Wanted,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let depths = remote.depths(&wanted.wants, depth)?;
    let mut border: Vec<_> = depths
        .iter()
        .filter(|(_, at)| **at == depth)
        .map(|(id, _)| *id)
        .collect();
    border.sort();
    for id in border {
        if wanted.shallow_afterwards.insert(id) {
            packet::line(out, format!("shallow {id}").as_bytes());
        }
    }
    let mut inside: Vec<_> = wanted
        .shallow
        .iter()
        .filter(|id| depths.get(id).is_some_and(|at| *at < depth))
        .copied()
        .collect();
    inside.sort();
    for id in inside {
        wanted.shallow_afterwards.remove(&id);
        // The client has this commit but not what comes before it.
        wanted.wants.extend(remote.parents(id)?);
        packet::line(out, format!("unshallow {id}").as_bytes());
    }
    packet::flush(out);
    Ok(())
}

/// Finds out what both sides have. Returns whether the client is ready for its pack.
fn negotiate(
    remote: &Remote,
    request: &Request,
    packets: &mut Packets<'_>,
    wanted: &mut Wanted,
    out: &mut Vec<u8>,
) -> Result<bool, Problem> {
    let mut unknown = false;
    loop {
        match packets.next()? {
            Some(Packet::Line(b"done")) => {
                match wanted.common.last() {
                    Some(last) if request.detailed => {
                        packet::line(out, format!("ACK {last}\n").as_bytes());
                    }
                    Some(_) => {}
                    None => packet::line(out, b"NAK\n"),
                }
                return Ok(true);
            }
            Some(Packet::Line(line)) => {
                let id = packet::after(line, "have")
                    .ok_or_else(|| Malformed("expected have or done".to_owned()))?;
                let id = object_id(id)?;
                if !remote.has_commit(id) {
                    unknown = true;
                    if request.detailed && enough(remote, request, wanted)? {
                        packet::line(out, format!("ACK {id} ready\n").as_bytes());
                    }
                    continue;
                }
                wanted.common.push(id);
                if request.detailed {
                    packet::line(out, format!("ACK {id} common\n").as_bytes());
                } else if wanted.common.len() == 1 {
                    packet::line(out, format!("ACK {id}\n").as_bytes());
                }
            }
            Some(Packet::Flush) | None => {
                if let Some(last) = wanted.common.last()
                    && request.detailed
                    && !unknown
                    && enough(remote, request, wanted)?
                {
                    packet::line(out, format!("ACK {last} ready\n").as_bytes());
                }
                if wanted.common.is_empty() || request.detailed {
                    packet::line(out, b"NAK\n");
                }
                return Ok(false);
            }
        }
    }
}

/// Is enough known to be common that more would not make the pack smaller?
fn enough(remote: &Remote, request: &Request, wanted: &Wanted) -> Result<bool, Problem> {
    Ok(!wanted.common.is_empty() && remote.all_reach(&request.wants, &wanted.common)?)
}
