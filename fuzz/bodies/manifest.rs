//! Any bytes as a manifest with an edit: what is made can be made again without effect and taken back
//! byte for byte, and what cannot be made is refused in words.

use shipgate::manifest::{
    Allowances, ChangeSet, Containers, Edit, Manifests, ObjectRef, Refusal, SourceFile, ValuesIn,
    locate_allowing, parse_path, reapply, restore,
};

use super::cost;

/// Names that files have whose name means something.
const PATHS: [&str; 4] = ["app.yaml", "app.json", "kustomization.yaml", "values.yaml"];

/// Values as people give them, and as readers mistake them.
const VALUES: [&str; 16] = [
    "1.10", "1.2.3", "no", "5", "", "a: b", "x #y", "it's", "\"", "[", "12:30", "ü✓", " x ", "~",
    "true", "---",
];

/// Edits the rest of some bytes as the first three say.
pub fn run(bytes: &[u8]) {
    let [choice, value, how, text @ ..] = bytes else {
        return;
    };
    let name = PATHS[usize::from(how / 16) % PATHS.len()];
    let Ok(before) = cost::bounded(|| read(name, text)) else {
        return;
    };
    let value = VALUES[usize::from(*value) % VALUES.len()];
    let allowed = Allowances {
        through_anchors: how & 1 != 0,
        inline_blocks: how & 2 != 0,
        drop_digests: how & 4 != 0,
        embedded: how & 8 != 0,
    };
    let objects = cost::bounded(|| {
        let objects = before.objects().take(8);
        objects
            .map(|entry| entry.object.clone())
            .collect::<Vec<_>>()
    });
    let Some(edit) = edit(*choice, value, &objects, text) else {
        return;
    };
    let located = cost::bounded(|| locate_allowing(&before, std::slice::from_ref(&edit), allowed));
    let set = match located {
        Ok(set) => set,
        Err(refusals) => return refusals.iter().for_each(refused),
    };
    let after = match cost::bounded(|| made(&before, &set)) {
        Ok(after) => after,
        Err(refusal) => return refused(&refusal),
    };
    if before.check_readable().is_ok() {
        assert_eq!(after.check_readable(), Ok(()), "not readable any more");
    }
    let again = locate_allowing(&after, &[edit], allowed);
    let nothing = again.as_ref().is_ok_and(ChangeSet::is_empty);
    assert!(nothing, "there is more to do: {again:#?}");
    let back = restore(&after, &set.changes).unwrap();
    let back = made(&after, &back).unwrap();
    assert_eq!(back.text(name), before.text(name), "taken back");
    let forth = reapply(&before, &set.changes).unwrap();
    let forth = made(&before, &forth).unwrap();
    assert_eq!(forth.text(name), after.text(name), "made again");
}

fn read(name: &str, text: &[u8]) -> Result<Manifests, Vec<Refusal>> {
    Manifests::parse(vec![SourceFile {
        path: name.to_owned(),
        bytes: text.to_vec(),
    }])
}

/// Makes changes and reads what they make.
fn made(before: &Manifests, set: &ChangeSet) -> Result<Manifests, Refusal> {
    let files = set.apply(before)?.files;
    Ok(before.with(files).unwrap())
}

fn refused(refusal: &Refusal) {
    // What a person reads is made harmless where it is printed: `tests/report/hostile.rs`.
    let told = refusal.to_string();
    assert!(
        !refusal.reason.trim().is_empty(),
        "refused without a reason"
    );
    assert!(!told.contains("internal safety stop"), "{told}");
}

/// Makes an edit of one of the objects that there are, or of whichever it fits. The first line of the
/// text is the path of an edit that needs one.
fn edit(choice: u8, value: &str, objects: &[ObjectRef], text: &[u8]) -> Option<Edit> {
    let chosen = objects.get(usize::from(choice / 16)).cloned();
    let object = chosen.clone().or_else(|| objects.first().cloned());
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let line = std::str::from_utf8(line.unwrap_or_default()).ok();
    let path = || parse_path(line?.trim_start_matches(['#', ' ', '\u{feff}'])).ok();
    let image = "registry.example/team/app";
    let value = value.to_owned();
    Some(match choice % 16 {
        0 => Edit::Version {
            workload: None,
            image: image.to_owned(),
            version: value.parse().ok()?,
        },
        1 => Edit::Replicas {
            workload: object?,
            replicas: 3,
        },
        2 => Edit::Weight {
            traffic: object,
            weight: "25".parse().ok()?,
            canary: None,
        },
        3 => Edit::Weight {
            traffic: object,
            weight: "25".parse().ok()?,
            canary: Some("app-canary".to_owned()),
        },
        4 => Edit::Image {
            workload: chosen,
            containers: Containers::Running(image.to_owned()),
            reference: format!("{image}:1.1"),
        },
        5 => Edit::Image {
            workload: chosen,
            containers: Containers::Named("app".to_owned()),
            reference: format!("{image}:1.1"),
        },
        6 | 7 => Edit::Label {
            object: choice.is_multiple_of(2).then_some(object?),
            key: "version".to_owned(),
            value,
        },
        8 | 9 => Edit::Annotation {
            object: choice.is_multiple_of(2).then_some(object?),
            key: "example.org/note".to_owned(),
            value,
        },
        10 => Edit::Env {
            workload: chosen,
            container: None,
            name: "LEVEL".to_owned(),
            value,
        },
        11 => Edit::Selector {
            service: object?,
            key: "color".to_owned(),
            value,
        },
        12 => Edit::RolloutStep {
            rollout: object?,
            step: 1,
            weight: "25".parse().ok()?,
        },
        13 => Edit::HelmValue {
            values: ValuesIn::File("values.yaml".to_owned()),
            path: path()?,
            value,
            scalar_type: None,
        },
        14 => Edit::HelmValue {
            values: ValuesIn::Object(object?),
            path: path()?,
            value,
            scalar_type: None,
        },
        _ => Edit::Path {
            object: chosen,
            path: path()?,
            value,
            scalar_type: None,
        },
    })
}
