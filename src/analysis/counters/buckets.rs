//! The cumulative buckets of classic histograms: what each grew by, over all series of an arm.

use std::collections::BTreeMap;

use super::{Counter, Snapshot, label_of, without_label};

/// What came in one bucket and in all below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Upper boundary, included; infinite for the last one.
    pub up_to: f64,
    /// How many were at most that, at least 0, never fewer than in the bucket below.
    pub count: f64,
}

/// The buckets of one arm since a first look.
#[derive(Debug, Clone)]
pub struct BucketCounter {
    counter: Counter,
}

impl BucketCounter {
    /// Begins at a first look, which counts for nothing itself.
    ///
    /// # Errors
    /// Series that are no buckets, or pods whose buckets differ.
    pub fn new(first: Snapshot) -> Result<Self, String> {
        layout(&first)?;
        Ok(Self {
            counter: Counter::new(first),
        })
    }

    /// Had it series, and has none now? Then neither arm may be advanced: what came meanwhile is part
    /// of the next poll, of both alike.
    pub fn is_gone_in(&self, next: &Snapshot) -> bool {
        self.counter.is_gone_in(next)
    }

    /// Returns what came since the last look, by boundary; nothing where there are no series.
    ///
    /// # Errors
    /// Series that are no buckets, pods whose buckets differ. Then nothing has moved.
    pub fn advance(&mut self, next: &Snapshot) -> Result<Vec<Bucket>, String> {
        let boundaries = layout(next)?;
        let mut counts = vec![0.0; boundaries.len()];
        self.counter.grow_each(next, |name, growth| {
            let position = boundary(name)
                .ok()
                .and_then(|at| boundaries.iter().position(|boundary| *boundary == at));
            if let Some(count) = position.and_then(|position| counts.get_mut(position)) {
                *count += growth.all();
            }
        });
        let mut below = 0.0_f64;
        Ok(boundaries
            .into_iter()
            .zip(counts)
            .map(|(up_to, count)| {
                // A reset that only some buckets show would make fewer of more.
                below = below.max(count);
                Bucket {
                    up_to,
                    count: below,
                }
            })
            .collect())
    }
}

impl Snapshot {
    /// Returns the series of one bucket, without their boundary: those up to `boundary`, or all with
    /// [`f64::INFINITY`]. With both, requests that were fast enough are counted as any others are.
    ///
    /// # Errors
    /// Series that are no buckets, pods whose buckets differ, no such boundary.
    pub fn bucket(&self, boundary_wanted: f64) -> Result<Self, String> {
        let boundaries = layout(self)?;
        if !boundaries.is_empty() && !boundaries.contains(&boundary_wanted) {
            let near = near(&boundaries, boundary_wanted);
            return Err(format!(
                "no bucket has the boundary {boundary_wanted}{near}"
            ));
        }
        let mut series = BTreeMap::new();
        for (name, value) in &self.series {
            if boundary(name)? == boundary_wanted {
                series.insert(without_label(name, "le"), *value);
            }
        }
        Ok(Self {
            at: self.at,
            series,
        })
    }
}

/// Returns the boundaries that all histograms of a snapshot have, in order.
fn layout(snapshot: &Snapshot) -> Result<Vec<f64>, String> {
    let mut histograms: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for name in snapshot.series.keys() {
        let boundaries = histograms.entry(without_label(name, "le")).or_default();
        boundaries.push(boundary(name)?);
    }
    let mut common: Option<Vec<f64>> = None;
    for mut boundaries in histograms.into_values() {
        boundaries.sort_by(f64::total_cmp);
        if boundaries.last() != Some(&f64::INFINITY) {
            return Err(
                "a histogram has no bucket `le=\"+Inf\"`: does the query select buckets by `le`?"
                    .to_owned(),
            );
        }
        match &common {
            None => common = Some(boundaries),
            Some(common) if *common == boundaries => {}
            Some(common) => {
                return Err(format!(
                    "pods have different buckets, {} and {}: compare them when all have the same",
                    shown(common),
                    shown(&boundaries)
                ));
            }
        }
    }
    Ok(common.unwrap_or_default())
}

/// Names the boundaries on both sides of one that is none.
fn near(boundaries: &[f64], wanted: f64) -> String {
    let finite = || boundaries.iter().copied().filter(|it| it.is_finite());
    let below = finite().filter(|it| *it < wanted).reduce(f64::max);
    let above = finite().filter(|it| *it > wanted).reduce(f64::min);
    match (below, above) {
        (Some(below), Some(above)) => format!("; the next ones are {below} and {above}"),
        (Some(one), None) | (None, Some(one)) => format!("; the next one is {one}"),
        (None, None) => String::new(),
    }
}

fn boundary(name: &str) -> Result<f64, String> {
    let Some(text) = label_of(name, "le") else {
        return Err("a series has no label `le`: the query must be one of `…_bucket`".to_owned());
    };
    text.parse()
        .ok()
        .filter(|boundary: &f64| !boundary.is_nan())
        .ok_or_else(|| "a label `le` holds no number".to_owned())
}

fn shown(boundaries: &[f64]) -> String {
    const MOST: usize = 12;
    let mut texts: Vec<String> = boundaries.iter().take(MOST).map(f64::to_string).collect();
    if boundaries.len() > MOST {
        texts.push("…".to_owned());
    }
    format!("[{}]", texts.join(" "))
}
