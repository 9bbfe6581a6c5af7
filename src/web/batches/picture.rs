//! A batch's stock as a picture: a curve with its forecast, and a bar a day for what was handed
//! out. Places are in a drawing of 1000 by 200, which stretches to its place.

use chrono::{Days, NaiveDate};

use crate::{
    app::{
        Member,
        batches::show_batches::{BatchFile, StockDay},
    },
    domain::stock_forecast::forecast,
    web::{
        batches::stock_summary::{self, day},
        shared::format::{grouped, plural},
    },
};

/// The drawing's width, and the heights of the curve's and of the bars' drawing.
const PICTURE_WIDTH: i64 = 1000;
const PICTURE_HEIGHT: i64 = 200;
const MAX_BARS: i64 = 60;

/// How many past days are drawn at most, and how many at least.
const AHEAD: (u64, u64) = (60, 7);

/// Days told in words.
const LINES: usize = 31;

/// From days to places.
struct Scale {
    first: NaiveDate,
    last: NaiveDate,
    top: i64,
}

impl Scale {
    fn x(&self, day: NaiveDate) -> i64 {
        let span = (self.last - self.first).num_days().max(1);
        ((day - self.first).num_days() * PICTURE_WIDTH / span).clamp(0, PICTURE_WIDTH)
    }

    fn y(&self, codes: i64) -> i64 {
        PICTURE_HEIGHT - (codes * PICTURE_HEIGHT / self.top).clamp(0, PICTURE_HEIGHT)
    }

    fn sees(&self, day: NaiveDate) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

fn place(n: i64) -> u16 {
    u16::try_from(n.max(0)).unwrap_or(u16::MAX)
}

/// The batch's picture.
pub fn of_batch(member: &Member, file: &BatchFile) -> StockPicture {
    let (history, outlook) = (&file.history, &file.row.outlook);
    let (Some(begin), Some(today)) = (history.first(), history.last()) else {
        return StockPicture::default();
    };
    let end = outlook.ends_at.map(|at| {
        (at - chrono::TimeDelta::microseconds(1)).with_timezone(&member.merchant.zone).date_naive()
    });
    let after = |days: u64| today.day.checked_add_days(Days::new(days)).unwrap_or(today.day);
    let goal = outlook.runs_out_on.or(end).unwrap_or(today.day);
    let scale = Scale {
        // A curve needs two days.
        first: begin.day.min(today.day.checked_sub_days(Days::new(13)).unwrap_or(begin.day)),
        last: goal.clamp(after(AHEAD.1), after(AHEAD.0)),
        top: history.iter().map(|day| day.left).max().unwrap_or(0).max(1),
    };
    let curve = curve(history, &scale);
    let forecast = if outlook.cover.is_some() && today.left > 0 {
        let days = forecast(
            &file.row.batch,
            &file.row.ends,
            outlook.pace,
            member.merchant.zone,
            today.day,
            scale.last,
        );
        let usable = file.row.ends.iter().map(|ending| ending.codes).sum();
        line_of((today.day, usable), &days, &scale)
    } else {
        String::new()
    };
    let most = history.iter().map(|day| day.handed_out).max().unwrap_or(0);
    StockPicture {
        summary: summary(file, today),
        area: format!(
            "{},{PICTURE_HEIGHT} {curve} {},{PICTURE_HEIGHT}",
            scale.x(begin.day),
            scale.x(today.day)
        ),
        curve,
        forecast,
        threshold_y: (outlook.threshold > 0 && outlook.threshold < scale.top)
            .then(|| place(scale.y(outlook.threshold))),
        today_x: place(scale.x(today.day)),
        end_x: end.filter(|end| scale.sees(*end)).map(|end| place(scale.x(end))),
        top: grouped(scale.top),
        first: day(scale.first),
        today: "Today".to_owned(),
        last: day(scale.last),
        bars: if most > 0 { bars(history, &scale, most) } else { vec![] },
        bars_top: grouped(most),
        bars_summary: handed_out_words(history),
        days: history
            .iter()
            .rev()
            .filter(|day| day.added + day.handed_out > 0)
            .take(LINES)
            .map(line)
            .collect(),
    }
}

/// From today to where the stock is gone, or to the picture's edge.
fn line_of(today: (NaiveDate, i64), days: &[(NaiveDate, i64)], scale: &Scale) -> String {
    let gone = days.iter().position(|(_, left)| *left == 0).map_or(days.len(), |at| at + 1);
    let points = std::iter::once(today).chain(days[..gone].iter().copied());
    points
        .map(|(day, left)| format!("{},{}", scale.x(day), scale.y(left)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Steps: a day's number holds until the next day's.
fn curve(history: &[StockDay], scale: &Scale) -> String {
    let mut points = Vec::with_capacity(history.len() * 2);
    let mut before: Option<i64> = None;
    for day in history {
        let (x, y) = (scale.x(day.day), scale.y(day.left));
        match before {
            // A level part of the curve needs only its ends.
            Some(last) if last == y => continue,
            Some(last) => points.push(format!("{x},{last}")),
            None => {}
        }
        points.push(format!("{x},{y}"));
        before = Some(y);
    }
    if let (Some(today), Some(y)) = (history.last(), before) {
        points.push(format!("{},{y}", scale.x(today.day)));
    }
    points.join(" ")
}

fn bars(history: &[StockDay], scale: &Scale, most: i64) -> Vec<DayBar> {
    let days = (scale.last - scale.first).num_days().max(1);
    let width = (PICTURE_WIDTH / days * 7 / 10).clamp(3, 24);
    let height = |codes: i64| if codes == 0 { 0 } else { (codes * MAX_BARS / most).max(2) };
    history
        .iter()
        .filter(|day| day.handed_out > 0)
        .map(|found| {
            let (all, reissued) =
                (height(found.handed_out), height(found.reissued.min(found.handed_out)));
            let of_which = if found.reissued > 0 {
                format!(", {} of them reissued", grouped(found.reissued))
            } else {
                String::new()
            };
            DayBar {
                x: place((scale.x(found.day) - width / 2).clamp(0, PICTURE_WIDTH - width)),
                width: place(width),
                y: place(MAX_BARS - all),
                height: place(all),
                reissued_y: place(MAX_BARS - reissued),
                reissued_height: place(reissued),
                title: format!(
                    "{}: {} handed out{of_which}",
                    day(found.day),
                    grouped(found.handed_out)
                ),
            }
        })
        .collect()
}

fn summary(file: &BatchFile, today: &StockDay) -> String {
    let outlook = &file.row.outlook;
    let lasts = match (outlook.runs_out_on, outlook.cover) {
        (Some(on), _) => format!("; at the recent rate they run out on {}", day(on)),
        (None, Some(_)) => {
            "; at the recent rate some will be left when the last ones expire".to_owned()
        }
        (None, None) => String::new(),
    };
    let lost =
        if outlook.lost > 0 { format!(" {}", stock_summary::lost(outlook)) } else { String::new() };
    format!("{} left today{lasts}.{lost}", plural(today.left, "code"))
}

fn handed_out_words(history: &[StockDay]) -> String {
    let (out, reissued): (i64, i64) =
        history.iter().fold((0, 0), |(a, b), day| (a + day.handed_out, b + day.reissued));
    let days = plural(i64::try_from(history.len()).unwrap_or(i64::MAX), "day");
    match (out, reissued) {
        (0, _) => format!("Nothing was handed out in {days}."),
        (_, 0) => format!("{} handed out in {days}.", plural(out, "code")),
        _ => format!(
            "{} handed out in {days}, {} of them reissued.",
            plural(out, "code"),
            grouped(reissued)
        ),
    }
}

fn line(found: &StockDay) -> DayLine {
    let number = |n: i64| if n == 0 { "–".to_owned() } else { grouped(n) };
    DayLine {
        day: day(found.day),
        added: number(found.added),
        handed_out: number(found.handed_out),
        reissued: number(found.reissued),
        left: grouped(found.left),
    }
}

/// A batch's stock, day by day.
#[derive(Clone, Debug, Default)]
pub struct StockPicture {
    /// What it shows, in a sentence: its text equivalent.
    pub summary: String,
    /// The curve up to today: "0,20 11,20 …".
    pub curve: String,
    /// The same, closed along the bottom.
    pub area: String,
    /// From today on; may be empty.
    pub forecast: String,
    /// Where the threshold lies, from the top; none where it is outside.
    pub threshold_y: Option<u16>,
    /// Where today lies, from the left.
    pub today_x: u16,
    /// Where the last code ends, from the left, if that is in sight.
    pub end_x: Option<u16>,
    /// The highest number of the curve.
    pub top: String,
    /// The first day, today, and the last day.
    pub first: String,
    pub today: String,
    pub last: String,
    /// A bar for each day on which codes were handed out, in a drawing of 1000 by 60.
    pub bars: Vec<DayBar>,
    /// The most that were handed out in a day.
    pub bars_top: String,
    /// What the bars show, in a sentence.
    pub bars_summary: String,
    /// The days on which something happened, newest first, for those who would rather read.
    pub days: Vec<DayLine>,
}

/// A day's bar; the reissues are the lower part of it.
#[derive(Clone, Debug)]
pub struct DayBar {
    pub x: u16,
    pub width: u16,
    pub y: u16,
    pub height: u16,
    pub reissued_y: u16,
    pub reissued_height: u16,
    /// "3 Oct 2026: 12 handed out, 3 of them reissues".
    pub title: String,
}

/// A day in words.
#[derive(Clone, Debug)]
pub struct DayLine {
    pub day: String,
    pub added: String,
    pub handed_out: String,
    pub reissued: String,
    pub left: String,
}
