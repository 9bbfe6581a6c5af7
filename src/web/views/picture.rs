//! Owns the picture of a batch's stock: a curve with its forecast, and a bar a day for what was
//! handed out. Places are in a drawing of 1000 by 200, which stretches to its place.

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
