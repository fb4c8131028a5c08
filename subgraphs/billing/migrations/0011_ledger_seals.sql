-- The ledger as one chain. A balance's chain tells that a patient's movements were changed; this one, whose head is signed
-- outside of the database, that any were cut off together with the balance that knew them. See the crate healthbridge-chain.

-- Movements that wait for their place in the chain.
CREATE TABLE billing.ledger_waiting (
    turn        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    movement_id uuid   NOT NULL UNIQUE REFERENCES billing.movement (id)
);

-- The places of those that have theirs.
CREATE TABLE billing.ledger_seal (
    seq         bigint PRIMARY KEY,
    movement_id uuid   NOT NULL UNIQUE REFERENCES billing.movement (id),
    prev_hash   bytea  NOT NULL,
    -- SHA-256 over the hash before, the place, the movement's id and its digest.
    hash        bytea  NOT NULL
);

-- The end of the chain. Who gives places locks its one row.
CREATE TABLE billing.ledger_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seq      bigint  NOT NULL,
    hash     bytea   NOT NULL
);
INSERT INTO billing.ledger_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- A turn is drawn by the commit, not by the insertion: of two transactions that which was committed before the other one
-- began to commit is before it in the chain.
CREATE FUNCTION billing.take_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing.ledger_waiting (movement_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER movement_takes_turn AFTER INSERT ON billing.movement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing.take_turn();

-- What is there waits, too, in the order in which it came; the job that seals takes it from here in batches.
INSERT INTO billing.ledger_waiting (movement_id) SELECT id FROM billing.movement ORDER BY seq;

-- What waits leaves when it has its place.
CREATE FUNCTION billing.refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM billing.ledger_seal WHERE movement_id = OLD.movement_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'movements leave the table %.% for their places alone', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER ledger_waiting_loses_nothing BEFORE UPDATE OR DELETE ON billing.ledger_waiting
    FOR EACH ROW EXECUTE FUNCTION billing.refuse_loss();
CREATE TRIGGER ledger_waiting_is_not_emptied BEFORE TRUNCATE ON billing.ledger_waiting
    FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change();
CREATE TRIGGER ledger_seal_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.ledger_seal
    FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change();
CREATE TRIGGER ledger_head_stays BEFORE DELETE OR TRUNCATE ON billing.ledger_head
    FOR EACH STATEMENT EXECUTE FUNCTION billing.refuse_change();
