//! Every fault at every step of every sample plan: each ends in a state that its exit code promises.
//!
//! A row is the step, then what came of each fault there: the numbers of the steps that passed, how it
//! ended, what somebody then did about it, and the newest state in the journal.

mod hit;
mod promise;
mod samples;
mod silence;

use std::fmt::Write as _;

use self::{
    hit::{Fault, healthy, hit},
    samples::SAMPLES,
};
use crate::stage::all;

async fn every_fault(name: &str) -> String {
    let sample = SAMPLES.iter().find(|it| it.name == name).unwrap();
    let (wanted, steps) = healthy(sample).await;
    let mut text = String::new();
    // Step by step: too many worlds at once would not answer each other in time.
    for (step, name) in &steps {
        writeln!(text, "{step} {name}").unwrap();
        let hits = Fault::ALL.map(async |fault| {
            let line = Box::pin(hit(sample, &wanted, fault, *step)).await;
            (fault, line)
        });
        for alike in all(hits).await.chunk_by(|one, next| one.1 == next.1) {
            let faults: Vec<String> = alike.iter().map(|(it, _)| format!("{it:?}")).collect();
            writeln!(text, "  {}: {}", faults.join(", "), alike[0].1).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn at_every_step_of_a_rolling_deployment() {
    insta::assert_snapshot!(every_fault("rolling").await, @r"
    1 Deployment/advertisements to 1.1
      Worse: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1 held: 21 insufficient-data; nothing
      Signal, Leave: 1 failed: 130 interrupted; nothing
      Recover: killed, recover; nothing
      Again: killed, again: 1-3; verified
    2 wait until stable runs 1.1
      Worse: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Signal: 1 2 failed back 1-3: 51 cancelled-rolled-back; rolled-back
      Leave: 1 2 failed: 52 cancelled-left, recover: back 1-3; rolled-back
      Recover: 1: killed, recover: back 1-3; rolled-back
      Again: 1: killed, again: 1 skipped 2-3; verified
    3 watch stable for 3m
      Worse: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Signal: 1-2 3 failed back 1-3: 51 cancelled-rolled-back; rolled-back
      Leave: 1-2 3 failed: 52 cancelled-left, recover: back 1-3; rolled-back
      Recover: 1-2: killed, recover: back 1-3; rolled-back
      Again: 1-2: killed, again: 1 skipped 2-3; verified
    ");
}

#[tokio::test]
async fn at_every_step_of_a_canary() {
    insta::assert_snapshot!(every_fault("canary").await, @r"
    1 Deployment/advertisements-canary to 1.1 with 1 replica
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1 held: 21 insufficient-data; nothing
      Signal, Leave: 1 failed: 130 interrupted; nothing
      Recover: killed, recover; nothing
      Again: killed, again: 1-11; verified
    2 wait until canary runs 1.1
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1 2 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1 2 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1: killed, recover: back 1-4; rolled-back
      Again: 1: killed, again: 1 skipped 2-11; verified
    3 canary weight 10%
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-2 3 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-2 3 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-2: killed, recover: back 1-4; rolled-back
      Again: 1-2: killed, again: 1 skipped 2-11; verified
    4 watch canary for 3m
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-3 4 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-3 4 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-3: killed, recover: back 1-4; rolled-back
      Again: 1-3: killed, again: 3 skipped 4-11; verified
    5 canary weight 50%
      Worse: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-4 5 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-4 5 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-4 5 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-4: killed, recover: back 1-4; rolled-back
      Again: 1-4: killed, again: 3 skipped 4-11; verified
    6 watch canary for 3m
      Worse: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-5 6 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-5 6 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-5: killed, recover: back 1-4; rolled-back
      Again: 1-5: killed, again: 5 skipped 6-11; verified
    7 promote: Deployment/advertisements to 1.1
      Worse: 1-8 9 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-8 9 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-6 7 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-6 7 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-6 7 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-6: killed, recover: back 1-4; rolled-back
      Again: 1-6: killed, again: 5 skipped 6-11; verified
    8 wait until stable runs 1.1
      Worse: 1-8 9 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-8 9 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-8 9 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-7 8 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-7 8 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-7: killed, recover: back 1-5; rolled-back
      Again: 1-7: killed, again: 7 skipped 8-11; verified
    9 watch stable for 2m
      Worse: 1-8 9 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-8 9 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-8 9 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-8 9 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-8 9 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-8: killed, recover: back 1-5; rolled-back
      Again: 1-8: killed, again: 7 skipped 8-11; verified
    10 canary weight 0%
      Worse, Error, Outage, TimeOut: 1-11: 0 ok; verified
      Signal, Leave: 1-9 10 failed: 52 cancelled-left, recover; verified
      Recover: 1-9: killed, recover: back 1-5; rolled-back
      Again: 1-9: killed, again: 7 skipped 8-11; verified
    11 canary to 0 replicas
      Worse, Error, Outage, TimeOut: 1-11: 0 ok; verified
      Signal, Leave: 1-10 11 failed: 52 cancelled-left, recover; verified
      Recover: 1-10: killed, recover; verified
      Again: 1-10: killed, again: 10 skipped 11; verified
    ");
}

#[tokio::test]
async fn at_every_step_of_a_canary_by_a_route() {
    insta::assert_snapshot!(every_fault("canary by an HTTPRoute").await, @r"
    1 Deployment/advertisements-canary to 1.1 with 1 replica
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1 held: 21 insufficient-data; nothing
      Signal, Leave: 1 failed: 130 interrupted; nothing
      Recover: killed, recover; nothing
      Again: killed, again: 1-9; verified
    2 wait until canary runs 1.1
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1 2 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1 2 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1: killed, recover: back 1-4; rolled-back
      Again: 1: killed, again: 1 skipped 2-9; verified
    3 canary weight 10%
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-2 3 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-2 3 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-2: killed, recover: back 1-4; rolled-back
      Again: 1-2: killed, again: 1 skipped 2-9; verified
    4 watch canary for 3m
      Worse: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-3 4 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-3 4 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-3 4 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-3: killed, recover: back 1-4; rolled-back
      Again: 1-3: killed, again: 3 skipped 4-9; verified
    5 promote: Deployment/advertisements to 1.1
      Worse: 1-6 7 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-6 7 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-4 5 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-4 5 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-4 5 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-4: killed, recover: back 1-4; rolled-back
      Again: 1-4: killed, again: 3 skipped 4-9; verified
    6 wait until stable runs 1.1
      Worse: 1-6 7 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-6 7 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-6 7 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-5 6 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-5 6 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-5: killed, recover: back 1-5; rolled-back
      Again: 1-5: killed, again: 5 skipped 6-9; verified
    7 watch stable for 2m
      Worse: 1-6 7 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-6 7 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-6 7 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-6 7 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-6 7 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-6: killed, recover: back 1-5; rolled-back
      Again: 1-6: killed, again: 5 skipped 6-9; verified
    8 canary weight 0%
      Worse, Error, Outage, TimeOut: 1-9: 0 ok; verified
      Signal, Leave: 1-7 8 failed: 52 cancelled-left, recover; verified
      Recover: 1-7: killed, recover: back 1-5; rolled-back
      Again: 1-7: killed, again: 5 skipped 6-9; verified
    9 canary to 0 replicas
      Worse, Error, Outage, TimeOut: 1-9: 0 ok; verified
      Signal, Leave: 1-8 9 failed: 52 cancelled-left, recover; verified
      Recover: 1-8: killed, recover; verified
      Again: 1-8: killed, again: 8 skipped 9; verified
    ");
}

#[tokio::test]
async fn at_every_step_of_a_canary_by_pods() {
    insta::assert_snapshot!(every_fault("canary by pods").await, @r"
    1 Deployment/advertisements-canary to 1.1 with 1 pod of 4 (25%)
      Worse: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1 held: 21 insufficient-data; nothing
      Signal, Leave: 1 failed: 130 interrupted; nothing
      Recover: killed, recover; nothing
      Again: killed, again: 1-7; verified
    2 wait until canary runs 1.1
      Worse: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Signal: 1 2 failed back 1-3: 51 cancelled-rolled-back; rolled-back
      Leave: 1 2 failed: 52 cancelled-left, recover: back 1-3; rolled-back
      Recover: 1: killed, recover: back 1-3; rolled-back
      Again: 1: killed, again: 1 skipped 2-7; verified
    3 watch canary for 3m
      Worse: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Signal: 1-2 3 failed back 1-3: 51 cancelled-rolled-back; rolled-back
      Leave: 1-2 3 failed: 52 cancelled-left, recover: back 1-3; rolled-back
      Recover: 1-2: killed, recover: back 1-3; rolled-back
      Again: 1-2: killed, again: 1 skipped 2-7; verified
    4 promote: Deployment/advertisements to 1.1
      Worse: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-3 4 failed back 1-3: 40 rolled-back; rolled-back
      Signal: 1-3 4 failed back 1-3: 51 cancelled-rolled-back; rolled-back
      Leave: 1-3 4 failed: 52 cancelled-left, recover: back 1-3; rolled-back
      Recover: 1-3: killed, recover: back 1-3; rolled-back
      Again: 1-3: killed, again: 1 skipped 2-7; verified
    5 wait until stable runs 1.1
      Worse: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-4 5 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-4 5 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-4: killed, recover: back 1-4; rolled-back
      Again: 1-4: killed, again: 4 skipped 5-7; verified
    6 watch stable for 2m
      Worse: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-5 6 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-5 6 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-5 6 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-5: killed, recover: back 1-4; rolled-back
      Again: 1-5: killed, again: 4 skipped 5-7; verified
    7 canary to 0 replicas
      Worse, Error, Outage, TimeOut: 1-7: 0 ok; verified
      Signal, Leave: 1-6 7 failed: 52 cancelled-left, recover; verified
      Recover: 1-6: killed, recover: back 1-4; rolled-back
      Again: 1-6: killed, again: 4 skipped 5-7; verified
    ");
}

#[tokio::test]
async fn at_every_step_of_a_switch_with_a_preview() {
    insta::assert_snapshot!(every_fault("blue/green with a preview").await, @r"
    1 Deployment/advertisements-green to 1.1 with 3 replicas
      Worse: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Error: 1-5 6 held: 42 held, rollback: back 1-5; rolled-back
      Outage: 1-2 3 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1 held: 21 insufficient-data; nothing
      Signal, Leave: 1 failed: 130 interrupted; nothing
      Recover: killed, recover; nothing
      Again: killed, again: 1-6; verified
    2 wait until advertisements-green runs 1.1
      Worse: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Error: 1-5 6 held: 42 held, rollback: back 1-5; rolled-back
      Outage: 1-2 3 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1 2 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1 2 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1: killed, recover: back 1-4; rolled-back
      Again: 1: killed, again: 1 skipped 2-6; verified
    3 check the preview for 1m
      Worse: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Error: 1-5 6 held: 42 held, rollback: back 1-5; rolled-back
      Outage: 1-2 3 held: 42 held, rollback: back 1-4; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-2 3 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-2 3 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-2: killed, recover: back 1-4; rolled-back
      Again: 1-2: killed, again: 1 skipped 2-6; verified
    4 switch Service/advertisements to Deployment/advertisements-green
      Worse: 1-5 6 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-3 4 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-3 4 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-3 4 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-3: killed, recover: back 1-4; rolled-back
      Again: 1-3: killed, again: 1 skipped 2-6; verified
    5 wait until advertisements-green runs 1.1
      Worse: 1-5 6 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-5 6 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-4 5 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-4 5 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-4: killed, recover: back 1-5; rolled-back
      Again: 1-4: killed, again: 4 skipped 5-6; verified
    6 watch advertisements-green for 3m
      Worse: 1-5 6 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-5 6 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-5 6 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-5 6 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-5 6 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-5: killed, recover: back 1-5; rolled-back
      Again: 1-5: killed, again: 4 skipped 5-6; verified
    ");
}

#[tokio::test]
async fn at_every_step_of_a_switch_without_a_preview() {
    insta::assert_snapshot!(every_fault("blue/green without a preview").await, @r"
    1 Deployment/advertisements-green to 1.1 with 3 replicas
      Worse: 1-4 5 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-4 5 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1 held: 21 insufficient-data; nothing
      Signal, Leave: 1 failed: 130 interrupted; nothing
      Recover: killed, recover; nothing
      Again: killed, again: 1-5; verified
    2 wait until advertisements-green runs 1.1
      Worse: 1-4 5 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-4 5 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1 2 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1 2 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1: killed, recover: back 1-4; rolled-back
      Again: 1: killed, again: 1 skipped 2-5; verified
    3 switch Service/advertisements to Deployment/advertisements-green
      Worse: 1-4 5 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-4 5 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-2 3 failed back 1-4: 40 rolled-back; rolled-back
      Signal: 1-2 3 failed back 1-4: 51 cancelled-rolled-back; rolled-back
      Leave: 1-2 3 failed: 52 cancelled-left, recover: back 1-4; rolled-back
      Recover: 1-2: killed, recover: back 1-4; rolled-back
      Again: 1-2: killed, again: 1 skipped 2-5; verified
    4 wait until advertisements-green runs 1.1
      Worse: 1-4 5 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-4 5 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-4 5 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-3 4 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-3 4 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-3: killed, recover: back 1-5; rolled-back
      Again: 1-3: killed, again: 3 skipped 4-5; verified
    5 watch advertisements-green for 3m
      Worse: 1-4 5 failed back 1-5: 40 rolled-back; rolled-back
      Error, Outage: 1-4 5 held: 42 held, rollback: back 1-5; rolled-back
      TimeOut: 1-4 5 failed back 1-5: 40 rolled-back; rolled-back
      Signal: 1-4 5 failed back 1-5: 51 cancelled-rolled-back; rolled-back
      Leave: 1-4 5 failed: 52 cancelled-left, recover: back 1-5; rolled-back
      Recover: 1-4: killed, recover: back 1-5; rolled-back
      Again: 1-4: killed, again: 3 skipped 4-5; verified
    ");
}

#[tokio::test]
async fn at_every_step_of_a_rollout() {
    insta::assert_snapshot!(every_fault("Argo Rollouts").await, @r"
    1 Rollout/advertisements to 1.1
      Worse: 1 2 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1 held: 21 insufficient-data; nothing
      Signal, Leave: 1 failed: 130 interrupted; nothing
      Recover: killed, recover; nothing
      Again: killed, again: 1-3; verified
    2 follow Argo Rollouts until all runs 1.1
      Worse: 1 2 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1 2 failed back 1-3: 40 rolled-back; rolled-back
      Signal: 1 2 failed back 1-3: 51 cancelled-rolled-back; rolled-back
      Leave: 1 2 failed: 52 cancelled-left, recover: back 1-3; rolled-back
      Recover: 1: killed, recover: back 1-3; rolled-back
      Again: 1: killed, again: 1 skipped 2-3; verified
    3 watch stable for 2m
      Worse: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Error, Outage: 1-2 3 held: 42 held, rollback: back 1-3; rolled-back
      TimeOut: 1-2 3 failed back 1-3: 40 rolled-back; rolled-back
      Signal: 1-2 3 failed back 1-3: 51 cancelled-rolled-back; rolled-back
      Leave: 1-2 3 failed: 52 cancelled-left, recover: back 1-3; rolled-back
      Recover: 1-2: killed, recover: back 1-3; rolled-back
      Again: 1-2: killed, again: 1 skipped 2-3; verified
    ");
}
