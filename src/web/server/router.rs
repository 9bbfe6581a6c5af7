//! All routes on one screen, each with who may use it. A route that is not here does not exist.

use Access::{Member, Public, SignedIn};
use Permission::{
    BarCoupons, BlockCustomers, ChangeSettings, CheckCodes, ExportAuditLog, FindCustomers,
    LookAtBatches, ManageBatches, ManageUsers, PurgeCustomers, ReissueCoupons, ResendEmails,
    SeeAuditLog,
};
use actix_web::{
    Resource, Route, guard,
    http::Method,
    web::{self, ServiceConfig},
};

use super::{
    access::{Access, AccessRules, Rule},
    health,
};
use crate::{
    domain::role::Permission,
    web::{
        account::{self, factors, merchants},
        audit,
        batches::{self, alerts, batch_codes, new_batch, threshold_forms, validity, vouchers},
        coupons::{self, code_checks, coupon_acts, redemptions},
        customers::{self, customer_acts},
        imports::{self, files},
        mails,
        rewards::reissues,
        settings,
        shared::{assets, errors::Error},
        sign_in::{account_links, confirmations, second_factors, sessions, set_up, single_sign_on},
        users,
    },
};

/// A route, and who may use it.
struct GuardedRoute {
    rule: Rule,
    route: Route,
}

impl GuardedRoute {
    fn new(method: Method, pattern: &'static str, access: Access, route: Route) -> Self {
        Self { rule: Rule { method, pattern, access, asks_again: false }, route }
    }

    /// For dangerous acts, and for forms that lead to them: asks for the password or a factor when
    /// the last time is too long ago.
    fn asks_again(mut self) -> Self {
        self.rule.asks_again = true;
        self
    }
}

#[allow(clippy::too_many_lines, reason = "all routes in one list, whatever their number")]
fn routes() -> Vec<GuardedRoute> {
    let get = |pattern, access, route: Route| {
        GuardedRoute::new(
            Method::GET,
            pattern,
            access,
            route.guard(guard::Any(guard::Get()).or(guard::Head())),
        )
    };
    let post = |pattern, access, route: Route| {
        GuardedRoute::new(Method::POST, pattern, access, route.method(Method::POST))
    };
    let to = web::route;
    vec![
        get("/healthz", Public, to().to(health::alive)),
        get("/readyz", Public, to().to(health::ready)),
        get("/assets/{name}", Public, to().to(assets::show)),
        get("/sign-in", Public, to().to(sessions::new)),
        post("/sign-in", Public, to().to(sessions::create)),
        post("/sign-out", Public, to().to(sessions::destroy)),
        get("/sign-in/factor", Public, to().to(second_factors::new)),
        post("/sign-in/factor", Public, to().to(second_factors::create)),
        post("/sign-in/factor/options", Public, to().to(second_factors::options)),
        post("/sign-in/passkey", Public, to().to(second_factors::create_by_passkey)),
        post("/sign-in/passkey/options", Public, to().to(second_factors::any_options)),
        get("/sign-in/sso", Public, to().to(single_sign_on::new)),
        get("/sign-in/sso/callback", Public, to().to(single_sign_on::arrive)),
        get("/setup", Public, to().to(set_up::new)),
        post("/setup", Public, to().to(set_up::create)),
        get("/welcome", Public, to().to(account_links::show)),
        post("/welcome", Public, to().to(account_links::update)),
        get("/forgotten", Public, to().to(account_links::new)),
        post("/forgotten", Public, to().to(account_links::create)),
        get("/", SignedIn, to().to(merchants::index)),
        post("/offers/{merchant}/acceptance", SignedIn, to().to(merchants::accept)),
        post("/offers/{merchant}/refusal", SignedIn, to().to(merchants::decline)),
        get("/confirm", SignedIn, to().to(confirmations::new)),
        post("/confirm", SignedIn, to().to(confirmations::create)),
        post("/confirm/options", SignedIn, to().to(confirmations::options)),
        post("/confirm/sso", SignedIn, to().to(single_sign_on::confirm)),
        get("/account", SignedIn, to().to(account::show)),
        post("/account/password", SignedIn, to().to(account::change_password)),
        post("/account/sessions/end-others", SignedIn, to().to(account::end_other_sessions)),
        post("/account/sessions/{id}/end", SignedIn, to().to(account::end_session)),
        get("/account/app", SignedIn, to().to(factors::new_app)).asks_again(),
        post("/account/app", SignedIn, to().to(factors::add_app)).asks_again(),
        post("/account/app/removal", SignedIn, to().to(factors::remove_app)).asks_again(),
        get("/account/recovery-codes", SignedIn, to().to(factors::new_recovery_codes)),
        post("/account/recovery-codes", SignedIn, to().to(factors::make_recovery_codes)),
        get("/account/passkeys/new", SignedIn, to().to(factors::new_passkey)).asks_again(),
        post("/account/passkeys/options", SignedIn, to().to(factors::passkey_options)).asks_again(),
        post("/account/passkeys", SignedIn, to().to(factors::add_passkey)).asks_again(),
        post("/account/passkeys/{id}/removal", SignedIn, to().to(factors::remove_passkey))
            .asks_again(),
        post("/account/identity/start", SignedIn, to().to(single_sign_on::start)).asks_again(),
        get("/account/identity", SignedIn, to().to(single_sign_on::show)),
        post("/account/identity", SignedIn, to().to(single_sign_on::link)).asks_again(),
        post("/account/identity/removal", SignedIn, to().to(single_sign_on::unlink)).asks_again(),
        get("/m/{merchant}/customers", Member(FindCustomers), to().to(customers::index)),
        get("/m/{merchant}/customers/{id}", Member(FindCustomers), to().to(customers::show)),
        get(
            "/m/{merchant}/customers/{id}/rewards/{reward}/reissue",
            Member(ReissueCoupons),
            to().to(reissues::new),
        ),
        post(
            "/m/{merchant}/customers/{id}/rewards/{reward}/reissue",
            Member(ReissueCoupons),
            to().to(reissues::create),
        ),
        get(
            "/m/{merchant}/customers/{id}/rewards/{reward}/mail",
            Member(FindCustomers),
            to().to(mails::state),
        ),
        post(
            "/m/{merchant}/customers/{id}/rewards/{reward}/resend",
            Member(ResendEmails),
            to().to(mails::create),
        ),
        get(
            "/m/{merchant}/customers/{id}/mails/{mail}",
            Member(FindCustomers),
            to().to(mails::show),
        ),
        get(
            "/m/{merchant}/customers/{id}/mails/{mail}/html",
            Member(FindCustomers),
            to().to(mails::stored_html),
        ),
        get(
            "/m/{merchant}/customers/{id}/block",
            Member(BlockCustomers),
            to().to(customer_acts::new),
        ),
        post(
            "/m/{merchant}/customers/{id}/block",
            Member(BlockCustomers),
            to().to(customer_acts::create),
        ),
        get(
            "/m/{merchant}/customers/{id}/unblock",
            Member(BlockCustomers),
            to().to(customer_acts::new),
        ),
        post(
            "/m/{merchant}/customers/{id}/unblock",
            Member(BlockCustomers),
            to().to(customer_acts::create),
        ),
        get(
            "/m/{merchant}/customers/{id}/emails-off",
            Member(BlockCustomers),
            to().to(customer_acts::new),
        ),
        post(
            "/m/{merchant}/customers/{id}/emails-off",
            Member(BlockCustomers),
            to().to(customer_acts::create),
        ),
        get(
            "/m/{merchant}/customers/{id}/emails-on",
            Member(BlockCustomers),
            to().to(customer_acts::new),
        ),
        post(
            "/m/{merchant}/customers/{id}/emails-on",
            Member(BlockCustomers),
            to().to(customer_acts::create),
        ),
        get(
            "/m/{merchant}/customers/{id}/purge",
            Member(PurgeCustomers),
            to().to(customer_acts::new),
        )
        .asks_again(),
        post(
            "/m/{merchant}/customers/{id}/purge",
            Member(PurgeCustomers),
            to().to(customer_acts::create),
        )
        .asks_again(),
        get("/m/{merchant}/batches", Member(LookAtBatches), to().to(batches::index)),
        get("/m/{merchant}/batches/new", Member(ManageBatches), to().to(new_batch::new)),
        post("/m/{merchant}/batches", Member(ManageBatches), to().to(new_batch::create)),
        get("/m/{merchant}/batches/{id}", Member(LookAtBatches), to().to(batches::show)),
        post(
            "/m/{merchant}/batches/{id}/vouchers",
            Member(ManageBatches),
            to().to(vouchers::create),
        ),
        post(
            "/m/{merchant}/batches/{id}/validity",
            Member(ManageBatches),
            to().to(validity::update),
        ),
        post(
            "/m/{merchant}/batches/{id}/lines",
            Member(ManageBatches),
            to().to(threshold_forms::draw),
        ),
        post(
            "/m/{merchant}/batches/{id}/withdrawals",
            Member(ManageBatches),
            to().to(threshold_forms::withdraw),
        ),
        post(
            "/m/{merchant}/batches/{id}/export",
            Member(ManageBatches),
            to().to(batch_codes::export),
        )
        .asks_again(),
        get("/m/{merchant}/imports", Member(ManageBatches), to().to(imports::index)),
        get("/m/{merchant}/imports/{id}", Member(ManageBatches), to().to(imports::show)),
        get(
            "/m/{merchant}/imports/{id}/progress",
            Member(ManageBatches),
            to().to(imports::progress),
        ),
        get("/m/{merchant}/imports/{id}/rejects", Member(ManageBatches), to().to(imports::rejects)),
        post(
            "/m/{merchant}/imports/{id}/confirm",
            Member(ManageBatches),
            to().to(imports::confirm),
        ),
        post("/m/{merchant}/imports/{id}/cancel", Member(ManageBatches), to().to(imports::cancel)),
        get("/m/{merchant}/coupons/{id}", Member(FindCustomers), to().to(coupons::show)),
        get("/m/{merchant}/alerts", Member(LookAtBatches), to().to(alerts::index)),
        post("/m/{merchant}/alerts", Member(LookAtBatches), to().to(alerts::choose)),
        post("/m/{merchant}/alerts/rules", Member(ManageBatches), to().to(alerts::draw)),
        get("/m/{merchant}/redemptions", Member(BarCoupons), to().to(redemptions::index)),
        get(
            "/m/{merchant}/redemptions/new",
            Member(ManageBatches),
            to().to(files::new_redemptions),
        ),
        post(
            "/m/{merchant}/redemptions",
            Member(ManageBatches),
            to().to(files::create_redemptions),
        ),
        get("/m/{merchant}/bars/new", Member(ManageBatches), to().to(files::new_bars)),
        post("/m/{merchant}/bars", Member(ManageBatches), to().to(files::create_bars)),
        get("/m/{merchant}/coupons/{id}/bar", Member(BarCoupons), to().to(coupon_acts::new)),
        post("/m/{merchant}/coupons/{id}/bar", Member(BarCoupons), to().to(coupon_acts::create)),
        get("/m/{merchant}/coupons/{id}/unbar", Member(BarCoupons), to().to(coupon_acts::new)),
        post("/m/{merchant}/coupons/{id}/unbar", Member(BarCoupons), to().to(coupon_acts::create)),
        get("/m/{merchant}/coupons/{id}/use", Member(BarCoupons), to().to(coupon_acts::new)),
        post("/m/{merchant}/coupons/{id}/use", Member(BarCoupons), to().to(coupon_acts::create)),
        get("/m/{merchant}/check", Member(CheckCodes), to().to(code_checks::new)),
        post("/m/{merchant}/check", Member(CheckCodes), to().to(code_checks::create)),
        get("/m/{merchant}/users", Member(ManageUsers), to().to(users::index)),
        get("/m/{merchant}/users/new", Member(ManageUsers), to().to(users::new)).asks_again(),
        post("/m/{merchant}/users", Member(ManageUsers), to().to(users::create)).asks_again(),
        get("/m/{merchant}/users/{id}", Member(ManageUsers), to().to(users::show)),
        post("/m/{merchant}/users/{id}/role", Member(ManageUsers), to().to(users::change_role))
            .asks_again(),
        post(
            "/m/{merchant}/users/{id}/invitation",
            Member(ManageUsers),
            to().to(users::invite_again),
        )
        .asks_again(),
        post("/m/{merchant}/users/{id}/removal", Member(ManageUsers), to().to(users::manage))
            .asks_again(),
        post("/m/{merchant}/users/{id}/disable", Member(ManageUsers), to().to(users::manage))
            .asks_again(),
        post("/m/{merchant}/users/{id}/enable", Member(ManageUsers), to().to(users::manage))
            .asks_again(),
        post("/m/{merchant}/users/{id}/unlock", Member(ManageUsers), to().to(users::manage))
            .asks_again(),
        post("/m/{merchant}/users/{id}/sessions", Member(ManageUsers), to().to(users::manage))
            .asks_again(),
        post("/m/{merchant}/users/{id}/factors", Member(ManageUsers), to().to(users::manage))
            .asks_again(),
        get("/m/{merchant}/permissions", Member(FindCustomers), to().to(users::permissions)),
        get("/m/{merchant}/settings", Member(ChangeSettings), to().to(settings::show)).asks_again(),
        post("/m/{merchant}/settings", Member(ChangeSettings), to().to(settings::update))
            .asks_again(),
        get("/m/{merchant}/audit", Member(SeeAuditLog), to().to(audit::index)),
        post("/m/{merchant}/audit/export", Member(ExportAuditLog), to().to(audit::export))
            .asks_again(),
    ]
}

/// The table of access.
pub fn rules() -> AccessRules {
    AccessRules::new(routes().into_iter().map(|route| route.rule).collect())
}

/// Registers every route once.
pub fn register(config: &mut ServiceConfig) {
    let mut resources: Vec<(&'static str, Resource)> = Vec::new();
    for GuardedRoute { rule: Rule { pattern, .. }, route } in routes() {
        match resources.iter().position(|(known, _)| *known == pattern) {
            Some(at) => {
                let (pattern, resource) = resources.remove(at);
                resources.insert(at, (pattern, resource.route(route)));
            }
            None => resources.push((pattern, web::resource(pattern).route(route))),
        }
    }
    for (_, resource) in resources {
        config.service(resource);
    }
    config.default_service(web::to(|| async {
        Err::<actix_web::HttpResponse, Error>(Error::NotFound)
    }));
}
