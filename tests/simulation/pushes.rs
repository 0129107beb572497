//! What becomes of each request to a world's git server: answered, held up, lost, or answered in vain.

use chrono::TimeDelta;
use shipgate::sim::OriginRequest;

use crate::{
    planted::Bug,
    random::Random,
    real,
    schedule::Verdict,
    script::Death,
    server::{Answer, Question, answer},
    world::{GIT, World},
};

/// How the references are listed before a push, and after one to see what became of it.
const FOR_PUSH: &str = "service=git-receive-pack";

impl World {
    /// Answers a request to the git server.
    pub fn git(&self, question: &Question) -> Answer {
        let Some(run) = question.run() else {
            return answer(401, "text/plain", b"who?");
        };
        if self.state().runs.entry(run).or_default().is_dead {
            return None;
        }
        if self.within(self.script.git_out) && !self.is_over() {
            return answer(503, "text/plain", b"out");
        }
        if question.commands().is_empty() {
            return self.read(run, question);
        }
        self.push(run, question)
    }

    fn is_over(&self) -> bool {
        self.state()
            .clusters
            .iter()
            .all(|cluster| cluster.healed.is_some())
    }

    fn read(&self, run: usize, question: &Question) -> Answer {
        let (number, stale) = {
            let mut state = self.state();
            let state = state.runs.entry(run).or_default();
            state.reads += 1;
            (state.reads, state.stale.clone())
        };
        let is_read_back = question.path.ends_with("/info/refs") && question.query == FOR_PUSH;
        if let (Some(stale), true) = (stale, is_read_back) {
            return stale;
        }
        let mut random = self.random(run, number, 1);
        if !self.is_over() && self.script.broken > 0 && random.below(400) == 0 {
            self.tell(&format!("run {run}: a read breaks"));
            return None;
        }
        self.apply(question, None)
    }

    fn random(&self, run: usize, number: u64, what: u64) -> Random {
        let mixed = (self.script.seed << 20) ^ (run as u64 * 0x9e37) ^ (number << 8) ^ what;
        let mut random = Random::new(mixed.wrapping_mul(0xff51_afd7_ed55_8ccd));
        random.next();
        random
    }

    fn push(&self, run: usize, question: &Question) -> Answer {
        let number = {
            let mut state = self.state();
            let state = state.runs.entry(run).or_default();
            state.pushes += 1;
            state.pushes
        };
        let commands = question.commands();
        let names: Vec<&str> = commands.iter().map(|(_, _, name)| name.as_str()).collect();
        let what = format!("run {run}: push {number} to {}", names.join(", "));
        let now = self.time.now();
        let role = self.script.roles.get(run);
        if let Some((_, death)) = role
            .and_then(|role| role.dies)
            .filter(|(at, _)| *at == number)
        {
            self.tell(&format!("{what}: dies {death:?}"));
            if death == Death::After {
                self.apply(question, Some(run));
            }
            {
                let mut state = self.state();
                let state = state.runs.entry(run).or_default();
                state.dying = Some(death);
                state.late = (death == Death::Late).then(|| question.clone());
            }
            self.time.hold(run, now);
            return None;
        }
        let mut random = self.random(run, number, 2);
        let is_over = role.is_none();
        let is_held = !is_over && random.below(1_000) < self.script.held;
        let is_of_branch = names.iter().any(|name| name.starts_with("refs/heads/"));
        let is_unheard = self.bug == Some(Bug::StaleReadBack) && is_of_branch && !is_over;
        let is_broken = is_unheard || !is_over && random.below(1_000) < self.script.broken;
        let is_before = !is_unheard && random.below(2) == 0;
        let length = match random.below(20) {
            0 => 1_300,
            1 => 200,
            _ => 1 + random.below(30),
        };
        let hold = || {
            self.tell(&format!("{what}: held for {length} s, before: {is_before}"));
            let length = TimeDelta::seconds(i64::try_from(length).unwrap());
            self.state().runs.entry(run).or_default().held += length;
            self.time.hold(run, now + length) == Verdict::Hang
        };
        if is_held && is_before && hold() {
            return None;
        }
        if is_broken && is_before {
            self.tell(&format!("{what}: lost on the way there"));
            return if random.below(2) == 0 {
                None
            } else {
                answer(503, "text/plain", b"busy")
            };
        }
        if is_unheard {
            let list = Question {
                is_post: false,
                path: format!("{GIT}/info/refs"),
                query: FOR_PUSH.to_owned(),
                body: Vec::new(),
                ..question.clone()
            };
            let stale = self.pass_on(&list);
            self.state().runs.entry(run).or_default().stale = Some(stale);
        }
        let answered = self.apply(question, Some(run));
        if is_held && !is_before && hold() {
            return None;
        }
        if is_broken {
            self.tell(&format!("{what}: its answer is lost"));
            return None;
        }
        answered
    }

    /// Lets the server come to a request.
    pub fn apply(&self, question: &Question, run: Option<usize>) -> Answer {
        let planted = self.bug.and_then(|bug| bug.forge(self, question));
        let question = planted.as_ref().unwrap_or(question);
        let Some(run) = run else {
            return self.pass_on(question);
        };
        // One push at a time: whoever looks around one sees what that one did.
        let names: Vec<String> = question.commands().into_iter().map(|it| it.2).collect();
        let stand = || real::stands(&self.disk.lock().unwrap(), &names);
        let before = stand();
        let answered = self.pass_on(question);
        for ((name, old), new) in names.iter().zip(before).zip(stand()) {
            if let Some(new) = new.filter(|new| old != Some(*new)) {
                crate::landed::took(self, run, name, old, new);
            }
        }
        answered
    }

    fn pass_on(&self, question: &Question) -> Answer {
        let path = question.path.strip_prefix(GIT).unwrap_or_default();
        if let Some(server) = &self.real {
            return real::pass_on(server, path, question);
        }
        let request = OriginRequest {
            is_post: question.is_post,
            path,
            query: &question.query,
            authorization: question.authorization.as_deref(),
            body: &question.body,
        };
        let answered = self.origin.answer(self.time.now(), &request)?;
        answer(answered.status, answered.content_type, &answered.body)
    }
}
