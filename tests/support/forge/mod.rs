//! A stand-in for a forge: answers its REST API as documented, for one bare repository on disk, in
//! which a merge really moves the branch. What a client sends against the documentation is written
//! down and refused.

#![allow(dead_code, reason = "each test program uses another part of it")]

mod github;
mod gitlab;
pub mod repository;
mod server;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Value, json};

pub use repository::Flavour;
use repository::{Merged, conflicts, merge, tip};
pub use server::Answer;
use server::{Request, Server};

/// Which forge it stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
}

/// How a pull request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It can be merged.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged; the commit that the API names for it.
    Merged(Merged),
}

/// A pull request.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// The branch that shall be merged.
    pub head: String,
    /// The branch that it shall be merged into.
    pub base: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// How it stands.
    pub standing: Standing,
    /// Commit of the branch, as the forge saw it last.
    pub sha: String,
    /// Labels.
    pub labels: Vec<String>,
    /// Whom a review was asked of.
    pub reviewers: Vec<String>,
    /// Comments.
    pub comments: Vec<String>,
    /// For which commits it was looked at: at the first look GitHub only begins to find out.
    computed_for: String,
}

/// What checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckWord {
    /// There is none.
    None,
    /// Not through.
    Running,
    /// Good.
    Good,
    /// Bad.
    Bad,
}

/// What people do at a look.
pub type People = Box<dyn FnMut(&mut Desk, usize) + Send>;

/// Sees every request before it is answered, and once more after; with its number from 1.
pub type Observer = Box<dyn FnMut(usize, Moment) + Send>;

/// When a request is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done yet.
    Before,
    /// It was done; the client has not heard of it.
    After,
}

/// Everything that the forge knows.
pub struct Desk {
    kind: Kind,
    url: String,
    project: String,
    token: String,
    repository: PathBuf,
    /// The pull requests, oldest first.
    pub pulls: Vec<Pull>,
    /// What checks say of every commit.
    pub checks: CheckWord,
    /// Does a rule want an approval that is not there?
    pub wants_approval: bool,
    /// May the token read checks?
    pub hides_checks: bool,
    /// Which kind of merge the project forbids.
    pub forbids: Option<Flavour>,
    /// How GitLab's project merges.
    pub fast_forward: bool,
    /// Answers in the place of the right ones: method, part of the path, answer, how often.
    pub faults: Vec<(String, String, Answer, usize)>,
    /// Requests so far, as `POST /repos/shop/gitops/pulls`, with the status of the answer.
    pub log: Vec<(String, u16)>,
    /// What was sent against the documentation.
    pub violations: Vec<String>,
    /// How many openings are done without an answer.
    pub lost_openings: usize,
    looks: usize,
}

/// The running stand-in.
pub struct StandIn {
    /// Base address of the API.
    pub api: String,
    desk: Arc<Mutex<Desk>>,
    people: Arc<Mutex<Option<People>>>,
    observer: Arc<Mutex<Option<Observer>>>,
    _server: Server,
}

impl StandIn {
    /// Starts one for the project `owner/name`.
    pub fn start(kind: Kind, project: &str) -> Self {
        let desk = Arc::new(Mutex::new(Desk {
            kind,
            url: String::new(),
            project: project.to_owned(),
            token: String::new(),
            repository: PathBuf::new(),
            pulls: Vec::new(),
            checks: CheckWord::Good,
            wants_approval: false,
            hides_checks: false,
            forbids: None,
            fast_forward: false,
            faults: Vec::new(),
            log: Vec::new(),
            violations: Vec::new(),
            lost_openings: 0,
            looks: 0,
        }));
        let people: Arc<Mutex<Option<People>>> = Arc::default();
        let observer: Arc<Mutex<Option<Observer>>> = Arc::default();
        let (shared, acting) = (Arc::clone(&desk), Arc::clone(&people));
        let watching = Arc::clone(&observer);
        let server = Server::start(move |request| {
            let mut desk = shared.lock().unwrap();
            let number = desk.log.len() + 1;
            let observe = |moment| {
                if let Some(observer) = watching.lock().unwrap().as_mut() {
                    observer(number, moment);
                }
            };
            observe(Moment::Before);
            if desk.is_look(request) {
                desk.looks += 1;
                let look = desk.looks;
                if let Some(people) = acting.lock().unwrap().as_mut() {
                    people(&mut desk, look);
                }
            }
            let answer = desk.answer(request);
            desk.log.push((
                format!("{} {}", request.method, request.path),
                answer.status,
            ));
            observe(Moment::After);
            answer
        });
        let api = match kind {
            Kind::GitHub => server.url.clone(),
            Kind::GitLab => format!("{}/api/v4", server.url),
        };
        desk.lock().unwrap().url = server.url.clone();
        Self {
            api,
            desk,
            people,
            observer,
            _server: server,
        }
    }

    /// Says which repository it is for, and which token may do everything.
    pub fn serves(&self, repository: &Path, token: &str) {
        let mut desk = self.desk();
        desk.repository = repository.to_owned();
        desk.token = token.to_owned();
    }

    /// Returns everything that it knows.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    /// Calls `see` before and after each request.
    pub fn observe(&self, see: impl FnMut(usize, Moment) + Send + 'static) {
        *self.observer.lock().unwrap() = Some(Box::new(see));
    }

    /// Calls `act` before each look at a pull request is answered, with the look's number from 1.
    pub fn people(&self, act: impl FnMut(&mut Desk, usize) + Send + 'static) {
        *self.people.lock().unwrap() = Some(Box::new(act));
    }
}

impl Desk {
    /// Merges as a person would on the page.
    pub fn merge(&mut self, number: u64, flavour: Flavour, message: Option<&str>) {
        let pull = self.pull(number).clone();
        assert_eq!(pull.standing, Standing::Open, "{number} is not open");
        let usual = match (self.kind, flavour) {
            // What both have as default: GitLab keeps only the title of what it squashes.
            (Kind::GitLab, Flavour::Squash | Flavour::SquashedMerge) => Some(pull.title.clone()),
            _ => None,
        };
        let message = message.map(str::to_owned).or(usual);
        let merged = merge(
            &self.repository,
            &pull.head,
            &pull.base,
            flavour,
            message.as_deref(),
            number,
        );
        self.pull(number).standing = Standing::Merged(merged);
    }

    /// Closes as a person would on the page.
    pub fn close(&mut self, number: u64) {
        self.pull(number).standing = Standing::Closed;
    }

    /// Returns the only pull request that is open.
    pub fn open(&self) -> u64 {
        let open: Vec<u64> = self
            .pulls
            .iter()
            .filter(|pull| pull.standing == Standing::Open)
            .map(|pull| pull.number)
            .collect();
        assert_eq!(open.len(), 1, "{open:?} are open");
        open[0]
    }

    /// Returns the repository.
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// Answers the next `times` requests of a method whose path contains `part` in another way.
    pub fn fault(&mut self, method: &str, part: &str, answer: Answer, times: usize) {
        self.faults
            .push((method.to_owned(), part.to_owned(), answer, times));
    }

    fn pull(&mut self, number: u64) -> &mut Pull {
        let found = self.pulls.iter_mut().find(|pull| pull.number == number);
        found.expect("there is such a pull request")
    }

    fn is_look(&self, request: &Request) -> bool {
        let mut parts = request.path.rsplit('/');
        let number = parts.next().is_some_and(|it| it.parse::<u64>().is_ok());
        let list = parts.next().unwrap_or_default();
        request.method == "GET" && number && matches!(list, "pulls" | "merge_requests")
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let hit = self.faults.iter_mut().find(|(method, part, _, times)| {
            *times > 0 && request.method == *method && request.path.contains(part.as_str())
        });
        if let Some((_, _, answer, times)) = hit {
            *times -= 1;
            return answer.clone();
        }
        // A forge knows where its branches are.
        for pull in &mut self.pulls {
            if let Some(sha) = tip(&self.repository, &pull.head)
                && pull.standing == Standing::Open
            {
                pull.sha = sha;
            }
        }
        let answer = match self.kind {
            Kind::GitHub => github::answer(self, request),
            Kind::GitLab => gitlab::answer(self, request),
        };
        if answer.status == 201 && self.lost_openings > 0 {
            self.lost_openings -= 1;
            return Answer::hang_up();
        }
        answer
    }

    fn violation(&mut self, text: String) {
        self.violations.push(text);
    }

    /// Checks a body against the documented fields: name, type, required.
    fn check(&mut self, request: &Request, fields: &[(&str, &str, bool)]) -> Result<Value, Answer> {
        let mut wrong = Vec::new();
        if !request
            .header("content-type")
            .starts_with("application/json")
        {
            wrong.push(format!("content type {:?}", request.header("content-type")));
        }
        let body: Value = serde_json::from_str(&request.body).unwrap_or(Value::Null);
        match body.as_object() {
            None => wrong.push("the body is no object".to_owned()),
            Some(object) => {
                for (name, value) in object {
                    let kind = match value {
                        Value::String(_) => "string",
                        Value::Bool(_) => "boolean",
                        Value::Number(_) => "integer",
                        Value::Array(_) => "array",
                        _ => "other",
                    };
                    match fields.iter().find(|(field, ..)| field == name) {
                        Some((_, wanted, _)) if *wanted == kind => {}
                        Some((_, wanted, _)) => wrong.push(format!("{name} is no {wanted}")),
                        None => wrong.push(format!("{name} is not documented")),
                    }
                }
                for (name, _, required) in fields {
                    if *required && !object.contains_key(*name) {
                        wrong.push(format!("{name} is missing"));
                    }
                }
            }
        }
        if wrong.is_empty() {
            return Ok(body);
        }
        let text = format!("{} {}: {}", request.method, request.path, wrong.join(", "));
        self.violation(text.clone());
        Err(Answer::json(422, &json!({"message": text})))
    }

    /// Checks the query against the documented parameters.
    fn check_query(&mut self, request: &Request, known: &[&str]) {
        for (name, _) in &request.query {
            if !known.contains(&name.as_str()) {
                self.violation(format!("{} has the parameter {name}", request.path));
            }
        }
    }

    fn has_conflict(&self, pull: &Pull) -> bool {
        conflicts(&self.repository, &pull.head, &pull.base)
    }
}
