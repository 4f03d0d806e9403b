//! The lower end of a terminal while a push is followed: lines go by above, the grid of its hosts stays below. It must never draw where
//! there is no terminal, nor over a line of the push: only its own grid is drawn over.

use crate::cli::say;
use crate::client::grid::Grid;
use crate::journal::Record;
use crate::time::At;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often it is drawn: what is faster than an eye is gathered.
const EVERY: Duration = Duration::from_millis(100);
/// Of so many times it is drawn once where nothing happens: the time goes on.
const STILL: u64 = 10;
/// Lines that are gathered are printed at once when they are more, in bytes.
const MOST_UNPRINTED: usize = 64 << 10;

/// What is drawn, and where.
pub struct Screen {
    grid: Option<Grid>,
    /// Lines of the push that are not printed yet.
    unprinted: String,
    /// How many lines of the terminal the grid takes now.
    drawn: usize,
    /// Whether something happened since it was drawn.
    changed: bool,
}

impl Screen {
    /// A terminal.
    pub fn on(grid: Grid) -> Self {
        Self { grid: Some(grid), unprinted: String::new(), drawn: 0, changed: false }
    }

    /// A file or a pipe: lines alone.
    pub fn none() -> Self {
        Self { grid: None, unprinted: String::new(), drawn: 0, changed: false }
    }

    /// Takes a record, and what of it is a line.
    pub fn take(&mut self, record: &Record, line: Option<String>) {
        let Some(grid) = &mut self.grid else {
            if let Some(line) = line {
                say::raw(&format!("{line}\n"));
            }
            return;
        };
        grid.take(record);
        self.changed = true;
        if let Some(line) = line {
            self.unprinted.push_str(&line);
            self.unprinted.push('\n');
        }
        if self.unprinted.len() > MOST_UNPRINTED {
            self.draw();
        }
    }

    /// Prints what was gathered, and the grid below it, in one write.
    fn draw(&mut self) {
        let Some(grid) = &self.grid else { return };
        let (rows, columns) = say::terminal().unwrap_or((24, 80));
        let lines = grid.lines(At::now(), rows, columns, say::colours());
        let mut text = self.erased();
        text.push_str(&std::mem::take(&mut self.unprinted));
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        (self.drawn, self.changed) = (lines.len(), false);
        say::raw(&text);
    }

    /// What takes the grid away: up to its first line, and all below it.
    fn erased(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            drawn => format!("\r\u{1b}[{drawn}A\u{1b}[J"),
        }
    }

    /// Prints what was gathered and takes the grid away.
    pub fn finish(&mut self) {
        let text = self.erased() + &std::mem::take(&mut self.unprinted);
        if !text.is_empty() {
            say::raw(&text);
        }
    }

    /// Draws it again and again.
    pub async fn redraw(screen: &Mutex<Self>) -> Infallible {
        if screen.lock().unwrap_or_else(PoisonError::into_inner).grid.is_none() {
            return std::future::pending().await;
        }
        for time in 1_u64.. {
            tokio::time::sleep(EVERY).await;
            let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
            if screen.changed || time.is_multiple_of(STILL) {
                screen.draw();
            }
        }
        std::future::pending().await
    }
}
