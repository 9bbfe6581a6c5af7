//! The desk's own numbers, one type per noun, so that one cannot be passed for another.
//! `CustomerNo` and `RewardNo` are the desk's; the merchant's own references are texts
//! (`customer_id`, `reward_id`).

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// A merchant.
    MerchantId,
    /// A member of staff.
    UserId,
    /// A customer, by the desk's number.
    CustomerNo,
    /// A reward, by the desk's number.
    RewardNo,
    /// A voucher batch.
    BatchId,
    /// A coupon.
    CouponId,
    /// A reissue.
    ReissueId,
    /// A mail in the outbox.
    MailId,
    /// An import from the browser.
    ImportId,
    /// An audit record.
    AuditId,
}
