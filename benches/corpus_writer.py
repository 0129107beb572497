"""Writes objects as YAML in the many ways people write it, one way a file; seeded by the caller.

A tag to be changed stands in the objects as `TAG`. All else is written once for both trees, so that
the file before and the file after differ in nothing but those bytes.
"""

import json
import re

TAG = "\x01"
PLAIN_TAG = "\x02"  # Without quotes, which it must get: `1.10` would be a number.
# What is surely a text without quotes, for every reader: begins with a letter, a path or an option.
PLAIN = re.compile(
    r"(?:[^\W\d_]|/|\.\./|--?[a-z])(?:[\w./@:?=&<>+%\x01-]|(?<![ :]) (?=[\w<]))*(?<!:)|[0-9]+(?:m|Mi|Gi|s|%)"
)
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
REMARKS = [
    "keep in step with the runbook",
    "see OPS-{number}",
    "TODO(team-{number}): still needed?",
    "raised after INC-{number}",
    "do not sort",
    "größer als nötig",
    "本番のみ",
    "→ next review in Q3",
    "was {number}",
    "yamllint disable-line rule:line-length",
    "measured: p99 {number} ms",
    "'quoted' and \"quoted\": {not: flow}",
    "default",
    "image: registry.example/old/thing:{number}",
]
LICENCE = """Copyright The Shop Authors.

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License in the file LICENSE.

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.""".split("\n")


class Literal(str):
    """A text written as a block: `|`."""


class Folded(str):
    """A text written as a folded block: `>-`."""


class Wrapped(str):
    """A text of several words that goes on in the next line."""


class Marked(str):
    """A text with a comment behind it that another tool reads."""

    remark = ""


class Anchored:
    """A value with an anchor, or an alias to it."""

    def __init__(self, name, value, alias=False):
        self.name, self.value, self.alias = name, value, alias


def resolved(value):
    """Returns the value without anchors, as JSON has it."""
    if isinstance(value, Anchored):
        return resolved(value.value)
    if isinstance(value, dict):
        merged = resolved(value["<<"]) if "<<" in value else {}
        return {**merged, **{key: resolved(entry) for key, entry in value.items() if key != "<<"}}
    return [resolved(entry) for entry in value] if isinstance(value, list) else value


class Style:
    """The way in which one file is written."""

    def __init__(self, random):
        def one(*weighted):
            return random.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]

        self.unit = one((2, 88), (4, 9), (3, 3))
        self.indented_lists = random.random() < 0.5
        self.dash = one((1, 94), (3, 6))
        self.quote = one(('"', 75), ("'", 25))
        self.quoted = one((0.0, 60), (0.15, 30), (0.9, 10))
        self.mixed_quotes = random.random() < 0.15
        self.quoted_keys = random.random() < 0.02
        self.flow = one((0.0, 65), (0.15, 25), (0.7, 10))
        self.flow_pad = random.random() < 0.4
        self.remarks = one((0.0, 35), (0.02, 35), (0.08, 25), (0.25, 5))
        self.odd_remarks = random.random() < 0.2
        self.blanks = one((0.0, 70), (0.04, 20), (0.2, 10))
        self.trailing_blanks = random.random() < 0.04
        self.aligned = random.random() < 0.03
        self.header = one((0, 80), (1, 12), (2, 8))
        self.first_marker = one(("", 55), ("---", 40), ("--- # generated once, edited since", 5))
        self.last_marker = random.random() < 0.01
        self.line_break = one(("\n", 94), ("\r\n", 6))
        self.byte_order_mark = random.random() < 0.02
        self.final_break = random.random() > 0.08


class Writer:
    """Writes the documents of one file; `remarks` has every comment that was written."""

    def __init__(self, random, style):
        self.random, self.style = random, style
        self.lines, self.remarks = [], []
        self.after_block = False

    def file(self, documents, head=None):
        """Returns the text of a file of these documents, with a comment at its head."""
        style, first = self.style, self.style.first_marker
        if head:
            self.note(0, head)
        if style.header == 1:
            self.note(0, self.words())
        elif style.header == 2:
            for line in LICENCE:
                self.note(0, line) if line else self.lines.append("#")
            self.lines.append("")
        for index, document in enumerate(documents):
            marker = first if index == 0 else self.random.choice(["---", "---", "---", "--- # next"])
            if "#" in marker:
                self.remarks.append(marker[4:])
            if marker:
                self.lines.append(marker)
            self.mapping(document, 0)
            self.after_block = False
        if style.last_marker:
            self.lines.append("...")
        text = style.line_break.join(self.lines) + (style.line_break if style.final_break else "")
        return ("\ufeff" if style.byte_order_mark else "") + text

    def words(self):
        return self.random.choice(REMARKS).replace("{number}", str(self.random.randrange(100, 9999)))

    def note(self, column, words):
        """Writes a comment on a line of its own."""
        text = self.random.choice(["# ", "# ", "# ", "#", "## "]) + words
        self.remarks.append(text)
        self.lines.append(" " * column + text)

    def between(self, column):
        """What may stand in front of an entry: a comment, a blank line."""
        style, random = self.style, self.random
        if random.random() < style.blanks:
            self.lines.append("")
        if random.random() < style.remarks:
            if style.odd_remarks:
                column = random.choice([0, column] if self.after_block else [0, column, column + 3])
            self.note(column, self.words())

    def end_of_line(self, value):
        """A comment or blanks at the end of a line."""
        if isinstance(value, Marked):
            self.remarks.append(value.remark)
            return " " + value.remark
        if self.random.random() < self.style.remarks:
            text = "# " + self.words()
            self.remarks.append(text)
            return " " * self.random.choice([1, 1, 2, 4]) + text
        return "  " if self.style.trailing_blanks and self.random.random() < 0.1 else ""

    def scalar(self, value, flow=False):
        """Returns the text of a scalar."""
        style = self.style
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            return str(value)
        if value == PLAIN_TAG:
            return value
        plain = PLAIN.fullmatch(value) and value.lower() not in WORDS
        if flow and set(value) & set(":?&<> "):
            plain = False
        if plain and self.random.random() >= style.quoted:
            return str(value)
        quote = style.quote
        if style.mixed_quotes:
            quote = self.random.choice("'\"")
        if quote == "'" and (value.isprintable() or TAG in value):
            return "'" + value.replace("'", "''") + "'"
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    def key(self, key):
        plain = PLAIN.fullmatch(key) and key.lower() not in WORDS and not set(key) & set(":? ")
        if key == "<<":
            return key
        return key if plain and not self.style.quoted_keys else f'"{key}"'

    def in_flow(self, value):
        """Returns a small collection written in one line; none where it is not small."""
        scalars = value.values() if isinstance(value, dict) else value
        simple = all(
            isinstance(each, (str, int)) and not isinstance(each, (Literal, Folded, Wrapped, Marked))
            for each in scalars
        )
        if not simple or len(value) > 4 or sum(len(str(each)) for each in scalars) > 70:
            return None
        if self.random.random() >= self.style.flow:
            return None
        pad = " " if self.style.flow_pad else ""
        if isinstance(value, dict):
            pairs = [f"{self.key(key)}: {self.scalar(each, True)}" for key, each in value.items()]
            return "{" + pad + ", ".join(pairs) + pad + "}"
        return "[" + pad + ", ".join(self.scalar(each, True) for each in value) + pad + "]"

    def mapping(self, value, column, first=False):
        """Writes the entries of a mapping; in front of the first of a list's item stands nothing."""
        for key, entry in value.items():
            if not first:
                self.between(column)
            first = False
            head = " " * column + self.key(key) + ":"
            if self.style.aligned and isinstance(entry, (str, int)):
                head += " " * max(0, 12 - len(key))
            self.entry(head, entry, column)

    def entry(self, head, value, column):
        """Writes what stands behind a key or a dash."""
        unit, anchor = self.style.unit, ""
        if isinstance(value, Anchored):
            if value.alias:
                self.put(f"{head} *{value.name}{self.end_of_line(value)}")
                return
            anchor, value = f" &{value.name}", value.value
        head += anchor
        if isinstance(value, (Literal, Folded)):
            sign = "|" if isinstance(value, Literal) else ">-"
            self.lines.append(f"{head} {sign}")
            self.lines += [" " * (column + unit) + line if line else "" for line in value.split("\n")]
            self.after_block = True
        elif isinstance(value, Wrapped):
            middle = value.index(" ", len(value) // 2)
            self.put(f"{head} {value[:middle]}")
            self.put(" " * (column + unit) + value[middle + 1 :])
        elif isinstance(value, (dict, list)):
            flow = ("{}" if isinstance(value, dict) else "[]") if not value else self.in_flow(value)
            if flow:
                self.put(f"{head} {flow}{self.end_of_line(value)}")
                return
            self.put(head + self.end_of_line(value))
            if isinstance(value, dict):
                self.mapping(value, column + unit)
            else:
                self.sequence(value, column + (unit if self.style.indented_lists else 0))
        else:
            self.put(f"{head} {self.scalar(value)}{self.end_of_line(value)}")

    def sequence(self, items, column):
        inner = column + 1 + self.style.dash
        for item in items:
            self.between(column)
            dash = " " * column + "-" + " " * self.style.dash
            if isinstance(item, dict) and item:
                flow = self.in_flow(item)
                if flow:
                    self.put(dash + flow + self.end_of_line(item))
                    continue
                start = len(self.lines)
                self.mapping(item, inner, first=True)
                self.lines[start] = dash + self.lines[start][inner:]
            else:
                self.entry(dash[:-1], item, column)

    def put(self, line):
        self.lines.append(line)
        self.after_block = False


def as_json(random, value):
    """Returns an object as JSON, in one of the ways it is written."""
    indent = random.choice([2, 2, 2, 4, "\t", None])
    text = json.dumps(resolved(value), indent=indent, ensure_ascii=False)
    # The one control character of the corpus, which JSON would escape.
    text = text.replace("\\u0001", TAG)
    return text + random.choice(["\n", "\n", "\n", ""])
