//! How the shop of a world is deployed: which objects its manifests have.

/// How the shop is deployed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// A canary beside the stable workload, with a canary Ingress of ingress-nginx.
    #[default]
    Ingress,
    /// Two colours and a Service that leads to one of them.
    BlueGreen,
}

impl Shape {
    /// Returns what the two halves are called.
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Self::Ingress => ["stable", "canary"],
            Self::BlueGreen => ["blue", "green"],
        }
    }
}
