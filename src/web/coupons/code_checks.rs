//! Checking a code that a customer quotes. It is posted, so that no address, title or log ever
//! holds it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::code_check_page;
use crate::{
    app::{
        Desk, Member,
        coupons::check_code::{Checked, check_code},
    },
    web::shared::{
        answer::html,
        errors::Error,
        frame,
        request::{self, FormBody},
    },
};

/// `GET /m/{merchant}/check`
pub async fn new(
    request: HttpRequest,
    member: web::ReqData<Member>,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    page(&request, &member, StatusCode::OK, code_check_page::form(&member, "", None), None)
}

/// `POST /m/{merchant}/check`
pub async fn create(
    request: HttpRequest,
    desk: web::Data<Desk>,
    member: web::ReqData<Member>,
    body: FormBody,
) -> Result<HttpResponse, Error> {
    let member = member.into_inner();
    let field = |name: &str| {
        body.fields().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    };
    let typed = field("code").unwrap_or_default();
    let (asker, asked) = (member.clone(), typed.clone());
    let checked = desk.reading(move |desk| check_code(desk, &asker, &asked)).await?;
    let fragment = request::is_fragment(request.headers());
    if let Checked::Invalid(why) = &checked {
        let form = code_check_page::form(&member, &typed, Some(why));
        if fragment {
            return Ok(html(
                StatusCode::UNPROCESSABLE_ENTITY,
                code_check_page::CodeCheckAgain { form }.render()?,
            ));
        }
        return page(&request, &member, StatusCode::UNPROCESSABLE_ENTITY, form, None);
    }
    let result = code_check_page::result(&member, &checked);
    let form = code_check_page::form(&member, &typed, None);
    if fragment {
        // The field shows the code that was picked from the suggestions, as it shows one that was
        // typed.
        let form = field("picked").map(|_| form);
        return Ok(html(
            StatusCode::OK,
            code_check_page::CodeCheckResult { result, form }.render()?,
        ));
    }
    page(&request, &member, StatusCode::OK, form, Some(result))
}

fn page(
    request: &HttpRequest,
    member: &Member,
    status: StatusCode,
    form: code_check_page::CodeCheckForm,
    result: Option<code_check_page::CodeFacts>,
) -> Result<HttpResponse, Error> {
    let frame = frame::in_merchant(request, member, "Check a code");
    Ok(html(status, code_check_page::CodeCheckPage { frame, form, result }.render()?))
}
