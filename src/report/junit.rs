//! Results as a JUnit file, which CI systems show as tests.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    cases::{expectations, reason},
    sanitise,
};
use crate::event::CaseRecord;

/// Renders the cases of policies, one suite for each file.
///
/// # Errors
/// Never in practice: the file is made of texts.
pub fn cases(records: &[CaseRecord]) -> Result<String, String> {
    let mut report = Report::new("shipgate test");
    for file in records.chunk_by(|left, right| left.path == right.path) {
        let Some(first) = file.first() else {
            continue;
        };
        let mut suite = TestSuite::new(sanitise::line(&first.path));
        suite.add_test_cases(file.iter().map(case));
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|error| error.to_string())
}

fn case(record: &CaseRecord) -> TestCase {
    let status = if record.passed() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_message(expectations(record).join("; "))
            .set_type("verdict")
            .set_description(reason(record));
        status
    };
    let mut case = TestCase::new(sanitise::line(&record.name), status);
    case.set_classname(sanitise::line(&record.policy));
    case.extra
        .insert("file".into(), sanitise::line(&record.path).into());
    case.extra
        .insert("line".into(), record.line.to_string().into());
    case
}
