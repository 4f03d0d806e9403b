//! Another version than the newest: a list to choose from. What a press of one would do is on the plan's page.

use crate::desk::view::Versions;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{CommitLine, StageTag, commit_lines};
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct VersionsPage {
    stack: String,
    stage: StageTag,
    refs: Option<String>,
    /// What is said when there is nothing to choose from.
    none: String,
    groups: Vec<Group>,
    /// Where the list goes on.
    older: Option<String>,
    /// Why the caller may not withdraw a build that could be, if so.
    no_right: Option<String>,
}

#[derive(Debug, Serialize)]
struct Group {
    branch: String,
    count: String,
    commits: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    commit: CommitLine,
    /// Why it is marked as bad.
    bad: Option<String>,
    /// The published build that may be withdrawn.
    withdraw: Option<String>,
}

impl VersionsPage {
    pub(crate) fn new(frame: &Frame, versions: &Versions) -> Self {
        let own = |sha: &String| versions.withdraw.get(sha).filter(|_| versions.no_right.is_none()).cloned();
        Self {
            stack: versions.stack.clone(),
            stage: StageTag::named(&versions.stage),
            no_right: versions.no_right.clone().filter(|_| !versions.withdraw.is_empty()),
            refs: versions.refs.clone(),
            older: versions.next.as_ref().map(|next| format!("?from={}&skip={}", next.from, next.skip)),
            none: format!("No {} can be chosen here.", versions.unit),
            groups: versions
                .groups
                .iter()
                .map(|group| Group {
                    branch: group.branch.clone(),
                    count: match group.commits.len() {
                        more if versions.skipped > 0 => {
                            format!("{} before those", words::count(more as i64, versions.unit))
                        }
                        1 => "the newest one".to_owned(),
                        many => format!("the last {}", words::count(many as i64, versions.unit)),
                    },
                    commits: commit_lines(&group.commits, frame.now)
                        .into_iter()
                        .zip(&group.commits)
                        .map(|(commit, of)| Line {
                            commit,
                            bad: versions.bad.get(&of.sha).cloned(),
                            withdraw: own(&of.sha),
                        })
                        .collect(),
                })
                .collect(),
        }
    }
}

impl Pages {
    /// The versions that can be chosen for a first stage.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn versions(&self, frame: &Frame, versions: &Versions) -> Result<String, PageError> {
        self.draw(frame, "versions.html", &VersionsPage::new(frame, versions))
    }
}
