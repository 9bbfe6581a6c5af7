//! The pages of a merchant's users: the list, one of them with what can be done to them and why
//! not, inviting, and what each role may do.

use askama::Template;

use crate::{
    app::{
        InvalidForm, Member,
        users::{
            invite_user::Invitation,
            manage_users::UserAct,
            show_users::{AccountMail, UserFile, UserList, UserOverview},
        },
    },
    domain::{
        ids::UserId,
        mail::MailState,
        role::{Permission, Role},
        user::{Barrier, Standing},
    },
    web::{
        batches::threshold_forms::NumberField,
        shared::{
            addresses,
            format::{plural, when},
            frame::Frame,
            ui::{Badge, Fact, Pager, Status, TextLink, Tone, When},
        },
    },
};

/// The list.
pub fn index(frame: Frame, member: &Member, page: &UserList, is_later: bool) -> UserListPage {
    let link = |label: &str, href: String| TextLink { label: label.to_owned(), href };
    UserListPage {
        frame,
        actions: vec![
            link("What each role can do", addresses::permissions(&member.merchant)),
            link("Invite a user", addresses::new_user(&member.merchant)),
        ],
        rows: page.rows.iter().map(|row| self::row(member, row)).collect(),
        pager: Pager {
            first_href: is_later.then(|| addresses::users(&member.merchant)),
            older_href: page
                .next
                .map(|UserId(id)| format!("{}?after={id}", addresses::users(&member.merchant))),
        },
    }
}

fn row(member: &Member, row: &UserOverview) -> UserItem {
    UserItem {
        href: addresses::user(&member.merchant, row.user.id),
        name: row.user.name.clone(),
        email: row.user.email.clone(),
        role: row.role.label().to_owned(),
        badges: badges(member, row),
        last_seen: row.user.last_seen_at.filter(|_| !row.is_offer).map(|at| when(member, at)),
    }
}

fn badges(member: &Member, row: &UserOverview) -> Vec<Badge> {
    let badge = |tone, text: &str| Badge { tone, text: text.to_owned() };
    let standing = match row.standing {
        Standing::Invited => Some(badge(Tone::Notice, "Invited")),
        Standing::Locked { .. } => Some(badge(Tone::Notice, "Locked")),
        Standing::Disabled { .. } => Some(badge(Tone::Bad, "Disabled")),
        Standing::Active => None,
    };
    let standing = if row.is_offer && row.standing != Standing::Invited {
        Some(badge(Tone::Notice, "Hasn't accepted yet"))
    } else {
        standing
    };
    let own = (row.user.id == member.user).then(|| badge(Tone::Quiet, "You"));
    standing.into_iter().chain(own).collect()
}

/// The form of an invitation, as it was typed.
pub fn new(
    frame: Frame,
    member: &Member,
    typed: &Invitation,
    invalid: &InvalidForm,
) -> NewUserPage {
    let error = |name: &str| invalid.get(name).map(ToString::to_string);
    let field =
        |value: &str, name: &str| NumberField { value: value.to_owned(), error: error(name) };
    let chosen = if typed.role.is_empty() { Role::Support.as_str() } else { &typed.role };
    NewUserPage {
        frame,
        back_href: addresses::users(&member.merchant),
        action: addresses::users(&member.merchant),
        email: field(&typed.email, "email"),
        name: field(&typed.name, "name"),
        roles: roles(member, |role| role.as_str() == chosen),
        role_error: error("role"),
    }
}

/// The roles that this member may give.
fn roles(member: &Member, is_chosen: impl Fn(Role) -> bool) -> Vec<RoleChoice> {
    let choice = |role: Role| RoleChoice {
        word: role.as_str(),
        label: role.label(),
        hint: adds(role),
        chosen: is_chosen(role),
    };
    Role::ALL.into_iter().filter(|role| member.role.manages(*role)).map(choice).collect()
}

/// What a role may do beyond the one below.
fn adds(role: Role) -> String {
    let own: Vec<&str> =
        Permission::ALL.into_iter().filter(|p| Role::least_for(*p) == role).map(words).collect();
    let list = own.join("; ");
    if role == Role::Support { list } else { format!("the roles above, and: {list}") }
}

/// A permission in words; the page of permissions and the routes are made from one table.
pub fn words(permission: Permission) -> &'static str {
    match permission {
        Permission::FindCustomers => "find customers and view their profiles",
        Permission::ReissueCoupons => "reissue coupons",
        Permission::ResendEmails => "resend the fulfilment email",
        Permission::LookAtBatches => "view voucher batches",
        Permission::CheckCodes => "check a code",
        Permission::BarCoupons => "bar and unbar coupons, mark them as used",
        Permission::BlockCustomers => "block and unblock customers",
        Permission::SeeAuditLog => "view the audit log",
        Permission::ManageUsers => "manage users with the role Customer Support",
        Permission::ManageBatches => "add, adjust, withdraw and export vouchers",
        Permission::ChangeSettings => "change the merchant's settings and manage all of its users",
        Permission::PurgeCustomers => "purge customers' data",
        Permission::ExportAuditLog => "export the audit log",
    }
}

/// One user.
pub fn show(frame: Frame, member: &Member, file: &UserFile) -> UserPage {
    let (user, role, is_offer) = (&file.row.user, file.row.role, file.row.is_offer);
    let fact = |label: &str, text: String, at| Fact { label: label.to_owned(), text, when: at };
    let role_barrier = barrier(file, UserAct::ChangeRole(role)).map(|why| why_not(why).to_owned());
    let own = addresses::user(&member.merchant, user.id);
    let acts = acts(member, file, &own);
    let invite =
        acts.iter().find(|act| act.action.ends_with("/invitation") && act.barrier.is_empty());
    let has_failed = file.mail.as_ref().is_some_and(|mail| mail.state == MailState::Failed);
    let send_again =
        invite.filter(|_| has_failed).map(|act| act.action.clone()).unwrap_or_default();
    UserPage {
        frame,
        back_href: addresses::users(&member.merchant),
        name: user.name.clone(),
        badges: badges(member, &file.row),
        email: user.email.clone(),
        facts: vec![
            fact("Role here", role.label().to_owned(), None),
            match user.last_seen_at.filter(|_| !is_offer) {
                Some(at) => fact("Last seen", String::new(), Some(when(member, at))),
                None => fact("Last seen", "Never".to_owned(), None),
            },
            fact("Second factor", second_factor(user.has_second_factor, is_offer).to_owned(), None),
            fact("Since", String::new(), Some(when(member, user.created_at))),
        ]
        .into_iter()
        .chain(standing_fact(member, file))
        .collect(),
        mail: file.mail.as_ref().map(|mail| mail_line(member, mail)),
        send_again,
        role_action: format!("{own}/role"),
        roles: if role_barrier.is_none() { roles(member, |choice| choice == role) } else { vec![] },
        role_barrier: role_barrier.unwrap_or_default(),
        acts,
    }
}

fn barrier(file: &UserFile, act: UserAct) -> Option<Barrier> {
    file.barriers.iter().find(|(barred, _)| *barred == act).map(|(_, why)| *why)
}

/// What can be done to a user, each with the reason where it cannot be done now.
fn acts(member: &Member, file: &UserFile, own: &str) -> Vec<UserActForm> {
    let (user, is_offer) = (&file.row.user, file.row.is_offer);
    let act = |act: UserAct, title, text: &str, path: &str, label, busy, is_grave| UserActForm {
        title,
        text: text.to_owned(),
        action: format!("{own}/{path}"),
        label,
        busy,
        barrier: barrier(file, act).map(|why| why_not(why).to_owned()).unwrap_or_default(),
        is_grave,
    };
    let mut acts = Vec::new();
    if file.row.standing == Standing::Invited || is_offer {
        let again = if user.has_credentials {
            "They have an account and haven't accepted yet."
        } else {
            "The link in the previous invitation stops working."
        };
        let mut invite = act(
            UserAct::Remove,
            "Invite again",
            again,
            "invitation",
            "Resend invitation",
            "Sending…",
            false,
        );
        if barrier(file, UserAct::Remove) == Some(Barrier::Yourself) {
            invite.barrier.clear();
        }
        acts.push(invite);
    }
    if matches!(file.row.standing, Standing::Locked { .. }) {
        let text = "Locked because they haven't signed in for a long time. Once unlocked, they \
                    sign in with the same password as before.";
        acts.push(act(UserAct::Unlock, "Unlock", text, "unlock", "Unlock", "Unlocking…", false));
    }
    if file.sessions > 0 {
        let text = format!(
            "{} open. They'll have to sign in again everywhere.",
            plural(i64::try_from(file.sessions).unwrap_or(0), "session")
        );
        acts.push(act(
            UserAct::EndSessions,
            "End sessions",
            &text,
            "sessions",
            "End all sessions",
            "Ending…",
            false,
        ));
    }
    if user.has_second_factor && !is_offer {
        let text = "For users who have lost theirs. Removes the authenticator app, passkeys and \
                    recovery codes. First check another way that it's really them.";
        acts.push(act(
            UserAct::ResetFactors,
            "Reset second factors",
            text,
            "factors",
            "Reset second factors",
            "Resetting…",
            true,
        ));
    }
    if user.disabled_at.is_some() {
        acts.push(act(
            UserAct::Enable,
            "Enable",
            "They can sign in again with the roles they had.",
            "enable",
            "Enable",
            "Enabling…",
            false,
        ));
    } else {
        let text = "Signs them out of all merchants immediately. They can't sign in until they're \
                    enabled again.";
        acts.push(act(UserAct::Disable, "Disable", text, "disable", "Disable", "Disabling…", true));
    }
    let text = format!(
        "They lose their role in {}. Their account and other roles don't change.",
        member.merchant.name
    );
    acts.push(act(
        UserAct::Remove,
        "Remove from this merchant",
        &text,
        "removal",
        "Remove",
        "Removing…",
        true,
    ));
    acts
}

/// Of somebody who has not accepted a role yet, this merchant need not know it.
fn second_factor(has_one: bool, is_offer: bool) -> &'static str {
    match (is_offer, has_one) {
        (true, _) => "Shown once they accept",
        (false, true) => "Yes",
        (false, false) => "None",
    }
}

/// What became of a mail to a user, in one line.
fn mail_line(member: &Member, mail: &AccountMail) -> Status {
    let because = mail.last_error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let (tone, what, at) = match mail.state {
        MailState::Sent => (Tone::Good, "sent".to_owned(), mail.ended_at),
        MailState::Failed => (Tone::Bad, format!("failed{because}"), mail.ended_at),
        MailState::Cancelled => (Tone::Quiet, "cancelled".to_owned(), mail.ended_at),
        MailState::Queued if mail.last_error.is_some() => {
            (Tone::Notice, format!("delayed{because}. Next attempt"), Some(mail.next_attempt_at))
        }
        MailState::Queued => (Tone::Notice, "queued".to_owned(), Some(mail.queued_at)),
    };
    Status {
        tone,
        text: format!("Email “{}” {what}", mail.subject),
        when: at.map(|at| when(member, at)),
    }
}

fn standing_fact(member: &Member, file: &UserFile) -> Option<Fact> {
    let fact = |label: &str, at| {
        Some(Fact { label: label.to_owned(), text: String::new(), when: Some(when(member, at)) })
    };
    match (file.row.standing, file.invited_until) {
        (Standing::Disabled { since }, _) => fact("Disabled", since),
        (Standing::Locked { since }, _) => fact("Locked", since),
        (Standing::Invited, Some(until)) if until > file.now => fact("Invitation ends", until),
        (Standing::Invited, Some(until)) => fact("Invitation ended", until),
        _ => None,
    }
}

/// Why something can't be done to a user, and who can.
pub fn why_not(barrier: Barrier) -> &'static str {
    match barrier {
        Barrier::Yourself => "You can't do this to yourself. Ask another administrator.",
        Barrier::NotYours => "Your role doesn't allow this. Ask an administrator of this merchant.",
        Barrier::OtherMerchants => {
            "This user also belongs to merchants where you're not an administrator. Ask an \
             administrator of all of them."
        }
    }
}

/// What each role may do.
pub fn permissions(frame: Frame, member: &Member) -> Permissions {
    let row = |permission| PermissionRow {
        text: words(permission),
        may: Role::ALL.iter().map(|role| role.may(permission)).collect(),
    };
    Permissions {
        frame,
        roles: Role::ALL.iter().map(|role| role.label()).collect(),
        rows: Permission::ALL.into_iter().map(row).collect(),
        own: format!("Your role in {} is {}.", member.merchant.name, member.role.label()),
    }
}

/// `GET /m/{merchant}/users`.
#[derive(Debug, Template)]
#[template(path = "users/index.html")]
pub struct UserListPage {
    pub frame: Frame,
    pub actions: Vec<TextLink>,
    pub rows: Vec<UserItem>,
    pub pager: Pager,
}

/// A user in the list.
#[derive(Clone, Debug)]
pub struct UserItem {
    pub href: String,
    pub name: String,
    pub email: String,
    pub role: String,
    pub badges: Vec<Badge>,
    pub last_seen: Option<When>,
}

/// `GET /m/{merchant}/users/new`.
#[derive(Debug, Template)]
#[template(path = "users/new.html")]
pub struct NewUserPage {
    pub frame: Frame,
    pub back_href: String,
    pub action: String,
    pub email: NumberField,
    pub name: NumberField,
    pub roles: Vec<RoleChoice>,
    pub role_error: Option<String>,
}

/// A role that may be given.
#[derive(Clone, Debug)]
pub struct RoleChoice {
    pub word: &'static str,
    pub label: &'static str,
    pub hint: String,
    pub chosen: bool,
}

/// `GET /m/{merchant}/users/{id}`.
#[derive(Debug, Template)]
#[template(path = "users/show.html")]
pub struct UserPage {
    pub frame: Frame,
    pub back_href: String,
    pub name: String,
    pub badges: Vec<Badge>,
    pub email: String,
    pub facts: Vec<Fact>,
    /// What became of the newest mail to them.
    pub mail: Option<Status>,
    /// Where the invitation is sent again; empty: nothing is to be sent, or not by this member.
    pub send_again: String,
    pub role_action: String,
    /// Empty when the role can't be changed by this member.
    pub roles: Vec<RoleChoice>,
    /// Why not.
    pub role_barrier: String,
    pub acts: Vec<UserActForm>,
}

/// Something that can be done to the user.
#[derive(Clone, Debug)]
pub struct UserActForm {
    pub title: &'static str,
    /// What it means.
    pub text: String,
    pub action: String,
    pub label: &'static str,
    pub busy: &'static str,
    /// Why it is not to be had; empty: it is.
    pub barrier: String,
    pub is_grave: bool,
}

/// `GET /m/{merchant}/permissions`.
#[derive(Debug, Template)]
#[template(path = "users/permissions.html")]
pub struct Permissions {
    pub frame: Frame,
    pub roles: Vec<&'static str>,
    pub rows: Vec<PermissionRow>,
    /// "Your role here is Marketing."
    pub own: String,
}

/// Something that roles may do: each role's answer, in the order of `roles`.
#[derive(Clone, Debug)]
pub struct PermissionRow {
    pub text: &'static str,
    pub may: Vec<bool>,
}
