//! Passkeys (WebAuthn): what a browser is asked, and whether its answer is right. User verification
//! is always required. What was asked travels sealed, bound to whom it was asked, and is good for
//! five minutes.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Uuid, Webauthn,
    WebauthnBuilder,
};

use crate::{
    app::{Desk, Error, Fault, encrypt_secret},
    db::{
        self, WriteTx,
        passkeys::{self, StoredPasskey},
    },
    domain::{Invalid, ids::UserId, user::User},
};

const PURPOSE: &str = "passkey-challenge-v1";
/// How long a question may wait for its answer.
const CHALLENGE_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// What a browser is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// For the browser, as JSON.
    pub options: String,
    /// For us, when the answer comes.
    pub encrypted: String,
}

/// What was asked, and when.
#[derive(Serialize, Deserialize)]
struct StoredChallenge<S> {
    at: i64,
    state: S,
}

/// The site that passkeys belong to. A passkey needs https (or `localhost`), and a host with a
/// name: there is none for a bare IP address.
fn site(desk: &Desk) -> Option<Webauthn> {
    let origin = Url::parse(&desk.base_url).ok()?;
    // Elsewhere browsers know no passkeys.
    if origin.scheme() != "https" && !origin.domain()?.ends_with("localhost") {
        return None;
    }
    let patience = Duration::from_secs(CHALLENGE_LIFETIME.num_seconds().unsigned_abs());
    WebauthnBuilder::new(origin.domain()?, &origin)
        .ok()?
        .rp_name("Reward Desk")
        .timeout(patience)
        .build()
        .ok()
}

/// Whether passkeys can be had at this desk's address.
pub fn available(desk: &Desk) -> bool {
    site(desk).is_some()
}

fn needed_site(desk: &Desk) -> Result<Webauthn, Error> {
    site(desk).ok_or_else(|| {
        Invalid::because("passkeys only work if the desk is opened over https and by a host name")
            .into()
    })
}

/// What authenticators know a user by: says nothing about them to anybody else.
fn handle(desk: &Desk, user: UserId) -> Uuid {
    Uuid::from_bytes(desk.key_for(&format!("passkey-user-v1:{}", user.0)))
}

/// Asks for a new passkey; one that is known already is not made twice.
pub fn ask_for_new(
    desk: &Desk,
    user: &User,
    known: &[StoredPasskey],
    owner: &str,
) -> Result<Question, Error> {
    let excluded =
        known.iter().filter_map(|kept| URL_SAFE_NO_PAD.decode(&kept.credential_id).ok()).collect();
    let (options, state) = needed_site(desk)?
        .start_passkey_registration(handle(desk, user.id), &user.email, &user.name, Some(excluded))
        .map_err(|e| fault(&e))?;
    let mut options = serde_json::to_value(&options).map_err(|e| fault(&e))?;
    // One that the device keeps can sign in alone; those that have no room for it are a second
    // factor.
    if let Some(selection) =
        options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut)
    {
        selection.insert("residentKey".into(), "preferred".into());
    }
    question(desk, owner, options.to_string(), state)
}

/// The passkey that the browser has made, as it is kept; `None`: the answer is wrong or late.
pub fn new_of(desk: &Desk, owner: &str, encrypted: &str, answer: &str) -> Option<(String, String)> {
    let asked: StoredChallenge<PasskeyRegistration> = opened(desk, owner, encrypted)?;
    let answer: RegisterPublicKeyCredential = serde_json::from_str(answer).ok()?;
    let passkey = site(desk)?.finish_passkey_registration(&answer, &asked.state).ok()?;
    Some((URL_SAFE_NO_PAD.encode(passkey.cred_id()), serde_json::to_string(&passkey).ok()?))
}

/// Asks for one of these passkeys.
pub fn ask(desk: &Desk, known: &[StoredPasskey], owner: &str) -> Result<Question, Error> {
    let known: Vec<Passkey> = known.iter().map(stored).collect::<Result<_, _>>()?;
    let (options, state) =
        needed_site(desk)?.start_passkey_authentication(&known).map_err(|e| fault(&e))?;
    let options = serde_json::to_string(&options).map_err(|e| fault(&e))?;
    question(desk, owner, options, state)
}

/// Asks for any passkey of this desk.
pub fn ask_anybody(desk: &Desk) -> Result<Question, Error> {
    let (options, state) =
        needed_site(desk)?.start_discoverable_authentication().map_err(|e| fault(&e))?;
    let options = serde_json::json!({ "publicKey": options.public_key }).to_string();
    question(desk, ANYBODY, options, state)
}

const ANYBODY: &str = "anybody";

/// Whether the answer is right and by a passkey of this user; then its use is written down.
pub(in crate::app) fn check(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    user: UserId,
    owner: &str,
    encrypted: &str,
    answer: &str,
) -> Result<bool, Error> {
    let judged = opened::<PasskeyAuthentication>(desk, owner, encrypted).and_then(|asked| {
        let answer: PublicKeyCredential = serde_json::from_str(answer).ok()?;
        let result = site(desk)?.finish_passkey_authentication(&answer, &asked.state).ok()?;
        Some((asked.at, result))
    });
    let Some((at, result)) = judged else { return Ok(false) };
    match passkeys::find(tx, &URL_SAFE_NO_PAD.encode(result.cred_id()))?
        .filter(|kept| kept.user == user)
    {
        Some(kept) => note_use(tx, desk, &kept, &result, at),
        None => Ok(false),
    }
}

/// Whose passkey the answer claims to be made with; nothing is proved yet.
pub(in crate::app) fn claimed_owner(
    tx: &mut WriteTx<'_>,
    answer: &str,
) -> Result<Option<StoredPasskey>, Error> {
    let Ok(answer) = serde_json::from_str::<PublicKeyCredential>(answer) else { return Ok(None) };
    Ok(passkeys::find(tx, &URL_SAFE_NO_PAD.encode(answer.get_credential_id()))?)
}

/// As [`check`], where nobody in particular was asked: the device must name the same user as we do.
pub(in crate::app) fn check_anybody(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    kept: &StoredPasskey,
    encrypted: &str,
    answer: &str,
) -> Result<bool, Error> {
    let passkey = stored(kept)?;
    let judged = opened::<DiscoverableAuthentication>(desk, ANYBODY, encrypted).and_then(|asked| {
        let answer: PublicKeyCredential = serde_json::from_str(answer).ok()?;
        let site = site(desk)?;
        let (user, _) = site.identify_discoverable_authentication(&answer).ok()?;
        let result =
            site.finish_discoverable_authentication_v2(&answer, asked.state, &passkey).ok()?;
        (user == handle(desk, kept.user)).then_some((asked.at, result))
    });
    match judged {
        Some((at, result)) => note_use(tx, desk, kept, &result, at),
        None => Ok(false),
    }
}

/// Writes down that the passkey was used. An answer to what was asked before its last use is a
/// replay: false.
fn note_use(
    tx: &mut WriteTx<'_>,
    desk: &Desk,
    kept: &StoredPasskey,
    result: &AuthenticationResult,
    asked_at: i64,
) -> Result<bool, Error> {
    if kept.last_used_at.is_some_and(|last| last.timestamp_micros() > asked_at)
        || !result.user_verified()
    {
        return Ok(false);
    }
    let mut passkey = stored(kept)?;
    passkey.update_credential(result);
    let credential = serde_json::to_string(&passkey).map_err(|e| fault(&e))?;
    passkeys::note_use(tx, kept.id, &credential, desk.clock.now())?;
    Ok(true)
}

fn stored(kept: &StoredPasskey) -> Result<Passkey, Error> {
    serde_json::from_str(&kept.credential)
        .map_err(|_| db::Error::unreadable("a stored passkey can't be read").into())
}

fn question<S: Serialize>(
    desk: &Desk,
    owner: &str,
    options: String,
    state: S,
) -> Result<Question, Error> {
    let asked =
        serde_json::to_vec(&StoredChallenge { at: desk.clock.now().timestamp_micros(), state })
            .map_err(|e| fault(&e))?;
    Ok(Question { options, encrypted: encrypt_secret::encrypt(desk, PURPOSE, owner, &asked)? })
}

fn opened<S: DeserializeOwned>(
    desk: &Desk,
    owner: &str,
    encrypted: &str,
) -> Option<StoredChallenge<S>> {
    let asked: StoredChallenge<S> =
        serde_json::from_slice(&encrypt_secret::decrypt(desk, PURPOSE, owner, encrypted)?).ok()?;
    let age = desk.clock.now() - DateTime::<Utc>::from_timestamp_micros(asked.at)?;
    (age < CHALLENGE_LIFETIME).then_some(asked)
}

/// The library's own errors hold no secret, but their words are nobody's business.
fn fault(error: &dyn std::fmt::Display) -> Error {
    Fault::Crypto(format!("a passkey could not be asked for: {error}")).into()
}
