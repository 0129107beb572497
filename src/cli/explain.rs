//! `shipgate explain`: the exit codes and the finer reason codes, one or all.

use clap::Args;
use serde::Serialize;

use super::{OutputFormat, Session};
use crate::{
    event::{Ending, Failure, Outcome},
    exit::{self, Code},
    report::sanitise,
    yaml::typed,
};

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Number or name of an exit code, such as 40 or rolled-back, or a reason code, such as
    /// blocked-date; all of them if left out
    pub code: Option<String>,
}

/// A reason code: finer than an exit code, stable like one.
struct ReasonWord {
    /// As output has it.
    name: &'static str,
    /// What it means.
    meaning: &'static str,
    /// Where in the policy it comes from.
    source: &'static str,
    /// What the reader should do next.
    next_step: &'static str,
    /// The exit code where it decides.
    exit: Code,
}

macro_rules! reasons {
    ($($name:literal, $exit:ident, $meaning:literal, $source:literal, $next:literal;)*) => {
        /// All reason codes, those that decide first at the top.
        const REASONS: &[ReasonWord] = &[$(ReasonWord {
            name: $name,
            meaning: $meaning,
            source: $source,
            next_step: $next,
            exit: exit::$exit,
        }),*];
    };
}

reasons! {
    "override-refused", OVERRIDE_REFUSED, "an override was presented that is not good enough", "`override`", "mend the override as the message says; nothing is let through by half of one";
    "blocked-window", BLOCKED_WINDOW, "outside of every allowed window, or inside a blocked one", "`allowed_windows`, `blocked_windows`", "deploy at the next opening; `shipgate next` lists them";
    "blocked-date", BLOCKED_WINDOW, "on a blocked date", "`blocked_dates`", "deploy at the next opening; `shipgate next --calendar` shows which days are blocked and why";
    "runway", BLOCKED_WINDOW, "it is open now, but closes before the deployment could end", "`runway`", "deploy at the next opening that is long enough, or with a shorter plan";
    "blocked-traffic", BLOCKED_TRAFFIC, "there is more traffic now than the policy allows", "`traffic_threshold`", "wait until traffic falls, then run the same command again";
    "alert-firing", BLOCKED_OTHER, "an alert is firing that the policy names, and nobody has silenced it", "`alerts`", "look at the alert; once it is over or silenced, run the same command again";
    "freeze", BLOCKED_OTHER, "a file FREEZE lies beside the policy: everything is stopped", "the file `FREEZE`, not a rule", "ask the contact that the file names; to go on, it is taken away on the policy's branch";
    "require", BLOCKED_OTHER, "the service's own configuration does less than the policy requires", "`require`", "mend the service's strategy or verification as the message says";
    "known-bad", BLOCKED_OTHER, "the version failed verification here before and was taken back", "`versions.known_bad`; the failure is in the journal in the repository", "deploy another version; to bring it all the same somebody else signs `shipgate approve`, then --force-version";
    "image-missing", BLOCKED_OTHER, "the registry has no image of that version", "no rule of the policy: `providers.registry` in the configuration", "push the image, then run the same command again";
    "blocked-other", BLOCKED_OTHER, "another rule blocks, or the policy is for other environments", "`environments`, or no rule of the policy", "read the reason";
    "approval-required", APPROVAL_REQUIRED, "it may go once a person has approved it", "`approval_required` of an allowed window", "ask an approver, then run the same command again";
    "unavailable", UNAVAILABLE, "nobody could say what the rule asks for; that is never taken for a good answer", "`on_unavailable: block` of `traffic_threshold` or `alerts`", "run the same command again when the provider answers, or state what is known, such as --traffic RPS";
    "pull-request-open", APPROVAL_REQUIRED, "the change waits in a pull request that nobody has merged", "no rule of the policy: `pull_request` in the configuration", "have it merged, then run the same deploy again; or give it up with `shipgate rollback`";
    "pull-request-closed", BLOCKED_OTHER, "somebody closed the pull request without merging it", "no rule of the policy: `pull_request` in the configuration", "ask whoever closed it; deploying again opens a new one";
    "pull-request-changed", BLOCKED_OTHER, "somebody else pushed to the branch of the pull request; left alone", "no rule of the policy: `pull_request` in the configuration", "have it merged as it is or take the other commits off, then run the same deploy again";
    "checks-failed", BLOCKED_OTHER, "checks of the pull request failed", "no rule of the policy: `pull_request` in the configuration", "mend the checks or run them again, then run the same deploy again";
    "judged-worse", HELD, "the version was judged worse, and the service wants that held or only told", "no rule of the policy: `on_failure` in the configuration", "take it back with `shipgate rollback`; the same deploy again judges a held step once more, and says of what everyone has how somebody accepts it";
    "window-closed", HELD, "it closed while the deployment was under way: held with `overrun: finish_step`, taken back (code 40) with `overrun: abort`", "`overrun`", "run the same deploy again when it is open";
    "not-begun", BLOCKED_OTHER, "of several services in one run another one did not end well first, so this one was not begun", "no rule of the policy: --keep-going begins the others all the same", "look at the one that the message names, then run the same command again";
    "dependency-failed", BLOCKED_OTHER, "a service that this one depends on did not end well in the same run", "no rule of the policy: `depends_on` in the configuration", "look at the one that the message names, then run the same command again";
    "no-drills", BLOCKED_OTHER, "a drill was asked for, and the service's owners have not said that there may be any: it sends real users to the new version for a moment", "no rule of the policy: `drills` of the service in the configuration", "ask the service's owners for `drills: true`, or see one with `shipgate demo --scenario drill`";
    "kept", BLOCKED_OTHER, "the old colour is kept for a way back for some time after a deployment", "no rule of the policy: `keep_for` of `blue_green` in the configuration", "run `shipgate cleanup` again then; or now with --now --reason TEXT";
    "plan-outdated", EDIT_REFUSED, "what would be done now is not what the plan file says: a value or a commit is another one", "no rule of the policy: `deploy --plan FILE`", "look at what is found now, make the plan again with `plan --output json`, and deploy that";
    "unknown-name", CONFIG_INVALID, "a flag names a service, environment or region that the configuration does not have", "no rule of the policy: `services`, `environments` and `regions` in the configuration", "give one of the names that the message lists";
    "has-regions", USAGE, "the environment has regions, and the command is about one of them", "no rule of the policy: `regions` of the environment in the configuration", "name one with --region, as the message lists them";
    "bake-time", HELD, "the version is live in a region, and the bake time before the next one did not show that it is good", "no rule of the policy: `bake_time` of the environment in the configuration", "run the same deploy again to watch it once more, name the regions behind it with --region, or take it back with `shipgate rollback`";
    "unfinished-run", BLOCKED_OTHER, "an earlier run for this service has not ended", "no rule of the policy: the journal in the repository", "run `shipgate recover`, then the same command again";
    "not-taken-back", BLOCKED_OTHER, "the last run was to be taken back, somebody else had changed one of its values, and its version is still on the branch", "no rule of the policy: the journal in the repository", "look at what is on the branch, then run the command that the message names";
    "unexplained", FINDINGS, "a value changed in a commit that names no run: somebody edited it by hand", "no rule of the policy: `history --audit`", "ask the author that the gap names; a deployment of the version that is wanted makes it explained again";
    "unknown-run", FINDINGS, "a commit names a run that no journal knows", "no rule of the policy: `history --audit`", "ask the author that the gap names, and who may push to the branch";
    "not-announced", FINDINGS, "a commit names a run whose journal does not announce it: copied or forged trailers, a cherry-pick, a squash", "no rule of the policy: `history --audit`", "ask the author that the gap names, and who may push to the branch";
    "withdrawn-run", FINDINGS, "a commit is of a run whose journal says last that nothing of it is on the branch: its push landed after it was withdrawn, and nobody has watched it", "no rule of the policy: `history --audit`", "deploy the same version again to have it watched, or `shipgate recover` to take it back";
    "missing-commit", FINDINGS, "the journal announced a commit for a step that was done, and it is not on the branch: a forced push", "no rule of the policy: `history --audit`", "ask who may force pushes to the branch; deploy again what was lost";
    "unreadable", FINDINGS, "the values could not be read from a commit on", "no rule of the policy: `history --audit`", "look at the commit that the gap names: its configuration or manifests are not valid";
    "blind-step", FINDINGS, "a step cannot see what its comparison promises to find, with the traffic that was stated", "no rule of the policy: `validate` and `plan` of the configuration's steps", "more weight or more time, as the message says; `shipgate plan --traffic-plan` shows all steps";
    "short-watch", FINDINGS, "a pause or `bake_time` has fewer polls of a comparison than any verdict takes", "no rule of the policy: `validate` and `plan` of the configuration's steps", "make it longer, or `interval` shorter";
    "missing", FINDINGS, "the configuration names a folder or a policy that is not in the checkout", "no rule of the policy: `validate` in a checkout", "mend the path, or write what it names";
    "placeholder", FINDINGS, "braces around one word in `manifests` look like a placeholder and are none", "no rule of the policy: `validate` of the configuration", "write `{root}`, or the word without braces";
    "refused", FINDINGS, "a deployment of the service would be refused in every environment by what is in the checkout", "no rule of the policy: `validate` in a checkout", "do as the message says; `shipgate plan --offline` shows what a deployment would change";
    "allowed", OK, "the rule lets through", "any rule", "nothing to do";
    "not-evaluated", OK, "the rule was not looked at and did not decide, because the question was about another time", "`traffic_threshold` or `alerts` with --at, in a test case or in `next`", "ask again without --at, or state the traffic with --traffic RPS";
}

#[derive(Serialize)]
struct Row {
    number: u8,
    name: &'static str,
    meaning: &'static str,
    state: &'static str,
    next_step: &'static str,
    again: &'static str,
}

#[derive(Serialize)]
struct ReasonRow {
    name: &'static str,
    meaning: &'static str,
    source: &'static str,
    next_step: &'static str,
    exit_code: u8,
}

/// Runs `explain`.
///
/// # Errors
/// Nothing has that number or name.
pub fn run(arguments: &ExplainArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let asked = arguments.code.as_deref();
    let codes: Vec<Code> = match asked {
        None => exit::ALL.to_vec(),
        Some(text) => exit::find(text).into_iter().collect(),
    };
    let wanted = |reason: &&ReasonWord| asked.is_none_or(|text| reason.name == text);
    let reasons: Vec<&ReasonWord> = REASONS.iter().filter(wanted).collect();
    if let (Some(text), true, true) = (asked, codes.is_empty(), reasons.is_empty()) {
        return Err(unknown(text));
    }
    let text = match session.output {
        OutputFormat::Json => format!("{:#}\n", json(session.command, &codes, &reasons)),
        OutputFormat::Jsonl => format!("{}\n", json(session.command, &codes, &reasons)),
        _ if asked.is_some() => {
            let codes = codes.iter().map(one);
            codes.chain(reasons.iter().map(one_reason)).collect()
        }
        _ => table(&codes) + &reason_table(&reasons),
    };
    session.context.print(&text);
    Ok(Outcome::new(Ending::Shown, ""))
}

fn unknown(text: &str) -> Failure {
    let codes = exit::ALL.iter().map(|code| code.name.to_owned());
    let mut names: Vec<String> = codes.collect();
    names.extend(REASONS.iter().map(|reason| reason.name.to_owned()));
    let reason = match typed::nearest(text, &names) {
        Some(near) => typed::unknown("code", text, &[near.to_owned()]),
        None => format!("unknown code `{}`", sanitise::line(text)),
    };
    Failure::new(Ending::Usage, reason).hint("`shipgate explain` lists all codes")
}

fn one(code: &Code) -> String {
    let Code {
        number,
        name,
        meaning,
        state,
        next_step,
        again,
    } = code;
    format!(
        "{number} {name}\n  meaning  {meaning}\n  state    {state}\n  next     {next_step}\n  again    {again}\n"
    )
}

fn one_reason(reason: &&ReasonWord) -> String {
    let ReasonWord {
        name,
        meaning,
        source,
        next_step,
        exit,
    } = reason;
    let (number, exit) = (exit.number, exit.name);
    format!(
        "reason {name}\n  meaning  {meaning}\n  rule     {source}\n  exit     {number} {exit}\n  next     {next_step}\n"
    )
}

fn reason_table(reasons: &[&ReasonWord]) -> String {
    let mut text = "\nReason codes, with the exit code where one decides:\n".to_owned();
    for reason in reasons {
        let (number, name) = (reason.exit.number, reason.name);
        text.push_str(&format!("{number:>4}  {name:<21}  {}\n", reason.meaning));
    }
    text
}

fn table(codes: &[Code]) -> String {
    let rows = codes.iter().map(|code| {
        let Code {
            number,
            name,
            meaning,
            ..
        } = code;
        format!("{number:>4}  {name:<21}  {meaning}\n")
    });
    rows.chain([
        "\nBelow 40 the branch is as the run found it; from 40 on it is not, or nobody can know: the run changed it, or (43) somebody else did.\n"
            .to_owned(),
        "`shipgate explain CODE` says what to do next.\n".to_owned(),
    ])
    .collect()
}

fn json(command: &str, codes: &[Code], reasons: &[&ReasonWord]) -> serde_json::Value {
    let codes = codes.iter().map(|code| Row {
        number: code.number,
        name: code.name,
        meaning: code.meaning,
        state: code.state,
        next_step: code.next_step,
        again: code.again,
    });
    let reasons = reasons.iter().map(|reason| ReasonRow {
        name: reason.name,
        meaning: reason.meaning,
        source: reason.source,
        next_step: reason.next_step,
        exit_code: reason.exit.number,
    });
    serde_json::json!({
        "schema_version": 1,
        "command": command,
        "codes": codes.collect::<Vec<_>>(),
        "reasons": reasons.collect::<Vec<_>>(),
    })
}
