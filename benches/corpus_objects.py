"""Makes the other objects of the corpus: what stands beside the workloads in real repositories.

Each kind is what a strict schema accepts, and grows with the room that it has in what grows there:
data, rules, resources.
"""

from corpus_workloads import OLD, REPOSITORY, Workloads
from corpus_writer import Folded, Literal

TEXT = """server:
  listen: 0.0.0.0:8080
  # the balancer closes idle connections after 60 s
  keepalive: 55s
upstreams:
- name: ledger
  address: ledger.shop.svc:9000
log: {level: info, format: "json"}

if (( $# < 1 )); then echo "usage: run TARGET" >&2; exit 64; fi
retry --times 5 -- curl -fsS "http://localhost:8080/healthz" | grep -q 'ok'
größe = 12 ; 日本語のコメント
location / { proxy_pass http://backend; }""".split("\n")


class Objects(Workloads):
    """Makes the objects of one file."""

    def service_object(self):
        ports = [
            {"name": f"port-{port}", "port": port, "targetPort": 8080}
            for port in range(80, 80 + max(1, self.room // 400))
        ]
        metadata = self.metadata()
        metadata.setdefault("annotations", {}).update(
            {
                f"shop.example/note-{number}": self.random.choice(TEXT[:5]).strip()
                for number in range(max(0, self.room // 160))
            }
        )
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"type": "ClusterIP", "selector": {"app": self.name}, "ports": ports},
        }

    def config_map(self):
        random, data, left = self.random, {}, self.room
        while left > 0:
            lines = [random.choice(TEXT).rstrip() for _ in range(random.randrange(3, 60))]
            lines[0] = "first: line"
            lines[-1] = "last: line"
            if self.look_alikes:
                lines[1:1] = ["kind: Deployment", "spec:", "  containers:", f"  - image: {REPOSITORY}:{OLD}"]
            kind = random.choices([Literal, Folded], [9, 1])[0]
            data[f"file-{len(data)}.conf"] = kind("\n".join(lines))
            left -= 30 * len(lines)
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": self.metadata(), "data": data}

    def ingress(self):
        backend = {"service": {"name": self.name, "port": {"number": 80}}}
        paths = [
            {"path": f"/{self.service}/{number}", "pathType": "Prefix", "backend": backend}
            for number in range(max(1, self.room // 190))
        ]
        metadata = self.metadata()
        metadata.setdefault("annotations", {})["nginx.ingress.kubernetes.io/proxy-body-size"] = "8m"
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": metadata,
            "spec": {
                "ingressClassName": "nginx",
                "rules": [{"host": "shop.example", "http": {"paths": paths}}],
            },
        }

    def http_route(self):
        rules = [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": f"/{number}"}}],
                "backendRefs": [
                    {"name": self.name, "port": 80, "weight": 90},
                    {"name": f"{self.name}-canary", "port": 80, "weight": 10},
                ],
            }
            for number in range(min(16, max(1, self.room // 230)))
        ]
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": self.metadata(),
            "spec": {"parentRefs": [{"name": "public"}], "hostnames": ["shop.example"], "rules": rules},
        }

    def virtual_service(self):
        def to(subset, weight):
            return {"destination": {"host": self.name, "subset": subset}, "weight": weight}

        routes = [
            {
                "match": [{"uri": {"prefix": f"/{number}"}}],
                "route": [to("stable", 95), to("canary", 5)],
                "timeout": "3s",
            }
            for number in range(max(1, self.room // 300))
        ]
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": self.metadata(),
            "spec": {"hosts": ["shop.example"], "http": routes},
        }

    def autoscaler(self):
        metrics = [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 60 + number},
                },
            }
            for number in range(max(1, self.room // 170))
        ]
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": self.metadata(),
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name},
                "minReplicas": 2,
                "maxReplicas": 20,
                "metrics": metrics,
            },
        }

    def kustomization(self):
        found = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        found["resources"] = ["../base"] + [
            f"{self.service}-{number}.yaml" for number in range(max(1, self.room // 60))
        ]
        found["images"] = [{"name": "registry.example/shop/ledger", "newTag": "2.0"}]
        patch = (
            f"- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: {REPOSITORY}:{OLD}"
            if self.look_alikes
            else "- op: remove\n  path: /spec/replicas"
        )
        found["patches"] = [{"target": {"kind": "Deployment"}, "patch": Literal(patch)}]
        return found

    def many(self):
        """A `List` of a workload and its Service."""
        items = [self.service_object(), self.deployment()]
        return {"apiVersion": "v1", "kind": "List", "items": items}
