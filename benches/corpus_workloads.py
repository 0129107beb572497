"""Makes the workloads of the corpus: kinds that run pods, in a small and a large form."""

from corpus_writer import TAG, Anchored, Literal, Marked, Wrapped

REPOSITORY = "registry.example/shop/advertisements"
OLD = "1.9.3"
SERVICES = [
    "storefront",
    "discounts",
    "checkout",
    "search",
    "billing",
    "mailer",
    "ledger",
    "inventory",
    "profile",
    "gateway",
]
NOUNS = [
    "CACHE",
    "QUEUE",
    "DATABASE",
    "TIMEOUT",
    "RETRY",
    "UPSTREAM",
    "FEATURE",
    "METRICS",
    "TRACE",
    "TOKEN",
    "LOG",
    "POOL",
]
TAGS = ["v2.7.1", "1.9.3", "main-4f1a5b1", "2024-01-01"]
PARTS = ["HOST", "PORT", "LIMIT", "URL", "ENABLED", "INTERVAL_SECONDS", "NAME", "MODE", "PREFIX", "MAX"]
MARKERS = [
    '# {"$imagepolicy": "flux:app"}',
    '# {"$imagepolicy": "flux-system:advertisements"}',
    "# x-release-please-version",
    "# renovate: datasource=docker",
]


class Workloads:
    """Makes the workloads of one file.

    `room` is how many bytes the file is to have, roughly: a workload grows with its variables.
    `target` says whether one of its containers runs the image that is to be changed.
    """

    def __init__(self, random, room, number, target):
        self.random, self.room, self.number, self.target = random, room, number, target
        self.service = random.choice(SERVICES)
        self.name = f"{self.service}-{number}"
        self.containers = []  # Names of the containers that run the image.
        self.anchors = random.random() < 0.06
        self.look_alikes = random.random() < (0.06 if target else 0.004)

    def metadata(self, name=None, labels=True):
        random = self.random
        found = {"name": name or self.name}
        if random.random() < 0.7:
            found["namespace"] = random.choice(["shop", "shop-prod", "default"])
        if labels:
            found["labels"] = {"app": self.name, "app.kubernetes.io/part-of": "shop"}
            if random.random() < 0.4:
                found["labels"]["team"] = f"team-{self.number % 17}"
        notes = {}
        if random.random() < 0.25:
            notes["shop.example/owner"] = random.choice(
                ["Zoë Müller", "林さん", "on-call <shop@example.org>"]
            )
        if random.random() < 0.06:
            notes["shop.example/dashboard"] = (
                "https://dashboards.example/d/" + "x9" * random.randrange(60, 220) + "?orgId=1&refresh=30s"
            )
        if random.random() < 0.08:
            notes["description"] = Wrapped(
                "shows what is on offer to everyone who looks and counts what was seen"
            )
        if notes:
            found["annotations"] = notes
        return found

    def reference(self):
        """The image that is to be changed, as it is written in one container."""
        random, text = self.random, f"{REPOSITORY}:{TAG}"
        if random.random() < 0.15:
            text = Marked(text)
            text.remark = random.choice(MARKERS)
        return text

    def container(self, name, image, variables):
        random = self.random
        found = {"name": name, "image": image}
        if random.random() < 0.15:
            found = {"image": image, "name": name}
        if random.random() < 0.5:
            found["imagePullPolicy"] = random.choice(["IfNotPresent", "Always"])
        if random.random() < 0.3:
            found["args"] = ["--listen=:8080", "--config", "/etc/shop/config.yaml", "-v=2"]
        if random.random() < 0.15:
            found["command"] = ["/bin/sh", "-c", Literal("set -eu\n\nexec /app/run --port 8080 # no fork")]
        if random.random() < 0.6:
            found["ports"] = [{"name": "http", "containerPort": 8080}]
        if variables:
            found["env"] = [self.variable(number) for number in range(variables)]
        if random.random() < 0.6:
            resources = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
            if self.anchors:
                resources = Anchored("resources", resources, alias=self.written("resources"))
            found["resources"] = resources
        if random.random() < 0.4:
            probe = {
                "httpGet": {"path": "/healthz", "port": "http"},
                "periodSeconds": 5,
                "failureThreshold": 3,
            }
            found["readinessProbe"] = found["livenessProbe"] = probe
        return found

    def written(self, name):
        """Has the file this anchor already? From now on it has."""
        before = getattr(self, f"has_{name}", False)
        setattr(self, f"has_{name}", True)
        return before

    def variable(self, number):
        random = self.random
        name = f"{random.choice(NOUNS)}_{random.choice(PARTS)}_{number}"
        if random.random() < 0.12:
            return {
                "name": name,
                "valueFrom": {"secretKeyRef": {"name": f"{self.service}-secrets", "key": name.lower()}},
            }
        if self.look_alikes and number == 0:
            return {"name": "SELF_IMAGE", "value": f"{REPOSITORY}:{OLD}"}
        value = random.choice(
            [
                "true",
                "8080",
                "info",
                "30s",
                "http://ledger.shop.svc.cluster.local:9000/v1?x=1",
                "",
                "a b # c",
                "1.10",
                "größer",
                "no",
            ]
        )
        return {"name": name, "value": value}

    def pod(self, room):
        """A pod template's specification."""
        random = self.random
        count = random.choices([1, 2, 3], [70, 23, 7])[0]
        runs = {random.randrange(count)} if self.target else set()
        if self.target and random.random() < 0.05:
            runs = set(range(count))
        variables = max(0, (room - 500 * count) // 62)
        containers = []
        for index in range(count):
            image = self.other_image()
            name = f"{self.service}-{index}" if index else self.service
            if index in runs:
                image = self.reference()
                self.containers.append(name)
            containers.append(self.container(name, image, variables // count))
        found = {}
        if random.random() < 0.3:
            found["serviceAccountName"] = self.service
        if random.random() < 0.15:
            name = "migrate"
            image = self.other_image()
            if self.target and random.random() < 0.5:
                image = self.reference()
                self.containers.append(name)
            found["initContainers"] = [{"name": name, "image": image, "args": ["migrate", "--wait"]}]
        found["containers"] = containers
        if random.random() < 0.25:
            found["volumes"] = [
                {"name": "config", "configMap": {"name": f"{self.service}-config"}},
                {"name": "tmp", "emptyDir": {}},
            ]
        if random.random() < 0.2:
            found["nodeSelector"] = {"kubernetes.io/os": "linux"}
            found["tolerations"] = [
                {"key": "dedicated", "operator": "Equal", "value": "shop", "effect": "NoSchedule"}
            ]
        return found

    def other_image(self):
        service = self.random.choice(SERVICES)
        return f"registry.example/shop/{service}:{self.random.choice(TAGS)}"

    def template(self, room):
        labels = {"app": self.name}
        if self.random.random() < 0.3:
            labels["tier"] = "backend"
        return {"metadata": {"labels": labels}, "spec": self.pod(room)}

    def selected(self, kind, api, **more):
        """A workload with a selector."""
        found = {"apiVersion": api, "kind": kind, "metadata": self.metadata()}
        spec = {"selector": {"matchLabels": {"app": self.name}}}
        if kind != "DaemonSet":
            spec = {"replicas": self.random.randrange(1, 9), **spec}
        return {**found, "spec": {**spec, **more, "template": self.template(self.room - 500)}}

    def deployment(self):
        return self.selected("Deployment", "apps/v1")

    def stateful_set(self):
        return self.selected("StatefulSet", "apps/v1", serviceName=self.name)

    def daemon_set(self):
        return self.selected("DaemonSet", "apps/v1")

    def rollout(self):
        steps = [{"setWeight": 5}, {"pause": {"duration": "10m"}}, {"setWeight": 50}, {"pause": {}}]
        return self.selected("Rollout", "argoproj.io/v1alpha1", strategy={"canary": {"steps": steps}})

    def job(self):
        spec = self.pod(self.room - 300)
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": self.metadata(),
            "spec": {"backoffLimit": 2, "template": {"spec": {**spec, "restartPolicy": "Never"}}},
        }

    def cron_job(self):
        template = {
            "spec": {"template": {"spec": {"restartPolicy": "OnFailure", **self.pod(self.room - 400)}}}
        }
        return {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": self.metadata(),
            "spec": {"schedule": "*/15 6-20 * * 1-5", "concurrencyPolicy": "Forbid", "jobTemplate": template},
        }

    def bare_pod(self):
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": self.metadata(),
            "spec": self.pod(self.room - 200),
        }
