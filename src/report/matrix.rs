//! The services that may go, as the matrix of a pipeline that deploys each in a job of its own.

use serde_json::{Value, json};

use crate::event::ServiceVerdict;

/// Most jobs of a matrix: GitHub's limit
/// (<https://docs.github.com/en/actions/reference/limits>), GitLab takes 200 by
/// `parallel:matrix` (<https://docs.gitlab.com/ci/yaml/#parallelmatrix>).
const JOBS: usize = 200;

/// Returns `{"include":[{"service":"a"},…]}` in one line; none where no services were asked about. Of
/// more services than a matrix has jobs, several share one: `{"service":"a,b"}`.
pub(super) fn render(verdicts: &[ServiceVerdict]) -> Option<String> {
    (!verdicts.is_empty()).then(|| of(verdicts).to_string())
}

/// Returns the same as a value.
pub(super) fn of(verdicts: &[ServiceVerdict]) -> Value {
    let allowed = verdicts.iter().filter(|it| it.verdict.lets_through());
    let names: Vec<&str> = allowed.map(|it| it.service.as_str()).collect();
    let each = names.len().div_ceil(JOBS).max(1);
    let jobs: Vec<Value> = names
        .chunks(each)
        .map(|names| json!({"service": names.join(",")}))
        .collect();
    json!({"include": jobs})
}
