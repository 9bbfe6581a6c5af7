//! What a handler is given: the request, the desk, and who asks. And the numbers in its path.

use std::{future::Ready, ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web::Data};

use crate::{
    app::{
        self, Desk, Member,
        origin::Origin,
        sign_in::sessions::{Membership, Session},
    },
    domain::ids::{BatchId, CouponId, CustomerNo, ImportId, MailId, RewardNo, UserId},
    web::shared::{
        browser,
        errors::Error,
        frame::{self, Frame},
        request,
        site::Site,
        throttle::Throttle,
    },
};

/// A signed-in user and the merchants they belong to.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub session: Session,
    pub merchants: Arc<[Membership]>,
}

/// A request for a page that anybody may open; part of every other request, too.
pub struct PublicRequest {
    pub http: HttpRequest,
    pub desk: Data<Desk>,
    pub site: Data<Site>,
    pub throttle: Data<Throttle>,
}

/// A request for a page of a signed-in user, outside any merchant.
pub struct UserRequest {
    public: PublicRequest,
    pub visitor: Visitor,
}

/// A request for a page of a merchant, let in by the gate.
pub struct MerchantRequest {
    public: PublicRequest,
    pub member: Member,
}

impl PublicRequest {
    fn of(http: &HttpRequest) -> Option<Self> {
        Some(Self {
            http: http.clone(),
            desk: http.app_data::<Data<Desk>>()?.clone(),
            site: http.app_data::<Data<Site>>()?.clone(),
            throttle: http.app_data::<Data<Throttle>>()?.clone(),
        })
    }

    /// Whether the answer is swapped into a page.
    pub fn is_fragment(&self) -> bool {
        request::is_fragment(self.http.headers())
    }

    /// The id under which the log knows this request.
    pub fn request_id(&self) -> String {
        request::request_id(&self.http)
    }

    /// The address that it comes from.
    pub fn address(&self) -> String {
        request::address(&self.http)
    }

    /// Its id, and browser and address in words.
    pub fn origin(&self) -> Origin {
        browser::origin_of(&self.http)
    }

    /// The frame of a page outside any merchant.
    pub fn frame(&self, title: &str) -> Frame {
        frame::for_visitor(&self.http, title)
    }
}

impl UserRequest {
    /// Runs a use case that only reads, for the user of this session.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk, &Session) -> Result<T, app::Error> + Send + 'static,
    ) -> Result<T, app::Error> {
        let session = self.visitor.session.clone();
        self.desk.reading(move |desk| work(desk, &session)).await
    }

    /// Runs a use case that writes, for the user of this session.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk, &Session) -> Result<T, app::Error> + Send + 'static,
    ) -> Result<T, app::Error> {
        let session = self.visitor.session.clone();
        self.desk.writing(move |desk| work(desk, &session)).await
    }
}

impl MerchantRequest {
    /// Runs a use case that only reads, for this member.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk, &Member) -> Result<T, app::Error> + Send + 'static,
    ) -> Result<T, app::Error> {
        let member = self.member.clone();
        self.desk.reading(move |desk| work(desk, &member)).await
    }

    /// Runs a use case that writes, for this member.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk, &Member) -> Result<T, app::Error> + Send + 'static,
    ) -> Result<T, app::Error> {
        let member = self.member.clone();
        self.desk.writing(move |desk| work(desk, &member)).await
    }

    /// The frame of a page in this merchant.
    pub fn frame(&self, title: &str) -> Frame {
        frame::in_merchant(&self.http, &self.member, title)
    }
}

impl Deref for UserRequest {
    type Target = PublicRequest;

    fn deref(&self) -> &PublicRequest {
        &self.public
    }
}

impl Deref for MerchantRequest {
    type Target = PublicRequest;

    fn deref(&self) -> &PublicRequest {
        &self.public
    }
}

impl FromRequest for PublicRequest {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Self::of(http).ok_or(Error::Internal))
    }
}

impl FromRequest for UserRequest {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = http.extensions().get::<Visitor>().cloned();
        let found = PublicRequest::of(http).zip(visitor);
        std::future::ready(
            found.map(|(public, visitor)| Self { public, visitor }).ok_or(Error::Internal),
        )
    }
}

impl FromRequest for MerchantRequest {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let member = http.extensions().get::<Member>().cloned();
        let found = PublicRequest::of(http).zip(member);
        std::future::ready(
            found.map(|(public, member)| Self { public, member }).ok_or(Error::Internal),
        )
    }
}

/// A number in the path, such as a customer's: anything else there is no page, so it answers 404.
pub struct PathId<T>(pub T);

/// What a number in a path may be the number of.
pub trait InPath {
    /// What the route's pattern calls it.
    const NAME: &'static str;

    fn of(number: i64) -> Self;
}

macro_rules! in_path {
    ($($id:path: $name:literal),+ $(,)?) => {$(
        impl InPath for $id {
            const NAME: &'static str = $name;

            fn of(number: i64) -> Self {
                $id(number)
            }
        }
    )+};
}

in_path! {
    BatchId: "id",
    CouponId: "id",
    CustomerNo: "id",
    ImportId: "id",
    MailId: "mail",
    RewardNo: "reward",
    UserId: "id",
}

/// A session or a passkey of one's own.
impl InPath for i64 {
    const NAME: &'static str = "id";

    fn of(number: i64) -> Self {
        number
    }
}

impl<T: InPath> FromRequest for PathId<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let number = http.match_info().get(T::NAME).and_then(request::number);
        std::future::ready(number.map(|number| Self(T::of(number))).ok_or(Error::NotFound))
    }
}
