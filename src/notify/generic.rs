//! Any address that takes JSON: the whole notice as one object.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{
    Notice,
    notice::{About, End, Step, short},
};

/// Version of the object; a later one only adds keys.
const VERSION: u32 = 1;

/// Makes the message of a notice. Every object has every key; what is not known is null.
pub(super) fn message(notice: &Notice) -> Value {
    let About {
        service,
        environment,
        version,
        actor,
        ..
    } = &notice.about;
    let paragraphs = notice.paragraphs().into_iter();
    let text: Vec<String> = paragraphs
        .map(|(label, text)| match label {
            "" => text,
            label => format!("{label}: {text}"),
        })
        .collect();
    let end = notice.end.as_ref();
    let opens = notice.opens.as_ref();
    json!({
        "version": VERSION,
        "event": notice.event.word(),
        "time": notice.time(),
        "headline": notice.headline,
        "summary": notice.summary(),
        "text": text.join("\n"),
        "service": service,
        "environment": environment,
        "new_version": version,
        "previous_version": notice.previous_version,
        "run": notice.run,
        "actor": actor,
        "pipeline": notice.pipeline().map(String::from),
        "result": end.map(|end| end.result),
        "reason_code": end.map(|end: &End| end.reason_code.as_str()),
        "exit_code": end.map(|end| end.exit_code),
        "reason": notice.reason,
        "next": notice.next,
        "opens_at": opens.map(|(at, _)| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        "step": notice.step.as_ref().map(step),
        "override": notice.override_use.as_ref().map(|used| json!({
            "action": short(&used.action),
            "ids": used.ids,
            "rules": used.rules,
            "ticket": short(&used.ticket),
            "reason": short(&used.reason),
            "approvers": used.approvers.iter().map(|name| short(name)).collect::<Vec<_>>(),
            "until": used.until.to_rfc3339_opts(SecondsFormat::Secs, true),
            "policy": short(&used.policy),
        })),
    })
}

fn step(step: &Step) -> Value {
    json!({
        "index": step.index,
        "total": step.total,
        "name": step.name,
        "weight": step.weight,
        "state": step.state.word(),
    })
}
