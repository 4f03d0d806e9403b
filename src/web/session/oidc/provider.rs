//! The provider of accounts, as OpenID Connect has it: where to send a browser, what its code is worth, whether a person is still theirs. It
//! must never take an answer for true that is not signed by the provider, for us, and for this very sign-in. Called by the flow and by
//! the rechecks.

use super::claims::{self, Claims};
use super::http::Asker;
use super::sealed::Sealer;
use crate::config::{Config, Oidc, Secret};
use crate::outbound::NoAnswer;
use crate::stack::Who;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::{ACCEPT, AUTHORIZATION};
use hyper::{Request, StatusCode};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
    CoreJwsSigningAlgorithm, CoreTokenResponse,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardErrorResponse,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Where the provider sends browsers back to, below `url`.
pub const CALLBACK: &str = "/sign-in/oidc/callback";
/// How long what a provider says of itself, its keys among it, is believed.
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// Keys that do not fit are asked for anew, but not more often.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What may sign an ID token: keys of the provider's own, never a secret that we know too, and never nothing.
const SIGNED_BY: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;
type Metadata = ProviderMetadataWithLogout;

/// The provider.
pub struct Provider {
    oidc: Oidc,
    /// `url` of our own.
    url: String,
    secret: Secret,
    asker: Asker,
    /// Seals what is kept of it.
    pub sealer: Sealer,
    known: Mutex<Option<(Instant, Arc<Metadata>)>>,
}

/// A sign-in that is under way, as the browser carries it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// What the provider's answer must bring back.
    pub state: String,
    nonce: String,
    verifier: String,
    /// Where to go afterwards.
    pub next: String,
    /// When it began.
    pub began_ms: i64,
}

/// What is kept of a sign-in with its session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Who it is, as the provider numbers people.
    pub subject: String,
    /// With it the provider is asked again.
    pub refresh: Option<String>,
    /// With it the provider knows whom to sign out.
    pub id_token: String,
}

/// Somebody whom the provider vouches for.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Their name; none where an answer to a recheck does not repeat it.
    pub who: Option<Who>,
    /// Their groups, where the provider says any.
    pub groups: Option<Vec<String>>,
    /// What is kept.
    pub kept: Kept,
}

/// Why somebody is not let in, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The provider does not vouch for them.
    #[error("the provider refused: {0}")]
    ByProvider(String),
    /// What it says cannot be a person here.
    #[error("{0}")]
    Nobody(String),
    /// It could not be asked, or its answer is not one.
    #[error("the provider cannot be asked: {0}")]
    Unreachable(String),
}

fn unreachable(error: impl std::fmt::Display) -> Refused {
    Refused::Unreachable(error.to_string())
}

/// What an ID token is compared with.
enum Expected<'a> {
    /// The nonce of a sign-in.
    Nonce(&'a Nonce),
    /// The person of a session.
    Kept(&'a Kept),
}

impl Provider {
    /// The provider that the server's file names, if it names one.
    ///
    /// # Errors
    /// When its secret cannot be read, or there is no cryptography.
    pub fn of(config: &Config) -> io::Result<Option<Self>> {
        let Some(oidc) = config.oidc.clone().filter(|_| config.auth.mode.asks_a_provider()) else { return Ok(None) };
        let secret = oidc.secret().read().map_err(io::Error::other)?.ok_or(io::ErrorKind::NotFound)?;
        let sealer = Sealer::new(secret.reveal(), &oidc.issuer, &oidc.client_id).map_err(io::Error::other)?;
        let url = config.url.clone();
        Ok(Some(Self { oidc, url, secret, asker: Asker, sealer, known: Mutex::default() }))
    }

    /// Where to send a browser, and what it carries meanwhile.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    pub async fn begin(&self, next: String, now_ms: i64) -> Result<(String, Flow), Refused> {
        let metadata = self.metadata(KNOWN_FOR).await?;
        let client = self.client(&metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut asked = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        // The library adds `openid` by itself.
        for scope in self.oidc.scopes.iter().filter(|scope| *scope != "openid") {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        let (address, state, nonce) = asked.url();
        let verifier = verifier.secret().clone();
        let flow =
            Flow { state: state.secret().clone(), nonce: nonce.secret().clone(), verifier, next, began_ms: now_ms };
        Ok((address.to_string(), flow))
    }

    /// Whether an answer that names its issuer (RFC 9207) names this one.
    pub fn is_issuer(&self, named: &str) -> bool {
        named == self.oidc.issuer
    }

    /// Who it is that came back with this code.
    ///
    /// # Errors
    /// Why they are not let in.
    pub async fn finish(&self, flow: Flow, code: String) -> Result<(Who, Granted), Refused> {
        let metadata = self.metadata(KNOWN_FOR).await?;
        let client = self.client(&metadata)?;
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(unreachable)?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(flow.verifier));
        let answer = request.request_async(&self.asker).await.map_err(refused)?;
        let granted = self.granted(metadata, &answer, Expected::Nonce(&Nonce::new(flow.nonce))).await?;
        match granted.who.clone() {
            Some(who) => Ok((who, granted)),
            None => Err(Refused::Nobody(claims::name(&self.oidc, &Claims::new()).err().unwrap_or_default())),
        }
    }

    /// Whether the provider still vouches for somebody.
    ///
    /// # Errors
    /// When it does not; or when it could not be asked.
    pub async fn renew(&self, kept: &Kept) -> Result<Granted, Refused> {
        let Some(refresh) = kept.refresh.clone().map(RefreshToken::new) else {
            return Err(Refused::Unreachable("it gave no refresh token".to_owned()));
        };
        let metadata = self.metadata(KNOWN_FOR).await?;
        let client = self.client(&metadata)?;
        let request = client.exchange_refresh_token(&refresh).map_err(unreachable)?;
        let answer = request.request_async(&self.asker).await.map_err(refused)?;
        self.granted(metadata, &answer, Expected::Kept(kept)).await
    }

    /// Where a browser signs out of the provider too, if it offers that.
    pub async fn sign_out(&self, kept: &Kept) -> Option<String> {
        let metadata = self.metadata(KNOWN_FOR).await.ok()?;
        let endpoint = metadata.additional_metadata().end_session_endpoint.clone()?;
        let back = PostLogoutRedirectUrl::new(format!("{}/sign-in", self.url)).ok()?;
        let mut request = LogoutRequest::from(endpoint)
            .set_client_id(ClientId::new(self.oidc.client_id.clone()))
            .set_post_logout_redirect_uri(back);
        if let Ok(id_token) = serde_json::from_value::<CoreIdToken>(kept.id_token.clone().into()) {
            request = request.set_id_token_hint(&id_token);
        }
        Some(request.http_get_url().to_string())
    }

    async fn metadata(&self, no_older: Duration) -> Result<Arc<Metadata>, Refused> {
        let mut known = self.known.lock().await;
        if let Some((asked, metadata)) = &*known
            && asked.elapsed() < no_older
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = IssuerUrl::new(self.oidc.issuer.clone()).map_err(unreachable)?;
        let metadata =
            Metadata::discover_async(issuer, &self.asker).await.map_err(|error| unreachable(whole(&error)))?;
        let metadata = Arc::new(metadata);
        *known = Some((Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    fn client(&self, metadata: &Metadata) -> Result<Client, Refused> {
        let methods = metadata.token_endpoint_auth_methods_supported();
        let by_post = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        let secret = ClientSecret::new(self.secret.reveal().to_owned());
        let id = ClientId::new(self.oidc.client_id.clone());
        let back = RedirectUrl::new(format!("{}{CALLBACK}", self.url)).map_err(unreachable)?;
        Ok(CoreClient::from_provider_metadata(metadata.clone(), id, Some(secret))
            .set_redirect_uri(back)
            .set_auth_type(if by_post { AuthType::RequestBody } else { AuthType::BasicAuth }))
    }

    /// What an answer with tokens says.
    async fn granted(
        &self,
        metadata: Arc<Metadata>,
        answer: &CoreTokenResponse,
        expected: Expected<'_>,
    ) -> Result<Granted, Refused> {
        let mut claims = match (answer.id_token(), &expected) {
            (Some(token), _) => match self.verified(&metadata, token, &expected) {
                Ok(claims) => claims,
                // The provider may have new keys.
                Err(_) => {
                    let metadata = self.metadata(ASKED_AGAIN_AFTER).await?;
                    self.verified(&metadata, token, &expected)?
                }
            },
            (None, Expected::Kept(kept)) => Claims::from_iter([("sub".to_owned(), kept.subject.clone().into())]),
            (None, Expected::Nonce(_)) => return Err(unreachable("its answer has no ID token")),
        };
        let subject = claims.get("sub").and_then(|sub| sub.as_str()).unwrap_or_default().to_owned();
        let wanted = [&self.oidc.name_claim, &self.oidc.groups_claim];
        if wanted.iter().any(|claim| !claims.contains_key(*claim)) {
            match (self.about(&metadata, answer, &subject).await, &expected) {
                (Ok(more), _) => claims.extend(more),
                // A new refresh token came already, and would be lost with an error: they keep the groups that they had.
                (Err(error), Expected::Kept(_)) => tracing::warn!(%error, "the groups of a session stay as they were"),
                (Err(error), Expected::Nonce(_)) => return Err(error),
            }
        }
        let who = match (claims.contains_key(&self.oidc.name_claim), &expected) {
            (false, Expected::Kept(_)) => None,
            (true, _) | (false, Expected::Nonce(_)) => {
                Some(claims::name(&self.oidc, &claims).map_err(Refused::Nobody)?)
            }
        };
        let before = match expected {
            Expected::Kept(kept) => Some(kept),
            Expected::Nonce(_) => None,
        };
        let refresh = answer.refresh_token().map(|token| token.secret().clone());
        let id_token = answer.id_token().map(ToString::to_string);
        Ok(Granted {
            who,
            groups: claims::groups(&self.oidc, &claims),
            kept: Kept {
                subject,
                refresh: refresh.or_else(|| before?.refresh.clone()),
                id_token: id_token.or_else(|| Some(before?.id_token.clone())).unwrap_or_default(),
            },
        })
    }

    /// The claims of an ID token: of the provider, for us, not over, and of this very sign-in or person.
    fn verified(&self, metadata: &Metadata, token: &CoreIdToken, expected: &Expected<'_>) -> Result<Claims, Refused> {
        let client = self.client(metadata)?;
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNED_BY);
        let found = match expected {
            Expected::Nonce(nonce) => token.claims(&verifier, *nonce),
            // A token that is renewed need not repeat the nonce; whose it is, is compared.
            Expected::Kept(_) => token.claims(&verifier, |_: Option<&Nonce>| Ok(())),
        };
        let found =
            found.map_err(|error| Refused::Unreachable(format!("its ID token is not valid: {}", whole(&error))))?;
        if let Expected::Kept(kept) = expected
            && found.subject().as_str() != kept.subject
        {
            return Err(Refused::ByProvider("its answer is about someone else".to_owned()));
        }
        // Claims that the library has no field for; what is read here was verified above.
        let text = token.to_string();
        let payload = text.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let claims = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
        claims.ok_or_else(|| unreachable("its ID token holds no claims"))
    }

    /// What else the provider says about the person, where its ID token does not say enough.
    async fn about(&self, metadata: &Metadata, answer: &CoreTokenResponse, subject: &str) -> Result<Claims, Refused> {
        let Some(endpoint) = metadata.userinfo_endpoint() else { return Ok(Claims::new()) };
        let request = Request::get(endpoint.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", answer.access_token().secret()));
        let request = request.body(Vec::new()).map_err(unreachable)?;
        let said = self.asker.ask(request).await.map_err(unreachable)?;
        if said.status() != StatusCode::OK {
            return Err(unreachable(format!("its answer about a person is {}", said.status())));
        }
        let claims: Claims = serde_json::from_slice(said.body()).map_err(unreachable)?;
        // Tokens of two people may have been mixed up on the way (OpenID Connect Core, 5.3.2).
        match claims.get("sub").and_then(|sub| sub.as_str()) == Some(subject) {
            true => Ok(claims),
            false => Err(unreachable("its answer is about someone else")),
        }
    }
}

/// What the token endpoint's error means: only `invalid_grant` says that the provider has dropped somebody.
fn refused(error: RequestTokenError<NoAnswer, StandardErrorResponse<CoreErrorResponseType>>) -> Refused {
    match error {
        RequestTokenError::ServerResponse(said) if *said.error() == CoreErrorResponseType::InvalidGrant => {
            Refused::ByProvider("invalid_grant".to_owned())
        }
        RequestTokenError::ServerResponse(said) => unreachable(format!("it answered {:.60}", said.error().as_ref())),
        RequestTokenError::Request(error) => unreachable(error),
        RequestTokenError::Parse(error, _) => unreachable(error),
        RequestTokenError::Other(error) => unreachable(error),
    }
}

/// An error with what caused it.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
