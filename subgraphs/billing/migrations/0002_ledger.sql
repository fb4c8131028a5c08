-- A double-entry ledger that only grows, and what is maintained from it: how far each billing is paid, and each patient's
-- balance. All of it is done by the database itself, in the transaction of the movement.

-- What a billing's price consists of. `net` is what is owed: charged, less discounts, plus tax.
ALTER TABLE billing.billing ADD COLUMN components jsonb NOT NULL DEFAULT '[]';
ALTER TABLE billing.billing ADD COLUMN charged numeric(19, 4);
ALTER TABLE billing.billing ADD COLUMN discounts numeric(19, 4) NOT NULL DEFAULT 0 CHECK (discounts >= 0);
ALTER TABLE billing.billing ADD COLUMN tax numeric(19, 4) NOT NULL DEFAULT 0 CHECK (tax >= 0);
UPDATE billing.billing SET charged = net;
ALTER TABLE billing.billing ALTER COLUMN charged SET NOT NULL;
ALTER TABLE billing.billing ADD CONSTRAINT billing_net_is_exact CHECK (net = charged - discounts + tax);
ALTER TABLE billing.billing ADD COLUMN void_reason text;

-- Maintained from the ledger. Nobody pays more than is owed, nobody gets back more than was paid, and what is not owed is
-- not paid.
ALTER TABLE billing.billing ADD COLUMN paid numeric(19, 4) NOT NULL DEFAULT 0;
ALTER TABLE billing.billing ADD COLUMN refunded numeric(19, 4) NOT NULL DEFAULT 0;
ALTER TABLE billing.billing ADD CONSTRAINT billing_is_not_overpaid
    CHECK (refunded >= 0 AND paid >= refunded AND paid - refunded <= net);
ALTER TABLE billing.billing ADD CONSTRAINT billing_paid_is_owed
    CHECK (status IN ('BILLABLE', 'BILLED') OR paid = refunded);

ALTER TABLE billing.billing ADD COLUMN payment_state text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN paid = 0 THEN 'UNPAID' WHEN refunded = paid THEN 'REFUNDED' WHEN refunded > 0 THEN 'PARTIALLY_REFUNDED'
         WHEN paid = net THEN 'PAID' ELSE 'PARTIALLY_PAID' END) STORED;

CREATE INDEX billing_serviced ON billing.billing (serviced_at);

-- A movement of money or of what is owed, of one patient in one currency. `amount` is what moved, never negative.
CREATE TABLE billing.movement (
    id          uuid           PRIMARY KEY,
    seq         bigint         GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind        text           NOT NULL CHECK (kind IN ('CHARGE', 'ADJUSTMENT', 'VOID', 'PAYMENT', 'REFUND')),
    patient_id  uuid           NOT NULL,
    currency    char(3)        NOT NULL,
    amount      numeric(19, 4) NOT NULL CHECK (amount >= 0),
    method      text,
    reference   text,
    reason      text,
    reverses_id uuid           REFERENCES billing.movement (id),
    recorded_by uuid           NOT NULL,
    recorded_at timestamptz    NOT NULL,
    -- SHA-256 over the patient's last movement in the currency, this one, and its postings: a chain.
    digest      bytea          NOT NULL,
    CHECK (kind <> 'REFUND' OR reverses_id IS NOT NULL),
    CHECK ((kind IN ('PAYMENT', 'REFUND')) = (method IS NOT NULL))
);

CREATE INDEX movement_of_patient ON billing.movement (patient_id, currency, seq);
CREATE INDEX movement_reverses ON billing.movement (reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX movement_recorded ON billing.movement (recorded_at);

-- The sides of a movement: a debit is positive, a credit negative, and together they are nothing. Postings come before their
-- movement, whose trigger checks and seals them.
CREATE TABLE billing.posting (
    movement_id uuid           NOT NULL REFERENCES billing.movement (id) DEFERRABLE INITIALLY DEFERRED,
    place       smallint       NOT NULL,
    account     text           NOT NULL CHECK (account IN ('RECEIVABLE', 'REVENUE', 'DISCOUNT', 'TAX', 'CASH')),
    -- Receivables are of a billing, the others of none.
    billing_id  uuid           REFERENCES billing.billing (id),
    amount      numeric(19, 4) NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (movement_id, place),
    CHECK (account = 'RECEIVABLE' OR billing_id IS NULL)
);

CREATE INDEX posting_of_billing ON billing.posting (billing_id) WHERE billing_id IS NOT NULL;

-- What a patient's movements in a currency come to.
CREATE TABLE billing.balance (
    patient_id uuid           NOT NULL,
    currency   char(3)        NOT NULL,
    charged    numeric(19, 4) NOT NULL,
    discounts  numeric(19, 4) NOT NULL,
    tax        numeric(19, 4) NOT NULL,
    paid       numeric(19, 4) NOT NULL,
    refunded   numeric(19, 4) NOT NULL,
    item_count integer        NOT NULL,
    movements  bigint         NOT NULL,
    -- The last movement's.
    digest     bytea          NOT NULL,
    PRIMARY KEY (patient_id, currency)
);

-- The digest of a movement behind another one.
CREATE FUNCTION billing.movement_digest(previous bytea, movement billing.movement) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(
        movement.id, movement.kind, movement.patient_id, movement.currency, trim_scale(movement.amount), movement.method,
        movement.reference, movement.reason, movement.reverses_id, movement.recorded_by,
        extract(epoch FROM movement.recorded_at),
        (SELECT jsonb_agg(jsonb_build_array(account, billing_id, trim_scale(amount)) ORDER BY place)
         FROM billing.posting WHERE movement_id = movement.id))::text, 'UTF8'))
$$;

-- Seals a movement: checks that its postings are nothing together, brings billings and balance up to date, and goes on
-- with the chain. The balance's row is locked, so that a patient's movements in a currency come one after the other.
CREATE FUNCTION billing.seal_movement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    previous bytea;
    sum      numeric;
    sides    integer;
BEGIN
    SELECT coalesce(sum(amount), 0), count(*) INTO sum, sides FROM billing.posting WHERE movement_id = NEW.id;
    -- What is free has no sides at all.
    IF sum <> 0 OR (sides < 2 AND NEW.amount <> 0) THEN
        RAISE EXCEPTION 'the postings of movement % are % sides that come to %', NEW.id, sides, sum;
    END IF;
    IF EXISTS (SELECT FROM billing.posting AS posting JOIN billing.billing AS billing ON billing.id = posting.billing_id
               WHERE posting.movement_id = NEW.id
                 AND (billing.patient_id <> NEW.patient_id OR billing.currency <> NEW.currency)) THEN
        RAISE EXCEPTION 'movement % is about billings of another patient or currency', NEW.id;
    END IF;
    INSERT INTO billing.balance AS known VALUES (NEW.patient_id, NEW.currency, 0, 0, 0, 0, 0, 0, 0, '')
        ON CONFLICT (patient_id, currency) DO UPDATE SET movements = known.movements
        RETURNING digest INTO previous;
    NEW.digest := billing.movement_digest(previous, NEW);
    UPDATE billing.balance AS balance SET
        charged = balance.charged + moved.charged,
        discounts = balance.discounts + moved.discounts,
        tax = balance.tax + moved.tax,
        paid = balance.paid + CASE WHEN NEW.kind = 'PAYMENT' THEN moved.cash ELSE 0 END,
        refunded = balance.refunded - CASE WHEN NEW.kind = 'REFUND' THEN moved.cash ELSE 0 END,
        item_count = balance.item_count
            + CASE NEW.kind WHEN 'CHARGE' THEN 1 WHEN 'VOID' THEN -1 ELSE 0 END,
        movements = balance.movements + 1,
        digest = NEW.digest
    FROM (SELECT -coalesce(sum(amount) FILTER (WHERE account = 'REVENUE'), 0) AS charged,
                 coalesce(sum(amount) FILTER (WHERE account = 'DISCOUNT'), 0) AS discounts,
                 -coalesce(sum(amount) FILTER (WHERE account = 'TAX'), 0) AS tax,
                 coalesce(sum(amount) FILTER (WHERE account = 'CASH'), 0) AS cash
          FROM billing.posting WHERE movement_id = NEW.id) AS moved
    WHERE balance.patient_id = NEW.patient_id AND balance.currency = NEW.currency;
    IF NEW.kind IN ('PAYMENT', 'REFUND') THEN
        UPDATE billing.billing AS billing SET
            paid = billing.paid - CASE WHEN NEW.kind = 'PAYMENT' THEN posting.amount ELSE 0 END,
            refunded = billing.refunded + CASE WHEN NEW.kind = 'REFUND' THEN posting.amount ELSE 0 END
        FROM billing.posting AS posting
        WHERE posting.movement_id = NEW.id AND posting.account = 'RECEIVABLE' AND billing.id = posting.billing_id;
    END IF;
    RETURN NEW;
END
$$;

-- A movement that is sealed gets no more postings.
CREATE FUNCTION billing.refuse_late_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM billing.movement WHERE id = NEW.movement_id) THEN
        RAISE EXCEPTION 'movement % is sealed', NEW.movement_id;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER movement_is_sealed BEFORE INSERT ON billing.movement
    FOR EACH ROW EXECUTE FUNCTION billing.seal_movement();
CREATE TRIGGER posting_is_not_late BEFORE INSERT ON billing.posting
    FOR EACH ROW EXECUTE FUNCTION billing.refuse_late_posting();

-- What was there before: a charge for each billing that is owed, then its payments and refunds.
DO $$
DECLARE
    one    record;
    moved  uuid;
BEGIN
    FOR one IN SELECT * FROM billing.billing WHERE status IN ('BILLABLE', 'BILLED') ORDER BY id LOOP
        moved := gen_random_uuid();
        INSERT INTO billing.posting
            SELECT moved, place, account, billing_id, amount
            FROM (VALUES (1, 'RECEIVABLE', one.id, one.net), (2, 'REVENUE', NULL, -one.net))
                AS side (place, account, billing_id, amount)
            WHERE amount <> 0;
        INSERT INTO billing.movement (id, kind, patient_id, currency, amount, recorded_by, recorded_at)
            VALUES (moved, 'CHARGE', one.patient_id, one.currency, one.net, one.created_by, one.created_at);
    END LOOP;
    FOR one IN SELECT entry.*, billing.patient_id FROM billing.ledger_entry AS entry
               JOIN billing.billing AS billing ON billing.id = entry.billing_id ORDER BY entry.id LOOP
        INSERT INTO billing.posting
            SELECT one.id, place, account, billing_id, amount * CASE one.kind WHEN 'PAYMENT' THEN 1 ELSE -1 END
            FROM (VALUES (1, 'CASH', NULL::uuid, one.amount), (2, 'RECEIVABLE', one.billing_id, -one.amount))
                AS side (place, account, billing_id, amount);
        INSERT INTO billing.movement (id, kind, patient_id, currency, amount, method, reference, reverses_id, recorded_by,
                                      recorded_at)
            VALUES (one.id, one.kind, one.patient_id, one.currency, one.amount, one.method, one.reference, one.reverses_id,
                    one.recorded_by, one.recorded_at);
    END LOOP;
END
$$;

DROP TABLE billing.ledger_entry;

CREATE TRIGGER movement_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.movement
    FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change();
CREATE TRIGGER posting_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.posting
    FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change();
