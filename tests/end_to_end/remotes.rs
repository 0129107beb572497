//! The same deployment over SSH and to a bare folder.

use crate::{
    canaries::assert_promoted,
    side_by_side,
    stage::{Pace, Remote, Stage},
    support::sshd::Sshd,
};

#[test]
fn ssh_and_a_folder_serve_as_http_does() {
    let remotes = [Sshd::start().map(Remote::Ssh), Some(Remote::folder())];
    let jobs: Vec<Remote> = remotes.into_iter().flatten().collect();
    side_by_side(jobs, |remote| {
        if let Some(stage) = Stage::start_at(remote, 7, &[], Pace::QUICK) {
            assert_promoted(&stage);
        }
    });
}
