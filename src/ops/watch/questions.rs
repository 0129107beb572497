//! What a comparison asks of one version, with its variables filled in.

use super::{
    Endpoints,
    counting::AnySource,
    filled,
    source::{Queries, Source},
    sums::Sums,
};
use crate::{
    config::{
        query::Variables,
        verification::{Compared, Comparison, Metric, SlowAbove},
    },
    event::{Ending, Failure},
};

/// Makes the counters of one version, with its variables filled in.
pub(super) fn source(
    metric: &Metric,
    comparison: &Comparison,
    endpoints: &Endpoints,
    variables: &Variables,
) -> Result<AnySource, Failure> {
    let fill = |query, key| filled(query, key, &metric.name, variables);
    let timeout = metric.schedule.timeout;
    let arm = variables.arm.clone();
    let arm = arm.unwrap_or_else(|| "the service".to_owned());
    if let Some(source) = endpoints.sums(metric.provider, &metric.name)? {
        let Compared::Requests {
            counted,
            query,
            total,
            ..
        } = &comparison.compared
        else {
            let reason = format!(
                "`{}` compares what its provider cannot be asked",
                metric.name
            );
            return Err(Failure::new(Ending::ConfigInvalid, reason));
        };
        return Ok(AnySource::Windows(Sums {
            source,
            timeout,
            arm,
            counted: *counted,
            query: fill(query, counted.key())?,
            total: fill(total, "total")?,
        }));
    }
    let queries = match &comparison.compared {
        Compared::Requests {
            counted,
            query,
            total,
            ..
        } => Queries::Requests {
            counted: *counted,
            query: fill(query, counted.key())?,
            total: fill(total, "total")?,
        },
        Compared::SlowShare { histogram, above } => Queries::Histogram {
            histogram: fill(histogram, "histogram")?,
            boundary: match above {
                SlowAbove::Auto => None,
                SlowAbove::Limit(limit) => Some(*limit),
            },
        },
        Compared::Quantile { histogram, .. } => Queries::Buckets {
            histogram: fill(histogram, "histogram")?,
        },
        Compared::Gauge { query } => Queries::Gauge {
            query: fill(query, "query")?,
        },
    };
    Ok(AnySource::Looks(Source {
        endpoint: endpoints.counters(metric.provider, &metric.name)?,
        timeout,
        arm,
        queries,
    }))
}
