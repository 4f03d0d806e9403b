//! The bench itself, of any size: `script/bench` runs it whole, a test runs it small and looks at the counts alone.
//! It must never compare with a remembered number: each time of ours stands beside one of the yardstick's, taken a moment
//! before or after it on the same hosts.

mod measures;
mod place;
mod report;
mod spawned;
mod yardstick;

pub use report::Report;

use place::Place;
use yardstick::Yardstick;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Hosts of the fleet, at least 3; file transfers go to the first ten.
    pub hosts: usize,
    /// Pairs of each measurement.
    pub rounds: usize,
    /// Files of the tree that is transferred; a hundredth of them changes.
    pub files: usize,
}

/// Measures everything once, and ends everything that it started.
pub async fn run(size: Size) -> anyhow::Result<Report> {
    let place = Place::build(size).await?;
    let yardstick = Yardstick::beside(&place).await?;
    let measured = measures::all(&place, &yardstick, size).await;
    yardstick.close().await?;
    measured
}
