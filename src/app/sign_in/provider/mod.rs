//! The provider of single sign-on (OpenID Connect: authorisation code and PKCE): where to send
//! somebody, and who they are when they come back. Slow: it asks over the network.

mod http;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EmptyAdditionalClaims, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SubjectIdentifier, TokenResponse,
    core::{
        CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreGenderClaim,
        CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm as Alg, CoreProviderMetadata,
        CoreUserInfoClaims,
    },
};
use serde::{Deserialize, Serialize};

use crate::domain::email::account_key;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What was agreed with the provider.
#[derive(Clone)]
pub struct Terms {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    /// As people call it: "Continue with …".
    pub name: String,
}

/// What was asked, to be compared when the answer comes.
#[derive(Clone, Serialize, Deserialize)]
pub struct AuthRequest {
    pub state: String,
    nonce: String,
    verifier: String,
}

/// Who came back.
pub struct Proven {
    pub issuer: String,
    pub subject: String,
    /// When the provider last asked the person itself; it need not tell.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// What the provider calls the person, if the token says.
    pub name: Option<String>,
    /// The e-mail in the token, and whether the provider has verified it.
    email: Option<(String, bool)>,
    access: AccessToken,
}

/// Why it is not known who came back. The details are in the log, without any value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The provider does not answer, or not as a provider does.
    Silent,
    /// It does not take the code.
    Refused,
    /// Its token does not prove anything: signature, issuer, audience, nonce or time are wrong.
    Untrusted,
}

/// What the provider says of itself is asked for again after this long.
const GOOD_FOR: Duration = Duration::from_hours(1);
/// After a failure it is left alone for so long: nobody can make the desk hammer it.
const METADATA_RETRY_DELAY: Duration = Duration::from_secs(2);
/// How long an SSO state is valid; the same as in `sso`.
const STATE_LIFETIME: Duration = Duration::from_mins(10);
/// As long as a subject may be.
const MAX_SUBJECT_BYTES: usize = 255;
/// Only signatures that the provider alone can make: never a shared secret, never none.
const SIGNATURES: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

/// The provider, with what is known of it.
pub struct OidcProvider {
    terms: Terms,
    redirect: String,
    agent: ureq::Agent,
    known: Mutex<ProviderCache>,
    /// The states that have come back: each does so once.
    used: Mutex<HashMap<String, Instant>>,
}

#[derive(Default)]
struct ProviderCache {
    metadata: Option<(Instant, Arc<CoreProviderMetadata>)>,
    failed: Option<Instant>,
}

impl OidcProvider {
    /// A provider on these terms; `base_url` is where the desk is reached.
    pub fn new(terms: Terms, base_url: &str) -> Self {
        let redirect = format!("{}/sign-in/sso/callback", base_url.trim_end_matches('/'));
        let agent = http::agent(&terms.issuer);
        Self { terms, redirect, agent, known: Mutex::default(), used: Mutex::default() }
    }

    pub fn name(&self) -> &str {
        &self.terms.name
    }

    pub fn issuer(&self) -> &str {
        &self.terms.issuer
    }

    /// Where the provider is to send people back to.
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// Where to send somebody, and what to keep until they come back. `is_fresh`: the provider is
    /// asked for a new sign-in, even if it knows them.
    pub fn depart(&self, is_fresh: bool) -> Result<(String, AuthRequest), Trouble> {
        let client = self.client(self.metadata()?.as_ref())?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge);
        if is_fresh {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        let (address, state, nonce) = request.url();
        let asked = AuthRequest {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        };
        Ok((address.into(), asked))
    }

    /// Uses up what was asked: `false` when it was before.
    pub fn use_up(&self, asked: &AuthRequest) -> bool {
        let now = Instant::now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, at| now.duration_since(*at) < STATE_LIFETIME);
        used.insert(asked.state.clone(), now).is_none()
    }

    /// Who came back with that code.
    pub fn arrive(
        &self,
        asked: &AuthRequest,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<Proven, Trouble> {
        let client = self.client(self.metadata()?.as_ref())?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| silent("its own description names no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(asked.verifier.clone()))
            .request(&http::with_deadline(&self.agent))
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(said) => {
                    tracing::warn!(
                        error = said.error().as_ref(),
                        "the provider of single sign-on does not take a code"
                    );
                    Trouble::Refused
                }
                RequestTokenError::Request(_) => Trouble::Silent,
                RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                    silent("its token endpoint answers in no known form")
                }
            })?;
        let token = answer.id_token().ok_or_else(|| untrusted("there is no ID token"))?;
        let claims = match claims(token, &client, asked, now) {
            // The keys may have changed since they were fetched.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                claims(token, &self.client(self.fetch()?.as_ref())?, asked, now)
            }
            other => other,
        };
        let claims = claims.map_err(|error| untrusted(kind_of(&error)))?;
        // OpenID Connect allows no longer one; it is kept, and shown before it is linked.
        if claims.subject().len() > MAX_SUBJECT_BYTES {
            return Err(untrusted("its subject is too long"));
        }
        let email =
            claims.email().map(|email| (email.to_string(), claims.email_verified() == Some(true)));
        Ok(Proven {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            authenticated_at: claims.auth_time(),
            name: name_in(claims),
            email,
            access: answer.access_token().clone(),
        })
    }

    /// The person's email in the form of accounts, if the provider vouches for it; asks for it
    /// where the token does not tell.
    pub fn verified_email(&self, proven: &Proven) -> Result<Option<String>, Trouble> {
        let known = self.email(proven)?;
        Ok(known.filter(|(_, is_verified)| *is_verified).map(|(email, _)| account_key(&email)))
    }

    /// The person's email as the provider writes it, and whether it has verified it; asks for it
    /// where the token does not say.
    pub fn email(&self, proven: &Proven) -> Result<Option<(String, bool)>, Trouble> {
        match &proven.email {
            Some(known) => Ok(Some(known.clone())),
            None => self.ask_email(proven),
        }
    }

    fn ask_email(&self, proven: &Proven) -> Result<Option<(String, bool)>, Trouble> {
        let client = self.client(self.metadata()?.as_ref())?;
        let subject = SubjectIdentifier::new(proven.subject.clone());
        let Ok(request) = client.user_info(proven.access.clone(), Some(subject)) else {
            return Ok(None);
        };
        let told: CoreUserInfoClaims = request
            .request::<EmptyAdditionalClaims, CoreGenderClaim, _>(&http::with_deadline(&self.agent))
            .map_err(|_| silent("it does not tell who somebody is"))?;
        Ok(told.email().map(|email| (email.to_string(), told.email_verified() == Some(true))))
    }

    /// Whether the provider answers; for `rewarddesk doctor`.
    pub fn is_there(&self) -> bool {
        self.fetch().is_ok()
    }

    fn known(&self) -> MutexGuard<'_, ProviderCache> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the provider says of itself, as it was fetched lately.
    fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, Trouble> {
        {
            let known = self.known();
            if let Some((_, metadata)) =
                known.metadata.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR)
            {
                return Ok(Arc::clone(metadata));
            }
            if known.failed.is_some_and(|at| at.elapsed() < METADATA_RETRY_DELAY) {
                return Err(Trouble::Silent);
            }
        }
        // Nobody waits at the lock while the provider is asked.
        self.fetch()
    }

    fn fetch(&self) -> Result<Arc<CoreProviderMetadata>, Trouble> {
        let issuer = IssuerUrl::new(self.terms.issuer.clone())
            .map_err(|_| silent("its issuer is no address"))?;
        let Ok(metadata) =
            CoreProviderMetadata::discover(&issuer, &http::with_deadline(&self.agent))
        else {
            self.known().failed = Some(Instant::now());
            return Err(silent("its description or its keys cannot be had"));
        };
        let metadata = Arc::new(metadata);
        *self.known() =
            ProviderCache { metadata: Some((Instant::now(), Arc::clone(&metadata))), failed: None };
        Ok(metadata)
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Result<Client, Trouble> {
        let redirect = RedirectUrl::new(self.redirect.clone())
            .map_err(|_| silent("the address to come back to is none"))?;
        let secret = ClientSecret::new(self.terms.client_secret.clone());
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.terms.client_id.clone()),
            Some(secret),
        );
        // Where nothing is said, Basic is what every provider takes.
        let takes = |method| {
            metadata
                .token_endpoint_auth_methods_supported()
                .is_none_or(|known| known.contains(&method))
        };
        let way = if takes(CoreClientAuthMethod::ClientSecretBasic) {
            AuthType::BasicAuth
        } else {
            AuthType::RequestBody
        };
        Ok(client.set_redirect_uri(redirect).set_auth_type(way))
    }
}

/// The token's claims, if signature, issuer, audience, nonce and time are right.
fn claims<'t>(
    token: &'t CoreIdToken,
    client: &Client,
    asked: &AuthRequest,
    now: DateTime<Utc>,
) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
    let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES).set_time_fn(move || now);
    token.claims(&verifier, &Nonce::new(asked.nonce.clone()))
}

/// What people there call this account: a full name, or else the name it signs in with.
fn name_in(claims: &CoreIdTokenClaims) -> Option<String> {
    let full = claims.name().and_then(|names| names.get(None)).map(|name| name.to_string());
    full.or_else(|| claims.preferred_username().map(|name| name.to_string()))
        .filter(|name| !name.trim().is_empty())
}

fn silent(why: &'static str) -> Trouble {
    tracing::warn!(why, "the provider of single sign-on does not answer as one");
    Trouble::Silent
}

fn untrusted(why: &'static str) -> Trouble {
    tracing::warn!(why, "a token of single sign-on proves nothing");
    Trouble::Untrusted
}

/// The error without the values in it.
fn kind_of(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "it has expired",
        ClaimsVerificationError::InvalidAudience(_) => "it is for somebody else",
        ClaimsVerificationError::InvalidIssuer(_) => "its issuer is another",
        ClaimsVerificationError::InvalidNonce(_) => "its nonce is another",
        ClaimsVerificationError::SignatureVerification(_) => "its signature is not the provider's",
        _ => "a claim in it is not right",
    }
}
