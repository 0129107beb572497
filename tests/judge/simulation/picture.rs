//! Two steps poll by poll, for the picture in `docs/judge.md`: a canary as good as stable, and one
//! that is twice as bad.

use rand::SeedableRng;
use serde_json::{Value, json};
use shipgate::analysis::judge::{ComparisonVerdict, Judge, Parameters};

use super::{
    proof,
    rules::Rule,
    traffic::{Random, Traffic},
};

/// With this seed a z-test at every poll takes back the good canary, as it does three of ten, and the
/// bad one is found after the median time.
const SEED: u64 = 17;

#[test]
#[expect(clippy::print_stdout, reason = "the picture is made of it")]
fn a_good_and_a_bad_canary() {
    let good = step(1.0);
    let bad = step(2.0);
    assert_eq!(good["ends"], json!("good"));
    assert_eq!(bad["ends"], json!("worse"));
    assert_ne!(good["z_five_minutes"], Value::Null);
    if proof().is_some() {
        println!("picture: {}", json!({"good": good, "bad": bad}));
    }
}

/// A step with 100 requests a second, of which 5 % go to the canary, and 1 % of stable's fail.
fn step(multiple: f64) -> Value {
    let polls = Traffic::new(100.0, 0.05, 0.01, multiple).draw(&mut Random::seed_from_u64(SEED));
    let mut judge = Judge::new(Parameters::default()).unwrap();
    let mut rows = Vec::new();
    let mut ends = ComparisonVerdict::NotYet;
    for poll in &polls {
        judge.push(*poll);
        let evaluation = judge.evaluate();
        rows.push(json!([evaluation.ln_e_worse, evaluation.ln_e_good]));
        ends = evaluation.verdict;
        if matches!(ends, ComparisonVerdict::Worse | ComparisonVerdict::Good) {
            break;
        }
    }
    let z = Rule::FIVE_PERCENT.ending(&polls);
    let took_back = z.verdict == ComparisonVerdict::Worse;
    json!({
        "multiple": multiple,
        "evidence": rows,
        "ends": ends.word(),
        "z_five_minutes": took_back.then(|| super::engine::number(z.polls) / 2.0),
    })
}
