"""The renderings of deploy/k8s: the base, every overlay, the base with each component, and README.md's overlay."""

import glob
import os
import re
import shutil
import subprocess
import tempfile

import yaml

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
K8S = os.path.join(SOURCE, "deploy", "k8s")
SCRATCH = tempfile.TemporaryDirectory(prefix="syncline-manifests.")


def scratch_kustomization(name, **content):
    """Creates a directory with a kustomization and returns it. Paths in `content` are absolute."""
    directory = os.path.realpath(os.path.join(SCRATCH.name, name))
    os.makedirs(directory, exist_ok=True)
    content = {key: [os.path.relpath(path, directory) for path in paths] for key, paths in content.items()}
    with open(os.path.join(directory, "kustomization.yaml"), "w") as file:
        yaml.safe_dump(
            {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **content}, file
        )
    return directory


def find_renderer():
    """Returns the first command that renders a component. Debian 12's kubectl 1.20 does not; this is tried out, because
    version strings are unreliable."""
    probe = scratch_kustomization("probe", resources=[f"{K8S}/base"], components=[f"{K8S}/components/tls"])
    candidates = [[path] for path in [os.environ.get("KUSTOMIZE")] if path]
    candidates += [["kustomize", "build"], ["kubectl", "kustomize"]]
    for command in candidates:
        if len(command) == 1:
            command = [
                *command,
                "kustomize" if os.path.basename(command[0]).startswith("kubectl") else "build",
            ]
        if shutil.which(command[0]) is None:
            continue
        if subprocess.run([*command, probe], capture_output=True).returncode == 0:
            return command
    return None


RENDERER = find_renderer()


class Rendered:
    """The objects of one kustomization."""

    def __init__(self, name, directory):
        self.name = name
        run = subprocess.run([*RENDERER, directory], capture_output=True, text=True)
        if run.returncode != 0:
            raise AssertionError(f"{name}: {run.stderr}")
        self.text = run.stdout
        self.objects = [document for document in yaml.safe_load_all(run.stdout) if document]

    def of_kind(self, *kinds):
        return [o for o in self.objects if o["kind"] in kinds]

    def get(self, kind, name):
        return next((o for o in self.of_kind(kind) if o["metadata"]["name"] == name), None)

    def workloads(self):
        return self.of_kind("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")

    def server(self):
        return self.get("Deployment", "syncline")

    def flags(self):
        """Returns the server's flags by name, without the prefix SYNCLINE_."""
        container = self.server()["spec"]["template"]["spec"]["containers"][0]
        flags = {}
        for source in container["envFrom"]:
            flags.update(self.get("ConfigMap", source["configMapRef"]["name"])["data"])
        return {key[len("SYNCLINE_") :].lower(): value for key, value in flags.items()}


def renderings():
    """Yields name and directory of everything that must render."""
    yield "base", f"{K8S}/base"
    for directory in sorted(glob.glob(f"{K8S}/overlays/*/")):
        yield f"overlay {os.path.basename(directory[:-1])}", directory
    for directory in sorted(glob.glob(f"{K8S}/components/*/")):
        name = os.path.basename(directory[:-1])
        yield f"component {name}", scratch_kustomization(
            f"component-{name}", resources=[f"{K8S}/base"], components=[directory]
        )
    yield "README.md, several teams", readme_overlay()


def readme_overlay():
    """Writes the overlay of README.md into a separate directory and returns it."""
    directory = scratch_kustomization("readme")
    with open(f"{K8S}/README.md") as file:
        (overlay,) = re.findall(r"```yaml\n(.*?)```", file.read(), re.DOTALL)
    with open(f"{directory}/kustomization.yaml", "w") as file:
        file.write(overlay.replace("../..", os.path.relpath(K8S, directory)))
    return directory


def matches(selector, labels):
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def pod_labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def pod_spec(workload):
    return workload["spec"]["template"]["spec"]


def containers(workload):
    spec = pod_spec(workload)
    return spec["containers"] + spec.get("initContainers", [])


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def size(text):
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi|KiB|MiB|GiB)", text).groups()
    return int(number) << {"K": 10, "M": 20, "G": 30}[unit[0]]


def port_of(address):
    return int(address.rsplit(":", 1)[1])


ALL = [Rendered(*pair) for pair in renderings()] if RENDERER else []
