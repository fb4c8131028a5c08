-- What is swept each hour is found by an index.
CREATE INDEX idempotency_key_created ON billing.idempotency_key (created_at);
