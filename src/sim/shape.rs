//! What the shop of a world is made of: which objects split its traffic, and what its configuration
//! says of them.

use super::shop::ROOT;

/// How the shop's traffic gets to its two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// By the weight of a canary Ingress of ingress-nginx.
    #[default]
    Ingress,
    /// By the weights of an HTTPRoute of the Gateway API.
    HttpRoute,
    /// By the weights of an Istio VirtualService.
    VirtualService,
    /// By the weights of a TraefikService.
    Traefik,
    /// By the numbers of pods behind one Service.
    Replicas,
    /// All of it to one of two colours, as the selector of a Service says.
    BlueGreen,
    /// By a canary Ingress, and the workloads are templates of a Helm chart.
    Chart,
    /// As [`Self::Chart`], with the values inside of a Flux `HelmRelease`.
    HelmRelease,
    /// As [`Self::Chart`], with the values as a text inside of an Argo CD Application.
    Application,
}

/// A chart; what is in `templates` is rendered with the values of a release.
const CHART: [(&str, &str); 4] = [
    ("shop/Chart.yaml", include_str!("world/chart/Chart.yaml")),
    (
        "shop/values.yaml",
        include_str!("world/chart/defaults.yaml"),
    ),
    (
        "shop/templates/stable.yaml",
        include_str!("world/chart/stable.yaml"),
    ),
    (
        "shop/templates/canary.yaml",
        include_str!("world/chart/canary.yaml"),
    ),
];

/// The object that holds the values of a release.
const RELEASE: &str = "release.yaml";

const STABLE: &str = include_str!("world/advertisements.yaml");
const CANARY: &str = include_str!("world/advertisements-canary.yaml");
const INGRESS: &str = include_str!("world/ingress.yaml");
const CONFIG: &str = include_str!("world/shipgate.yaml");

const BLUE_GREEN: [(&str, &str); 3] = [
    (
        "advertisements-blue.yaml",
        include_str!("world/blue_green/blue.yaml"),
    ),
    (
        "advertisements-green.yaml",
        include_str!("world/blue_green/green.yaml"),
    ),
    (
        "advertisements-service.yaml",
        include_str!("world/blue_green/service.yaml"),
    ),
];

/// What the configuration says of the usual shape, which the others replace.
const BY_INGRESS: &str = "{ingress_nginx: Ingress/advertisements-canary}";
const PODS: &str = "        canary_replicas: 1\n";

/// Where the configuration says which files the workloads are written in.
const WRITTEN: &str = "    manifests: [\"{root}/advertisements*.yaml\"]\n";
/// What it says where a chart writes them.
const OF_CHART: &str = "    manifests: [\"{root}/traffic.yaml\"]
    helm:
      file: \"{root}/values.yaml\"
      image_tag: image.tag
      version_keys: [podVersion]
      canary: {image_tag: canary.image.tag, version_keys: [canary.podVersion], replicas: canary.replicas}
";
/// And where an object holds the values: its file is one of the manifests.
const OF_TRAFFIC: &str = "[\"{root}/traffic.yaml\"]";
const OF_RELEASE: &str = "[\"{root}/traffic.yaml\", \"{root}/release.yaml\"]";
const IN_FILE: &str = "file: \"{root}/values.yaml\"";

/// Where the values of a release are.
pub(super) struct ReleaseValues {
    /// Name and text of the file.
    file: (&'static str, &'static str),
    /// The object that holds them, as the configuration names it; none = the file is all values.
    object: Option<&'static str>,
    /// The keys that lead to them.
    pub(super) at: &'static [&'static str],
}

impl ReleaseValues {
    /// Returns the path of the file in the repository.
    pub(super) fn path(&self) -> String {
        format!("{ROOT}/{}", self.file.0)
    }
}

impl Shape {
    /// Those with a canary.
    pub const CANARIES: [Self; 5] = [
        Self::Ingress,
        Self::HttpRoute,
        Self::VirtualService,
        Self::Traefik,
        Self::Replicas,
    ];

    /// Returns what the two halves are called.
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Self::BlueGreen => ["blue", "green"],
            _ => ["stable", "canary"],
        }
    }

    /// Returns where the values are, where a chart writes the workloads.
    pub(super) fn release_values(self) -> Option<ReleaseValues> {
        Some(match self {
            Self::Chart => ReleaseValues {
                file: ("values.yaml", include_str!("world/chart/values.yaml")),
                object: None,
                at: &[],
            },
            Self::HelmRelease => ReleaseValues {
                file: (RELEASE, include_str!("world/chart/helm_release.yaml")),
                object: Some("HelmRelease/advertisements"),
                at: &["spec", "values"],
            },
            Self::Application => ReleaseValues {
                file: (RELEASE, include_str!("world/chart/application.yaml")),
                object: Some("Application/advertisements"),
                at: &["spec", "source", "helm", "values"],
            },
            _ => return None,
        })
    }

    /// Returns path and text of every manifest.
    pub(super) fn manifests(self) -> Vec<(String, String)> {
        if self == Self::BlueGreen {
            return BLUE_GREEN
                .map(|(name, text)| (format!("{ROOT}/{name}"), text.to_owned()))
                .to_vec();
        }
        if let Some(values) = self.release_values() {
            let (_, canary) = CANARY.rsplit_once("---\n").unwrap_or(("", CANARY));
            let traffic = [("traffic.yaml", canary), ("ingress.yaml", INGRESS)];
            let files = CHART.into_iter().chain([values.file]).chain(traffic);
            return files
                .map(|(name, text)| (format!("{ROOT}/{name}"), text.to_owned()))
                .collect();
        }
        let route = |text: &str| {
            // The last document of the canary's file is its Ingress.
            let (halves, _) = CANARY.rsplit_once("---\n").unwrap_or((CANARY, ""));
            format!("{halves}---\n{text}")
        };
        let (stable, canary, ingress) = match self {
            Self::Ingress
            | Self::BlueGreen
            | Self::Chart
            | Self::HelmRelease
            | Self::Application => (STABLE.to_owned(), CANARY.to_owned(), Some(INGRESS)),
            Self::HttpRoute => (
                STABLE.to_owned(),
                route(include_str!("world/http_route/traffic.yaml")),
                None,
            ),
            Self::VirtualService => (
                STABLE.to_owned(),
                route(include_str!("world/virtual_service/traffic.yaml")),
                None,
            ),
            Self::Traefik => (
                STABLE.to_owned(),
                route(include_str!("world/traefik/traffic.yaml")),
                None,
            ),
            Self::Replicas => (
                format!(
                    "{}---\n{}",
                    deployment(STABLE),
                    include_str!("world/replicas/service.yaml")
                ),
                deployment(CANARY).to_owned(),
                Some(INGRESS),
            ),
        };
        let mut files = vec![
            (format!("{ROOT}/advertisements.yaml"), stable),
            (format!("{ROOT}/advertisements-canary.yaml"), canary),
        ];
        files.extend(ingress.map(|text| (format!("{ROOT}/ingress.yaml"), text.to_owned())));
        files
    }

    /// Returns the text of `shipgate.yaml`; `@BASE_URL@` stands for the world's address.
    pub(super) fn config(self) -> String {
        let traffic = match self {
            Self::Ingress => return CONFIG.to_owned(),
            Self::BlueGreen => return include_str!("world/blue_green/shipgate.yaml").to_owned(),
            Self::Chart | Self::HelmRelease | Self::Application => {
                let text = CONFIG.replace(WRITTEN, OF_CHART);
                return match self.release_values().and_then(|values| values.object) {
                    None => text,
                    Some(object) => text
                        .replace(OF_TRAFFIC, OF_RELEASE)
                        .replace(IN_FILE, &format!("object: {object}")),
                };
            }
            Self::HttpRoute => "{http_route: HTTPRoute/advertisements}",
            Self::VirtualService => "{virtual_service: VirtualService/advertisements}",
            Self::Traefik => "{traefik_service: TraefikService/advertisements}",
            Self::Replicas => {
                return CONFIG
                    .replace(BY_INGRESS, "{replicas: {}}")
                    .replace(PODS, "");
            }
        };
        CONFIG.replace(BY_INGRESS, traffic)
    }
}

/// Returns the first document of a file: its Deployment.
fn deployment(text: &str) -> &str {
    text.split_once("---\n").map_or(text, |(first, _)| first)
}
