-- What is swept each hour is found by an index.
CREATE INDEX idempotency_key_created ON patients.idempotency_key (created_at);
CREATE INDEX one_time_token_expires ON patients.one_time_token (expires_at);
