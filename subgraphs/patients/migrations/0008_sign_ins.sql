-- Who waits after mistakes, and cleaning up by index.

-- Since a success the account is known at the address, for 30 days; see docs/decisions/0024-who-waits.md. Of an address and of an
-- account, `last_at` is when the hour began that its attempts are counted in.
ALTER TABLE patients.sign_in_attempt ADD COLUMN succeeded_at timestamptz;

CREATE INDEX sign_in_attempt_last ON patients.sign_in_attempt (last_at);
CREATE INDEX refresh_token_expires ON patients.refresh_token (expires_at);
CREATE INDEX session_last_used ON patients.session (last_used_at);
CREATE INDEX revocation_revoked ON patients.revocation (revoked_at);
