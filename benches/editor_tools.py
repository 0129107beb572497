"""The tools that are compared: how each is started to do the same job, and which version it is.

Nothing goes through a shell. A tool that edits one file a process is started from a loop here, which
costs about a millisecond a file and is not taken off.
"""

import os
import pathlib
import re
import shutil
import subprocess

REPOSITORY = "registry.example/shop/advertisements"
OLD, NEW = "1.9.3", "1.10"
IMAGE = f"{REPOSITORY}:{NEW}"
# `#` is in no image, so it parts the two halves of sed's expressions.
OLD_EXPRESSION = re.escape(f"{REPOSITORY}:{OLD}")
HELPER = str(pathlib.Path(__file__).with_name("editor_yaml.py"))


def run(command, **more):
    """Runs a command; returns its exit status and output."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    return done.returncode, done.stdout


def first_line(command):
    try:
        _, text = run(command)
    except OSError:
        return None
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else None


def installed(name, sign):
    """Returns where a program is and its version, if its version line has the sign."""
    places = [shutil.which(name), os.path.expanduser(f"~/go/bin/{name}")]
    for place in filter(None, places):
        for words in (["--version"], ["version"]):
            line = first_line([place, *words])
            if line and sign in line:
                return place, f"{name} {line.split()[-1]}"
    return None, None


class Tool:
    """One row of the table. `edit` changes files in place and returns the ones that it refused."""

    one_process = True

    def __init__(self, name, program, version):
        self.name, self.program, self.version = name, program, version

    def edit(self, root, paths, facts):
        """Edits the files of a folder; `facts` knows the containers of each."""
        raise NotImplementedError


class Shipgate(Tool):
    """All files in one run: all of the edits, or none."""

    def edit(self, root, paths, facts):
        status, _ = run([self.program, "set", "--root", str(root), "--files", "**/*", "--image", IMAGE])
        return set(paths) if status else set()


class Sed(Tool):
    """GNU sed with one expression for all files."""

    def __init__(self, name, version, expression):
        super().__init__(name, "sed", version)
        self.expression = expression

    def edit(self, root, paths, facts):
        status, _ = run(["sed", "-E", "-i", self.expression, *paths], cwd=root)
        return set(paths) if status else set()


class Ruamel(Tool):
    """Load and dump with ruamel.yaml, in one process."""

    def __init__(self, name, program, version, mode):
        super().__init__(name, program, version)
        self.mode = mode

    def edit(self, root, paths, facts):
        _, text = run([self.program, HELPER, self.mode, *paths], cwd=root)
        return set(text.decode().splitlines())


class PerFile(Tool):
    """A process for each file."""

    one_process = False

    def edit(self, root, paths, facts):
        return {path for path in paths if not self.edit_one(root, path, facts.get(path, {}))}

    def edit_one(self, root, path, facts):
        """Edits one file; returns whether the tool succeeded."""
        raise NotImplementedError


class Kubectl(PerFile):
    """`kubectl set image --local`; what it prints replaces the file if it succeeded."""

    def edit_one(self, root, path, facts):
        names = [f"{name}={IMAGE}" for name in dict.fromkeys(facts["containers"])]
        form = "json" if path.endswith(".json") else "yaml"
        status, text = run(
            [self.program, "set", "image", "--local", "-f", path, "-o", form, *names], cwd=root
        )
        if status == 0:
            (root / path).write_bytes(text)
        return status == 0


class Yq(PerFile):
    """mikefarah's yq; by its documentation `-i` is for one file."""

    def __init__(self, name, program, version, expression):
        super().__init__(name, program, version)
        self.expression = expression

    def edit_one(self, root, path, facts):
        return run([self.program, "-i", self.expression, path], cwd=root)[0] == 0


class Kustomize(PerFile):
    """`kustomize edit set image`, in each overlay's folder."""

    def edit_one(self, root, path, facts):
        folder = (root / path).parent
        return run([self.program, "edit", "set", "image", IMAGE], cwd=folder)[0] == 0


def library(python, name):
    """Returns the version of a library of a Python, if it has it."""
    return first_line([python, "-c", f"import importlib.metadata as m; print(m.version({name!r}))"])


def tools(binary, python):
    """Returns the tools for manifests and the ones for overlays; a tool that is not there has no program."""
    ours = first_line([binary, "--version"])
    sed = first_line(["sed", "--version"])
    kubectl, kubectl_version = shutil.which("kubectl"), None
    if kubectl:
        kubectl_version = (first_line([kubectl, "version", "--client"]) or "").replace(
            "Client Version: ", "kubectl "
        )
    yq, yq_version = installed("yq", "mikefarah")
    kustomize, kustomize_version = installed("kustomize", "v5")
    ruamel = library(python, "ruamel.yaml")
    ruamel, ruamel_version = (python, f"ruamel.yaml {ruamel}") if ruamel else (None, None)
    anywhere = f"s#{OLD_EXPRESSION}#{IMAGE}#g"
    careful = rf"s#^([[:space:]]*(- +)?[\"']?image[\"']?:[[:space:]]*[\"']?){OLD_EXPRESSION}#\1{IMAGE}#"
    with_image = f'.. | select(tag == "!!map" and has("image")) | select(.image == "{REPOSITORY}:{OLD}")'
    in_containers = f'({with_image} | .image) = "{IMAGE}"'
    in_overlay = f'(.images[] | select(.name == "{REPOSITORY}") | .newTag) = "{NEW}"'
    manifests = [
        Shipgate("shipgate set", binary, ours),
        Sed("sed -i, anywhere", sed, anywhere),
        Sed("sed -i, lines with `image:`", sed, careful),
        Kubectl("kubectl set image --local, per file", kubectl, kubectl_version),
        Ruamel("ruamel.yaml, default", ruamel, ruamel_version, "default"),
        Ruamel("ruamel.yaml, tuned", ruamel, ruamel_version, "tuned"),
        Yq("yq -i, per file", yq, yq_version, in_containers),
    ]
    overlays = [
        Shipgate("shipgate set", binary, ours),
        Kustomize("kustomize edit set image, per overlay", kustomize, kustomize_version),
        Ruamel("ruamel.yaml, tuned", ruamel, ruamel_version, "overlay"),
        Yq("yq -i, per file", yq, yq_version, in_overlay),
    ]
    return manifests, overlays
