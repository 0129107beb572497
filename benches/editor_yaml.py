"""The part of the comparison that needs Python's YAML libraries; `editor.py` starts it as a process.

python editor_yaml.py default|tuned FILE...     sets the image in files with ruamel.yaml, in place
python editor_yaml.py overlay FILE...           sets the tag in kustomizations, tuned
python editor_yaml.py compare FOUND WANTED      compares the values of files by their paths on
                                                standard input; prints one JSON object
"""

import json
import pathlib
import sys

REPOSITORY = "registry.example/shop/advertisements"
NEW = "1.10"
LISTS = ("initContainers", "containers")


def set_images(value):
    """Sets the image of all containers below a value."""
    if isinstance(value, list):
        for item in value:
            set_images(item)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key in LISTS and isinstance(entry, list):
                for container in entry:
                    if str(container.get("image", "")).startswith(REPOSITORY + ":"):
                        old = container["image"]
                        # Keeps the quotes that ruamel.yaml knows of.
                        container["image"] = type(old)(f"{REPOSITORY}:{NEW}")
            set_images(entry)


def set_tag(value):
    """Sets the tag in a kustomization."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

    for image in value.get("images", []):
        if image.get("name") == REPOSITORY:
            old = image["newTag"]
            image["newTag"] = (
                type(old)(NEW) if isinstance(old, ScalarString) else DoubleQuotedScalarString(NEW)
            )


def edit(mode, paths):
    """Loads, edits and dumps each file in place; says which could not be."""
    import ruamel.yaml

    for path in map(pathlib.Path, paths):
        yaml = ruamel.yaml.YAML()
        if mode != "default":
            yaml.preserve_quotes = True
            yaml.width = 1 << 20
        try:
            with path.open("rb") as file:
                documents = list(yaml.load_all(file))
            for document in documents:
                (set_tag if mode == "overlay" else set_images)(document)
            with path.open("wb") as file:
                yaml.dump_all(documents, file)
        except ruamel.yaml.error.YAMLError:
            print(path)


def load(path):
    """Returns the values of a file with an independent reader."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = path.read_bytes()
    if path.suffix == ".json":
        # A tool may have made other YAML of it; but tabs, as JSON has them, this reader refuses.
        try:
            return [json.loads(data)]
        except ValueError:
            pass
    return list(yaml.load_all(data, Loader=loader))


def compare(found, wanted):
    """Says of each file: same values, other values, unparsable; or that the reader cannot tell."""
    import yaml

    outcome = {}
    for path in sys.stdin.read().splitlines():
        try:
            expected = load(pathlib.Path(wanted, path))
        except yaml.YAMLError:
            outcome[path] = "unknown"
            continue
        try:
            outcome[path] = "same" if load(pathlib.Path(found, path)) == expected else "other"
        except yaml.YAMLError:
            outcome[path] = "unparsable"
    print(json.dumps(outcome))


if sys.argv[1] == "compare":
    compare(*sys.argv[2:4])
else:
    edit(sys.argv[1], sys.argv[2:])
