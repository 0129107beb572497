//! What is odd about a service's configuration by itself: addresses that tell nothing apart, and a
//! strategy that is not the one of its workload.

use crate::config::{Live, Service, Strategy};

/// The kind of workload that Argo Rollouts brings out.
const ROLLOUT: &str = "Rollout";

/// Says in one line each what is odd, with the key of the service that says it.
pub fn configured(service: &Service) -> Vec<(&'static str, String)> {
    let mut odd = Vec::new();
    if let [(one, first), (other, second)] = service.strategy.workloads().as_slice()
        && see_the_same(&first.live, &second.live)
    {
        odd.push((
            "live",
            format!(
                "`live.{one}` and `live.{other}` look at the same place, so what {} runs is taken for what {} runs; give each its own",
                first.object, second.object
            ),
        ));
    }
    if let Strategy::Rolling(rolling) = &service.strategy
        && rolling.stable.object.kind == ROLLOUT
        && matches!(rolling.stable.live, Live::Http { .. } | Live::Metric(_))
    {
        let rollout = &rolling.stable.object;
        odd.push((
            "live/stable",
            format!(
                "{rollout} is brought out by the steps of its own controller, and the first pod with the new version makes this say that it is live; write `live: {{stable: {{kubernetes: {{}}}}}}`, with `strategy: {{argo_rollouts: {{}}}}` to follow the steps"
            ),
        ));
    }
    odd
}

/// Would two workloads always be seen to run the same? Argo CD and Flux say which commit is applied,
/// and may well apply both; one metric for both is refused where it is read.
fn see_the_same(one: &Live, other: &Live) -> bool {
    match (one, other) {
        (
            Live::Http { url, pointer, .. },
            Live::Http {
                url: second,
                pointer: other,
                ..
            },
        ) => url == second && pointer == other,
        (Live::Kubernetes(one), Live::Kubernetes(other)) => {
            one.workload == other.workload && one.place == other.place
        }
        _ => false,
    }
}
