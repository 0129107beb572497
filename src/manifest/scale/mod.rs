//! How many pods there are: the workload's own number, or the minimum of what scales it.

pub(super) mod autoscaler;
pub(super) mod replicas;
