//! Old releases go when all is done, on the hosts that came to the end of a push that went well. It must never change how the push
//! ends, and never run while a command may still fail: what it removes is what a rollback would need. Called by the walk.

use crate::journal::Ended;
use crate::plan::{Part, PlannedCommand, PlannedForm};
use crate::remote::release;
use crate::run::policy::verdict::End;
use crate::run::recorder::Place;
use crate::run::walk::{Walk, numbered};
use crate::stack::{Host, Release};
use futures::stream::{self, StreamExt};
use tokio::sync::mpsc;

/// Lines of one host that may wait for the recorder.
const WAITING_LINES: usize = 64;

impl Walk {
    /// Removes old releases on the hosts that came to the end; what it has to say stands with the command that brought the new one.
    pub(in crate::run) async fn prune(&self, commands: &[PlannedCommand], end: &End) {
        if !matches!(end.state, Ended::Succeeded | Ended::Degraded) {
            return;
        }
        for (number, command) in numbered(commands).filter(|(_, command)| command.part == Part::Main) {
            let PlannedForm::Release(what) = &command.form else { continue };
            let came = |host: &&Host| !self.toll.has(host.name()) && command.is_meant_for(host);
            let hosts: Vec<&Host> = self.assignment.plan.hosts.iter().filter(came).collect();
            let width = command.at_once(hosts.len()).max(1);
            let each = hosts.into_iter().map(|host| self.prune_on(number, command, what, host));
            stream::iter(each).buffer_unordered(width).collect::<Vec<()>>().await;
        }
    }

    async fn prune_on(&self, number: u32, command: &PlannedCommand, what: &Release, host: &Host) {
        let goods = self.goods(command.part);
        let (Some(on), Some(root)) = (self.connections.get(host), &goods.root) else { return };
        let dir = (goods.dir.tree(), goods.dir.manifest());
        let build = goods.build(&dir, root);
        let place = Place { command: number, host: Some(host.name().to_owned()) };
        let (lines, from) = mpsc::channel(WAITING_LINES);
        let work = async {
            release::prune(on, &build, what, self.release_task(command, Some(host)), &lines).await;
            drop(lines);
        };
        tokio::join!(work, self.write_down(&place, command, from));
    }
}
