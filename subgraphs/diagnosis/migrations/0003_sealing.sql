-- Entries of the workflow log that wait for their place: whoever appends waits for nobody. A sealer moves them into the log,
-- in the order of their turns. The log itself stays as it was.
CREATE TABLE diagnosis.workflow_log_waiting (
    id          uuid        PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    user_id     uuid        NOT NULL,
    action      text        NOT NULL,
    note        text,
    patient_id  uuid,
    report_id   uuid,
    image_id    uuid,
    turn        bigint
);

CREATE SEQUENCE diagnosis.workflow_log_turn;

-- A turn is drawn by the commit, not by the insertion: of two transactions that which was committed before the other one
-- began to commit is before it in the log.
CREATE FUNCTION diagnosis.take_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE diagnosis.workflow_log_waiting SET turn = nextval('diagnosis.workflow_log_turn') WHERE id = NEW.id;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER workflow_log_takes_turn AFTER INSERT ON diagnosis.workflow_log_waiting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION diagnosis.take_turn();

-- What waits is as safe as the log: it takes its turn, and leaves when the same entry is in the log.
CREATE FUNCTION diagnosis.refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.turn IS NULL AND to_jsonb(NEW) - 'turn' = to_jsonb(OLD) - 'turn' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM diagnosis.workflow_log AS log
        WHERE log.id = OLD.id AND (log.occurred_at, log.recorded_at, log.user_id, log.action, log.note, log.patient_id,
              log.report_id, log.image_id) IS NOT DISTINCT FROM (OLD.occurred_at, OLD.recorded_at, OLD.user_id, OLD.action,
              OLD.note, OLD.patient_id, OLD.report_id, OLD.image_id)
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'entries of the table %.% are not changed, and leave it for the log alone', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER workflow_log_waiting_loses_nothing BEFORE UPDATE OR DELETE ON diagnosis.workflow_log_waiting
    FOR EACH ROW EXECUTE FUNCTION diagnosis.refuse_loss();
CREATE TRIGGER workflow_log_waiting_is_not_emptied BEFORE TRUNCATE ON diagnosis.workflow_log_waiting
    FOR EACH STATEMENT EXECUTE FUNCTION diagnosis.refuse_change();
