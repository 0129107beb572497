"""Checks that what Kubernetes accepted before an edit it accepts after it, by its own schemas.

    VENV/bin/python benches/valid.py --node NODE                 the cases of fixtures/edit
    VENV/bin/python benches/valid.py --node NODE BEFORE AFTER    two trees: before an edit and after

Only files that differ are looked at, and an object only counts if it was valid before. A case's files
after the edit are its `out` over its `in`; that the program writes just those is what tests/edit/cases.rs
proves. Three judges, none of them ours:

    the kinds of Kubernetes  kubernetes-validate, strict
    custom resources         the schemas of their definitions, as @kubernetes-models has them
    kustomizations           `kubectl kustomize` builds them, and every image that they set runs the tag
                             that they say

    python3 -m venv VENV; VENV/bin/pip install kubernetes-validate
    npm --prefix NODE install @kubernetes-models/argo-rollouts@0.3.2 @kubernetes-models/argo-cd@2.7.2 \\
        @kubernetes-models/gateway-api@0.5.1 @kubernetes-models/istio@2.3.0 @kubernetes-models/flux-cd@2.3.4

PyYAML reads the files: as kubectl does, it takes 1.10 for a number and `no` for a truth value, so a
missing quote shows as a wrong type. Exit status 1: something valid became invalid.
"""

import argparse
import collections
import functools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = "1.32"
# The same few schemas are asked for thousands of times.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def objects(data, name):
    """Returns the objects of a file; none if it cannot be read, as a Helm template."""
    try:
        if name.endswith(".json"):
            found = [json.loads(data)]
        else:
            found = [document for document in yaml.load_all(data, Loader=LOADER) if document is not None]
    except (ValueError, yaml.YAMLError):
        return None
    flat = []
    for each in found:
        is_list = (
            isinstance(each, dict)
            and str(each.get("kind", "")).endswith("List")
            and isinstance(each.get("items"), list)
        )
        flat += each["items"] if is_list else [each]
    return flat


def core_problem(value):
    """Says what the schema of Kubernetes has against an object: nothing, a text, or it has no such kind."""
    if not isinstance(value, dict) or not {"apiVersion", "kind"} <= value.keys():
        return "no apiVersion or kind"
    try:
        # Through JSON, as a server gets it: a date is a text there.
        kubernetes_validate.validate(json.loads(json.dumps(value, default=str)), VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return None
    except kubernetes_validate.ValidationError as problem:
        return str(problem.message)[:300]
    return ""


def problems(values, node):
    """Judges many objects, each by the one who knows it."""
    found = [core_problem(value) for value in values]
    unknown = [index for index, problem in enumerate(found) if problem is None]
    if node and unknown:
        asked = json.dumps([values[index] for index in unknown], default=str)
        run = subprocess.run(
            ["node", str(ROOT / "benches/valid_custom.mjs"), node],
            input=asked,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        for index, answer in zip(unknown, json.loads(run.stdout), strict=True):
            found[index] = answer
    return found


def tree(folder):
    """Returns the bytes of all files of a folder by their paths."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def built(files, folder):
    """Builds an overlay with kubectl; returns its objects, or none."""
    with tempfile.TemporaryDirectory() as place:
        for path, data in files.items():
            target = pathlib.Path(place, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        run = subprocess.run(
            ["kubectl", "kustomize", str(pathlib.Path(place, folder))],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    return objects(run.stdout, "built.yaml") if run.returncode == 0 else None


def images(value):
    """Yields every image below a value."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if key == "image" and isinstance(entry, str):
                yield entry
            yield from images(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from images(entry)


def overlay_problem(files, path, base):
    """Says what is wrong with a kustomization: it builds no more, or an image runs another tag."""
    inside = {name: data for name, data in files.items() if name.startswith(base)}
    found = built(inside, str(pathlib.PurePath(path).parent))
    if found is None:
        return "does not build"
    for entry in (objects(files[path], path) or [{}])[0].get("images") or []:
        name, tag = entry.get("newName", entry.get("name")), entry.get("newTag")
        others = [
            image
            for image in images(found)
            if tag and image.startswith(f"{name}:") and image != f"{name}:{tag}"
        ]
        if others:
            return f"{others[0]} runs, expected the tag {tag}"
    return ""


def judge(name, before, after, node, counts):
    """Judges what differs between two trees; returns what became invalid."""
    bad, old_values, new_values, places = [], [], [], []
    for path in sorted(path for path in after if before.get(path) != after[path]):
        base = pathlib.PurePath(path)
        if base.name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
            # A base is beside its overlays, one or two folders up.
            base = "/".join(base.parts[:-2]) + "/" if len(base.parts) > 2 else ""
            was = overlay_problem(before, path, base) if path in before else ""
            now = overlay_problem(after, path, base)
            counts[
                "overlays: "
                + ("does not build before" if was else "good before and after" if not now else "bad after")
            ] += 1
            bad += [f"{name}{path}: {now}"] if now and not was else []
            continue
        old, new = objects(before.get(path, b""), path), objects(after[path], path)
        if old is None:
            counts["files: not readable before (templates)"] += 1
        elif new is None or len(new) != len(old):
            bad.append(f"{name}{path}: not readable, or other objects than before")
        else:
            old_values += old
            new_values += new
            places += [f"{name}{path}"] * len(old)
    return bad, old_values, new_values, places


def main():
    """Judges the trees or the cases, and prints how many of what were found."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("before", nargs="?", type=pathlib.Path)
    reader.add_argument("after", nargs="?", type=pathlib.Path)
    reader.add_argument("--node", help="folder with @kubernetes-models")
    asked = reader.parse_args()
    if not shutil.which("kubectl"):
        sys.exit("kubectl is not installed, and only it can build the overlays")
    pairs = []
    if asked.after:
        pairs.append(("", tree(asked.before), tree(asked.after)))
    else:
        for case in sorted((ROOT / "fixtures/edit").iterdir()):
            before = tree(case / "in")
            pairs.append((f"{case.name}/", before, {**before, **tree(case / "out")}))
    counts, bad, values = collections.Counter(), [], ([], [], [])
    for name, before, after in pairs:
        found, *columns = judge(name, before, after, asked.node, counts)
        bad += found
        for column, more in zip(values, columns, strict=True):
            column += more
    old, new, places = values
    for place, was, now, old_problem, new_problem in zip(
        places, old, new, problems(old, asked.node), problems(new, asked.node), strict=True
    ):
        changed = "changed objects" if was != now else "objects beside them"
        if old_problem is None:
            counts[f"{changed}: no schema for the kind"] += 1
        elif old_problem:
            counts[f"{changed}: invalid before"] += 1
        elif new_problem:
            counts[f"{changed}: INVALID AFTER"] += 1
            bad.append(f"{place}: {new_problem}")
        else:
            counts[f"{changed}: valid before and after"] += 1
    for what, count in sorted(counts.items()):
        print(f"{count:6}  {what}")
    for line in bad:
        print(f"broken: {line}")
    print(f"{len(bad)} broken")
    sys.exit(1 if bad else 0)


main()
