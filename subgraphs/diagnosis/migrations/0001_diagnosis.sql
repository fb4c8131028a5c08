-- Diagnosis reports and the workflow log.

CREATE TABLE diagnosis.report (
    id               uuid        PRIMARY KEY,
    patient_id       uuid        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('REGISTERED', 'PARTIAL', 'PRELIMINARY', 'FINAL', 'AMENDED',
                                 'CORRECTED', 'APPENDED', 'CANCELLED', 'ENTERED_IN_ERROR', 'UNKNOWN')),
    priority         text        NOT NULL CHECK (priority IN ('ROUTINE', 'URGENT', 'ASAP', 'STAT')),
    code             jsonb,
    conclusion_codes jsonb       NOT NULL DEFAULT '[]',
    clinical_history text,
    technique        text,
    findings         text,
    impression       text,
    critical         boolean     NOT NULL DEFAULT false,
    author_id        uuid        NOT NULL,
    assignee_id      uuid,
    image_ids        uuid[]      NOT NULL DEFAULT '{}',
    issued_at        timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    version          integer     NOT NULL DEFAULT 1
);

CREATE INDEX report_of_patient ON diagnosis.report (patient_id, id DESC);
CREATE INDEX report_of_author ON diagnosis.report (author_id, id DESC);

-- Append-only. Each row's hash covers the row before it, so that a changed or removed row breaks the chain.
CREATE TABLE diagnosis.workflow_log (
    seq         bigint      PRIMARY KEY,
    id          uuid        NOT NULL UNIQUE,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    user_id     uuid        NOT NULL,
    action      text        NOT NULL,
    note        text,
    patient_id  uuid,
    report_id   uuid,
    image_id    uuid,
    prev_hash   text        NOT NULL,
    hash        text        NOT NULL
);

CREATE INDEX workflow_log_of_patient ON diagnosis.workflow_log (patient_id, seq DESC);
CREATE INDEX workflow_log_of_user ON diagnosis.workflow_log (user_id, seq DESC);
CREATE INDEX workflow_log_of_report ON diagnosis.workflow_log (report_id, seq DESC);

-- The end of the chain. Its one row is locked by whoever appends, which makes `seq` gap-free.
CREATE TABLE diagnosis.workflow_log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq      bigint  NOT NULL,
    hash     text    NOT NULL
);
INSERT INTO diagnosis.workflow_log_head (seq, hash) VALUES (0, repeat('0', 64));

CREATE FUNCTION diagnosis.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table %.% only grows', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER workflow_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON diagnosis.workflow_log
    FOR EACH STATEMENT EXECUTE FUNCTION diagnosis.refuse_change();

-- Keys of mutations that were done; see the crate healthbridge-postgres.
CREATE TABLE diagnosis.idempotency_key (
    caller      uuid        NOT NULL,
    key         uuid        NOT NULL,
    operation   text        NOT NULL,
    fingerprint bytea       NOT NULL,
    result_id   uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
