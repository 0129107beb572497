//! Every story, and what is left on the branch and in the cluster.

use shipgate::sim::Scenario;

use crate::stage::Stage;

#[tokio::test]
async fn a_healthy_version_goes_live_step_by_step() {
    let stage = Stage::new(Scenario::Healthy);
    let started = std::time::Instant::now();
    let end = stage.deploy("1.1").await;
    println!("{} in {:?}", stage.story(&end).await, started.elapsed());
    for scenario in [
        Scenario::Errors,
        Scenario::Latency,
        Scenario::OutageBefore,
        Scenario::Outage,
        Scenario::Blocked,
    ] {
        let stage = Stage::new(scenario);
        let started = std::time::Instant::now();
        let end = stage.deploy("1.1").await;
        println!("{} in {:?}", stage.story(&end).await, started.elapsed());
    }
}
