//! Rows of positions that no rule covers.

use super::{put, take};

#[test]
fn positions_without_a_rule_are_refused() {
    let rows = [
        (
            "a: &x {b: 1}\nc: *x\n",
            "c",
            "it is an alias of what is anchored on line 1",
        ),
        ("a: 1\nb: 2\n", "b", "it is a text, expected a mapping"),
        ("a: [b]\n", "a", "it is a list, expected a mapping"),
        ("a: ''\n", "a", "it is a text, expected a mapping"),
        (
            "? a\n: b\n",
            "",
            "`?` stands in front of its first key or dash",
        ),
        (
            "a: 1\n? b\n: c\n",
            "",
            "the key on line 2 stands behind `?`",
        ),
        ("a: 1\n? b\n", "", "the key on line 2 stands behind `?`"),
        (
            "&k a: 1\n",
            "",
            "`&k` stands in front of its first key or dash",
        ),
        (
            "- &k a: 1\n",
            "0",
            "`- &k` stands in front of its first key or dash",
        ),
        (
            "a: !odd\n  b: 1\n",
            "a",
            "it has the tag `!odd`, expected none",
        ),
        (
            "a: &x\nb: *x\n",
            "a",
            "it is a null with a tag or an anchor",
        ),
        ("a: [b: c]\n", "a/0", "it is a pair in a list (`[a: b]`)"),
        (
            "a: {b: }\n",
            "a",
            "the value on line 1 is empty, expected one",
        ),
        ("a: {b: }\n", "a/b", "it has no value, expected `{}`"),
        (
            "a: {b: c, new: 1}\n",
            "a",
            "it has a key `new` already, expected none",
        ),
        ("-\n", "0", "it is a null without a key"),
        ("---\n# only a comment\n", "", "it is a null without a key"),
        (": a\n", "", "its first key is empty"),
        ("a:\n  ~\n", "a", "the null is not on the line of its key"),
    ];
    for (text, path, expected) in rows {
        let refused = put(text, path, "new", "x").unwrap_err();
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
    let lists = [
        ("a: {b: 1}\n", "a", "it is a mapping, expected a list"),
        (
            "- &x a\n",
            "",
            "something stands between the `-` and the item on line 1",
        ),
        (
            "- !!map\n  a: 1\n",
            "",
            "something stands between the `-` and the item on line 2",
        ),
        (
            "-\ta\n",
            "",
            "something stands between the `-` and the item on line 1",
        ),
        (
            "a: [b, c: d]\n",
            "a",
            "one of its items is a pair (`[a: b]`)",
        ),
        ("- |\n\n", "", "its last block scalar is empty"),
    ];
    for (text, path, expected) in lists {
        let refused = put(text, path, "", "x").unwrap_err();
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
    let removed = [
        (
            "a: 1\n",
            "",
            "a",
            "it is the only child of a collection without a key",
        ),
        (
            "- a: 1\n",
            "0",
            "a",
            "it is the only child of a collection without a key",
        ),
        (
            "a: &x\n  b: 1\n",
            "a",
            "b",
            "it is the only child of a collection with an anchor",
        ),
        (
            "- a: 1\n\n  b: 2\n",
            "0",
            "a",
            "it stands behind a dash, with comments or blank lines",
        ),
        (
            "a: |\n  x\nb: 1\n  # c\nc: 1\n",
            "",
            "b",
            "the blank lines or comments below it would",
        ),
        (
            "a: |+\n  x\nb: 1\n\nc: 1\n",
            "",
            "b",
            "the blank lines or comments below it would",
        ),
        (
            "a: &x 1\nb: *x\n",
            "",
            "a",
            "the alias on line 2 stands for a part of it",
        ),
        (
            "a: 1\n&k b: 1\n",
            "",
            "b",
            "it has an anchor or a tag in front of it",
        ),
        (
            "a: 1\n? b\n: 1\n",
            "",
            "b",
            "`?` stands in front of its first key or dash",
        ),
    ];
    for (text, path, child, expected) in removed {
        let refused = take(text, path, child).unwrap_err();
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
}
