//! The stand-in for Datadog, tried by Datadog's own clients: what they take for Datadog's answers is
//! what the other tests are about.

use std::{path::PathBuf, process::Command, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::clock::ManualClock;

use crate::{
    counting::{BEGAN, HEALTHY},
    stand_ins::datadog::datadog,
};

/// `just datadog-clients` installs the clients and sets the variable; they are no part of CI.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a variable of the test run; whoever runs it by hand reads what came of it"
)]
fn datadogs_own_clients_take_the_stand_in_for_datadog() {
    let Some(folder) = std::env::var_os("SHIPGATE_DATADOG_CLIENTS").map(PathBuf::from) else {
        eprintln!("not tried: SHIPGATE_DATADOG_CLIENTS names no folder with Datadog's clients");
        return;
    };
    let began: DateTime<Utc> = BEGAN.parse().unwrap();
    let clock = Arc::new(ManualClock::at(began + TimeDelta::seconds(600)));
    let server = datadog(HEALTHY, clock);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/datadog_clients.py");
    let ended = Command::new(folder.join("venv/bin/python"))
        .arg(script)
        .arg(&folder)
        .args(["--stand-in", &server.url])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    eprintln!("{told}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{:?}", server.requests());
}
