-- What is swept each hour is found by an index.
CREATE INDEX idempotency_key_created ON diagnosis.idempotency_key (created_at);
