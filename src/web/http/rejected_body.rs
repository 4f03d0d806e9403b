//! An answer to a request whose body is not wanted. The framework reads the rest of a chunked body that was let go, for as
//! long as the client likes to send it; one that is still held it cuts off. So the answer holds it until it is sent.
//! It must never read a byte of it. Called by the gate.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::web::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer, and the body of its request.
pub struct HoldingUnread {
    answer: BoxBody,
    _unread: Box<Payload>,
}

impl HoldingUnread {
    /// Holds `unread` until `answer` is sent.
    pub fn new(answer: BoxBody, unread: Payload) -> Self {
        Self { answer, _unread: Box::new(unread) }
    }
}

impl MessageBody for HoldingUnread {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().answer).poll_next(context)
    }
}
