-- Searching a large register, and who changed which record.

-- Each list is sorted by name, so that a page of a birth date's patients is read in order, too.
DROP INDEX patients.patient_birth_date;
CREATE INDEX patient_born ON patients.patient (birth_date, sort_name COLLATE "C", id);
CREATE INDEX patient_given ON patients.patient (lower(given[1]) COLLATE "C");
CREATE INDEX patient_updated ON patients.patient (updated_at, id);
CREATE INDEX patient_identifiers ON patients.patient USING gin (identifiers jsonb_path_ops);

ALTER TABLE patients.staff ADD COLUMN updated_at timestamptz;
UPDATE patients.staff SET updated_at = created_at;
ALTER TABLE patients.staff ALTER COLUMN updated_at SET NOT NULL;

-- Each change of a patient's or a staff member's record; version 1 is its making. `changed_by` is null for an import.
CREATE TABLE patients.record_version (
    record_id      uuid        NOT NULL,
    version        integer     NOT NULL CHECK (version > 0),
    changed_at     timestamptz NOT NULL,
    changed_by     uuid,
    changed_fields text[]      NOT NULL,
    PRIMARY KEY (record_id, version)
);

CREATE FUNCTION patients.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table %.% only grows', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER record_version_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON patients.record_version
    FOR EACH STATEMENT EXECUTE FUNCTION patients.refuse_change();
