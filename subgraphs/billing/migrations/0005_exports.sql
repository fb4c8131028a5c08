-- Exports of the ledger: who took what, kept for ever, and which objects are still to be deleted.
CREATE TABLE billing.ledger_export (
    id           uuid        PRIMARY KEY,
    from_at      timestamptz NOT NULL,
    to_at        timestamptz NOT NULL,
    requested_by uuid        NOT NULL,
    requested_at timestamptz NOT NULL,
    -- When the object is deleted.
    expires_at   timestamptz NOT NULL,
    -- What was written; null until it is, and where that failed.
    row_count    bigint,
    byte_size    bigint,
    sha256       bytea,
    deleted_at   timestamptz,
    CHECK (from_at < to_at)
);

CREATE INDEX ledger_export_to_delete ON billing.ledger_export (expires_at) WHERE deleted_at IS NULL;
