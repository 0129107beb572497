//! One chart: lines over time above the bands of the steps, drawn as SVG.

use chrono::{DateTime, Utc};

use super::{
    super::phrases::{self, Tone},
    markup::Markup,
    scale::{NumberScale, TimeScale},
};

/// Size of the drawing and its margins, in its own units; it is shown as wide as there is room.
const WIDTH: f64 = 560.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 26.0;
const HEIGHT: f64 = 180.0;
/// Height of a row of verdicts.
const ROW: f64 = 34.0;
/// Width of a letter of a band's label.
const LETTER: f64 = 7.5;
/// Most measurements of a line that are marked.
const MARKS: usize = 240;

/// What all charts of a run stand on: the time, and the steps behind the lines.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) range: [DateTime<Utc>; 2],
    pub(super) bands: Vec<Band>,
}

/// A step behind the lines.
#[derive(Debug)]
pub(super) struct Band {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) label: String,
    pub(super) name: String,
    pub(super) tone: Option<Tone>,
}

/// Lines over time.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    /// What is wanted of it; empty where nothing is.
    pub(super) wanted: String,
    /// What it shows, for whoever cannot see it.
    pub(super) description: String,
    /// Are its numbers shares from 0 to 1?
    pub(super) are_shares: bool,
    /// The largest number of the axis.
    pub(super) most: f64,
    pub(super) lines: Vec<ChartLine>,
}

/// One line of a chart.
#[derive(Debug)]
pub(super) struct ChartLine {
    pub(super) label: String,
    /// Its colour and stroke, as the style names them.
    pub(super) class: &'static str,
    /// Is the room below it filled?
    pub(super) is_filled: bool,
    /// Its pieces: figures that begin again begin a new one.
    pub(super) pieces: Vec<Vec<ChartPoint>>,
}

/// One point of a line.
#[derive(Debug, Clone)]
pub(super) struct ChartPoint {
    pub(super) at: DateTime<Utc>,
    pub(super) value: f64,
    pub(super) range: Option<[f64; 2]>,
    /// The verdict that came with it, where it is marked.
    pub(super) verdict: Option<(&'static str, Option<Tone>)>,
}

/// Verdicts over time, a row for each metric.
#[derive(Debug)]
pub(super) struct Strip {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) rows: Vec<StripRow>,
}

/// The verdicts of one metric.
#[derive(Debug)]
pub(super) struct StripRow {
    pub(super) label: String,
    pub(super) verdicts: Vec<Stretch>,
}

/// A time in which a verdict stayed as it was.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) verdict: &'static str,
    pub(super) tone: Option<Tone>,
}

impl Chart {
    /// Draws it; `id` is unique in the page.
    pub(super) fn draw(&self, id: &str, ground: &Ground, page: &mut Markup) {
        page.element("figure", &[], |figure| {
            figure.element("figcaption", &[], |caption| {
                caption.leaf("b", &[], &self.title);
                for line in self.lines.iter().filter(|line| !line.label.is_empty()) {
                    caption.own(" ");
                    let class = format!("key {}", line.class);
                    caption.leaf("span", &[("class", &class)], &line.label);
                }
                if !self.wanted.is_empty() {
                    caption.own(" ");
                    let wanted = format!("wanted: {}", self.wanted);
                    caption.leaf("span", &[("class", "wanted")], &wanted);
                }
            });
            let about = (self.title.as_str(), self.description.as_str());
            drawing(id, about, HEIGHT, figure, |svg| {
                let time = ground.draw(HEIGHT, svg);
                let bottom = HEIGHT - BOTTOM;
                let scale = NumberScale::new(self.most, bottom, bottom - TOP);
                for (index, (at, text)) in scale.marks(self.are_shares).into_iter().enumerate() {
                    let class = if index % 2 == 0 { "" } else { "minor" };
                    rule(at, svg);
                    let (x, y) = (number(LEFT - 8.0), number(at + 4.0));
                    let class = format!("y {class}");
                    svg.leaf(
                        "text",
                        &[("x", &x), ("y", &y), ("class", class.trim())],
                        &text,
                    );
                }
                for line in &self.lines {
                    line.draw(&time, &scale, self.are_shares, svg);
                }
            });
        });
    }
}

impl ChartLine {
    fn draw(&self, time: &TimeScale, scale: &NumberScale, are_shares: bool, svg: &mut Markup) {
        let place = |point: &ChartPoint| (time.place(point.at), scale.place(point.value));
        for piece in &self.pieces {
            self.range(piece, time, scale, svg);
            let line: Vec<(f64, f64)> = piece.iter().map(place).collect();
            if self.is_filled
                && let (Some(first), Some(last)) = (line.first(), line.last())
            {
                let bottom = scale.place(0.0);
                let below = [(last.0, bottom), (first.0, bottom)];
                let area = path(line.iter().chain(&below)) + "Z";
                svg.void(
                    "path",
                    &[("d", &area), ("class", &format!("area {}", self.class))],
                );
            }
            let class = format!("line {}", self.class);
            svg.void("path", &[("d", &path(line.iter())), ("class", &class)]);
        }
        let marked: Vec<&ChartPoint> = self.pieces.iter().flatten().collect();
        let stride = marked.len() / MARKS + 1;
        for point in marked.into_iter().step_by(stride) {
            let Some((verdict, tone)) = point.verdict else {
                continue;
            };
            let (x, y) = place(point);
            let class = format!("mark {}", class_of(tone));
            let at = [
                ("cx", &*number(x)),
                ("cy", &*number(y)),
                ("r", "3"),
                ("class", &*class),
            ];
            svg.element("circle", &at, |mark| {
                let time = point.at.format("%H:%M:%S");
                let value = phrases::measured(point.value, are_shares);
                let label = &self.label;
                mark.leaf("title", &[], &format!("{time} {label} {value}, {verdict}"));
            });
        }
    }

    /// Draws the room in which the true values are, where it is known.
    fn range(&self, piece: &[ChartPoint], time: &TimeScale, scale: &NumberScale, svg: &mut Markup) {
        let end = |which: usize| {
            move |point: &ChartPoint| {
                let range = point.range?;
                Some((time.place(point.at), scale.place(range[which])))
            }
        };
        let low: Vec<(f64, f64)> = piece.iter().filter_map(end(0)).collect();
        let mut around: Vec<(f64, f64)> = piece.iter().filter_map(end(1)).collect();
        if low.len() < 2 {
            return;
        }
        around.extend(low.into_iter().rev());
        let class = format!("range {}", self.class);
        svg.void(
            "path",
            &[("d", &(path(around.iter()) + "Z")), ("class", &class)],
        );
    }
}

impl Strip {
    /// Draws it; `id` is unique in the page.
    pub(super) fn draw(&self, id: &str, ground: &Ground, page: &mut Markup) {
        let height = TOP + BOTTOM + ROW * self.rows.len() as f64;
        page.element("figure", &[], |figure| {
            figure.element("figcaption", &[], |caption| {
                caption.leaf("b", &[], &self.title);
                for (class, label) in [("good", "good"), ("caution", "open"), ("bad", "bad")] {
                    caption.own(" ");
                    let class = format!("key block {class}");
                    caption.leaf("span", &[("class", &class)], label);
                }
            });
            let about = (self.title.as_str(), self.description.as_str());
            drawing(id, about, height, figure, |svg| {
                let time = ground.draw(height, svg);
                for (index, row) in self.rows.iter().enumerate() {
                    let top = TOP + ROW * index as f64;
                    let y = number(top + 14.0);
                    let x = number(LEFT + 4.0);
                    svg.leaf(
                        "text",
                        &[("x", &x), ("y", &y), ("class", "row")],
                        &row.label,
                    );
                    for stretch in &row.verdicts {
                        stretch.draw(top + 19.0, &time, svg);
                    }
                }
            });
        });
    }
}

impl Stretch {
    fn draw(&self, top: f64, time: &TimeScale, svg: &mut Markup) {
        let (from, until) = (time.place(self.from), time.place(self.until));
        let class = format!("verdict {}", class_of(self.tone));
        let attributes = [
            ("x", &*number(from)),
            ("y", &*number(top)),
            ("width", &*number((until - from).max(3.0))),
            ("height", "10"),
            ("class", &*class),
        ];
        svg.element("rect", &attributes, |rect| {
            let times = [self.from, self.until].map(|at| at.format("%H:%M:%S").to_string());
            let text = format!("{} from {} to {}", self.verdict, times[0], times[1]);
            rect.leaf("title", &[], &text);
        });
    }
}

impl Ground {
    /// Draws the steps and the time, and returns where each instant is.
    fn draw(&self, height: f64, svg: &mut Markup) -> TimeScale {
        let time = TimeScale::new(self.range, LEFT, WIDTH - LEFT - RIGHT);
        let bottom = height - BOTTOM;
        let mut written_until = 0.0;
        for band in &self.bands {
            let (from, until) = (time.place(band.from), time.place(band.until));
            let width = (until - from).max(1.0);
            let class = format!("band {}", class_of(band.tone));
            let attributes = [
                ("x", &*number(from)),
                ("y", &*number(TOP)),
                ("width", &*number(width)),
                ("height", &*number(bottom - TOP)),
                ("class", &*class),
            ];
            svg.element("rect", &attributes, |rect| {
                rect.leaf("title", &[], &format!("{} {}", band.label, band.name));
            });
            let label = format!("{}{}", band.label, symbol(band.tone));
            let length = LETTER * label.chars().count() as f64;
            let middle = f64::midpoint(from, until);
            let fits = length <= width && middle - length / 2.0 >= written_until;
            if fits {
                written_until = middle + length / 2.0;
                let (x, y) = (number(middle), number(TOP - 8.0));
                let class = format!("step {}", class_of(band.tone));
                svg.leaf("text", &[("x", &x), ("y", &y), ("class", &class)], &label);
            }
        }
        rule(bottom, svg);
        for (index, (x, text)) in time.marks().into_iter().enumerate() {
            let class = if index % 2 == 0 { "x" } else { "x minor" };
            let (x, y) = (number(x), number(height - 6.0));
            svg.leaf("text", &[("x", &x), ("y", &y), ("class", class)], &text);
        }
        time
    }
}

/// Adds a drawing with a title and a description for whoever cannot see it.
fn drawing(
    id: &str,
    (title, description): (&str, &str),
    height: f64,
    page: &mut Markup,
    inside: impl FnOnce(&mut Markup),
) {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-text"));
    let attributes = [
        ("viewBox", &*format!("0 0 {WIDTH} {height}")),
        ("role", "img"),
        ("aria-labelledby", &*format!("{title_id} {description_id}")),
    ];
    page.element("svg", &attributes, |svg| {
        svg.leaf("title", &[("id", &title_id)], title);
        svg.leaf("desc", &[("id", &description_id)], description);
        inside(svg);
    });
    page.line_break();
}

fn rule(y: f64, svg: &mut Markup) {
    let line = format!("M{} {}H{}", number(LEFT), number(y), number(WIDTH - RIGHT));
    svg.void("path", &[("d", &line), ("class", "rule")]);
}

fn path<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&format!("{} {}", number(*x), number(*y)));
    }
    path
}

/// Writes a length to a tenth of a unit.
fn number(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Returns the name that the style has for a tone.
pub(super) fn class_of(tone: Option<Tone>) -> &'static str {
    match tone {
        Some(Tone::Good) => "good",
        Some(Tone::Caution) => "caution",
        Some(Tone::Bad) => "bad",
        None => "plain",
    }
}

/// Returns what says the same without colours.
fn symbol(tone: Option<Tone>) -> &'static str {
    match tone {
        Some(Tone::Good) => " \u{2713}",
        Some(Tone::Bad) => " \u{2717}",
        Some(Tone::Caution) => " ?",
        None => "",
    }
}
