-- Billings and the movements of money. Amounts are exact; two currencies are never added.

CREATE TABLE billing.billing (
    id             uuid           PRIMARY KEY,
    patient_id     uuid           NOT NULL,
    report_id      uuid,
    image_id       uuid,
    appointment_id uuid,
    code           jsonb,
    description    text           NOT NULL,
    quantity       numeric(12, 4) NOT NULL CHECK (quantity > 0),
    unit_price     numeric(19, 4) NOT NULL CHECK (unit_price >= 0),
    currency       char(3)        NOT NULL,
    net            numeric(19, 4) NOT NULL CHECK (net >= 0),
    status         text           NOT NULL CHECK (status IN ('PLANNED', 'BILLABLE', 'NOT_BILLABLE', 'ABORTED', 'BILLED',
                                  'ENTERED_IN_ERROR', 'UNKNOWN')),
    serviced_at    timestamptz    NOT NULL,
    created_at     timestamptz    NOT NULL,
    created_by     uuid           NOT NULL,
    version        integer        NOT NULL DEFAULT 1,
    UNIQUE (id, currency)
);

CREATE INDEX billing_of_patient ON billing.billing (patient_id, id DESC);
CREATE INDEX billing_of_report ON billing.billing (report_id) WHERE report_id IS NOT NULL;
CREATE INDEX billing_of_image ON billing.billing (image_id) WHERE image_id IS NOT NULL;

-- Append-only: a refund is a new row that points at its payment.
CREATE TABLE billing.ledger_entry (
    id          uuid           PRIMARY KEY,
    billing_id  uuid           NOT NULL,
    kind        text           NOT NULL CHECK (kind IN ('PAYMENT', 'REFUND')),
    amount      numeric(19, 4) NOT NULL CHECK (amount > 0),
    currency    char(3)        NOT NULL,
    method      text           NOT NULL,
    reference   text,
    reverses_id uuid           REFERENCES billing.ledger_entry (id),
    recorded_by uuid           NOT NULL,
    recorded_at timestamptz    NOT NULL,
    -- A payment is in the currency of its bill.
    FOREIGN KEY (billing_id, currency) REFERENCES billing.billing (id, currency)
);

CREATE INDEX ledger_entry_of_billing ON billing.ledger_entry (billing_id, id);

CREATE FUNCTION billing.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table %.% only grows', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER ledger_entry_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change();

-- Keys of mutations that were done; see the crate healthbridge-postgres.
CREATE TABLE billing.idempotency_key (
    caller      uuid        NOT NULL,
    key         uuid        NOT NULL,
    operation   text        NOT NULL,
    fingerprint bytea       NOT NULL,
    result_id   uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
