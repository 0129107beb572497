"""Makes manifests as real repositories have them, and the bytes that they must become.

    python3 benches/corpus.py FOLDER                 10,000 files, the overlays and the two large files
    python3 benches/corpus.py FOLDER --files 500     fewer

The job of all tools is: every container and init container that runs the image
registry.example/shop/advertisements is to run its tag 1.10 and no longer 1.9.3. What comes out:

    FOLDER/files/{in,expected}      mixed kinds and styles; every tenth file holds the image
    FOLDER/overlays/{in,expected}   kustomizations that set the tag (`images[].newTag`), with their bases
    FOLDER/large/{in,expected}      15 MiB as many documents, and as one
    FOLDER/index.json               which files change, their containers and comments

Both trees are written from the same text with a mark where the tag stands, so that `expected` is
exact by construction and was made by no tool. The same seed makes the same bytes.
"""

import argparse
import json
import pathlib
import random
import shutil
import sys

from corpus_objects import Objects
from corpus_workloads import OLD, REPOSITORY
from corpus_writer import PLAIN_TAG, TAG, Style, Writer, as_json

NEW = "1.10"
SHARE = 10  # Of so many files one holds the image.
KINDS = {  # How many of a hundred files are of which kind; the first ones can hold the image.
    "deployment": 26,
    "stateful_set": 5,
    "daemon_set": 4,
    "cron_job": 4,
    "job": 2,
    "bare_pod": 2,
    "rollout": 4,
    "many": 2,
    "service_object": 15,
    "config_map": 13,
    "ingress": 6,
    "http_route": 3,
    "virtual_service": 3,
    "kustomization": 7,
    "autoscaler": 4,
}
RUNS_PODS = list(KINDS)[:8]
LARGE = 15 << 20
ROOM = (8.0, 0.8)  # Of the logarithmic normal distribution of the files' sizes.
MOST_ROOM = 11_000


def documents(source, objects, kind):
    """Returns the objects of a file: one, or a few in several documents."""
    found = [getattr(objects, kind)()]
    if kind in ("deployment", "stateful_set", "rollout") and source.random() < 0.25:
        objects.room = 300
        beside = source.sample(
            [objects.service_object, objects.autoscaler, objects.config_map], source.choice([1, 1, 2])
        )
        found += [each() for each in beside]
        if source.random() < 0.3:
            found.reverse()
    return found


def manifest(source, number, target):
    """Returns path, text and facts of one file of the corpus."""
    kinds = RUNS_PODS if target else list(KINDS)
    kind = source.choices(kinds, [KINDS[kind] for kind in kinds])[0]
    room = min(MOST_ROOM, max(350, int(source.lognormvariate(*ROOM))))
    objects = Objects(source, room, number, target)
    writer = Writer(source, Style(source))
    path = f"clusters/{source.choice(['prod', 'staging', 'lab'])}/{objects.service}/{objects.name}"
    if kind == "kustomization":
        path += "/kustomization.yaml"
        text = writer.file(documents(source, objects, kind))
    elif kind in ("deployment", "many") and source.random() < 0.08:
        path += ".json"
        objects.anchors = False
        text = as_json(source, getattr(objects, kind)())
    else:
        path += source.choices([".yaml", ".yml"], [9, 1])[0]
        head = f"until May this was {REPOSITORY}:{OLD}" if objects.look_alikes else None
        text = writer.file(documents(source, objects, kind), head)
    return path, text, {"kind": kind, "containers": objects.containers, "comments": writer.remarks}


def overlay(source, number):
    """Returns the files of an overlay and its base, as path and text."""
    objects = Objects(source, 1200, number, False)
    base = objects.deployment()
    containers = base["spec"]["template"]["spec"]["containers"]
    # The overlay's tag wins over whatever stands here.
    containers[0]["image"] = f"{REPOSITORY}:0.1.0"
    plain = Style(source)
    plain.byte_order_mark = False
    files = {
        f"{number}/base/deployment.yaml": Writer(source, plain).file([base]),
        f"{number}/base/kustomization.yaml": "resources:\n- deployment.yaml\n",
    }
    style = Style(source)
    style.byte_order_mark = False
    style.remarks = max(style.remarks, source.choice([0.0, 0.1, 0.3]))
    quoted = source.random() < 0.7
    if not quoted:
        # Which quotes the tag gets is the file's own choice: this one has no others.
        style.quote, style.mixed_quotes = '"', False
    ours = {"name": REPOSITORY, "newTag": TAG if quoted else PLAIN_TAG}
    if source.random() < 0.2:
        ours = dict(reversed(ours.items()))
    images = [ours, {"name": "registry.example/shop/ledger", "newTag": "2.0"}]
    source.shuffle(images)
    found = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    rest = [
        ("resources", ["../base"]),
        ("images", images),
        ("namePrefix", "prod-"),
        ("commonAnnotations", {"shop.example/owner": "Zoë Müller"}),
    ]
    source.shuffle(rest)
    rest = [pair for pair in rest if pair[0] in ("resources", "images") or source.random() < 0.5]
    writer = Writer(source, style)
    files[f"{number}/prod/kustomization.yaml"] = writer.file([{**found, **dict(rest)}])
    return files, writer.remarks


def large(source, one_document):
    """Returns a text of nearly 15 MiB that runs the image in three of its workloads."""
    writer = Writer(source, Style(random.Random(3)))
    writer.style.header, writer.style.line_break, writer.style.first_marker = 0, "\n", ""
    size, number, wanted = 0, 0, LARGE - (64 << 10)
    if one_document:
        writer.lines += ["apiVersion: v1", "kind: List", "items:"]
    while size < wanted:
        before = len(writer.lines)
        objects = Objects(source, 4000, number, number in (7, 900, 2000))
        kind = "deployment" if objects.target or source.random() < 0.45 else "config_map"
        item = getattr(objects, kind)()
        if one_document:
            writer.sequence([item], 2)
        else:
            writer.lines.append("---")
            writer.mapping(item, 0)
        size += sum(len(line.encode()) + 1 for line in writer.lines[before:])
        number += 1
    return "\n".join(writer.lines) + "\n"


def both(text):
    """Returns the bytes before and after."""
    tags = ((OLD, OLD), (NEW, f'"{NEW}"'))
    return tuple(text.replace(TAG, tag).replace(PLAIN_TAG, plain).encode() for tag, plain in tags)


def write(folder, path, before_and_after):
    for tree, data in zip(("in", "expected"), before_and_after, strict=True):
        file = folder / tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def main():
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("folder", type=pathlib.Path)
    reader.add_argument("--files", type=int, default=10_000)
    reader.add_argument("--overlays", type=int, default=200)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--again", action="store_true", help="remove an older corpus in the folder first")
    asked = reader.parse_args()
    if asked.again and (asked.folder / "index.json").exists():
        shutil.rmtree(asked.folder)
    if asked.folder.exists() and any(asked.folder.iterdir()):
        sys.exit(f"{asked.folder} is not empty")
    index = {"seed": asked.seed, "files": asked.files, "targets": {}, "overlays": {}}
    sizes = []
    for number in range(asked.files):
        # Each file has a source of its own: a change to one kind leaves the files of the others.
        source = random.Random(f"{asked.seed}/{number}")
        path, text, facts = manifest(source, number, number % SHARE == SHARE // 2)
        if facts["containers"]:
            index["targets"][path] = facts
        before_and_after = both(text)
        sizes.append(len(before_and_after[0]))
        write(asked.folder / "files", path, before_and_after)
    for number in range(asked.overlays):
        files, remarks = overlay(random.Random(f"{asked.seed}/overlay/{number}"), number)
        for path, text in files.items():
            write(asked.folder / "overlays", path, both(text))
        index["overlays"][f"{number}/prod/kustomization.yaml"] = {"comments": remarks}
    for name, one_document in (("many", False), ("one", True)):
        text = large(random.Random(f"{asked.seed}/{name}"), one_document)
        write(asked.folder / "large", f"{name}.yaml", both(text))
    (asked.folder / "index.json").write_text(json.dumps(index, ensure_ascii=False, indent=1))
    sizes.sort()
    print(f"{len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB; {len(index['targets']):,} hold the image")
    mean, median = sum(sizes) / len(sizes), sizes[len(sizes) // 2]
    print(f"mean {mean:,.0f} bytes, median {median:,}, {sizes[0]:,} to {sizes[-1]:,}")


main()
