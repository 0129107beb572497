//! Rows of children taken out that a person wrote.

use super::take;

#[test]
fn what_a_person_wrote_is_taken_out_whole() {
    let rows = [
        ("a: 1\nb: 2 # c\n# d\nc: 3\n", "", "b", "a: 1\n# d\nc: 3\n"),
        (
            "a: 1\n\n# about b\nb:\n  x: |+\n    y\n\nc: 3\n",
            "",
            "b",
            "a: 1\n\n# about b\nc: 3\n",
        ),
        ("a: 1\nb: 2", "", "b", "a: 1"),
        ("a: |\n  x\nb: 2", "", "b", "a: |\n  x\n"),
        ("- a: 1 # c\n  b: 2\n", "0", "a", "- b: 2\n"),
        ("- - a\n  - b\n", "0", "0", "- - b\n"),
        ("a:\n- x\n# c\n- y\n", "a", "0", "a:\n# c\n- y\n"),
        ("a:\n  b: 1 # c\nd: 1\n", "a", "b", "a:\nd: 1\n"),
        ("a: {b: 1, c: 2, d: 3}\n", "a", "b", "a: {c: 2, d: 3}\n"),
        ("a: {b: 1, c: 2, d: 3}\n", "a", "c", "a: {b: 1, d: 3}\n"),
        ("a: {b: 1, c: 2, d: 3 }\n", "a", "d", "a: {b: 1, c: 2 }\n"),
        ("a: { b: 1 }\n", "a", "b", "a: { }\n"),
        ("a: [ b, ]\n", "a", "0", "a: [ ]\n"),
        (
            "a: [\n  b, # b\n  # c\n  c, # c\n]\n",
            "a",
            "0",
            "a: [\n  # c\n  c, # c\n]\n",
        ),
        (
            "a: [\n  b, # b\n  c # c\n]\n",
            "a",
            "1",
            "a: [\n  b # b\n]\n",
        ),
        ("a: [b, c,\n  d]\n", "a", "1", "a: [b,\n  d]\n"),
        ("a: [b, # b\n  c]\n", "a", "0", "a: [\n  c]\n"),
        ("a: [b, # b\n  c]\n", "a", "1", "a: [b # b\n  ]\n"),
    ];
    for (text, path, child, expected) in rows {
        assert_eq!(take(text, path, child).as_deref(), Ok(expected), "{text}");
    }
}
