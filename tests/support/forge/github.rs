//! GitHub's side: <https://docs.github.com/en/rest/pulls/pulls> and what belongs to it, version
//! 2022-11-28.

use serde_json::{Value, json};

use super::{
    CheckWord, Desk, Flavour, Pull, Standing,
    repository::tip,
    server::{Answer, Request},
};

pub(super) fn answer(desk: &mut Desk, request: &Request) -> Answer {
    if request.header("x-github-api-version") != "2022-11-28" {
        desk.violation(format!("{}: no X-GitHub-Api-Version", request.path));
    }
    if request.header("accept") != "application/vnd.github+json" {
        desk.violation(format!(
            "{}: accept {:?}",
            request.path,
            request.header("accept")
        ));
    }
    if request.header("user-agent").is_empty() {
        // Refused with 403 by the real one.
        desk.violation(format!("{}: no user agent", request.path));
    }
    // Both words are documented.
    let given = request.header("authorization");
    let token = given
        .strip_prefix("Bearer ")
        .or_else(|| given.strip_prefix("token "));
    if token != Some(&desk.token) {
        return error(401, "Bad credentials");
    }
    let project = format!("/repos/{}", desk.project);
    let Some(below) = request.path.strip_prefix(&project) else {
        return error(404, "Not Found");
    };
    let parts: Vec<&str> = below.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("GET", [""]) => repository(desk),
        ("GET", ["pulls"]) => list(desk, request),
        ("POST", ["pulls"]) => open(desk, request),
        ("GET", ["pulls", number]) => look(desk, request, number),
        ("PATCH", ["pulls", number]) => change(desk, request, number),
        ("PUT", ["pulls", number, "merge"]) => merge(desk, request, number),
        ("POST", ["pulls", number, "requested_reviewers"]) => reviewers(desk, request, number),
        ("POST", ["issues", number, "labels"]) => labels(desk, request, number),
        ("POST", ["issues", number, "comments"]) => comment(desk, request, number),
        ("GET", ["commits", commit, "check-runs"]) => check_runs(desk, commit),
        ("GET", ["commits", commit, "status"]) => status(desk, commit),
        _ => error(404, "Not Found"),
    }
}

fn error(status: u16, message: &str) -> Answer {
    let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
    Answer::json(status, &body)
}

fn invalid(errors: Value) -> Answer {
    let body = json!({"message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.com/rest", "status": "422"});
    Answer::json(422, &body)
}

fn user(login: &str) -> Value {
    json!({"login": login, "id": 1, "type": "User", "site_admin": false})
}

fn repository(desk: &Desk) -> Answer {
    let allowed = |flavour| desk.forbids != Some(flavour);
    let body = json!({
        "id": 1, "name": "gitops", "full_name": desk.project, "private": true, "archived": false,
        "default_branch": "main",
        "allow_merge_commit": allowed(Flavour::Merge),
        "allow_squash_merge": allowed(Flavour::Squash),
        "allow_rebase_merge": allowed(Flavour::Rebase),
        "permissions": {"admin": false, "push": true, "pull": true},
    });
    Answer::json(200, &body)
}

/// As in a list: without what has to be computed.
fn simple(desk: &Desk, pull: &Pull) -> Value {
    let number = pull.number;
    let (state, merged_at, commit) = match &pull.standing {
        // Of a merge that was only tried.
        Standing::Open => (
            "open",
            Value::Null,
            json!("e5bd3914e2e596debea16f433f57875b5b90bcd6"),
        ),
        Standing::Closed => ("closed", Value::Null, Value::Null),
        Standing::Merged(merged) => (
            "closed",
            json!("2026-03-10T10:00:00Z"),
            json!(merged.commit),
        ),
    };
    let (owner, _) = desk.project.split_once('/').unwrap();
    json!({
        "url": format!("{}/repos/{}/pulls/{number}", desk.url, desk.project),
        "id": 1_000 + number,
        "number": number,
        "html_url": format!("{}/{}/pull/{number}", desk.url, desk.project),
        "state": state,
        "locked": false,
        "title": pull.title,
        "user": user("shipgate-bot"),
        "body": pull.body,
        "labels": pull.labels.iter().map(|name| json!({"id": 1, "name": name, "color": "ededed"})).collect::<Vec<_>>(),
        "created_at": "2026-03-10T10:00:00Z",
        "updated_at": "2026-03-10T10:00:00Z",
        "closed_at": if state == "closed" { json!("2026-03-10T10:00:00Z") } else { Value::Null },
        "merged_at": merged_at,
        "merge_commit_sha": commit,
        "draft": false,
        "head": {"label": format!("{owner}:{}", pull.head), "ref": pull.head, "sha": pull.sha, "user": user(owner)},
        "base": {"label": format!("{owner}:{}", pull.base), "ref": pull.base, "sha": tip(&desk.repository, &pull.base), "user": user(owner)},
        "author_association": "COLLABORATOR",
        "auto_merge": null,
    })
}

fn whole(desk: &mut Desk, number: u64) -> Value {
    let pull = desk.pull(number).clone();
    let mut value = simple(desk, &pull);
    let state = format!("{}{:?}", pull.sha, tip(&desk.repository, &pull.base));
    let is_new = pull.computed_for != state;
    desk.pull(number).computed_for = state;
    let merged = matches!(pull.standing, Standing::Merged(_));
    let (mergeable, word) = match &pull.standing {
        Standing::Open if is_new => (Value::Null, "unknown"),
        Standing::Open if desk.has_conflict(&pull) => (json!(false), "dirty"),
        Standing::Open if desk.wants_approval => (json!(true), "blocked"),
        Standing::Open if !matches!(desk.checks, CheckWord::Good | CheckWord::None) => {
            (json!(true), "unstable")
        }
        Standing::Open => (json!(true), "clean"),
        _ => (Value::Null, "unknown"),
    };
    for (key, more) in [
        ("merged", json!(merged)),
        ("mergeable", mergeable),
        ("rebaseable", Value::Null),
        ("mergeable_state", json!(word)),
        (
            "merged_by",
            if merged {
                user("reviewer")
            } else {
                Value::Null
            },
        ),
        ("comments", json!(pull.comments.len())),
        ("review_comments", json!(0)),
        ("maintainer_can_modify", json!(false)),
        ("commits", json!(1)),
        ("additions", json!(4)),
        ("deletions", json!(4)),
        ("changed_files", json!(1)),
    ] {
        value[key] = more;
    }
    value
}

fn list(desk: &mut Desk, request: &Request) -> Answer {
    desk.check_query(
        request,
        &[
            "state",
            "head",
            "base",
            "sort",
            "direction",
            "per_page",
            "page",
        ],
    );
    let (owner, _) = desk.project.split_once('/').unwrap();
    let wanted = request.parameter("state").unwrap_or("open");
    let found: Vec<Value> = desk
        .pulls
        .iter()
        .rev()
        .filter(|pull| wanted == "all" || (wanted == "open") == (pull.standing == Standing::Open))
        .filter(|pull| {
            let head = request.parameter("head");
            head.is_none_or(|head| head == format!("{owner}:{}", pull.head))
        })
        .filter(|pull| {
            request
                .parameter("base")
                .is_none_or(|base| base == pull.base)
        })
        .map(|pull| simple(desk, pull))
        .collect();
    Answer::json(200, &json!(found))
}

fn open(desk: &mut Desk, request: &Request) -> Answer {
    let fields = [
        ("title", "string", true),
        ("head", "string", true),
        ("base", "string", true),
        ("body", "string", false),
        ("maintainer_can_modify", "boolean", false),
        ("draft", "boolean", false),
    ];
    let body = match desk.check(request, &fields) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let (head, base) = (text("head"), text("base"));
    let (Some(sha), Some(onto)) = (tip(&desk.repository, &head), tip(&desk.repository, &base))
    else {
        return invalid(json!([{"resource": "PullRequest", "field": "head", "code": "invalid"}]));
    };
    if text("body").chars().count() > 65_536 {
        return invalid(
            json!([{"resource": "PullRequest", "field": "body", "code": "custom", "message": "body is too long (maximum is 65536 characters)"}]),
        );
    }
    let exists = desk
        .pulls
        .iter()
        .any(|pull| pull.head == head && pull.base == base && pull.standing == Standing::Open);
    if exists {
        let (owner, _) = desk.project.split_once('/').unwrap();
        let message = format!("A pull request already exists for {owner}:{head}.");
        return invalid(json!([{"resource": "PullRequest", "code": "custom", "message": message}]));
    }
    if sha == onto {
        let message = format!("No commits between {base} and {head}");
        return invalid(json!([{"resource": "PullRequest", "code": "custom", "message": message}]));
    }
    let number = desk.pulls.len() as u64 + 1;
    desk.pulls.push(Pull {
        number,
        head,
        base,
        title: text("title"),
        body: text("body"),
        standing: Standing::Open,
        sha,
        labels: Vec::new(),
        reviewers: Vec::new(),
        comments: Vec::new(),
        computed_for: String::new(),
    });
    let value = whole(desk, number);
    Answer::json(201, &value)
}

fn known(desk: &Desk, number: &str) -> Result<u64, Answer> {
    let number: u64 = number.parse().map_err(|_| error(404, "Not Found"))?;
    if desk.pulls.iter().any(|pull| pull.number == number) {
        Ok(number)
    } else {
        Err(error(404, "Not Found"))
    }
}

fn look(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let number = match known(desk, number) {
        Ok(number) => number,
        Err(answer) => return answer,
    };
    let value = whole(desk, number);
    let digest = ring::digest::digest(&ring::digest::SHA256, value.to_string().as_bytes());
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("W/\"{hex}\"");
    if request.header("if-none-match") == tag {
        return Answer {
            status: 304,
            headers: vec![("etag".to_owned(), tag)],
            body: Some(String::new()),
        };
    }
    Answer::json(200, &value).with("etag", &tag)
}

fn change(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let fields = [
        ("title", "string", false),
        ("body", "string", false),
        ("state", "string", false),
        ("base", "string", false),
    ];
    let (number, body) = match (known(desk, number), desk.check(request, &fields)) {
        (Ok(number), Ok(body)) => (number, body),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    if body["state"] == "closed" && desk.pull(number).standing == Standing::Open {
        desk.close(number);
    }
    let value = whole(desk, number);
    Answer::json(200, &value)
}

fn merge(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let fields = [
        ("commit_title", "string", false),
        ("commit_message", "string", false),
        ("sha", "string", false),
        ("merge_method", "string", false),
    ];
    let (number, body) = match (known(desk, number), desk.check(request, &fields)) {
        (Ok(number), Ok(body)) => (number, body),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let flavour = match body["merge_method"].as_str() {
        None | Some("merge") => Flavour::Merge,
        Some("squash") => Flavour::Squash,
        Some("rebase") => Flavour::Rebase,
        Some(_) => return invalid(json!([{"field": "merge_method", "code": "invalid"}])),
    };
    let pull = desk.pull(number).clone();
    if desk.wants_approval {
        return error(
            405,
            "At least 1 approving review is required by reviewers with write access.",
        );
    }
    if pull.standing != Standing::Open || desk.has_conflict(&pull) || desk.forbids == Some(flavour)
    {
        return error(405, "Pull Request is not mergeable");
    }
    if body["sha"].as_str().is_some_and(|sha| sha != pull.sha) {
        return error(
            409,
            "Head branch was modified. Review and try the merge again.",
        );
    }
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let message = format!("{}\n\n{}", text("commit_title"), text("commit_message"));
    desk.merge(number, flavour, Some(&message));
    let Standing::Merged(merged) = desk.pull(number).standing.clone() else {
        unreachable!("it was merged");
    };
    let body = json!({"sha": merged.commit, "merged": true, "message": "Pull Request successfully merged"});
    Answer::json(200, &body)
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}

fn reviewers(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let fields = [
        ("reviewers", "array", false),
        ("team_reviewers", "array", false),
    ];
    let (number, body) = match (known(desk, number), desk.check(request, &fields)) {
        (Ok(number), Ok(body)) => (number, body),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let people = strings(&body["reviewers"]);
    if people.iter().any(|login| login == "stranger") {
        return error(
            422,
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the git/gitops repository.",
        );
    }
    let teams = strings(&body["team_reviewers"])
        .into_iter()
        .map(|team| format!("team {team}"));
    let all = people.into_iter().chain(teams);
    desk.pull(number).reviewers.extend(all);
    let pull = desk.pull(number).clone();
    let value = simple(desk, &pull);
    Answer::json(201, &value)
}

fn labels(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let (number, body) = match (
        known(desk, number),
        desk.check(request, &[("labels", "array", false)]),
    ) {
        (Ok(number), Ok(body)) => (number, body),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let names = strings(&body["labels"]);
    desk.pull(number).labels.extend(names.clone());
    let list: Vec<Value> = names
        .iter()
        .map(|name| json!({"id": 1, "name": name, "color": "ededed", "default": false}))
        .collect();
    Answer::json(200, &json!(list))
}

fn comment(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let (number, body) = match (
        known(desk, number),
        desk.check(request, &[("body", "string", true)]),
    ) {
        (Ok(number), Ok(body)) => (number, body),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let text = body["body"].as_str().unwrap_or_default().to_owned();
    desk.pull(number).comments.push(text.clone());
    Answer::json(
        201,
        &json!({"id": 1, "body": text, "user": user("shipgate-bot")}),
    )
}

fn check_runs(desk: &mut Desk, commit: &str) -> Answer {
    if desk.hides_checks {
        return error(403, "Resource not accessible by personal access token");
    }
    let run = |status: &str, conclusion: Value| json!({"id": 1, "head_sha": commit, "name": "manifests", "status": status, "conclusion": conclusion, "started_at": "2026-03-10T10:00:00Z", "completed_at": null});
    let runs = match desk.checks {
        CheckWord::None => Vec::new(),
        CheckWord::Running => vec![run("in_progress", Value::Null)],
        CheckWord::Good => vec![
            run("completed", json!("success")),
            run("completed", json!("skipped")),
        ],
        CheckWord::Bad => vec![
            run("completed", json!("success")),
            run("completed", json!("failure")),
        ],
    };
    Answer::json(200, &json!({"total_count": runs.len(), "check_runs": runs}))
}

fn status(desk: &mut Desk, commit: &str) -> Answer {
    // Without any the combined state is `pending`.
    let body = json!({"state": "pending", "statuses": [], "sha": commit, "total_count": 0, "repository": {"full_name": desk.project}});
    Answer::json(200, &body)
}
