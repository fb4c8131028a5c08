-- What is swept each hour is found by an index.
CREATE INDEX idempotency_key_created ON patients.idempotency_key (created_at);
CREATE INDEX refresh_token_expires ON patients.refresh_token (expires_at);
CREATE INDEX session_last_used ON patients.session (last_used_at);
CREATE INDEX revocation_revoked ON patients.revocation (revoked_at);
CREATE INDEX sign_in_attempt_last ON patients.sign_in_attempt (last_at);
CREATE INDEX one_time_token_expires ON patients.one_time_token (expires_at);
