//! Checking a code that a customer quotes. It is posted, so that no address, title or log ever
//! holds it.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use crate::{
    app::coupons::check_code::{Checked, check_code},
    web::{
        coupons::code_check_page,
        shared::{answers::html, context::MerchantRequest, errors::Error, request::FormBody},
    },
};

/// `GET /m/{merchant}/check`
pub async fn new(cx: MerchantRequest) -> Result<HttpResponse, Error> {
    page(&cx, StatusCode::OK, code_check_page::form(&cx.member, "", None), None)
}

/// `POST /m/{merchant}/check`
pub async fn create(cx: MerchantRequest, body: FormBody) -> Result<HttpResponse, Error> {
    let field = |name: &str| {
        body.fields().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    };
    let typed = field("code").unwrap_or_default();
    let asked = typed.clone();
    let checked = cx.read(move |desk, member| check_code(desk, member, &asked)).await?;
    let fragment = cx.is_fragment();
    if let Checked::Invalid(why) = &checked {
        let form = code_check_page::form(&cx.member, &typed, Some(why));
        if fragment {
            return Ok(html(
                StatusCode::UNPROCESSABLE_ENTITY,
                code_check_page::CodeCheckAgain { form }.render()?,
            ));
        }
        return page(&cx, StatusCode::UNPROCESSABLE_ENTITY, form, None);
    }
    let result = code_check_page::result(&cx.member, &checked);
    let form = code_check_page::form(&cx.member, &typed, None);
    if fragment {
        // The field shows the code that was picked from the suggestions, as it shows one that was
        // typed.
        let form = field("picked").map(|_| form);
        return Ok(html(
            StatusCode::OK,
            code_check_page::CodeCheckResult { result, form }.render()?,
        ));
    }
    page(&cx, StatusCode::OK, form, Some(result))
}

fn page(
    cx: &MerchantRequest,
    status: StatusCode,
    form: code_check_page::CodeCheckForm,
    result: Option<code_check_page::CodeFacts>,
) -> Result<HttpResponse, Error> {
    let frame = cx.frame("Check a code");
    Ok(html(status, code_check_page::CodeCheckPage { frame, form, result }.render()?))
}
