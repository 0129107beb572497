//! What an exit code promises of what is left, and that whoever comes next can go on from there.

use std::time::Duration;

use super::samples::Ground;
use crate::{runs::Start, trail::End};

/// What is on the branch and in the cluster where nothing has happened, and where all went well.
pub struct Wanted {
    /// Where nothing has happened.
    pub old: (String, String),
    /// Where the new version is everywhere.
    pub new: (String, String),
}

impl Ground {
    /// Lets the cluster follow and says what there is.
    pub fn state(&self) -> (String, String) {
        let stage = self.stage();
        stage.clock.advance(Duration::from_secs(120));
        (stage.tree(), stage.live())
    }

    /// Returns the newest state in the journal. Of a run that died beside its first record it is a
    /// matter of luck whether that record is there to be withdrawn.
    pub fn newest(&self) -> String {
        let journal = self.stage().journal();
        let newest = journal.last().map(String::as_str);
        let newest = newest.filter(|state| *state != "withdrawn");
        newest.unwrap_or("nothing").to_owned()
    }

    /// A start of somebody else.
    fn start_of_another(&self) -> Start {
        Start {
            actor: "alex",
            ..self.start()
        }
    }

    async fn recover(&self) -> End {
        Box::pin(self.stage().recover_with(self.start_of_another())).await
    }

    async fn rollback(&self) -> End {
        Box::pin(self.stage().rollback_with(None, self.start_of_another())).await
    }
}

/// Returns how a run ended, what was then done about it and what is left, in one line. Whoever died is
/// recovered, or deployed again where it `goes_on`; everything is well again by then.
///
/// # Panics
/// What is left is not what the exit code promises; `what` is told then.
pub async fn kept(
    ground: &Ground,
    wanted: &Wanted,
    end: &End,
    goes_on: bool,
    what: &str,
) -> String {
    let steps = end.steps();
    let mut line = match end.code {
        Some(code) => format!("{steps}: {code} {}", end.outcome.reason_code),
        None => format!("{steps}: killed"),
    };
    let stage = ground.stage();
    match end.code {
        Some(0) => {
            assert_eq!(ground.state(), wanted.new, "{what}");
            assert_eq!(ground.newest(), "verified", "{what}");
        }
        Some(40 | 51) => {
            assert_eq!(ground.state(), wanted.old, "{what}");
            assert_eq!(ground.newest(), "rolled-back", "{what}");
        }
        // Good and everywhere; only the record of that could not be written, or its answer was lost.
        Some(42) if end.end().contains("its record is missing") => {
            assert_eq!(ground.state(), wanted.new, "{what}");
            let again = Box::pin(stage.deploy_with("1.1", ground.start())).await;
            again.assert(0, what);
            assert_eq!(ground.state(), wanted.new, "{what}\n{again}");
            assert_eq!(ground.newest(), "verified", "{what}\n{again}");
            line.push_str(&then("again", &again));
        }
        // Good and everywhere; the canary is still there.
        Some(42) if end.end().contains("is not tidied up") => {
            let again = Box::pin(stage.deploy_with("1.1", ground.start())).await;
            again.assert(0, what);
            assert_eq!(ground.state(), wanted.new, "{what}\n{again}");
            assert_eq!(ground.newest(), "verified", "{what}\n{again}");
            line.push_str(&then("again", &again));
        }
        Some(42) => {
            let (_, live) = ground.state();
            let weight = end.outcome.deployment.as_ref().unwrap().weight;
            let is_as_said = weight.is_none_or(|weight| live.ends_with(&format!("with {weight}")));
            assert!(is_as_said, "{live}: {what}");
            let is_told = |line: &String| line.contains("does not say that the run is held");
            let is_known = ground.newest() == "held" || end.trail.iter().any(is_told);
            assert!(is_known, "{}: {what}", ground.newest());
            let back = ground.rollback().await;
            back.assert(0, what);
            assert_eq!(ground.state(), wanted.old, "{what}");
            line.push_str(&then("rollback", &back));
        }
        Some(code) if code < 40 || code == 130 || code == 143 => {
            assert_eq!(stage.commits(), 0, "{what}");
            assert_eq!(ground.state(), wanted.old, "{what}");
        }
        Some(52) | None if goes_on => {
            let again = Box::pin(stage.deploy_with("1.1", ground.start())).await;
            again.assert(0, what);
            assert_eq!(ground.state(), wanted.new, "{what}\n{again}");
            assert_eq!(stage.run_ids().len(), 1, "{what}\n{again}");
            line.push_str(&then("again", &again));
        }
        Some(41 | 44 | 52) | None => {
            let recovered = ground.recover().await;
            recovered.assert(0, what);
            let now = ground.state();
            let told = format!("{what}\n{recovered}");
            assert!(now == wanted.old || now == wanted.new, "{told}");
            line.push_str(&then("recover", &recovered));
        }
        Some(other) => panic!("{other} is not among the ends: {what}"),
    }
    assert_eq!(stage.world.lost_requests(), 0, "{what}");
    // Where the server fell silent at the first record, it may be there, and nobody could withdraw it.
    if end.code == Some(20) {
        ground.recover().await.assert(0, what);
        assert_eq!(ground.newest(), "nothing", "{what}");
    }
    // Nothing is left that would stop the next one, and nothing that anybody would change.
    let before = stage.references();
    ground.recover().await.assert(0, what);
    assert_eq!(stage.references(), before, "{what}");
    format!("{}; {}", line.trim_start_matches(": "), ground.newest())
}

/// What was done about it, and how that went.
fn then(what: &str, end: &End) -> String {
    let steps = end.steps();
    if steps.is_empty() {
        format!(", {what}")
    } else {
        format!(", {what}: {steps}")
    }
}
