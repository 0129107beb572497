//! What a world's health checks, metrics and versions answer.

use crate::{
    cluster::Live,
    planted::Bug,
    server::{Answer, Question, answer},
    shop::Wanted,
    world::World,
};

impl World {
    /// Answers a question about what runs.
    pub fn probe(&self, question: &Question) -> Answer {
        let json = |value: serde_json::Value| {
            answer(200, "application/json", value.to_string().as_bytes())
        };
        let services = &self.script.services;
        if question.path.starts_with("/api/") {
            let query = String::from_utf8_lossy(&question.body).into_owned() + &question.query;
            let service = services
                .iter()
                .position(|service| query.contains(service.name));
            let Some(service) = service else {
                return answer(400, "text/plain", b"which service?");
            };
            let is_sick = self.look_at(service) && self.bug != Some(Bug::StaleHealth);
            if self.within(self.script.probes_out) {
                return answer(400, "text/plain", b"out");
            }
            let rate = if is_sick { "0.5" } else { "0.001" };
            let at = self.time.now().timestamp();
            return json(serde_json::json!({"status": "success", "data": {
                "resultType": "vector", "result": [{"metric": {}, "value": [at, rate]}]}}));
        }
        let mut words = question.path.trim_start_matches('/').split('/');
        let name = words.next().unwrap_or_default();
        let Some(service) = services.iter().position(|service| service.name == name) else {
            return answer(404, "text/plain", b"not found");
        };
        let is_sick = self.look_at(service) && self.bug != Some(Bug::StaleHealth);
        let live = match self.bug {
            Some(Bug::LiveFromGit) => {
                let Wanted {
                    stable,
                    canary,
                    weight,
                    ..
                } = self.wanted(&services[service]);
                Live {
                    stable,
                    canary: Some(canary),
                    weight,
                }
            }
            _ => self.live(service),
        };
        match words.next() {
            Some("stable") => json(serde_json::json!({"version": live.stable})),
            Some("canary") => match live.canary {
                Some(version) => json(serde_json::json!({"version": version})),
                None => answer(404, "text/plain", b"no endpoints"),
            },
            _ if self.within(self.script.probes_out) => answer(403, "text/plain", b"out"),
            _ if is_sick => answer(500, "text/plain", b"broken"),
            _ => answer(200, "text/plain", b"ok"),
        }
    }
}
