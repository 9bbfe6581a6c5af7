-- A role that is only offered: its user has not accepted it yet. Until then it lets them in nowhere, and gives the merchant that offers
-- it no say over their account. Empty: accepted, as is every role that the version before gives.
-- Twin of migrations/postgres/<same name>.
ALTER TABLE memberships ADD COLUMN offered_at TEXT;

-- A user with neither a password, an identity nor a passkey has not followed an invitation yet.
UPDATE memberships SET offered_at = (SELECT created_at FROM users WHERE users.id = memberships.user_id)
WHERE EXISTS (SELECT 1 FROM users WHERE users.id = memberships.user_id AND users.password_hash = '')
  AND NOT EXISTS (SELECT 1 FROM identities WHERE identities.user_id = memberships.user_id)
  AND NOT EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = memberships.user_id);

-- The account of the provider that waits in the session until its user has confirmed it, sealed. In a column of its own: a question that
-- is asked meanwhile, such as for a passkey, must not take its place.
ALTER TABLE sessions ADD COLUMN pending_link TEXT;
