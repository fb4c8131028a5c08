-- Invoices and credit notes (FHIR Invoice).

CREATE TABLE billing.invoice (
    id          uuid           PRIMARY KEY,
    kind        text           NOT NULL CHECK (kind IN ('INVOICE', 'CREDIT_NOTE')),
    patient_id  uuid           NOT NULL,
    currency    char(3)        NOT NULL,
    status      text           NOT NULL CHECK (status IN ('DRAFT', 'ISSUED', 'CANCELLED')),
    -- Without gap in its series and year.
    number      text           UNIQUE,
    billing_ids uuid[]         NOT NULL CHECK (cardinality(billing_ids) > 0),
    -- The invoice that a credit note takes back.
    cancels_id  uuid           UNIQUE REFERENCES billing.invoice (id),
    due_at      date,
    issued_at   timestamptz,
    -- What stood in it when it was issued. A draft's totals are those of its lines.
    total_net   numeric(19, 4),
    total_gross numeric(19, 4),
    content     jsonb,
    reason      text,
    created_at  timestamptz    NOT NULL,
    created_by  uuid           NOT NULL,
    version     integer        NOT NULL DEFAULT 1,
    CHECK ((number IS NULL) = (issued_at IS NULL)),
    CHECK (status <> 'ISSUED' OR (number IS NOT NULL AND content IS NOT NULL AND due_at IS NOT NULL)),
    CHECK ((kind = 'CREDIT_NOTE') = (cancels_id IS NOT NULL))
);

CREATE INDEX invoice_of_patient ON billing.invoice (patient_id, id DESC);

-- The last number of each series and year: whoever takes the next one keeps the row until the invoice is written.
CREATE TABLE billing.invoice_number (
    series text    NOT NULL,
    year   integer NOT NULL,
    last   integer NOT NULL,
    PRIMARY KEY (series, year)
);

-- A billing is on one invoice at a time.
ALTER TABLE billing.billing ADD COLUMN invoice_id uuid REFERENCES billing.invoice (id);
CREATE INDEX billing_of_invoice ON billing.billing (invoice_id) WHERE invoice_id IS NOT NULL;

-- What was issued does not change; it may only be cancelled.
CREATE FUNCTION billing.refuse_reissue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.issued_at IS NOT NULL AND
        (NEW.kind, NEW.patient_id, NEW.currency, NEW.number, NEW.billing_ids, NEW.cancels_id, NEW.due_at, NEW.issued_at,
         NEW.total_net, NEW.total_gross, NEW.content)
        IS DISTINCT FROM
        (OLD.kind, OLD.patient_id, OLD.currency, OLD.number, OLD.billing_ids, OLD.cancels_id, OLD.due_at, OLD.issued_at,
         OLD.total_net, OLD.total_gross, OLD.content)) THEN
        RAISE EXCEPTION 'the invoice % is issued', OLD.number;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER invoice_is_frozen BEFORE UPDATE OR DELETE ON billing.invoice
    FOR EACH ROW EXECUTE FUNCTION billing.refuse_reissue();
