//! The push that brings hosts of a stage to its build. It must never change what the stage runs.

use crate::desk::Desk;
use crate::desk::decide::catch_up::left_behind;
use crate::desk::decide::press::Press;
use crate::desk::decide::questions::Questions;
use crate::desk::decide::request::Request;
use crate::desk::refusal::Decision;
use crate::desk::view::LeftBehind;
use crate::ledger::desired::{self, DesiredState};
use crate::stack::{PushNumber, Stack, StackName, StageName};

impl Desk {
    /// Brings hosts of a stage to its build: those that are named, or those that are behind now.
    ///
    /// # Errors
    /// Why it was refused; then nothing was pushed.
    pub async fn catch_up(&self, press: Press, hosts: Vec<String>, questions: Questions) -> Decision<PushNumber> {
        self.to_the_end("catching up", |desk| async move {
            let hosts = match hosts.is_empty() {
                true => desk.behind_now(&press.stack, &press.stage).await?,
                false => hosts,
            };
            desk.press_for(press, Request::CatchUp { hosts, questions }).await
        })
        .await
    }

    /// The names of the hosts that are behind: none where nobody is, or nothing runs yet.
    async fn behind_now(&self, name: &StackName, stage: &StageName) -> Decision<Vec<String>> {
        let (stack, place) = self.stage_of(name, stage)?;
        let (name, stage) = (name.clone(), stage.clone());
        let desired = self.ledger.read(move |connection| desired::get(connection, &name, &stage)).await?;
        Ok(self.behind(&stack, place, desired.as_ref()).into_iter().map(|left| left.host).collect())
    }

    /// The hosts of a stage that are behind, by what the ledger has of it and by what they said last.
    pub(crate) fn behind(&self, stack: &Stack, place: usize, desired: Option<&DesiredState>) -> Vec<LeftBehind> {
        let stage = &stack.stages[place];
        let names: Vec<String> = stage.hosts.iter().map(|host| host.name().to_owned()).collect();
        desired.map_or_else(Vec::new, |desired| {
            left_behind(&names, desired, &self.drifts.of(&stack.name, &stage.name, desired.newest).0)
        })
    }
}
