//! Who speaks in a chat: an account there that is bound to a person here, with the rights of that person at this moment. It must never believe a
//! name: only a code binds, and only what the chat itself vouches for is bound.

use crate::ledger::{LedgerResult, chats};
use crate::stack::{Access, Member, Who};
use crate::web::app::App;
use crate::web::session::caller::groups_of_person;

/// A person who speaks in a chat.
#[derive(Clone, Debug)]
pub(super) struct Speaker {
    /// Who.
    pub who: Who,
    /// What they may.
    pub access: Access,
}

impl Speaker {
    /// A person by name, with the rights of this moment; none when they are let in no more.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn of(app: &App, who: Who) -> LedgerResult<Option<Self>> {
        Ok(groups_of_person(app, &who).await?.map(|groups| {
            let person = Member { who: who.clone(), groups };
            Self { access: Access::of_person(app.desk.rights(), person), who }
        }))
    }

    /// Whose an account of a chat is.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn bound(app: &App, place: &str, id: &str) -> LedgerResult<Option<Self>> {
        let (place, id) = (place.to_owned(), id.to_owned());
        match app.desk.ledger().read(move |connection| chats::of(connection, &place, &id)).await? {
            Some(who) => Self::of(app, who).await,
            None => Ok(None),
        }
    }
}
