//! The way back of a push behind which there is no build to go back to: the first one over somebody's site. Each host's `current`
//! goes back to what it was before this push, word for word. It must never touch a host on which nothing was flipped, and never call a
//! host back that did not say so. Called by the way back.

use super::recorder::Place;
use super::undo::flipped_dirs;
use super::verdict::End;
use super::walk::{Walk, numbered};
use crate::plan::{Part, PlannedCommand, PlannedForm};
use crate::remote::release::{self, PutBack};
use crate::stack::Host;
use futures::future::join_all;
use tokio::sync::mpsc;

/// Hosts that one sentence names; the rest is on the page.
const NAMED: usize = 5;

/// What became of one host: whether it is as it was, and what is there.
type Went = (Host, bool, String);

impl Walk {
    /// Puts the links back where this push had flipped, and says in `end` what is true on each host then.
    pub(super) async fn put_links_back(&mut self, commands: &[PlannedCommand], touched: &[Host], end: &mut End) {
        let why = end.why.take().unwrap_or_default();
        let dirs = flipped_dirs(commands);
        let flipped = |host: &Host| {
            let dirs: Vec<&str> =
                dirs.iter().copied().filter(|dir| self.trail.has_flipped(commands, host, dir)).collect();
            (!dirs.is_empty()).then_some(dirs)
        };
        let tries = touched.iter().filter_map(|host| Some((host, flipped(host)?)));
        let went: Vec<Went> = join_all(tries.map(|(host, dirs)| self.put_back_on(commands, host, dirs))).await;
        end.why = Some(match went.is_empty() {
            true => format!("no host was flipped, so there was nothing to put back; {why}"),
            false => format!("{}; {why}", words(&went)),
        });
    }

    async fn put_back_on(&self, commands: &[PlannedCommand], host: &Host, dirs: Vec<&str>) -> Went {
        let mut found = Vec::new();
        let mut all = true;
        for dir in dirs {
            let flip = numbered(commands).find(|(_, command)| {
                command.part == Part::Main && matches!(&command.form, PlannedForm::Activate { dir: of } if of == dir)
            });
            let Some((number, command)) = flip else { continue };
            let place = Place { command: number, host: Some(host.name().to_owned()) };
            let went = self.put_dir_back(command, &place, host, dir).await;
            let (well, what) = match went {
                Ok(PutBack::Back(what)) => (true, format!("the link is back, {what}")),
                Ok(PutBack::Untouched) => (true, "it was not flipped".to_owned()),
                Ok(PutBack::Other(what)) => (false, format!("somebody has changed it since, {what}: left as it is")),
                Err(why) => (false, format!("the link is not back: {why}")),
            };
            self.recorder.note(&place, format!("{dir}: {what}")).await;
            all &= well;
            found.push(what);
        }
        (host.clone(), all, found.join(", "))
    }

    async fn put_dir_back(
        &self,
        command: &PlannedCommand,
        place: &Place,
        host: &Host,
        dir: &str,
    ) -> Result<PutBack, String> {
        let on = match self.connections.get(host) {
            Some(on) => on,
            None => return Err("no connection was made to it".to_owned()),
        };
        let goods = self.goods(command.part);
        let paths = (goods.dir.tree(), goods.dir.manifest());
        let root = goods.root.as_ref().ok_or("no build was frozen")?;
        let (lines, from) = mpsc::channel(16);
        let (build, task) = (goods.build(&paths, root), self.own_task(command, Some(host)));
        let work = async {
            let went = release::put_back(on, &build, dir, task, &lines).await;
            drop(lines);
            went
        };
        tokio::join!(work, self.write_down(place, command, from)).0
    }
}

/// What is true now: `nothing of ours was live before: the link is back on both hosts (web1: current -> /srv/old)`.
fn words(went: &[Went]) -> String {
    let (back, away): (Vec<&Went>, Vec<&Went>) = went.iter().partition(|(_, well, _)| *well);
    let named = |list: &[&Went]| {
        let more = list.len().saturating_sub(NAMED);
        let named = list.iter().take(NAMED).map(|(host, _, what)| format!("{}: {what}", host.name()));
        named.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join("; ")
    };
    let total = went.len();
    match (away.is_empty(), total) {
        (true, 1) => format!("no build was live before, so the link went back as it was ({})", named(&back)),
        (true, _) => format!(
            "no build was live before, so the links went back as they were on all {total} hosts ({})",
            named(&back)
        ),
        (false, _) => format!(
            "no build was live before, and {} of {total} hosts are not as they were ({}){}",
            away.len(),
            named(&away),
            if back.is_empty() { String::new() } else { format!("; the others are ({})", named(&back)) }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_on_each_host_is_said_and_who_is_not_back_comes_first() {
        let went = |host: &str, well, what: &str| (host.parse().unwrap(), well, what.to_owned());
        let one = went("web1", true, "the link is back, current -> /srv/old");
        assert_eq!(
            words(std::slice::from_ref(&one)),
            "no build was live before, so the link went back as it was (web1: the link is back, current -> /srv/old)"
        );
        assert_eq!(
            words(&[one, went("web2", false, "the link is not back: no answer")]),
            "no build was live before, and 1 of 2 hosts are not as they were (web2: the link is not back: no answer); the others \
             are (web1: the link is back, current -> /srv/old)"
        );
    }
}
