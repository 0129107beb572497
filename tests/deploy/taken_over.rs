//! Another run takes over one that waits: it notices during the wait, and says so at once.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use shipgate::{event::Event, sim::Scenario};

use crate::{
    runs::Start,
    stage::{Stage, starts},
    wire::{Call, Fate},
};

/// Writes a record as another machine would that ends the run: the newest one, with other words.
fn end_it(remote: &PathBuf) {
    let remote = git2::Repository::open_bare(remote).unwrap();
    let journal = "refs/shipgate/production/advertisements";
    let tip = remote.find_reference(journal).unwrap();
    let tip = tip.peel_to_commit().unwrap();
    let lines = tip.message().unwrap().lines().map(|line| {
        let key = line.split_once(": ").map_or("", |(key, _)| key);
        match key {
            "Shipgate-State" => "Shipgate-State: rolled-back".to_owned(),
            "Shipgate-Writer" => "Shipgate-Writer: somebody-else".to_owned(),
            "Shipgate-Actor" => "Shipgate-Actor: alex".to_owned(),
            _ => line.to_owned(),
        }
    });
    let lines: Vec<String> = lines
        .filter(|line| !line.starts_with("Shipgate-Intended"))
        .collect();
    let by = tip.author();
    let text = lines.join("\n");
    let tree = tip.tree().unwrap();
    remote
        .commit(Some(journal), &by, &by, &text, &tree, &[&tip])
        .unwrap();
}

fn looking() -> Start {
    Start {
        lookout: Some(Duration::from_secs(10)),
        ..Start::new()
    }
}

#[tokio::test]
async fn whoever_waits_notices_and_ends_at_once() {
    // The wait for the canary, and its watch of ten hours.
    for (step, most) in [(2, 20), (4, 60)] {
        let stage = Stage::with_steps(
            Scenario::Healthy,
            "set_weight: 10\npause: {duration: 10h}\nset_weight: 50\npause: {duration: 1m}",
        );
        let remote = stage.folder.path().join("gitops.git");
        let (world, since) = (Arc::clone(&stage.clock), Arc::new(AtomicBool::new(false)));
        let (hook, seen) = (Arc::clone(&since), Arc::new(std::sync::Mutex::new(None)));
        let began = Arc::clone(&seen);
        let start = looking().hook(move |event| {
            if starts(event, step) && !hook.swap(true, Ordering::SeqCst) {
                end_it(&remote);
                *began.lock().unwrap() = Some(shipgate::clock::Clock::now(&*world));
            }
        });
        let commits = step / 2;
        let end = stage.deploy_with("1.1", start).await;
        end.assert(43, &format!("at step {step}"));
        let took = stage.clock_now() - seen.lock().unwrap().unwrap();
        assert!(took <= TimeDelta::seconds(most), "{took} at step {step}");
        assert_eq!(stage.commits(), commits, "{:?}", stage.log());
        if step == 4 {
            insta::assert_snapshot!(end.end(), @r"
            43 superseded: advertisements 1.1 in production: another run (by alex, https://ci.example/robot) has taken it back; this one writes nothing more
              hint: whoever took over goes on with what is on the branch; when in doubt run `shipgate recover --service advertisements --environment production`
            ");
        }
    }
}

#[tokio::test]
async fn a_git_server_that_says_nothing_ends_no_watch() {
    let stage = Stage::brief(Scenario::Healthy);
    let (silent, asked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (is_silent, told) = (Arc::clone(&silent), Arc::clone(&asked));
    stage.wire.rule(move |call, _| {
        if call == Call::Read && is_silent.load(Ordering::SeqCst) {
            told.store(true, Ordering::SeqCst);
            return Fate::Drop;
        }
        Fate::Pass
    });
    let start = looking().hook(move |event| match event {
        Event::StepStarted { index: 4, .. } => silent.store(true, Ordering::SeqCst),
        Event::StepFinished { index: 4, .. } => silent.store(false, Ordering::SeqCst),
        _ => {}
    });
    stage.deploy_with("1.1", start).await.assert(0, "deployed");
    assert!(asked.load(Ordering::SeqCst), "nobody looked");
    stage.assert_deployed("deployed");
}
