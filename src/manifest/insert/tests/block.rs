//! Rows of children put into block collections, and of first children.

use super::{put, row};

#[test]
fn entries_of_block_mappings() {
    row(
        "a: 1\n",
        "",
        "version",
        "1.10.0",
        "a: 1\nversion: \"1.10.0\"\n",
    );
    row("a: 1", "", "b", "web", "a: 1\nb: web");
    row(
        "\u{feff}a: 1\r\nb: 2\r\n",
        "",
        "c",
        "x",
        "\u{feff}a: 1\r\nb: 2\r\nc: x\r\n",
    );
    row("a: 1\rb: 2", "", "c", "x", "a: 1\rb: 2\rc: x");
    row(
        "a: 1\r\nb: 2\nc: 3\n",
        "",
        "d",
        "x",
        "a: 1\r\nb: 2\nc: 3\nd: x\r\n",
    );
    row(
        "a: {}\n--- # two\nb: 1\n...\n",
        "",
        "c",
        "x",
        "a: {}\n--- # two\nb: 1\nc: x\n...\n",
    );
    // The comment below the last entry stays below.
    row(
        "metadata:\n  annotations:\n    a: b\n    # canary\nspec: 1\n",
        "metadata/annotations",
        "nginx.ingress.kubernetes.io/canary-weight",
        "'5'",
        "metadata:\n  annotations:\n    a: b\n    nginx.ingress.kubernetes.io/canary-weight: \"5\"\n    \
         # canary\nspec: 1\n",
    );
    row(
        "base: &base\n  image: x\nweb:\n  <<: *base # all\nz: 1\n",
        "web",
        "image",
        "x:2",
        "base: &base\n  image: x\nweb:\n  <<: *base # all\n  image: x:2\nz: 1\n",
    );
    row(
        "a: 'x\n  y' # c\nb: 1\n",
        "",
        "labels",
        "{version: 1.2.3, ports: [1, {to: web, by: no}]}",
        "a: 'x\n  y' # c\nb: 1\nlabels:\n  version: '1.2.3'\n  ports:\n    - 1\n    - to: web\n      \
         by: 'no'\n",
    );
    row(
        "a: plain\n  on\nb:\n",
        "",
        "c",
        "x",
        "a: plain\n  on\nb:\nc: x\n",
    );
}

#[test]
fn entries_below_block_scalars() {
    row(
        "a: |\n  x\n\n\n# c\n",
        "",
        "b",
        "web",
        "a: |\n  x\nb: web\n\n\n# c\n",
    );
    row(
        "a: |+\n  x\n\n\n# c\n",
        "",
        "b",
        "web",
        "a: |+\n  x\n\n\nb: web\n# c\n",
    );
    row("a: |-\n  x", "", "b", "web", "a: |-\n  x\nb: web");
    row(
        "a: >2\n     x\n    \nb: |\n  x\n   \n\n",
        "",
        "c",
        "web",
        "a: >2\n     x\n    \nb: |\n  x\n   \nc: web\n\n",
    );
    row(
        "a: |\n  x\n # less\n",
        "",
        "b",
        "web",
        "a: |\n  x\nb: web\n # less\n",
    );
    row("a: |\n\n\n", "", "b", "web", "a: |\nb: web\n\n\n");
    // A line below would decide whether the value ends with a line break.
    for text in ["a: |\n  x", "a: |+\n  x", "- k: >\n    x", "a: |+\n  x\n  "] {
        let place = if text.starts_with('-') { "0" } else { "" };
        let refused = put(text, place, "b", "y").unwrap_err();
        assert!(
            refused.starts_with("the file ends in a block scalar"),
            "{refused}"
        );
    }
    row(
        "env:\n- name: A\n  value: |+\n    x\n\n\nnext: 1\n",
        "env",
        "",
        "{name: B, value: '2.0'}",
        "env:\n- name: A\n  value: |+\n    x\n\n\n- name: \"B\"\n  value: \"2.0\"\nnext: 1\n",
    );
}

#[test]
fn items_of_block_sequences() {
    row(
        "env:\n- name: A\n  value: \"1\" # first\n# end\nx: 1\n",
        "env",
        "",
        "{name: DD_VERSION, value: '2.0'}",
        "env:\n- name: A\n  value: \"1\" # first\n- name: DD_VERSION\n  value: \"2.0\"\n# end\nx: 1\n",
    );
    row(
        "env:\n  -   name: A\n      value: b\n",
        "env",
        "",
        "{name: DD_VERSION, value: '2.0'}",
        "env:\n  -   name: A\n      value: b\n  -   name: DD_VERSION\n      value: \"2.0\"\n",
    );
    row(
        "- - a\n  - b\n- c\n",
        "0",
        "",
        "x",
        "- - a\n  - b\n  - x\n- c\n",
    );
    row(
        "- - a\n  - b",
        "",
        "",
        "[x, z]",
        "- - a\n  - b\n- - x\n  - z",
    );
    row("- |\n  x\n- b\n", "", "", "x", "- |\n  x\n- b\n- x\n");
    row("- &x a\n- b\n", "", "", "x", "- &x a\n- b\n- x\n");
    row(
        "-\n  # c\n  a: 1\n",
        "",
        "",
        "{k: v}",
        "-\n  # c\n  a: 1\n- k: v\n",
    );
    row(
        "a:\n-\n-   # none\n",
        "a",
        "",
        "x",
        "a:\n-\n-   # none\n- x\n",
    );
    row("- a: 1\n", "0", "k", "[v]", "- a: 1\n  k:\n    - v\n");
    let comments = "    # about\n".repeat(200);
    row(
        &format!("containers:\n{comments}    - a\n"),
        "containers",
        "",
        "x",
        &format!("containers:\n{comments}    - a\n    - x\n"),
    );
}

#[test]
fn first_children() {
    row(
        "labels: {}   # none\n",
        "labels",
        "version",
        "1.2.3",
        "labels: {version: \"1.2.3\"}   # none\n",
    );
    row(
        "a:\n    b: 1\nm:\n    labels:   # why\n    # end\nx: 1\n",
        "m/labels",
        "k",
        "v",
        "a:\n    b: 1\nm:\n    labels:   # why\n        k: v\n    # end\nx: 1\n",
    );
    row(
        "labels:",
        "labels",
        "k",
        "{a: [[], {}]}",
        "labels:\n  k:\n    a:\n      - []\n      - {}",
    );
    row(
        "a:\n- x\nenv:\n",
        "env",
        "",
        "{k: v}",
        "a:\n- x\nenv:\n- k: v\n",
    );
    row(
        "a:\n   -   x\nenv:\n",
        "env",
        "",
        "{k: v}",
        "a:\n   -   x\nenv:\n   -   k: v\n",
    );
    row("- env:\n", "0/env", "", "v", "- env:\n    - v\n");
    row("{}\n", "", "a", "{b: 1}", "{\"a\": {\"b\": 1}}\n");
    row("--- []", "", "", "x", "--- [\"x\"]");
    row("- {}\n", "0", "k", "v", "- {k: v}\n");
    row("a: [ ]\n", "a", "", "v", "a: [v ]\n");
    row("a: {\n  }\n", "a", "k", "v", "a: {\n    k: v\n  }\n");
    // A null that is written out is replaced.
    assert_eq!(
        put("a: ~  # c\n", "a", "k", "v").unwrap(),
        "a:  # c\n  k: v\n"
    );
    assert_eq!(put("a: null", "a", "", "v").unwrap(), "a:\n  - v");
    assert_eq!(
        put("{\"a\":null}", "a", "k", "v").unwrap(),
        "{\"a\":{\"k\":\"v\"}}"
    );
}

#[test]
fn lists_are_indented_like_the_nearest_one() {
    let images = "[{name: shop/web, newTag: '2.0'}]";
    row(
        "resources:\n  - a.yaml\n# the end\n",
        "",
        "images",
        images,
        "resources:\n  - a.yaml\nimages:\n  - name: shop/web\n    newTag: \"2.0\"\n# the end\n",
    );
    row(
        "patches:\n- path: x\n  options:\n    a:\n        - b\nresources:\n- a.yaml\n",
        "",
        "images",
        images,
        "patches:\n- path: x\n  options:\n    a:\n        - b\nresources:\n- a.yaml\nimages:\n\
         - name: shop/web\n  newTag: \"2.0\"\n",
    );
}
