//! What a person sees at a terminal while a deployment runs: a pseudo terminal of several widths, read as one.

use std::{
    fs::File,
    io::Read,
    process::{Child, Command, Stdio},
};

use nix::{
    pty::{Winsize, openpty},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A program whose standard error is a terminal.
struct AtTerminal {
    child: Child,
    screen: File,
}

impl AtTerminal {
    fn start(columns: u16, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(&size, None).unwrap();
        let child = Command::new(assert_cmd::cargo::cargo_bin("shipgate"))
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(pair.slave))
            .spawn()
            .unwrap();
        Self {
            child,
            screen: File::from(pair.master),
        }
    }

    /// Reads on, until a text has come or the end; returns all of it.
    fn read_until(&mut self, end: Option<&str>) -> String {
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        // Once nobody has the other side open, Linux says so with an error.
        while let Ok(read @ 1..) = self.screen.read(&mut part) {
            bytes.extend_from_slice(&part[..read]);
            let found = end.is_some_and(|end| String::from_utf8_lossy(&bytes).contains(end));
            if found {
                break;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn demo(columns: u16, environment: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let usual = ["demo", "--speed", "200"];
    let mut run = AtTerminal::start(columns, environment, &[&usual[..], arguments].concat());
    let output = run.read_until(None);
    (run.child.wait().unwrap().code().unwrap(), output)
}

/// Splits terminal output into texts and the sequences between them.
fn pieces(output: &str) -> Vec<(bool, String)> {
    let mut pieces = vec![(false, String::new())];
    let mut characters = output.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' if characters.peek() == Some(&'[') => {
                characters.next();
                let mut sequence = String::new();
                for character in characters.by_ref() {
                    sequence.push(character);
                    if character.is_ascii_alphabetic() {
                        break;
                    }
                }
                pieces.push((true, sequence));
                pieces.push((false, String::new()));
            }
            character => pieces.last_mut().unwrap().1.push(character),
        }
    }
    pieces
}

/// What stands on a terminal that is high enough, and the rows that reached into its last column: what is drawn
/// leaves that free, so such a row would be one that is too long.
fn screen(output: &str, columns: usize) -> (Vec<String>, Vec<String>) {
    let mut rows: Vec<Vec<char>> = vec![Vec::new()];
    let mut too_long = Vec::new();
    let (mut row, mut column) = (0_usize, 0_usize);
    for (is_sequence, piece) in pieces(output) {
        if is_sequence {
            let (number, kind) = piece.split_at(piece.len() - 1);
            let count = number.parse::<usize>().unwrap_or(1);
            match kind {
                "A" => row = row.saturating_sub(count),
                "B" => row += count,
                "K" if number == "2" => rows[row].clear(),
                "K" => rows[row].truncate(column),
                "G" => column = count - 1,
                "m" | "h" | "l" => {}
                "J" => {
                    rows.truncate(row + 1);
                    rows[row].truncate(column);
                }
                other => panic!("unknown sequence {number}{other}"),
            }
        } else {
            for character in piece.chars() {
                match character {
                    '\r' => column = 0,
                    '\n' => row += 1,
                    character => {
                        if column == columns {
                            (row, column) = (row + 1, 0);
                        }
                        if rows.len() <= row {
                            rows.resize(row + 1, Vec::new());
                        }
                        let line = &mut rows[row];
                        line.resize(line.len().max(column + 1), ' ');
                        line[column] = character;
                        column += 1;
                        if column == columns && character != ' ' {
                            too_long.push(line.iter().collect());
                        }
                    }
                }
                if rows.len() <= row {
                    rows.resize(row + 1, Vec::new());
                }
            }
        }
        if rows.len() <= row {
            rows.resize(row + 1, Vec::new());
        }
    }
    let rows = rows
        .into_iter()
        .map(|row| row.into_iter().collect::<String>());
    (
        rows.map(|row| row.trim_end().to_owned()).collect(),
        too_long,
    )
}

/// What was written while the run was under way: the demo tells things before and after it.
fn under_way(output: &str) -> &str {
    let (_, rest) = output.split_once("start ").unwrap();
    rest.rsplit_once("git log main").unwrap().0
}

/// What only the picture has.
const PICTURE: [&str; 5] = ["waits for", "so far", "█", "░", "▸"];

const USUAL: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];

#[test]
fn nothing_is_wider_than_the_terminal_and_nothing_stays_behind() {
    let widths = [40, 80, 200];
    let runs = widths.map(|columns| {
        std::thread::spawn(move || demo(columns, &USUAL, &["--scenario", "errors"]))
    });
    for (columns, run) in widths.into_iter().zip(runs) {
        let (code, output) = run.join().unwrap();
        assert_eq!(code, 40, "{output}");
        let texts = pieces(under_way(&output)).into_iter();
        let texts = texts.filter(|(is_sequence, _)| !is_sequence);
        let text: String = texts.map(|(_, piece)| piece).collect();
        for drawn in ["waits for", "weight ", "so far", "worse", "new "] {
            assert!(text.contains(drawn), "{columns}: {drawn} was never shown");
        }
        // There is no room for the old version's figures on the narrowest one.
        assert_eq!(text.contains(", old "), columns > 40, "{columns}");
        let (left, too_long) = screen(under_way(&output), columns.into());
        assert_eq!(too_long, [""; 0], "{columns}");
        let left = left.join("\n");
        for drawn in PICTURE {
            assert!(!left.contains(drawn), "{columns}: {drawn} stays\n{left}");
        }
        assert_eq!(left.matches("  step  ").count(), 8, "{left}");
        assert_eq!(
            output.matches("\u{1b}[?25l").count(),
            output.matches("\u{1b}[?25h").count()
        );
    }
}

/// Environment, flags, and whether there is a picture, colours, characters beyond ASCII.
type Row = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    bool,
    bool,
    bool,
);

#[test]
fn colours_and_pictures_are_as_the_environment_says() {
    let rows: [Row; 6] = [
        (&USUAL, &[], true, true, true),
        (&[("TERM", "xterm")], &[], true, true, false),
        (
            &[("TERM", "xterm"), ("NO_COLOR", "1")],
            &[],
            true,
            false,
            false,
        ),
        (
            &[("TERM", "xterm")],
            &["--color", "never"],
            true,
            false,
            false,
        ),
        (&[("TERM", "dumb")], &[], false, false, false),
        (
            &[("TERM", "xterm"), ("CI", "true")],
            &[],
            false,
            true,
            false,
        ),
    ];
    let runs = rows
        .map(|(environment, flags, ..)| std::thread::spawn(move || demo(100, environment, flags)));
    for ((environment, flags, picture, colours, unicode), run) in rows.into_iter().zip(runs) {
        let (code, output) = run.join().unwrap();
        let what = format!("{environment:?} {flags:?}\n{output}");
        assert_eq!(code, 0, "{what}");
        let part = under_way(&output);
        assert_eq!(part.contains("waits for"), picture, "{what}");
        assert_eq!(part.contains("  wait  "), !picture, "{what}");
        let sequences = pieces(part)
            .into_iter()
            .filter(|(is_sequence, _)| *is_sequence);
        let is_coloured = sequences.into_iter().any(|(_, piece)| piece.ends_with('m'));
        assert_eq!(is_coloured, colours, "{what}");
        assert_eq!(part.contains(['█', '▸', '✓']), unicode, "{what}");
    }
}

#[test]
fn whoever_leaves_with_control_c_has_a_clean_terminal() {
    let mut run = AtTerminal::start(80, &USUAL, &["demo", "--speed", "100"]);
    let mut output = run.read_until(Some("so far"));
    let id = i32::try_from(run.child.id()).unwrap();
    kill(Pid::from_raw(id), Signal::SIGINT).unwrap();
    output.push_str(&run.read_until(None));
    assert_eq!(run.child.wait().unwrap().code(), Some(51), "{output}");
    let left = screen(under_way(&output), 80).0.join("\n");
    for drawn in PICTURE {
        assert!(!left.contains(drawn), "{drawn} stays\n{left}");
    }
    assert_eq!(
        output.matches("\u{1b}[?25l").count(),
        output.matches("\u{1b}[?25h").count()
    );
}
