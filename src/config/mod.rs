//! `shipgate.yaml` -> `Config`: services, what carries their version, how they are deployed and judged.
