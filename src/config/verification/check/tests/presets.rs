//! What a preset stands for, and which do not fit.

use super::*;

#[test]
fn presets_become_ordinary_metrics() {
    let text = "
metrics:
  - preset: istio
  - {preset: open_telemetry, name: app, with: {service: shop-ads, namespace: shop, version_label: app_version}, tolerated_ratio: 1.5}
  - {preset: ingress_nginx, name: edge, with: {ingress: shop, namespace: prod}, parts: [errors], dry_run: true}
  - {preset: linkerd, name: mesh, slow_above: 250}
  - {preset: traefik, name: proxy, with: {stable: 'shop-ads-80@kubernetes', canary: 'shop-ads-canary-80@kubernetes', service_label: exported_service}}
  - {preset: spring, name: jvm, min_requests: 100}
  - {preset: datadog_trace, name: apm, with: {operation: servlet.request, env: prod}}
";
    let verification = validated(text).unwrap();
    let mut lines = Vec::new();
    for metric in &verification.metrics {
        let Measure::Comparison(comparison) = &metric.measure else {
            panic!("a comparison");
        };
        lines.push(format!("{} ({})", metric.name, metric.entry));
        for (key, query) in comparison.queries() {
            for arm in ["stable", "canary"] {
                let variables = Variables {
                    service: Some("ads".to_owned()),
                    arm: Some(arm.to_owned()),
                    version: Some(if arm == "stable" { "1.0" } else { "1.1" }.to_owned()),
                    ..Variables::default()
                };
                lines.push(format!("  {key}: {}", query.render(&variables).unwrap()));
            }
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    errors (0)
      bad: istio_requests_total{reporter="destination",destination_canonical_service="ads",destination_canonical_revision="1.0",response_code=~"5.."}
      bad: istio_requests_total{reporter="destination",destination_canonical_service="ads",destination_canonical_revision="1.1",response_code=~"5.."}
      total: istio_requests_total{reporter="destination",destination_canonical_service="ads",destination_canonical_revision="1.0",response_code!=""}
      total: istio_requests_total{reporter="destination",destination_canonical_service="ads",destination_canonical_revision="1.1",response_code!=""}
    duration (0)
      histogram: istio_request_duration_milliseconds_bucket{reporter="destination",destination_canonical_service="ads",destination_canonical_revision="1.0"}
      histogram: istio_request_duration_milliseconds_bucket{reporter="destination",destination_canonical_service="ads",destination_canonical_revision="1.1"}
    app errors (1)
      bad: http_server_request_duration_seconds_count{service_name="shop-ads",app_version="1.0",service_namespace="shop",http_response_status_code=~"5.."}
      bad: http_server_request_duration_seconds_count{service_name="shop-ads",app_version="1.1",service_namespace="shop",http_response_status_code=~"5.."}
      total: http_server_request_duration_seconds_count{service_name="shop-ads",app_version="1.0",service_namespace="shop",http_response_status_code!=""}
      total: http_server_request_duration_seconds_count{service_name="shop-ads",app_version="1.1",service_namespace="shop",http_response_status_code!=""}
    app duration (1)
      histogram: http_server_request_duration_seconds_bucket{service_name="shop-ads",app_version="1.0",service_namespace="shop"}
      histogram: http_server_request_duration_seconds_bucket{service_name="shop-ads",app_version="1.1",service_namespace="shop"}
    edge errors (2)
      bad: nginx_ingress_controller_requests{ingress="shop",canary="",exported_namespace="prod",status=~"5.."}
      bad: nginx_ingress_controller_requests{ingress="shop",canary!="",exported_namespace="prod",status=~"5.."}
      total: nginx_ingress_controller_requests{ingress="shop",canary="",exported_namespace="prod",status!=""}
      total: nginx_ingress_controller_requests{ingress="shop",canary!="",exported_namespace="prod",status!=""}
    mesh errors (3)
      bad: response_total{direction="inbound",deployment="ads",classification="failure"}
      bad: response_total{direction="inbound",deployment="ads-canary",classification="failure"}
      total: response_total{direction="inbound",deployment="ads",classification!=""}
      total: response_total{direction="inbound",deployment="ads-canary",classification!=""}
    mesh duration (3)
      histogram: response_latency_ms_bucket{direction="inbound",deployment="ads"}
      histogram: response_latency_ms_bucket{direction="inbound",deployment="ads-canary"}
    proxy errors (4)
      bad: traefik_service_requests_total{exported_service="shop-ads-80@kubernetes",code=~"5.."}
      bad: traefik_service_requests_total{exported_service="shop-ads-canary-80@kubernetes",code=~"5.."}
      total: traefik_service_requests_total{exported_service="shop-ads-80@kubernetes",code!=""}
      total: traefik_service_requests_total{exported_service="shop-ads-canary-80@kubernetes",code!=""}
    proxy duration (4)
      histogram: traefik_service_request_duration_seconds_bucket{exported_service="shop-ads-80@kubernetes"}
      histogram: traefik_service_request_duration_seconds_bucket{exported_service="shop-ads-canary-80@kubernetes"}
    jvm errors (5)
      bad: http_server_requests_seconds_count{application="ads",version="1.0",uri!~"/actuator.*",status=~"5.."}
      bad: http_server_requests_seconds_count{application="ads",version="1.1",uri!~"/actuator.*",status=~"5.."}
      total: http_server_requests_seconds_count{application="ads",version="1.0",uri!~"/actuator.*",status!=""}
      total: http_server_requests_seconds_count{application="ads",version="1.1",uri!~"/actuator.*",status!=""}
    jvm duration (5)
      histogram: http_server_requests_seconds_bucket{application="ads",version="1.0",uri!~"/actuator.*"}
      histogram: http_server_requests_seconds_bucket{application="ads",version="1.1",uri!~"/actuator.*"}
    apm errors (6)
      bad: sum:trace.servlet.request.errors{service:ads,env:prod,version:1.0}.as_count()
      bad: sum:trace.servlet.request.errors{service:ads,env:prod,version:1.1}.as_count()
      total: sum:trace.servlet.request.hits{service:ads,env:prod,version:1.0}.as_count()
      total: sum:trace.servlet.request.hits{service:ads,env:prod,version:1.1}.as_count()
    "#);
    assert!(verification.compares());
}

#[test]
fn presets_that_do_not_fit_are_named() {
    let text = "
metrics:
  - {preset: istio, query: q}
  - {preset: datadog_trace, name: h, parts: [errors, duration]}
  - {preset: datadog_trace, name: i, provider: prometheus}
  - {preset: spring, name: j, with: {operation: web.request}}
  - {preset: istio, name: b, with: {stable: x}}
  - {preset: istio, name: c, with: {reporter: me, namespace: 'a\"b'}}
  - {preset: spring, name: d, with: {version_label: app.version}}
  - {preset: traefik, name: e}
  - {preset: linkerd, name: f, parts: [], with: {service_label: 'x y'}}
  - {preset: linkerd, name: g, tolerated_ratio: 0.5}
  - {preset: istio}
  - {preset: istio}
";
    insta::assert_snapshot!(validated(text).unwrap_err(), @r#"
    /metrics/0/query: `query` does not go with `preset`, which is the whole query
    /metrics/1/parts/1: `preset: datadog_trace` has no `duration`: it counts in no buckets; write a `query` with `threshold_range`
    /metrics/2/provider: `preset: datadog_trace` is not asked of this provider
    /metrics/3/with/operation: `operation` does not go with `preset: spring`; it takes service, namespace, service_label, version_label, namespace_label
    /metrics/4/with/stable: `stable` does not go with `preset: istio`; it takes service, namespace, reporter, service_label, version_label
    /metrics/5/with/namespace: found "a\"b", expected a name of letters, digits and . _ - / @ :
    /metrics/5/with/reporter: found "me", expected `destination`, `source` or `waypoint`
    /metrics/6/with/version_label: found "app.version", expected the name of a label
    /metrics/7: expected `with: {stable: shop-ads-80@kubernetes, canary: …}`: Traefik names services by namespace, Service and port
    /metrics/8/with/service_label: found "x y", expected the name of a label
    /metrics/9/tolerated_ratio: `tolerated_ratio` is 0.5, expected a number from 1 to 1000
    /metrics/11/name: the name `errors` is used twice
    /metrics/11/name: the name `duration` is used twice
    "#);
    let findings =
        read::<RawVerification>("metrics: [{preset: envoy}]", &TextLimits::SETTINGS).unwrap_err();
    assert_eq!(
        findings[0].message,
        "unknown value `envoy`; known: open_telemetry, ingress_nginx, istio, linkerd, traefik, spring, datadog_trace"
    );
}
