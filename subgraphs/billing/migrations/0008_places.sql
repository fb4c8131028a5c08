-- The place of a movement in the chain of its patient and currency: 1, 2, 3 … `seq` is drawn before the balance is locked, so
-- that of two movements at once the later one may be sealed first; the place is given behind the lock, and is the order of
-- the digests.
ALTER TABLE billing.movement ADD COLUMN place bigint;

ALTER TABLE billing.movement DISABLE TRIGGER movement_only_grows;

-- What is there: nearly every chain is in the order of `seq`.
UPDATE billing.movement AS movement SET place = counted.place
FROM (SELECT id, row_number() OVER (PARTITION BY patient_id, currency ORDER BY seq) AS place FROM billing.movement) AS counted
WHERE counted.id = movement.id;

-- The others are followed from digest to digest: a movement waits until the one before it is found, which is as far behind as
-- there were writers at once. In a chain that was changed by hand a link leads nowhere: what is left keeps the order of `seq`,
-- and `billing verify` finds it afterwards as it did before.
DO $$
DECLARE
    chain    record;
    one      record;
    previous bytea;
    found_at bigint;
    waiting  billing.movement[];
    turn     integer;
BEGIN
    FOR chain IN
        SELECT DISTINCT patient_id, currency
        FROM (SELECT movement.patient_id, movement.currency, movement.digest,
                     billing.movement_digest(coalesce(lag(movement.digest)
                         OVER (PARTITION BY movement.patient_id, movement.currency ORDER BY movement.place), ''), movement)
                         AS expected
              FROM billing.movement AS movement) AS checked
        WHERE digest <> expected
    LOOP
        previous := '';
        found_at := 0;
        waiting := '{}';
        FOR one IN SELECT movement FROM billing.movement AS movement
                   WHERE patient_id = chain.patient_id AND currency = chain.currency ORDER BY seq LOOP
            waiting := array_append(waiting, one.movement);
            -- The others were tried at this link.
            turn := cardinality(waiting);
            WHILE turn <= cardinality(waiting) LOOP
                IF waiting[turn].digest = billing.movement_digest(previous, waiting[turn]) THEN
                    found_at := found_at + 1;
                    previous := waiting[turn].digest;
                    UPDATE billing.movement SET place = found_at WHERE id = waiting[turn].id AND place <> found_at;
                    waiting := waiting[:turn - 1] || waiting[turn + 1:];
                    turn := 1;
                ELSE
                    turn := turn + 1;
                END IF;
            END LOOP;
        END LOOP;
        UPDATE billing.movement AS movement SET place = found_at + rest.ordinality
        FROM unnest(waiting) WITH ORDINALITY AS rest WHERE movement.id = rest.id;
    END LOOP;
END
$$;

ALTER TABLE billing.movement ENABLE TRIGGER movement_only_grows;
ALTER TABLE billing.movement ALTER COLUMN place SET NOT NULL;
ALTER TABLE billing.movement ADD CONSTRAINT movement_place UNIQUE (patient_id, currency, place);
DROP INDEX billing.movement_of_patient;

-- Seals a movement: checks that its postings are nothing together, brings billings and balance up to date, and goes on
-- with the chain. The balance's row is locked, so that a patient's movements in a currency come one after the other.
CREATE OR REPLACE FUNCTION billing.seal_movement() RETURNS trigger LANGUAGE plpgsql AS $$
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
        RETURNING digest, movements + 1 INTO previous, NEW.place;
    NEW.digest := billing.movement_digest(previous, NEW);
    UPDATE billing.balance AS balance SET
        charged = balance.charged + moved.charged,
        discounts = balance.discounts + moved.discounts,
        tax = balance.tax + moved.tax,
        paid = balance.paid + CASE WHEN NEW.kind = 'PAYMENT' THEN moved.cash ELSE 0 END,
        refunded = balance.refunded - CASE WHEN NEW.kind = 'REFUND' THEN moved.cash ELSE 0 END,
        item_count = balance.item_count
            + CASE NEW.kind WHEN 'CHARGE' THEN 1 WHEN 'VOID' THEN -1 ELSE 0 END,
        movements = NEW.place,
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
