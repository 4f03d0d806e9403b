//! What was measured, as a table in Markdown: ours, the yardstick's, their ratio, the goal, and whether it is met.

use std::fmt;
use std::time::Duration;

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which goal of the project it is, as a number; empty for none.
    pub goal_number: &'static str,
    /// What was measured.
    pub what: String,
    /// Ours.
    pub ours: String,
    /// The yardstick's; empty for what has none.
    pub theirs: String,
    /// What is compared with the goal.
    pub value: String,
    /// The goal; empty for what is only told.
    pub goal: String,
    /// Whether it is met; none where there is no goal.
    pub met: Option<bool>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Where and what, in a line.
    pub about: String,
    /// In the order in which it was measured.
    pub rows: Vec<Row>,
}

impl Report {
    /// Adds the pairs of one measurement; `most` is the greatest ratio that is good.
    pub fn pairs(
        &mut self,
        number: &'static str,
        what: impl Into<String>,
        pairs: &[(Duration, Duration)],
        most: Option<f64>,
    ) {
        let ratio = middle(pairs.iter().map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64()));
        self.rows.push(Row {
            goal_number: number,
            what: what.into(),
            ours: seconds(pairs.iter().map(|(ours, _)| *ours)),
            theirs: seconds(pairs.iter().map(|(_, theirs)| *theirs)),
            value: format!("{ratio:.2}"),
            goal: most.map_or(String::new(), |most| format!("≤ {most:.2}")),
            met: most.map(|most| ratio <= most),
        });
    }

    /// Adds a time without a yardstick.
    pub fn time(&mut self, number: &'static str, what: impl Into<String>, ms: f64, most: Option<f64>) {
        self.rows.push(Row {
            goal_number: number,
            what: what.into(),
            ours: format!("{ms:.0} ms"),
            theirs: String::new(),
            value: String::new(),
            goal: most.map_or(String::new(), |most| format!("≤ {most:.0} ms")),
            met: most.map(|most| ms <= most),
        });
    }

    /// Adds a count, with the one that is wanted.
    pub fn count(&mut self, what: impl Into<String>, ours: usize, theirs: Option<usize>, wanted: usize) {
        self.rows.push(Row {
            goal_number: "",
            what: what.into(),
            ours: ours.to_string(),
            theirs: theirs.map_or(String::new(), |theirs| theirs.to_string()),
            value: String::new(),
            goal: format!("≤ {wanted}"),
            met: Some(ours <= wanted),
        });
    }
}

/// The value in the middle.
pub fn middle(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which so large a part of all values is.
pub fn quantile(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn seconds(times: impl Iterator<Item = Duration>) -> String {
    format!("{:.2} s", middle(times.map(|time| time.as_secs_f64())))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.about)?;
        writeln!(f, "| goal | what | Pushbutton | yardstick | ratio | wanted | met |\n|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let met = row.met.map_or("", |met| if met { "yes" } else { "**no**" });
            let Row { goal_number, what, ours, theirs, value, goal, .. } = row;
            writeln!(f, "| {goal_number} | {what} | {ours} | {theirs} | {value} | {goal} | {met} |")?;
        }
        Ok(())
    }
}
