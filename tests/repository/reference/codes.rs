//! `docs/exit-codes.md`: every exit code and reason code, as `shipgate explain` has them.

use serde_json::Value;

use super::{prose, sentence, shipgate, wrapped};

const HEAD: &str = "\
# Exit codes and reason codes

`shipgate explain 42` and `shipgate explain blocked-date` say at a terminal what is here. The last lines of every run have the code, the
reason and what to do next; `exit_code`, `reason_code` and `next` of `--output json` have the same.

- From 2 to 32 the branch is as the run found it, but for what others did; from 40 on it is not, or nobody can know: the run changed it, or (43)
  somebody else did.
- 0 only for a wanted outcome. Nothing that is not in this table is ever returned.
- At night: 41 and 44 page somebody, `shipgate recover` is safe at any time, `shipgate rollback` goes back to what ran before, and
  `shipgate runbook` has written down beforehand how to go back by hand.
- A pipeline may try again by itself after 20 and 31 (`retry: exit_codes: [20, 31]`), and should tell somebody of 41, 44 and 52.
- Of several services in one run the worst code is the run's, in this order:";

/// Makes the page.
pub fn page() -> String {
    let all: Value = serde_json::from_str(&shipgate(&["explain", "--output", "json"])).unwrap();
    let (codes, reasons) = (rows(&all, "codes"), rows(&all, "reasons"));
    let order = shipgate::exit::WORST_FIRST.iter().map(u8::to_string);
    let order = order.collect::<Vec<_>>().join(", ");
    let mut text =
        format!("{HEAD}\n  {order}.\n\n| code | name | what happened |\n|---|---|---|\n");
    for code in codes {
        let (number, name) = (&code["number"], word(code, "name"));
        let meaning = prose(word(code, "meaning"));
        text += &format!("| [{number}](#{number}-{name}) | {name} | {meaning} |\n");
    }
    for code in codes {
        let (number, name) = (&code["number"], word(code, "name"));
        text += &format!("\n## {number} {name}\n\n");
        for (label, key) in [
            ("What happened", "meaning"),
            ("Git and production", "state"),
            ("What to do", "next_step"),
            ("The same again?", "again"),
        ] {
            let said = sentence(&prose(word(code, key)));
            text += &wrapped(&format!("- **{label}**: {said}"), 2);
        }
        let finer = reasons.iter().filter(|it| it["exit_code"] == *number);
        let finer: Vec<String> = finer
            .map(|it| word(it, "name"))
            .map(|name| format!("[{name}](#{name})"))
            .collect();
        if !finer.is_empty() {
            text += &wrapped(&format!("- **Reasons**: {}", finer.join(", ")), 2);
        }
    }
    text += "\n## Reason codes\n\nFiner than an exit code and as stable; where one decides, the run ends with its exit code.\n";
    for reason in reasons {
        let (name, code) = (word(reason, "name"), &reason["exit_code"]);
        let exit = codes.iter().find(|it| it["number"] == *code).unwrap();
        let exit = word(exit, "name");
        text += &format!("\n### {name}\n\n");
        let meaning = sentence(&prose(word(reason, "meaning")));
        text += &wrapped(&format!("- **What happened**: {meaning}"), 2);
        let next = sentence(&prose(word(reason, "next_step")));
        text += &wrapped(&format!("- **What to do**: {next}"), 2);
        let source = sentence(&prose(word(reason, "source")));
        text += &wrapped(&format!("- **Where it comes from**: {source}"), 2);
        text += &format!("- **Exit code**: [{code} {exit}](#{code}-{exit})\n");
    }
    text
}

fn rows<'a>(all: &'a Value, key: &str) -> &'a [Value] {
    all[key].as_array().unwrap()
}

fn word<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}
