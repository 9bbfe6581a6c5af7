//! What browsers get besides pages: hashed names, compressed at build time, kept for a year.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, VARY},
    web,
};

use crate::web::shared::errors::Error;

/// One embedded file in three encodings.
#[derive(Debug)]
pub struct Asset {
    pub name: &'static str,
    pub path: &'static str,
    mime: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

impl Asset {
    /// Whether `name` is this file's in another version of the desk: during a deploy a page of one
    /// server asks another for it, and is better off with this one than with none.
    fn is_other_version(&self, name: &str) -> bool {
        let is_hash = |hash: &str| hash.len() == 12 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        matches!((parts(self.name), parts(name)), (Some(own), Some(other)) if (own.0, own.2) == (other.0, other.2) && is_hash(other.1))
    }
}

/// What is before, between and after a name's last two dots.
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let (rest, ending) = name.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    Some((stem, hash, ending))
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The addresses for a page's head.
pub fn addresses() -> Assets {
    Assets {
        css: CSS.path.to_owned(),
        js: JS.path.to_owned(),
        htmx: HTMX.path.to_owned(),
        favicon: FAVICON.path.to_owned(),
    }
}

/// `GET /assets/{name}`
pub async fn show(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Error> {
    let asset = ALL
        .into_iter()
        .find(|asset| asset.name == name.as_str() || asset.is_other_version(&name))
        .ok_or(Error::NotFound)?;
    let accepted =
        request.headers().get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let takes = |coding: &str| {
        accepted
            .split(',')
            .any(|part| part.split(';').next().is_some_and(|name| name.trim() == coding))
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.mime)
        .insert_header((
            CACHE_CONTROL,
            if asset.name == name.as_str() {
                "public, max-age=31536000, immutable"
            } else {
                "no-store"
            },
        ))
        .insert_header((VARY, "Accept-Encoding"));
    Ok(if takes("br") {
        response.insert_header((CONTENT_ENCODING, "br")).body(asset.brotli)
    } else if takes("gzip") {
        response.insert_header((CONTENT_ENCODING, "gzip")).body(asset.gzip)
    } else {
        response.body(asset.plain)
    })
}

/// Addresses of the hashed assets.
#[derive(Clone, Debug)]
pub struct Assets {
    /// The style sheet.
    pub css: String,
    /// Our own script.
    pub js: String,
    /// htmx.
    pub htmx: String,
    /// The icon, SVG.
    pub favicon: String,
}
