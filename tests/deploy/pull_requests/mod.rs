//! Deployments that land through pull and merge requests, with a forge that merges in the real
//! repository: how they end, what is left at the forge and in git, whatever people do meanwhile.

mod audited;
mod faults;
mod meanwhile;
mod merged;
mod waiting;

use shipgate::sim::{Faults, Scenario};

use crate::{
    endings::rolling_text,
    forge::{Flavour, Kind, StandIn, Standing},
    stage::Stage,
};

/// A world whose branch takes no push, with a forge.
struct Place {
    stage: Stage,
    forge: StandIn,
}

fn place(kind: Kind, scenario: Scenario, settings: &str) -> Place {
    let forge = StandIn::start(kind, "git/gitops");
    let word = match kind {
        Kind::GitHub => "github",
        Kind::GitLab => "gitlab",
    };
    let pull_request = format!(
        "production: {{branch: main, root: clusters/prod, pull_request: {{forge: {word}, api: \"{}\"{settings}}}}}",
        forge.api
    );
    let stage = Stage::edited(scenario, |text| {
        let text = rolling_text(text);
        let plain = "production: {branch: main, root: clusters/prod}";
        assert!(text.contains(plain), "{text}");
        text.replace(plain, &pull_request)
    });
    forge.serves(&stage.folder.path().join("gitops.git"), stage.world.token());
    stage.world.set_faults(Faults {
        protect_branch: true,
        ..Faults::default()
    });
    Place { stage, forge }
}

fn github(settings: &str) -> Place {
    place(Kind::GitHub, Scenario::Healthy, settings)
}

impl Place {
    /// Returns the branches of the repository.
    fn branches(&self) -> Vec<String> {
        let references = self.stage.references().into_iter();
        references
            .filter_map(|(name, _)| name.strip_prefix("refs/heads/").map(anonymous))
            .collect()
    }

    /// Everything about an end, and what is left at the forge.
    fn story(&self, end: &crate::trail::End) -> String {
        let desk = self.forge.desk();
        assert_eq!(desk.violations, Vec::<String>::new());
        let url = self.forge.api.trim_end_matches("/api/v4");
        let story = self.stage.story(end).replace(url, "FORGE");
        let story = desk.pulls.iter().fold(story, |story, pull| {
            story.replace(&pull.head, &anonymous(&pull.head))
        });
        let pulls: Vec<String> = desk.pulls.iter().map(shown).collect();
        format!(
            "{story}\nforge: {}\nbranches: {}",
            pulls.join(" | "),
            self.branches().join(", ")
        )
    }
}

fn shown(pull: &crate::forge::Pull) -> String {
    let standing = match &pull.standing {
        Standing::Open => "open".to_owned(),
        Standing::Closed => "closed".to_owned(),
        Standing::Merged(merged) => format!("merged ({:?})", merged.flavour),
    };
    format!("{} {}", pull.title, standing)
}

/// Run ids differ from run to run.
fn anonymous(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let id = part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if id { "RUN" } else { part }
    });
    parts.collect::<Vec<_>>().join("-")
}

/// Merges what is open at a look.
fn merge_at(place: &Place, at: usize, flavour: Flavour) {
    place.forge.people(move |desk, look| {
        if look == at {
            let number = desk.open();
            desk.merge(number, flavour, None);
        }
    });
}

/// Merges whatever is open, at every look.
fn merge_everything(place: &Place) {
    place.forge.people(|desk, _| {
        let open = desk
            .pulls
            .iter()
            .find(|pull| pull.standing == Standing::Open);
        if let Some(number) = open.map(|pull| pull.number) {
            desk.merge(number, Flavour::Squash, Some("somebody's own message"));
        }
    });
}
