//! What a deployment asks of the git server, request by request.

use super::estate::{Estate, run};

/// Says which requests came since `seen`, in the order of their coming.
fn requests(estate: &Estate, seen: usize) -> String {
    let log = estate.server.log();
    let lines: Vec<String> = log[seen..]
        .iter()
        .map(|line| {
            let target = line.target.trim_start_matches("/shop.git/");
            format!("{} {target}", line.method)
        })
        .collect();
    lines.join("\n")
}

#[test]
fn a_rolling_deployment_asks_no_more_than_it_needs() {
    let estate = Estate::of(1);
    run(estate.deploy("service-0", "1.1")).expect(0);
    let first = requests(&estate, 0);
    insta::assert_snapshot!(first, @r"
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    ");
    let seen = estate.server.log().len();
    run(estate.deploy("service-0", "1.2")).expect(0);
    insta::assert_snapshot!(requests(&estate, seen), @r"
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    ");
    let seen = estate.server.log().len();
    run(estate.deploy("service-0", "1.2")).expect(0);
    insta::assert_snapshot!(requests(&estate, seen), @r"
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    ");
}
