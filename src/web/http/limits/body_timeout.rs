//! A request's body, if it comes in time. It must never wait forever: a browser that sends a byte a minute is answered
//! 408. Used by every handler that takes a body.

use crate::web::http::problem::Problem;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use std::time::Duration;

/// Long enough for 64 KiB over a bad line.
const LONGEST: Duration = Duration::from_secs(10);

/// A body taken in time.
pub struct InTime<T>(
    /// What the body holds.
    pub T,
);

impl<T> FromRequest for InTime<T>
where
    T: FromRequest + 'static,
{
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let taken = T::from_request(request, payload);
        async move {
            match tokio::time::timeout(LONGEST, taken).await {
                Ok(taken) => taken.map(Self).map_err(Into::into),
                Err(_) => Err(Problem::too_slow().into()),
            }
        }
        .boxed_local()
    }
}
