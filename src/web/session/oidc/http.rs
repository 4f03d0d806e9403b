//! Asks the provider over HTTP, as the protocol's library wants it. It must never speak plainly beyond this machine.

use crate::config::provider_url;
use crate::outbound::{self, Limits, NoAnswer};
use hyper::{Request, Response};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A provider that is slower is down; keys, claims and tokens are some kilobytes.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 1 << 20 };

/// Asks over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Asker;

impl Asker {
    /// Sends a request and takes the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn ask(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        let uri = request.uri();
        let base = format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |a| a.as_str()));
        let url = provider_url(&base).map_err(|why| NoAnswer::Address(base.clone(), why))?;
        outbound::ask(&url, request, LIMITS).await
    }
}

impl<'c> openidconnect::AsyncHttpClient<'c> for Asker {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
