"""Renders deploy/k8s (base, overlays, each component, README.md's overlay) and checks the objects.

Needs PyYAML and a kubectl or kustomize that renders components; KUSTOMIZE selects another binary. Strict validation
against the Kubernetes schemas needs kubernetes-validate (KUBERNETES_VALIDATE selects another). A missing tool is
reported as a skip, or as a failure with NO_SKIP=1, which scripts/k8s-test sets.

  manifests_test.py [--server SYNCLINE_SERVER_BINARY]     checks every flag against its --help
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import yaml

from rendered_manifests import (
    ALL,
    K8S,
    RENDERER,
    SCRATCH,
    containers,
    matches,
    pod_labels,
    pod_spec,
    port_of,
    seconds,
    size,
)

SERVER = None
# Kinds of operators. Kubernetes has no schemas for them.
OPERATOR_KINDS = {"ServiceMonitor", "PrometheusRule", "Certificate"}
# Every object must be valid in the oldest version that README.md names, and in the newest known one.
OLDEST_KUBERNETES = "1.27"
# Memory that the server needs on top of one and a half budgets (README.md, "Size").
MEMORY_BESIDE_BUDGET = 192 << 20
# The watchdog ends the process this long after --drain_deadline.
WATCHDOG_SECONDS = 5
# Exit code that ctest treats as a skipped test.
SKIPPED = 77


def skip_or_fail(test, reason):
    if os.environ.get("NO_SKIP"):
        test.fail(reason)
    test.skipTest(reason)


def for_each_rendering(function):
    """Runs a test once per rendering."""

    @functools.wraps(function)
    def run(self):
        for rendered in ALL:
            with self.subTest(rendered.name):
                function(self, rendered)

    return run


class ManifestsTest(unittest.TestCase):
    def setUp(self):
        if not RENDERER:
            skip_or_fail(self, "no kubectl (1.22 or newer) or kustomize that renders components is installed")

    @for_each_rendering
    def test_every_object_validates_strictly(self, rendered):
        validate = os.environ.get("KUBERNETES_VALIDATE") or shutil.which("kubernetes-validate")
        if not validate:
            skip_or_fail(
                self, "kubernetes-validate is not installed: objects are not checked against schemas"
            )
        path = os.path.join(SCRATCH.name, "rendered.yaml")
        with open(path, "w") as file:
            file.write(rendered.text)
        for version in (["-k", OLDEST_KUBERNETES], []):
            run = subprocess.run([validate, *version, "--strict", path], capture_output=True, text=True)
            output = run.stdout + run.stderr
            self.assertEqual(run.returncode, 0, output)
            # An unknown kind is only a warning, and the object is not checked.
            unknown = set(re.findall(r"Couldn't find schema for kind (\w+)", output))
            self.assertLessEqual(unknown, OPERATOR_KINDS, output)
            kinds = [o["kind"] for o in rendered.objects]
            passed = len(re.findall(r"passed for resource", output))
            self.assertEqual(passed, sum(kind not in OPERATOR_KINDS for kind in kinds), output)

    @for_each_rendering
    def test_everything_is_in_the_namespace(self, rendered):
        namespace = rendered.of_kind("Namespace")[0]
        labels = namespace["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "restricted")
        for o in rendered.objects:
            if o["kind"] != "Namespace":
                self.assertEqual(
                    o["metadata"].get("namespace"),
                    namespace["metadata"]["name"],
                    f"{o['kind']} {o['metadata']['name']}",
                )

    @for_each_rendering
    def test_objects_are_unique(self, rendered):
        names = [(o["kind"], o["metadata"]["name"]) for o in rendered.objects]
        self.assertEqual(len(names), len(set(names)))

    @for_each_rendering
    def test_selectors_find_one_workload(self, rendered):
        workloads = rendered.workloads()

        def selected(selector):
            return [w["metadata"]["name"] for w in workloads if matches(selector, pod_labels(w))]

        for workload in workloads:
            self.assertEqual(
                selected(workload["spec"]["selector"]["matchLabels"]), [workload["metadata"]["name"]]
            )
            for constraint in pod_spec(workload).get("topologySpreadConstraints", []):
                self.assertEqual(
                    selected(constraint["labelSelector"]["matchLabels"]), [workload["metadata"]["name"]]
                )
        for service in rendered.of_kind("Service"):
            self.assertEqual(len(selected(service["spec"]["selector"])), 1, service["metadata"]["name"])
        for budget in rendered.of_kind("PodDisruptionBudget"):
            self.assertEqual(len(selected(budget["spec"]["selector"]["matchLabels"])), 1)
        for policy in rendered.of_kind("NetworkPolicy"):
            self.assertEqual(len(selected(policy["spec"]["podSelector"]["matchLabels"])), 1)
        for scaler in rendered.of_kind("HorizontalPodAutoscaler"):
            target = scaler["spec"]["scaleTargetRef"]
            self.assertIsNotNone(rendered.get(target["kind"], target["name"]))
        for monitor in rendered.of_kind("ServiceMonitor"):
            found = [
                s
                for s in rendered.of_kind("Service")
                if matches(monitor["spec"]["selector"]["matchLabels"], s["metadata"].get("labels", {}))
            ]
            self.assertEqual(len(found), 1)
            ports = [port["name"] for port in found[0]["spec"]["ports"]]
            for endpoint in monitor["spec"]["endpoints"]:
                self.assertIn(endpoint["port"], ports)

    @for_each_rendering
    def test_every_workload_has_a_policy_and_a_budget(self, rendered):
        for workload in rendered.workloads():
            policies = [
                p
                for p in rendered.of_kind("NetworkPolicy")
                if matches(p["spec"]["podSelector"]["matchLabels"], pod_labels(workload))
            ]
            types = {kind for policy in policies for kind in policy["spec"]["policyTypes"]}
            self.assertEqual(types, {"Ingress", "Egress"}, workload["metadata"]["name"])
            if workload["kind"] == "Deployment":
                self.assertTrue(
                    any(
                        matches(b["spec"]["selector"]["matchLabels"], pod_labels(workload))
                        for b in rendered.of_kind("PodDisruptionBudget")
                    )
                )

    @for_each_rendering
    def test_ports_match_the_flags(self, rendered):
        flags = rendered.flags()
        ports = {p["name"]: p["containerPort"] for p in containers(rendered.server())[0]["ports"]}
        self.assertEqual(
            ports, {"grpc": port_of(flags["listen"]), "metrics": port_of(flags["metrics_listen"])}
        )
        for service in rendered.of_kind("Service"):
            workload = next(
                w for w in rendered.workloads() if matches(service["spec"]["selector"], pod_labels(w))
            )
            named = {p["name"]: p["containerPort"] for c in containers(workload) for p in c["ports"]}
            for port in service["spec"]["ports"]:
                self.assertEqual(named[port["targetPort"]], port["port"])
        # An ingress rule may only name ports on which its pods listen.
        for policy in rendered.of_kind("NetworkPolicy"):
            workload = next(
                w
                for w in rendered.workloads()
                if matches(policy["spec"]["podSelector"]["matchLabels"], pod_labels(w))
            )
            listening = {p["containerPort"] for c in containers(workload) for p in c["ports"]}
            for rule in policy["spec"].get("ingress", []):
                self.assertLessEqual({p["port"] for p in rule["ports"]}, listening)

    @for_each_rendering
    def test_images_are_pinned(self, rendered):
        for workload in rendered.workloads():
            for container in containers(workload):
                name, _, tag = container["image"].rpartition(":")
                self.assertTrue(name and tag, container["image"])
                self.assertNotIn("latest", tag)

    @for_each_rendering
    def test_pods_are_restricted(self, rendered):
        for workload in rendered.workloads():
            spec = pod_spec(workload)
            self.assertIs(spec["automountServiceAccountToken"], False)
            self.assertIs(spec["enableServiceLinks"], False)
            self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
            self.assertGreater(spec["securityContext"]["runAsUser"], 0)
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for key in ("hostNetwork", "hostPID", "hostIPC"):
                self.assertFalse(spec.get(key))
            for volume in spec.get("volumes", []):
                self.assertLessEqual(set(volume), {"name", "secret", "configMap", "emptyDir"})
            for container in containers(workload):
                context = container["securityContext"]
                self.assertIs(context["allowPrivilegeEscalation"], False)
                self.assertIs(context["readOnlyRootFilesystem"], True)
                self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                self.assertIn("memory", container["resources"]["limits"])
                self.assertLessEqual({"cpu", "memory"}, set(container["resources"]["requests"]))
        for account in rendered.of_kind("ServiceAccount"):
            self.assertIs(account["automountServiceAccountToken"], False)

    @for_each_rendering
    def test_no_secret_is_in_a_config_map(self, rendered):
        suspicious = re.compile(r"password\s*=|:[^/@\s]+@|PRIVATE KEY|Bearer\s+[A-Za-z0-9]", re.IGNORECASE)
        secrets = [value for s in rendered.of_kind("Secret") for value in s.get("stringData", {}).values()]
        for config in rendered.of_kind("ConfigMap"):
            self.assertNotIn("SYNCLINE_POSTGRES_DSN", config["data"])
            for key, value in config["data"].items():
                self.assertIsNone(suspicious.search(value) if key.startswith("SYNCLINE_") else None, key)
                self.assertNotIn("PRIVATE KEY-----", value)
                self.assertFalse([s for s in secrets if len(s) > 5 and s in value], key)
        for workload in rendered.workloads():
            for container in containers(workload):
                for variable in container.get("env", []):
                    if re.search("PASSWORD|TOKEN|DSN|SECRET", variable["name"]):
                        self.assertIn("secretKeyRef", variable.get("valueFrom", {}), variable["name"])

    @for_each_rendering
    def test_secrets_and_config_maps_exist_or_are_documented(self, rendered):
        with open(f"{K8S}/README.md") as file:
            readme = file.read()
        made = {c["spec"]["secretName"] for c in rendered.of_kind("Certificate")}
        for workload in rendered.workloads():
            for volume in pod_spec(workload).get("volumes", []):
                if "configMap" in volume:
                    self.assertIsNotNone(rendered.get("ConfigMap", volume["configMap"]["name"]))
                if "secret" in volume:
                    name = volume["secret"]["secretName"]
                    # With 0440 only the pod's own processes can read them.
                    self.assertEqual(volume["secret"]["defaultMode"], 0o440)
                    self.assertTrue(
                        name in made
                        or rendered.get("Secret", name)
                        or f"create secret generic {name}" in readme,
                        name,
                    )

    @for_each_rendering
    def test_files_of_flags_are_mounted_secrets(self, rendered):
        spec = pod_spec(rendered.server())
        mounts = {m["mountPath"]: m["name"] for m in spec["containers"][0]["volumeMounts"]}
        secrets = {v["name"]: v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v}
        for flag, value in rendered.flags().items():
            if not flag.endswith("_file"):
                continue
            directory, key = os.path.split(value)
            self.assertIn(mounts[directory], secrets, flag)
            secret = rendered.get("Secret", secrets[mounts[directory]])
            if secret:
                self.assertIn(key, {**secret.get("data", {}), **secret.get("stringData", {})})

    @for_each_rendering
    def test_pods_are_spread(self, rendered):
        for workload in rendered.of_kind("Deployment"):
            keys = {c["topologyKey"]: c for c in pod_spec(workload)["topologySpreadConstraints"]}
            self.assertEqual(keys["kubernetes.io/hostname"]["whenUnsatisfiable"], "DoNotSchedule")
            self.assertIn("topology.kubernetes.io/zone", keys)

    @for_each_rendering
    def test_probes(self, rendered):
        container = containers(rendered.server())[0]
        for probe, path in (
            ("startupProbe", "/readyz"),
            ("readinessProbe", "/readyz"),
            ("livenessProbe", "/healthz"),
        ):
            # HTTP on the metrics port, because the kubelet's gRPC probe does not support TLS.
            self.assertEqual(container[probe]["httpGet"], {"path": path, "port": "metrics"})
        for workload in rendered.workloads():
            for other in containers(workload):
                names = [port["name"] for port in other["ports"]]
                for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                    for how in ("httpGet", "tcpSocket"):
                        if how in other[probe]:
                            self.assertIn(other[probe][how]["port"], names)

    @for_each_rendering
    def test_there_is_time_to_drain(self, rendered):
        spec = pod_spec(rendered.server())
        command = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        self.assertEqual(command[0], "/bin/sleep")
        needed = int(command[1]) + seconds(rendered.flags()["drain_deadline"]) + WATCHDOG_SECONDS
        self.assertGreaterEqual(spec["terminationGracePeriodSeconds"], needed + 5)

    @for_each_rendering
    def test_memory_limit_exceeds_the_budget(self, rendered):
        limit = size(containers(rendered.server())[0]["resources"]["limits"]["memory"])
        budget = size(rendered.flags()["memory_budget_bytes"])
        self.assertGreaterEqual(limit, budget * 3 // 2 + MEMORY_BESIDE_BUDGET)

    @for_each_rendering
    def test_insecure_listen_is_set_without_tls_only(self, rendered):
        flags = rendered.flags()
        with_tls = "tls_cert_file" in flags
        self.assertEqual(flags.get("insecure_listen"), None if with_tls else "true")
        self.assertIn("auth_token_file", flags)
        self.assertIn("metrics_token_file", flags)

    @for_each_rendering
    def test_two_replicas_except_in_development(self, rendered):
        if rendered.name == "overlay dev":
            return
        self.assertEqual(rendered.server()["spec"]["replicas"], 2)
        self.assertEqual(rendered.get("HorizontalPodAutoscaler", "syncline")["spec"]["minReplicas"], 2)

    @for_each_rendering
    def test_certificates_have_the_names_of_services(self, rendered):
        namespace = rendered.of_kind("Namespace")[0]["metadata"]["name"]
        for certificate in rendered.of_kind("Certificate"):
            names = certificate["spec"]["dnsNames"]
            services = [s["metadata"]["name"] for s in rendered.of_kind("Service")]
            self.assertLessEqual({name.split(".")[0] for name in names}, set(services))
            for name in names:
                self.assertIn(
                    name,
                    [
                        s + suffix
                        for s in services
                        for suffix in ("", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
                    ],
                )

    def test_envoy_fits_the_pods_around_it(self):
        with_envoy = [rendered for rendered in ALL if rendered.get("Deployment", "syncline-envoy")]
        self.assertTrue(with_envoy)
        for rendered in with_envoy:
            proxy = rendered.get("Deployment", "syncline-envoy")
            volume = next(v for v in pod_spec(proxy)["volumes"] if v["name"] == "config")
            files = rendered.get("ConfigMap", volume["configMap"]["name"])["data"]
            envoy = yaml.safe_load(files["envoy.yaml"])
            ports = {p["name"]: p["containerPort"] for p in containers(proxy)[0]["ports"]}
            listeners = envoy["static_resources"]["listeners"]
            self.assertEqual(
                {x["name"]: x["address"]["socket_address"]["port_value"] for x in listeners}, ports
            )
            cluster = next(c for c in envoy["static_resources"]["clusters"] if c["name"] == "syncline")
            endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
            headless = rendered.get("Service", endpoint["socket_address"]["address"])
            self.assertEqual(headless["spec"]["clusterIP"], "None")
            self.assertEqual(endpoint["socket_address"]["port_value"], port_of(rendered.flags()["listen"]))
            # All files that the configuration names are mounted.
            mounts = [m["mountPath"] for m in containers(proxy)[0]["volumeMounts"]]
            for path in re.findall(r"/etc/envoy/[\w./-]+", json.dumps(files)):
                self.assertTrue(any(path == m or os.path.dirname(path) == m for m in mounts), path)
            # Only Envoy can reach the servers.
            (rule,) = rendered.get("NetworkPolicy", "syncline")["spec"]["ingress"]
            (source,) = rule["from"]
            self.assertTrue(matches(source["podSelector"]["matchLabels"], pod_labels(proxy)))

    @for_each_rendering
    def test_every_flag_exists(self, rendered):
        if SERVER is None:
            self.skipTest("without --server the names of flags are not checked")
        help_text = subprocess.run([SERVER, "--help"], capture_output=True, text=True).stdout
        known = set(re.findall(r"^  --(\w+)", help_text, re.MULTILINE))
        self.assertIn("listen", known)
        self.assertLessEqual(set(rendered.flags()), known)


if __name__ == "__main__":
    if "--server" in sys.argv:
        at = sys.argv.index("--server")
        SERVER = sys.argv[at + 1]
        del sys.argv[at : at + 2]
    program = unittest.main(verbosity=2, exit=False)
    if not RENDERER and program.result.wasSuccessful():
        sys.exit(SKIPPED)
    sys.exit(not program.result.wasSuccessful())
