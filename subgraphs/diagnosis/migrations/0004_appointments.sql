-- Appointments, and the hours in which doctors work. Why the extension: docs/decisions/0041-appointments.md.

-- Equality of ids in a GiST index. It ships with PostgreSQL (contrib) and is trusted: whoever may make the schema may make it.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA diagnosis;

CREATE TABLE diagnosis.appointment (
    id            uuid        PRIMARY KEY,
    status        text        NOT NULL CHECK (status IN ('PROPOSED', 'PENDING', 'BOOKED', 'ARRIVED', 'CHECKED_IN', 'FULFILLED',
                              'CANCELLED', 'NOSHOW', 'ENTERED_IN_ERROR', 'WAITLIST')),
    patient_id    uuid        NOT NULL,
    doctor_id     uuid        NOT NULL,
    start_at      timestamptz NOT NULL,
    end_at        timestamptz NOT NULL,
    reason        text,
    note          text,
    cancel_reason text,
    booked_by     uuid        NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    version       integer     NOT NULL DEFAULT 1,
    -- Whoever looks for what overlaps a time need not look further back than this.
    CONSTRAINT appointment_lasts_a_day_at_most CHECK (end_at > start_at AND end_at - start_at <= interval '24 hours'),
    CONSTRAINT appointment_is_cancelled_for_a_reason CHECK ((status = 'CANCELLED') = (cancel_reason IS NOT NULL)),
    -- Nobody is in two places at once. What was cancelled, missed or recorded by mistake takes no time.
    CONSTRAINT appointment_doctor_in_one_place EXCLUDE USING gist (doctor_id WITH =, tstzrange(start_at, end_at) WITH &&)
        WHERE (status NOT IN ('CANCELLED', 'NOSHOW', 'ENTERED_IN_ERROR')),
    CONSTRAINT appointment_patient_in_one_place EXCLUDE USING gist (patient_id WITH =, tstzrange(start_at, end_at) WITH &&)
        WHERE (status NOT IN ('CANCELLED', 'NOSHOW', 'ENTERED_IN_ERROR'))
);

CREATE INDEX appointment_of_doctor ON diagnosis.appointment (doctor_id, start_at, id);
CREATE INDEX appointment_of_patient ON diagnosis.appointment (patient_id, start_at, id);
CREATE INDEX appointment_by_start ON diagnosis.appointment (start_at, id);

-- An appointment is history: it ends in one of its states, and stays.
CREATE FUNCTION diagnosis.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of the table %.% are not removed', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;

CREATE TRIGGER appointment_is_not_removed BEFORE DELETE OR TRUNCATE ON diagnosis.appointment
    FOR EACH STATEMENT EXECUTE FUNCTION diagnosis.refuse_removal();

-- When a doctor works: hours of the week by the clinic's clock, from a day on. Of those that cover a day, the ones that began
-- last count.
CREATE TABLE diagnosis.working_hours (
    doctor_id   uuid        NOT NULL,
    valid_from  date        NOT NULL,
    -- The last day.
    valid_until date        CHECK (valid_until >= valid_from),
    -- [{"weekday": "MON", "from": 480, "to": 720}]: minutes from midnight.
    hours       jsonb       NOT NULL,
    updated_at  timestamptz NOT NULL,
    updated_by  uuid        NOT NULL,
    version     integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (doctor_id, valid_from)
);
