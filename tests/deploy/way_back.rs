//! The pure way back: from any position of any plan to exactly the bytes there were.

use proptest::prelude::*;
use shipgate::{
    config::Config,
    manifest::{Change, Manifests, SourceFile, restore},
    rollout::{self, BackPart, BackStep, BackWrite, Facts, Plan, Roles, Share},
    units::{Version, Weight},
};

use crate::stage::{CANARY, STABLE};

const CONFIG: &str = include_str!("../../src/sim/world/shipgate.yaml");

/// A service with these steps, and manifests to go with it.
#[derive(Debug, Clone)]
struct Case {
    steps: Vec<Option<u8>>,
    canary_replicas: u32,
    replicas_before: u32,
    weight_before: u8,
    canary_before: String,
    version: String,
    direct: bool,
    /// Did what the canary has fail here before?
    known_bad: bool,
    /// Do the numbers of pods split the traffic?
    by_pods: bool,
    reached: usize,
    /// Did the push of the last step land?
    landed: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let version = || prop::sample::select(vec!["1.0", "1.1", "2.0.1", "0x1f", "v3", "1e5"]);
    (
        // None is a pause; the weights only need to be legal, and they grow.
        prop::collection::vec(prop::option::of(1_u8..=99), 1..6),
        1_u32..4,
        0_u32..4,
        prop_oneof![3 => Just(0), 1 => 0_u8..=100],
        version(),
        version(),
        (prop::bool::weighted(0.2), prop::bool::weighted(0.3)),
        prop::bool::weighted(0.3),
        0_usize..20,
        any::<bool>(),
    )
        .prop_map(
            |(
                steps,
                canary_replicas,
                replicas_before,
                weight_before,
                canary_before,
                version,
                (direct, known_bad),
                by_pods,
                reached,
                landed,
            )| {
                let mut weights: Vec<u8> = steps.iter().copied().flatten().collect();
                if by_pods {
                    weights
                        .iter_mut()
                        .for_each(|weight| *weight = (*weight).div_ceil(2));
                }
                weights.sort_unstable();
                weights.dedup();
                let mut weights = weights.into_iter();
                let mut steps: Vec<Option<u8>> = steps
                    .into_iter()
                    .filter_map(|step| match step {
                        None => Some(None),
                        Some(_) => weights.next().map(Some),
                    })
                    .collect();
                if steps.iter().all(Option::is_none) {
                    steps.insert(0, Some(10));
                }
                if by_pods {
                    // Before there are pods there is nothing to pause for.
                    let first = steps.iter().position(Option::is_some).unwrap();
                    steps.drain(..first);
                }
                // Some weight must be watched.
                steps.push(None);
                Case {
                    steps,
                    canary_replicas,
                    replicas_before,
                    weight_before,
                    canary_before: canary_before.to_owned(),
                    version: version.to_owned(),
                    direct,
                    known_bad,
                    by_pods,
                    reached,
                    landed,
                }
            },
        )
}

fn manifests(case: &Case) -> Manifests {
    let stable = include_str!("../../src/sim/world/advertisements.yaml");
    let canary = include_str!("../../src/sim/world/advertisements-canary.yaml");
    let canary = canary
        .replace("\"1.0\"", &format!("\"{}\"", case.canary_before))
        .replace(":1.0\"", &format!(":{}\"", case.canary_before))
        .replace(
            "replicas: 0",
            &format!("replicas: {}", case.replicas_before),
        )
        .replace(
            "weight: \"0\"",
            &format!("weight: \"{}\"", case.weight_before),
        );
    let files = [(STABLE, stable.to_owned()), (CANARY, canary)];
    Manifests::parse(
        files
            .into_iter()
            .map(|(path, text)| SourceFile {
                path: path.to_owned(),
                bytes: text.into_bytes(),
            })
            .collect(),
    )
    .unwrap()
}

fn config(case: &Case) -> Config {
    let (head, rest) = CONFIG.split_once("        steps:\n").unwrap();
    let (_, tail) = rest.split_once("        bake_time:").unwrap();
    let steps: String = case
        .steps
        .iter()
        .map(|step| match step {
            Some(weight) => format!("          - set_weight: {weight}\n"),
            None => "          - pause: {duration: 3m}\n".to_owned(),
        })
        .collect();
    let text = format!("{head}        steps:\n{steps}        bake_time:{tail}")
        .replace("@BASE_URL@", "http://127.0.0.1:1")
        .replace(
            "canary_replicas: 1",
            &format!("canary_replicas: {}", case.canary_replicas),
        );
    let text = if case.by_pods {
        let replicas = format!("        canary_replicas: {}\n", case.canary_replicas);
        text.replace(&replicas, "").replace(
            "{ingress_nginx: Ingress/advertisements-canary}",
            "{replicas: {}}",
        )
    } else {
        text
    };
    Config::parse(&text).unwrap()
}

/// Returns the canary's share before the run.
fn weight_before(case: &Case) -> Weight {
    if case.by_pods {
        let (canary, all) = (case.replicas_before, 3 + case.replicas_before);
        Share { canary, all }.weight()
    } else {
        Weight::new(case.weight_before.into()).unwrap()
    }
}

/// What the canary has on the branch: its version, pods and weight.
#[derive(Debug)]
struct OnBranch {
    version: String,
    pods: u64,
    weight: u64,
}

fn on_branch(manifests: &Manifests) -> OnBranch {
    let text = manifests.text(CANARY).unwrap();
    let value = |key: &str| {
        let (_, rest) = text.split_once(key).unwrap();
        let end = rest.find(['"', ' ', '\n']).unwrap();
        rest[..end].to_owned()
    };
    OnBranch {
        version: value("shop/advertisements:"),
        pods: value("replicas: ").parse().unwrap(),
        weight: value("canary-weight: \"").parse().unwrap(),
    }
}

fn plan(case: &Case) -> Plan {
    let config = config(case);
    let service = &config.services["advertisements"];
    let facts = Facts {
        roles: Roles::of(&service.strategy).unwrap(),
        stable_replicas: Some(3),
        switch: None,
        canary_replicas: Some(case.replicas_before),
        canary_weight: Some(weight_before(case)),
        canary_version: Some(case.canary_before.clone()),
    };
    let version: Version = case.version.parse().unwrap();
    let mut plan = if case.direct {
        rollout::direct(service, &version, &facts)
    } else {
        rollout::plan(service, &version, &facts)
    };
    if let Some(before) = &mut plan.before {
        before.is_known_bad = case.known_bad;
    }
    plan
}

fn bytes(manifests: &Manifests) -> Vec<Vec<u8>> {
    [STABLE, CANARY]
        .map(|path| manifests.text(path).unwrap().as_bytes().to_vec())
        .into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn the_way_back_restores_every_byte(case in cases()) {
        let base = manifests(&case);
        let plan = plan(&case);
        let replay = rollout::replay(&plan, &base).unwrap();
        let reached = case.reached % plan.steps.len();
        let mut now = base.clone();
        for step in 0..=reached {
            if step == reached && !case.landed {
                continue;
            }
            let changes: Vec<Change> = replay.at(step).to_vec();
            let set = shipgate::manifest::reapply(&now, &changes).unwrap();
            let applied = set.apply(&now).unwrap();
            now = now.with(applied.files).unwrap();
        }
        let steps = rollout::way_back(&plan, &replay, Some(reached));
        let mut seen_values = false;
        let mut keeps_off = false;
        let began = on_branch(&base);
        let at_turn = on_branch(&now);
        // What the canary's pods run follows the branch, but only a wait makes that certain.
        let mut runs = on_branch(&now).version;
        for (index, step) in steps.iter().enumerate() {
            match step {
                BackStep::Write(BackWrite { part, .. }) => {
                    match part {
                        // Users leave first, in a commit of its own.
                        BackPart::Weight | BackPart::Empty => prop_assert!(!seen_values),
                        BackPart::Values => seen_values = true,
                        BackPart::Share => prop_assert!(seen_values || reached == 0 || case.direct),
                        other => panic!("no part of a canary: {other:?}"),
                    }
                }
                BackStep::WaitGone(_) | BackStep::WaitBefore(..) => {
                    runs = on_branch(&now).version;
                    continue;
                }
                BackStep::KeepOff(weight, known_bad) => {
                    prop_assert_eq!(*weight, weight_before(&case));
                    let is_named = known_bad.as_ref() == Some(&case.canary_before);
                    prop_assert!(is_named || case.canary_before == case.version);
                    prop_assert!(!is_named || case.known_bad);
                    keeps_off = true;
                    continue;
                }
                BackStep::WaitLive(_) | BackStep::Healthy(_) => continue,
                other => panic!("no step of a canary: {other:?}"),
            }
            let was = on_branch(&now);
            let changes = rollout::taken_back(&steps[..=index]);
            let set = restore(&now, &changes).unwrap();
            let applied = set.apply(&now).unwrap();
            now = now.with(applied.files).unwrap();
            let is = on_branch(&now);
            // Before the second step nothing of the new version is anywhere.
            if runs == case.version && reached > 0 {
                if case.by_pods {
                    prop_assert!(is.pods <= was.pods, "{was:?} {is:?} {steps:?}");
                } else {
                    prop_assert!(is.pods == 0 || is.weight <= was.weight, "{was:?} {is:?} {steps:?}");
                }
            }
            let nobody = !case.by_pods && is.weight > 0 && is.pods == 0;
            prop_assert!(!nobody || (began.weight > 0 && began.pods == 0), "{was:?} {is:?} {steps:?}");
        }
        let text = |path| String::from_utf8(base.text(path).unwrap().into()).unwrap();
        // A version that is known to be bad gets neither users nor, on the way to a named one, pods.
        let put_away = case.direct && case.known_bad && !case.by_pods && at_turn.pods == 0;
        prop_assert!(keeps_off || !case.known_bad || weight_before(&case) == Weight::ZERO);
        let mut canary = text(CANARY);
        if put_away || (keeps_off && case.by_pods) {
            canary = canary.replace(&format!("replicas: {}", began.pods), "replicas: 0");
        }
        if keeps_off && !case.by_pods {
            let weight = format!("canary-weight: \"{}\"", began.weight);
            canary = canary.replace(&weight, "canary-weight: \"0\"");
        }
        let expected = vec![text(STABLE).into_bytes(), canary.into_bytes()];
        prop_assert_eq!(bytes(&now), expected);
        // Once more finds nothing to do but what goes away and comes back.
        let again = rollout::taken_back(&steps);
        prop_assert!(restore(&now, &again).unwrap().is_empty());
    }
}
