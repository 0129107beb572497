//! Canaries by an HTTPRoute and by numbers of pods, good and bad: what is left is what there was, or the
//! new version everywhere.

use shipgate::sim::Shape;

use crate::{
    side_by_side,
    stage::{CONFIG, Pace, Remote, Stage},
    until,
};

const SERVICE: &str = "advertisements";
const STABLE_FILE: &str = "clusters/prod/advertisements.yaml";
const CANARY_FILE: &str = "clusters/prod/advertisements-canary.yaml";
const INGRESS_FILE: &str = "clusters/prod/advertisements-ingress.yaml";
/// The file of the HTTPRoute, in its place.
pub const ROUTE_FILE: &str = "clusters/prod/advertisements-route.yaml";
const ROUTE: &str = "# Everything that customers ask of ads.shop.example comes in here.
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: advertisements, namespace: shop}
spec:
  hostnames: [ads.shop.example]
  rules:
    - backendRefs:
        - {name: advertisements, port: 80, weight: 100}
        - {name: advertisements-canary, port: 80, weight: 0}   # percent of the requests
";
const BY_INGRESS: &str = "{ingress_nginx: Ingress/advertisements-canary}";

/// Makes the shop's files into those of a shop whose traffic is split in another way.
pub fn reshape(files: &mut Vec<(String, String)>, shape: Shape) {
    let replace = |files: &mut Vec<(String, String)>, path: &str, old: &str, new: &str| {
        let (_, text) = files.iter_mut().find(|(name, _)| name == path).unwrap();
        assert!(text.contains(old), "{path} has no {old}");
        *text = text.replace(old, new);
    };
    match shape {
        Shape::HttpRoute => {
            files.retain(|(name, _)| name != INGRESS_FILE);
            files.push((ROUTE_FILE.to_owned(), ROUTE.to_owned()));
            let by_route = "{http_route: HTTPRoute/advertisements}";
            replace(files, CONFIG, BY_INGRESS, by_route);
        }
        Shape::Replicas => {
            files.retain(|(name, _)| name != INGRESS_FILE);
            let selector = "    app: advertisements\n    track: stable\n  ports";
            let of_both = "    app: advertisements\n  ports";
            replace(files, STABLE_FILE, selector, of_both);
            let (_, canary) = files
                .iter_mut()
                .find(|(name, _)| name == CANARY_FILE)
                .unwrap();
            let (deployment, _) = canary.split_once("---\n").unwrap();
            *canary = deployment.to_owned();
            replace(files, CONFIG, BY_INGRESS, "{replicas: {}}");
            replace(files, CONFIG, "        canary_replicas: 1\n", "");
        }
        _ => {}
    }
}

fn stage(shape: Shape, seed: u64, failing: &[&str], pace: Pace) -> Option<Stage> {
    Stage::start_shaped(Remote::http(), shape, (seed, failing), pace)
}

#[test]
fn by_route_and_by_pods_good_versions_are_promoted_and_bad_ones_taken_back() {
    let jobs = vec![
        (Shape::HttpRoute, false),
        (Shape::HttpRoute, true),
        (Shape::Replicas, false),
        (Shape::Replicas, true),
    ];
    side_by_side(jobs, |(shape, is_bad)| {
        let failing: &[&str] = if is_bad { &["1.1"] } else { &[] };
        let stage = stage(shape, 7, failing, Pace::CAREFUL)?;
        let run = stage.deploy(SERVICE, "1.1");
        if is_bad {
            stage.run(run).expect(40);
            stage.assert_as_at_first();
            assert_eq!(
                stage.cluster.runs(SERVICE).as_deref(),
                Some("1.0"),
                "{shape:?}"
            );
            let back = match shape {
                Shape::Replicas => &["rolled-back", "rolling-back", "started"][..],
                _ => &["rolled-back", "rolling-back", "rolling-back", "advanced"][..],
            };
            assert_eq!(stage.journal(SERVICE)[..back.len()], *back, "{shape:?}");
        } else {
            stage.run(run).expect(0);
            assert_everywhere(&stage, "1.1");
            let weights = stage.git(&[
                "log",
                "--reverse",
                "--format=%(trailers:key=Shipgate-Weight,valueonly,separator=)",
                &format!("{}..main", stage.first),
            ]);
            let weights: Vec<&str> = weights.lines().collect();
            match shape {
                Shape::Replicas => assert_eq!(weights, ["25", "50", "50", "0"]),
                _ => assert_eq!(weights, ["0", "10", "50", "50", "0", "0"]),
            }
        }
        stage.assert_sound();
        Some(())
    });
}

/// The version runs everywhere, and nothing else differs from the first commit.
#[track_caller]
pub fn assert_everywhere(stage: &Stage, version: &str) {
    for path in [STABLE_FILE, CANARY_FILE] {
        let before = stage.git(&["show", &format!("{}:{path}", stage.first)]) + "\n";
        let text = stage.text(path);
        let differing: Vec<_> = before
            .lines()
            .zip(text.lines())
            .filter(|(old, new)| old != new)
            .collect();
        assert!(!differing.is_empty(), "{path}");
        for (old, new) in differing {
            assert_eq!(old.replace("1.0", version), new, "{path}");
        }
    }
    assert_eq!(stage.cluster.runs(SERVICE).as_deref(), Some(version));
    until("the canary's pods to go", || {
        let canary = stage.cluster.runs("advertisements-canary");
        canary.is_none().then_some(())
    });
}
