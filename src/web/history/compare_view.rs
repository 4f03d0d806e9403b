//! The page of two versions of a stack: a form that names them, and what is between them.

use crate::address::encoded;
use crate::desk::view::{ComparedCommits, ComparedEnd, Comparison};
use crate::stack::{StackName, StageName};
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{CommitLine, Moment, Person, PushLine, StageTag, Version, commit_lines, link};
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

/// What the page is made of.
#[derive(Clone, Debug)]
pub struct ComparePage {
    /// The stack.
    pub stack: StackName,
    /// Its stages that the reader may see.
    pub stages: Vec<StageName>,
    /// What was asked for; none before anything was.
    pub compared: Option<Comparison>,
}

#[derive(Debug, Serialize)]
struct CompareView {
    stack: String,
    from: String,
    to: String,
    stages: Vec<String>,
    compared: Option<ComparedView>,
}

#[derive(Debug, Serialize)]
struct ComparedView {
    ends: [EndView; 2],
    same: bool,
    sections: Vec<SectionView>,
    pushes: Vec<PushLine>,
    more_pushes: bool,
    /// Whether both ends were pushed, so that there is an in-between.
    pushed: bool,
    diff: Option<String>,
    markdown: String,
}

#[derive(Debug, Serialize)]
struct EndView {
    title: &'static str,
    asked: String,
    sha: Version,
    build: Option<String>,
    stage: Option<StageTag>,
    push: Option<i64>,
    who: Option<Person>,
    at: Option<Moment>,
}

#[derive(Debug, Serialize)]
struct SectionView {
    title: String,
    words: String,
    commits: Vec<CommitLine>,
    more: Option<String>,
}

impl EndView {
    fn new(title: &'static str, end: &ComparedEnd) -> Self {
        Self {
            title,
            asked: end.asked.clone(),
            sha: Version::new(&end.sha),
            build: end.build.clone(),
            stage: end.stage.as_deref().map(StageTag::named),
            push: end.push,
            who: end.who.as_deref().map(Person::new),
            at: end.at.as_deref().map(Moment::day),
        }
    }
}

impl SectionView {
    fn new(frame: &Frame, title: &str, words: String, of: &ComparedCommits) -> Option<Self> {
        let counted = words::count(of.count as i64, "commit");
        let more = of.count.saturating_sub(of.commits.len());
        (of.count > 0).then(|| Self {
            title: format!("{title}: {counted}"),
            words,
            commits: commit_lines(&of.commits, frame.now),
            more: (more > 0).then(|| format!("and {}", words::count(more as i64, "more commit"))),
        })
    }
}

impl CompareView {
    fn new(frame: &Frame, page: &ComparePage) -> Self {
        let asked = |end: fn(&Comparison) -> &ComparedEnd| {
            page.compared.as_ref().map(|compared| end(compared).asked.clone()).unwrap_or_default()
        };
        Self {
            stack: page.stack.to_string(),
            from: asked(|compared| &compared.from),
            to: asked(|compared| &compared.to),
            stages: page.stages.iter().map(ToString::to_string).collect(),
            compared: page.compared.as_ref().map(|compared| ComparedView::new(frame, compared)),
        }
    }
}

impl ComparedView {
    fn new(frame: &Frame, compared: &Comparison) -> Self {
        let Comparison { from, to, added, removed, .. } = compared;
        let in_one = |one: &ComparedEnd, other: &ComparedEnd| format!("in {}, not in {}", one.asked, other.asked);
        let sections = [
            SectionView::new(frame, "Added", in_one(to, from), added),
            SectionView::new(frame, "Removed", in_one(from, to), removed),
        ];
        let (from_text, to_text) = (encoded(&from.asked), encoded(&to.asked));
        Self {
            ends: [EndView::new("From", from), EndView::new("To", to)],
            same: from.sha == to.sha,
            sections: sections.into_iter().flatten().collect(),
            pushes: compared.pushes.iter().map(|row| PushLine::new(row, frame.now)).collect(),
            more_pushes: compared.more_pushes,
            pushed: from.push.is_some() && to.push.is_some(),
            diff: link(compared.diff.as_deref()),
            markdown: format!(
                "/api/v1/stacks/{}/compare?from={from_text}&to={to_text}&format=markdown",
                compared.stack
            ),
        }
    }
}

impl Pages {
    /// What is different between two versions of a stack.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn compare(&self, frame: &Frame, page: &ComparePage) -> Result<String, PageError> {
        self.draw(frame, "compare.html", &CompareView::new(frame, page))
    }
}
