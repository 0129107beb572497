//! Rows of children put into flow collections, JSON among them.

use super::row;

#[test]
fn flow_collections_on_one_line() {
    row(
        "labels: {app: web, tier: 'b'} # c\n",
        "labels",
        "version",
        "1.2.3",
        "labels: {app: web, tier: 'b', version: '1.2.3'} # c\n",
    );
    row("a: [x, y]\n", "a", "", "z: 1", "a: [x, y, {z: 1}]\n");
    row("a: [ x, ]\n", "a", "", "z", "a: [ x, z, ]\n");
    row("a: [x,y]\n", "a", "", "z", "a: [x,y,z]\n");
    row(
        "{\"a\":{\"b\":1}}",
        "a",
        "k",
        "{n: 5}",
        "{\"a\":{\"b\":1,\"k\":{\"n\":5}}}",
    );
    row(
        "a: [{b: 1}, {b: 2}]\n",
        "a",
        "",
        "{b: 3}",
        "a: [{b: 1}, {b: 2}, {b: 3}]\n",
    );
    row(
        "- {name: a, image: x:1}\n",
        "0",
        "v",
        "'1'",
        "- {name: a, image: x:1, v: \"1\"}\n",
    );
    row("a: [\"x\"]\n", "a", "", "a, b", "a: [\"x\", \"a, b\"]\n");
    row("--- {a: 1}\n", "", "b", "web", "--- {a: 1, b: web}\n");
}

#[test]
fn flow_collections_over_lines() {
    row(
        "a: {\n  x: 1, # one\n  y: 2 # two\n  # end\n}\n",
        "a",
        "z",
        "web",
        "a: {\n  x: 1, # one\n  y: 2, # two\n  z: web\n  # end\n}\n",
    );
    row(
        "a: [\n  x,\n  y, # two\n]\n",
        "a",
        "",
        "z",
        "a: [\n  x,\n  y, # two\n  z,\n]\n",
    );
    row(
        "{\n\t\"m\": {\n\t\t\"l\": {\n\t\t\t\"a\": \"b\"\n\t\t}\n\t}\n}",
        "m/l",
        "version",
        "1.2.3",
        "{\n\t\"m\": {\n\t\t\"l\": {\n\t\t\t\"a\": \"b\",\n\t\t\t\"version\": \"1.2.3\"\n\t\t}\n\t}\n}",
    );
    row(
        "{\r\n  \"m\": {\r\n    \"a\": 1\r\n  }\r\n}\r\n",
        "m",
        "l",
        "{v: ['x', 1], e: {}}",
        "{\r\n  \"m\": {\r\n    \"a\": 1,\r\n    \"l\": {\r\n      \"v\": [\r\n        \"x\",\r\n        \
         1\r\n      ],\r\n      \"e\": {}\r\n    }\r\n  }\r\n}\r\n",
    );
    row(
        "a: {b: 1,\n    c: 2 }\n",
        "a",
        "d",
        "x",
        "a: {b: 1,\n    c: 2,\n    d: x }\n",
    );
    row(
        "a: {b: 1,\n    c: 2, }\n",
        "a",
        "d",
        "x",
        "a: {b: 1,\n    c: 2,\n    d: x, }\n",
    );
    row(
        "a: [x, y,\n  z, w\n  ]\n",
        "a",
        "",
        "v",
        "a: [x, y,\n  z, w, v\n  ]\n",
    );
}
