//! A proxy that cuts the connection somewhere in a dialogue: what is said of the outcome is what the
//! branch shows.
//!
//! With `SHIPGATE_PROVE=1` every 50th byte of both directions is tried, else a sample.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use shipgate::git::{GitError, JournalOutcome, PushOutcome};
use tokio::task::JoinSet;

use super::{
    TOKEN, edit,
    estate::{Estate, Member, run},
    is_proof, open,
    support::git_server::GitServer,
    together,
};

/// How far apart the cuts are, in bytes.
const STRIDE: usize = 50;
/// How many cuts are made at a time.
const AT_A_TIME: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the client to the server.
    Up,
    /// Back.
    Down,
}

/// Where to cut: after so many bytes of one way, counted over all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut(Way, usize);

#[derive(Default)]
struct Counts {
    up: usize,
    down: usize,
    cut: Option<Cut>,
}

impl Counts {
    /// Takes note of bytes; returns how many of them go through, and whether the connection ends.
    fn pass(&mut self, way: Way, bytes: usize) -> (usize, bool) {
        let count = match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        };
        let before = *count;
        *count += bytes;
        match self.cut {
            Some(Cut(cut_way, at)) if cut_way == way && at <= *count => {
                self.cut = None;
                (at - before, true)
            }
            _ => (bytes, false),
        }
    }
}

/// A proxy for any connection to one server. It cuts once; what comes later goes through.
struct Proxy {
    address: SocketAddr,
    counts: Arc<Mutex<Counts>>,
}

impl Proxy {
    fn before(server: &GitServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = server.origin().trim_start_matches("http://").to_owned();
        let counts = Arc::<Mutex<Counts>>::default();
        let shared = Arc::clone(&counts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&upstream) else {
                    return;
                };
                for (way, from, to) in [(Way::Up, &client, &server), (Way::Down, &server, &client)]
                {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let counts = Arc::clone(&shared);
                    thread::spawn(move || {
                        // That connections break is what this is for.
                        let _ = pump(way, &from, &to, &counts);
                    });
                }
            }
        });
        Self { address, counts }
    }

    fn url(&self) -> String {
        format!("http://{}/shop.git", self.address)
    }

    /// Counts from here on, and cuts there.
    fn begin(&self, cut: Option<Cut>) {
        let mut counts = self.counts.lock().unwrap();
        *counts = Counts {
            cut,
            ..Counts::default()
        };
    }

    /// Returns how many bytes went up and down since the beginning.
    fn counted(&self) -> (usize, usize) {
        let counts = self.counts.lock().unwrap();
        (counts.up, counts.down)
    }

    fn has_cut(&self) -> bool {
        self.counts.lock().unwrap().cut.is_none()
    }
}

fn pump(
    way: Way,
    mut from: &TcpStream,
    mut to: &TcpStream,
    counts: &Mutex<Counts>,
) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let bytes = from.read(&mut buffer)?;
        let (through, ends) = counts.lock().unwrap().pass(way, bytes);
        to.write_all(&buffer[..through])?;
        if ends {
            from.shutdown(Shutdown::Both)?;
            return to.shutdown(Shutdown::Both);
        }
        if bytes == 0 {
            return to.shutdown(Shutdown::Write);
        }
    }
}

/// Every cut of a dialogue of so many bytes: all of them, or about as many as `sample`.
fn cuts((up, down): (usize, usize), sample: usize) -> Vec<Cut> {
    let all: Vec<Cut> = [(Way::Up, up), (Way::Down, down)]
        .into_iter()
        .flat_map(|(way, bytes)| (1..=bytes).step_by(STRIDE).map(move |at| Cut(way, at)))
        .collect();
    if is_proof() {
        return all;
    }
    let stride = (all.len() / sample).max(1);
    // Not the first of each stride: that would be the same request's first byte too often.
    all.into_iter().skip(stride / 2).step_by(stride).collect()
}

/// What became of a push whose connection was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Landed,
    Not,
}

async fn cut_push(cut: Option<Cut>) -> (Class, (usize, usize)) {
    let server = GitServer::start(TOKEN);
    let proxy = Proxy::before(&server);
    let repository = open(proxy.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    proxy.begin(cut);
    let outcome = repository.push("main", &base, &ours).await;
    let counted = proxy.counted();
    assert!(cut.is_none() || proxy.has_cut(), "{cut:?} of {counted:?}");
    // What the server had in hand when its client went away.
    while !server.is_idle() {
        tokio::task::yield_now().await;
    }
    let landed = server.tip("main") == ours.as_str();
    match (&outcome, landed) {
        (Ok(PushOutcome::Pushed), true) => {}
        (Ok(PushOutcome::NotTaken { .. }), false) => {}
        (Err(GitError::Unavailable { .. }), false) => {}
        _ => panic!("{cut:?}: {outcome:?}, and landed is {landed}"),
    }
    // The same again is right in every case, and never a second commit.
    let again = repository.push("main", &base, &ours).await;
    assert_eq!(again, Ok(PushOutcome::Pushed), "{cut:?}");
    assert_eq!(server.tip("main~1"), base.as_str(), "{cut:?}");
    server.git(&["fsck", "--strict"]);
    let class = if landed { Class::Landed } else { Class::Not };
    (class, counted)
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "the figures are for people")]
async fn wherever_a_push_is_cut_its_outcome_is_what_the_branch_shows() {
    let (class, whole) = cut_push(None).await;
    assert_eq!(class, Class::Landed);
    let cuts = cuts(whole, 12);
    let count = cuts.len();
    let mut classes = Vec::new();
    let mut running = JoinSet::new();
    for cut in cuts {
        if running.len() == AT_A_TIME {
            classes.extend(running.join_next().await);
        }
        running.spawn(async move { cut_push(Some(cut)).await.0 });
    }
    classes.extend(running.join_all().await.into_iter().map(Ok));
    let landed = classes
        .into_iter()
        .filter(|class| *class.as_ref().unwrap() == Class::Landed)
        .count();
    eprintln!("pushes cut: {count}, of which {landed} landed");
    assert!(landed > 0 && landed < count, "{landed} of {count}");
}

/// Writes records of several services at once through a connection that is cut once; returns how many of
/// them are there.
async fn cut_records(cut: Option<Cut>) -> (usize, (usize, usize)) {
    let server = GitServer::start(TOKEN);
    let proxy = Proxy::before(&server);
    let repository = open(proxy.url());
    proxy.begin(cut);
    let outcomes = together::start_all(&repository).await;
    let counted = proxy.counted();
    while !server.is_idle() {
        tokio::task::yield_now().await;
    }
    let there = together::check(&server, &outcomes);
    let again = together::start_all(&open(server.url())).await;
    for (before, again) in outcomes.iter().zip(again) {
        match (before, again) {
            (Ok(JournalOutcome::Appended(id)), Ok(JournalOutcome::Lost { tip: Some(tip) }))
                if *id == tip => {}
            (_, Ok(JournalOutcome::Appended(_))) => {}
            other => panic!("{cut:?}: {other:?}"),
        }
    }
    server.git(&["fsck", "--strict"]);
    (there, counted)
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "the figures are for people")]
async fn wherever_a_push_of_several_records_is_cut_each_has_its_own_outcome() {
    let (there, whole) = cut_records(None).await;
    assert_eq!(there, together::SERVICES.len());
    let cuts = cuts(whole, 12);
    let count = cuts.len();
    let mut there = Vec::new();
    let mut running = JoinSet::new();
    for cut in cuts {
        if running.len() == AT_A_TIME {
            there.extend(running.join_next().await);
        }
        running.spawn(async move { cut_records(Some(cut)).await.0 });
    }
    there.extend(running.join_all().await.into_iter().map(Ok));
    let there: usize = there.into_iter().map(|there| there.unwrap()).sum();
    let all = count * together::SERVICES.len();
    eprintln!("pushes of records cut: {count}, {there} of {all} records landed");
    assert!(there > 0 && there < all, "{there} of {all}");
}

/// Tries every cut, some at a time.
fn try_all<T: Send>(cuts: &[Cut], attempt: impl Fn(Cut) -> T + Sync) -> impl Iterator<Item = T> {
    let mut ends = Vec::new();
    for batch in cuts.chunks(AT_A_TIME) {
        thread::scope(|scope| {
            let threads: Vec<_> = batch
                .iter()
                .map(|cut| scope.spawn(|| attempt(*cut)))
                .collect();
            ends.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
        });
    }
    ends.into_iter()
}

/// Deploys through a connection that is cut once. Returns whether that run landed.
fn cut_deployment(cut: Option<Cut>) -> (Class, (usize, usize)) {
    let estate = Estate::of(1);
    let proxy = Proxy::before(&estate.server);
    proxy.begin(cut);
    let mut command = estate.deploy("service-0", "1.1");
    command.env("SHIPGATE_REPOSITORY", proxy.url());
    let ended = run(command);
    let counted = proxy.counted();
    let member = &estate.members[0];
    let is_there = || estate.text(&member.path).contains(&member.image("1.1"));
    let class = match (ended.code, is_there(), estate.commits()) {
        (0, true, 1) => Class::Landed,
        // Before anything is changed nothing is tried twice.
        (20, false, 0) => Class::Not,
        other => panic!("{cut:?}: {other:?}\n{}", ended.said),
    };
    run(estate.deploy("service-0", "1.1")).expect(0);
    assert!(is_there(), "{cut:?}");
    assert_eq!(estate.commits(), 1, "{cut:?}");
    estate.assert_never_forced();
    (class, counted)
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn wherever_a_deployment_is_cut_it_lands_once_or_changes_nothing() {
    let (class, whole) = cut_deployment(None);
    assert_eq!(class, Class::Landed);
    let cuts = cuts(whole, 10);
    let count = cuts.len();
    let classes = try_all(&cuts, |cut| cut_deployment(Some(cut)).0);
    let landed = classes.filter(|class| *class == Class::Landed).count();
    eprintln!("deployments cut: {count}, of which {landed} landed");
    assert!(landed > 0 && landed < count, "{landed} of {count}");
}

/// Deploys services side by side, through a connection that is cut once. Returns how many landed.
fn cut_fleet(cut: Option<Cut>) -> (usize, (usize, usize)) {
    let estate = Estate::of(4);
    let proxy = Proxy::before(&estate.server);
    for member in &estate.members {
        // It is live at once.
        drop(estate.deploy(&member.service, "1.1"));
    }
    let deploy = || estate.command(&["deploy", "--all", "--version", "1.1", "--keep-going"]);
    proxy.begin(cut);
    let mut command = deploy();
    command
        .args(["--output", "json"])
        .env("SHIPGATE_REPOSITORY", proxy.url());
    let output = command.output().unwrap();
    let counted = proxy.counted();
    let is_there = |member: &Member| estate.text(&member.path).contains(&member.image("1.1"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for member in &estate.members {
        let ends = report["services"].as_array().into_iter().flatten();
        let end = ends.clone().find(|end| end["service"] == *member.service);
        // Before any of them has begun there is one end for all.
        let code = end.unwrap_or(&report)["exit_code"].as_u64().unwrap();
        match (code, is_there(member)) {
            (0, true) | (20, false) => {}
            other => panic!("{cut:?}: {} {other:?}\n{report:#}", member.service),
        }
    }
    let landed = estate.commits();
    let there = estate.members.iter().filter(|member| is_there(member));
    assert_eq!(landed, there.count(), "{cut:?}: a commit each");
    run(deploy()).expect(0);
    assert!(estate.members.iter().all(is_there), "{cut:?}");
    assert_eq!(
        estate.commits(),
        estate.members.len(),
        "{cut:?}: a commit each"
    );
    estate.assert_fast_forwards(false);
    (landed, counted)
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn wherever_a_deployment_of_several_is_cut_each_lands_once_or_changes_nothing() {
    let (landed, whole) = cut_fleet(None);
    assert_eq!(landed, 4);
    let cuts = cuts(whole, 12);
    let count = cuts.len();
    let landed: usize = try_all(&cuts, |cut| cut_fleet(Some(cut)).0).sum();
    eprintln!("deployments of 4 services cut: {count}, of which {landed} services landed");
    assert!(landed > 0, "{landed} of {count}");
}
