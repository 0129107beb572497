//! GitLab's side: <https://docs.gitlab.com/api/merge_requests/> and what belongs to it, version 4.

use serde_json::{Value, json};

use super::{
    CheckWord, Desk, Flavour, Pull, Standing,
    repository::tip,
    server::{Answer, Request},
};

pub(super) fn answer(desk: &mut Desk, request: &Request) -> Answer {
    if !request.header("job-token").is_empty() && request.method != "GET" {
        return error(403, &json!("403 Forbidden"));
    }
    if request.header("private-token") != desk.token {
        return error(401, &json!("401 Unauthorized"));
    }
    if request.path == "/api/v4/users" {
        return users(desk, request);
    }
    // The name of the project is one part of the path, so its slashes have to be encoded.
    let project = format!("/api/v4/projects/{}", desk.project.replace('/', "%2F"));
    let Some(below) = request.path.strip_prefix(&project) else {
        return error(404, &json!("404 Project Not Found"));
    };
    let parts: Vec<&str> = below.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("GET", [""]) => about(desk),
        ("GET", ["merge_requests"]) => list(desk, request),
        ("POST", ["merge_requests"]) => open(desk, request),
        ("GET", ["merge_requests", number]) => look(desk, number),
        ("PUT", ["merge_requests", number]) => change(desk, request, number),
        ("PUT", ["merge_requests", number, "merge"]) => merge(desk, request, number),
        ("POST", ["merge_requests", number, "notes"]) => note(desk, request, number),
        _ => Answer::json(404, &json!({"error": "404 Not Found"})),
    }
}

fn error(status: u16, message: &Value) -> Answer {
    Answer::json(status, &json!({"message": message}))
}

fn user(name: &str) -> Value {
    json!({"id": 7, "username": name, "name": name, "state": "active", "web_url": "https://gitlab.example/x"})
}

fn users(desk: &mut Desk, request: &Request) -> Answer {
    desk.check_query(request, &["username"]);
    match request.parameter("username") {
        Some("stranger") | None => Answer::json(200, &json!([])),
        Some(name) => Answer::json(200, &json!([user(name)])),
    }
}

fn about(desk: &Desk) -> Answer {
    let squash = if desk.forbids == Some(Flavour::Squash) {
        "never"
    } else {
        "default_off"
    };
    let body = json!({
        "id": 3, "path_with_namespace": desk.project, "default_branch": "main", "archived": false,
        "merge_method": if desk.fast_forward { "ff" } else { "merge" }, "squash_option": squash,
    });
    Answer::json(200, &body)
}

fn simple(desk: &Desk, pull: &Pull) -> Value {
    let (state, merge_commit, squash_commit) = match &pull.standing {
        Standing::Open => ("opened", Value::Null, Value::Null),
        Standing::Closed => ("closed", Value::Null, Value::Null),
        Standing::Merged(merged) => match merged.flavour {
            Flavour::Squash => ("merged", Value::Null, json!(merged.commit)),
            Flavour::SquashedMerge => ("merged", json!(merged.commit), json!(merged.squashed)),
            Flavour::FastForward => ("merged", Value::Null, Value::Null),
            Flavour::Merge | Flavour::Rebase => ("merged", json!(merged.commit), Value::Null),
        },
    };
    let conflict = pull.standing == Standing::Open && desk.has_conflict(pull);
    let word = match &pull.standing {
        Standing::Open if conflict => "conflict",
        Standing::Open if desk.wants_approval => "not_approved",
        Standing::Open if desk.checks == CheckWord::Running => "ci_still_running",
        Standing::Open if desk.checks == CheckWord::Bad => "ci_must_pass",
        Standing::Open => "mergeable",
        _ => "not_open",
    };
    json!({
        "id": 1_000 + pull.number,
        "iid": pull.number,
        "project_id": 3,
        "title": pull.title,
        "description": pull.body,
        "state": state,
        "created_at": "2026-03-10T10:00:00.000Z",
        "updated_at": "2026-03-10T10:00:00.000Z",
        "merged_at": if state == "merged" { json!("2026-03-10T10:00:00.000Z") } else { Value::Null },
        "merge_user": if state == "merged" { user("reviewer") } else { Value::Null },
        "closed_by": if state == "closed" { user("reviewer") } else { Value::Null },
        "source_branch": pull.head,
        "target_branch": pull.base,
        "author": user("shipgate-bot"),
        "labels": pull.labels,
        "draft": false,
        "merge_status": if conflict { "cannot_be_merged" } else { "can_be_merged" },
        "detailed_merge_status": word,
        "has_conflicts": conflict,
        "sha": pull.sha,
        "merge_commit_sha": merge_commit,
        "squash_commit_sha": squash_commit,
        "should_remove_source_branch": null,
        "force_remove_source_branch": false,
        "web_url": format!("{}/{}/-/merge_requests/{}", desk.url, desk.project, pull.number),
        "squash": false,
    })
}

fn whole(desk: &mut Desk, number: u64) -> Value {
    let pull = desk.pull(number).clone();
    let mut value = simple(desk, &pull);
    let status = match desk.checks {
        CheckWord::None => None,
        CheckWord::Running => Some("running"),
        CheckWord::Good => Some("success"),
        CheckWord::Bad => Some("failed"),
    };
    value["head_pipeline"] = status.map_or(Value::Null, |status| {
        json!({"id": 29_626_725, "iid": 1, "project_id": 3, "sha": pull.sha, "ref": pull.head, "status": status, "web_url": "https://gitlab.example/p"})
    });
    value["diff_refs"] = json!({"base_sha": pull.sha, "head_sha": pull.sha, "start_sha": pull.sha});
    value
}

fn list(desk: &mut Desk, request: &Request) -> Answer {
    desk.check_query(
        request,
        &[
            "source_branch",
            "target_branch",
            "scope",
            "state",
            "order_by",
            "sort",
            "per_page",
            "page",
        ],
    );
    let found: Vec<Value> = desk
        .pulls
        .iter()
        .rev()
        .filter(|pull| {
            request
                .parameter("source_branch")
                .is_none_or(|it| it == pull.head)
        })
        .filter(|pull| {
            request
                .parameter("target_branch")
                .is_none_or(|it| it == pull.base)
        })
        .map(|pull| simple(desk, pull))
        .collect();
    Answer::json(200, &json!(found))
}

fn open(desk: &mut Desk, request: &Request) -> Answer {
    let fields = [
        ("source_branch", "string", true),
        ("target_branch", "string", true),
        ("title", "string", true),
        ("description", "string", false),
        ("labels", "string", false),
        ("reviewer_ids", "array", false),
        ("remove_source_branch", "boolean", false),
        ("squash", "boolean", false),
    ];
    let body = match desk.check(request, &fields) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let (head, base) = (text("source_branch"), text("target_branch"));
    let Some(sha) = tip(&desk.repository, &head) else {
        return error(400, &json!({"source_branch": ["does not exist"]}));
    };
    let open = desk
        .pulls
        .iter()
        .find(|pull| pull.head == head && pull.base == base && pull.standing == Standing::Open);
    if let Some(open) = open {
        let text = format!(
            "Another open merge request already exists for this source branch: !{}",
            open.number
        );
        return error(409, &json!([text]));
    }
    // A line that begins with a slash is a command here.
    let commands = text("description")
        .lines()
        .any(|line| line.starts_with('/'));
    if commands {
        desk.violation("the description has quick actions".to_owned());
    }
    let number = desk.pulls.len() as u64 + 1;
    let labels = text("labels")
        .split(',')
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    let ids = body["reviewer_ids"].as_array().cloned().unwrap_or_default();
    desk.pulls.push(Pull {
        number,
        head,
        base,
        title: text("title"),
        body: text("description"),
        standing: Standing::Open,
        sha,
        labels,
        reviewers: ids.iter().map(|id| format!("user {id}")).collect(),
        comments: Vec::new(),
        computed_for: String::new(),
    });
    let value = whole(desk, number);
    Answer::json(201, &value)
}

fn known(desk: &Desk, number: &str) -> Result<u64, Answer> {
    let missing = || error(404, &json!("404 Not found"));
    let number: u64 = number.parse().map_err(|_| missing())?;
    if desk.pulls.iter().any(|pull| pull.number == number) {
        Ok(number)
    } else {
        Err(missing())
    }
}

fn look(desk: &mut Desk, number: &str) -> Answer {
    match known(desk, number) {
        Ok(number) => Answer::json(200, &whole(desk, number)),
        Err(answer) => answer,
    }
}

fn change(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let (number, body) = match (
        known(desk, number),
        desk.check(request, &[("state_event", "string", false)]),
    ) {
        (Ok(number), Ok(body)) => (number, body),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    if body["state_event"] == "close" && desk.pull(number).standing == Standing::Open {
        desk.close(number);
    }
    Answer::json(200, &whole(desk, number))
}

fn merge(desk: &mut Desk, request: &Request, number: &str) -> Answer {
    let fields = [
        ("sha", "string", false),
        ("squash", "boolean", false),
        ("squash_commit_message", "string", false),
        ("merge_commit_message", "string", false),
        ("should_remove_source_branch", "boolean", false),
    ];
    let (number, body) = match (known(desk, number), desk.check(request, &fields)) {
        (Ok(number), Ok(body)) => (number, body),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let pull = desk.pull(number).clone();
    if desk.wants_approval {
        return error(401, &json!("401 Unauthorized"));
    }
    if pull.standing != Standing::Open {
        return error(405, &json!("405 Method Not Allowed"));
    }
    if body["sha"].as_str().is_some_and(|sha| sha != pull.sha) {
        return error(409, &json!("SHA does not match HEAD of source branch"));
    }
    if desk.has_conflict(&pull) {
        return error(422, &json!("Branch cannot be merged"));
    }
    let (flavour, key) = match (body["squash"] == true, desk.fast_forward) {
        (true, true) => (Flavour::Squash, "squash_commit_message"),
        (true, false) => (Flavour::SquashedMerge, "squash_commit_message"),
        (false, true) => (Flavour::FastForward, ""),
        (false, false) => (Flavour::Merge, "merge_commit_message"),
    };
    let message = body[key].as_str().map(str::to_owned);
    desk.merge(number, flavour, message.as_deref());
    Answer::json(200, &whole(desk, number))
}

fn note(desk: &mut Desk, request: &Request, number: &str) -> Answer {
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
        &json!({"id": 1, "body": text, "author": user("shipgate-bot")}),
    )
}
