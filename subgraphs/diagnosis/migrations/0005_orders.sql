-- Orders for imaging (FHIR ServiceRequest).

CREATE TABLE diagnosis.imaging_order (
    id               uuid        PRIMARY KEY,
    accession_number text        NOT NULL UNIQUE,
    patient_id       uuid        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('DRAFT', 'ACTIVE', 'ON_HOLD', 'REVOKED', 'COMPLETED',
                                 'ENTERED_IN_ERROR', 'UNKNOWN')),
    stage            text        NOT NULL CHECK (stage IN ('ORDERED', 'SCHEDULED', 'ACQUIRED', 'READING', 'REPORTED')),
    priority         text        NOT NULL CHECK (priority IN ('ROUTINE', 'URGENT', 'ASAP', 'STAT')),
    -- How worklists sort: what is most urgent first.
    rank             smallint    NOT NULL GENERATED ALWAYS AS (
                         CASE priority WHEN 'STAT' THEN 0 WHEN 'ASAP' THEN 1 WHEN 'URGENT' THEN 2 ELSE 3 END) STORED,
    ordered_by       uuid        NOT NULL,
    radiologist_id   uuid,
    appointment_id   uuid,
    code             jsonb,
    modality         text        NOT NULL,
    body_site        jsonb,
    reason           text        NOT NULL,
    reason_codes     jsonb       NOT NULL DEFAULT '[]',
    image_ids        uuid[]      NOT NULL DEFAULT '{}',
    acquired_at      timestamptz,
    -- So long after the acquisition as the priority allows; before it, after the order.
    due_at           timestamptz NOT NULL,
    -- The radiologist has the order alone until then, without having begun a report.
    reading_until    timestamptz,
    result_seen_at   timestamptz,
    revoke_reason    text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    version          integer     NOT NULL DEFAULT 1,
    -- What patients are told instead: these stand still when somebody begins to read or drafts a report.
    shown_at         timestamptz NOT NULL,
    shown_version    integer     NOT NULL DEFAULT 1,
    CHECK ((acquired_at IS NOT NULL) = (stage IN ('ACQUIRED', 'READING', 'REPORTED'))),
    CHECK ((stage = 'REPORTED') = (status = 'COMPLETED')),
    CHECK (reading_until IS NULL OR (radiologist_id IS NOT NULL AND stage = 'ACQUIRED'))
);

CREATE INDEX imaging_order_of_patient ON diagnosis.imaging_order (patient_id, id DESC);
CREATE INDEX imaging_order_of_orderer ON diagnosis.imaging_order (ordered_by, id DESC);
CREATE INDEX imaging_order_of_radiologist ON diagnosis.imaging_order (radiologist_id, id DESC);
CREATE INDEX imaging_order_of_appointment ON diagnosis.imaging_order (appointment_id, id DESC)
    WHERE appointment_id IS NOT NULL;

-- A worklist is one range of one of these: what is done is in none.
CREATE INDEX imaging_order_to_acquire ON diagnosis.imaging_order (rank, due_at, id)
    WHERE status = 'ACTIVE' AND stage IN ('ORDERED', 'SCHEDULED');
CREATE INDEX imaging_order_to_read ON diagnosis.imaging_order (rank, due_at, id)
    WHERE status = 'ACTIVE' AND stage = 'ACQUIRED';
CREATE INDEX imaging_order_to_read_by ON diagnosis.imaging_order (radiologist_id, rank, due_at, id)
    WHERE status = 'ACTIVE' AND stage = 'ACQUIRED';
CREATE INDEX imaging_order_result ON diagnosis.imaging_order (rank, due_at, id)
    WHERE stage = 'REPORTED' AND result_seen_at IS NULL;
CREATE INDEX imaging_order_result_for ON diagnosis.imaging_order (ordered_by, rank, due_at, id)
    WHERE stage = 'REPORTED' AND result_seen_at IS NULL;

-- An image belongs to one order at the most.
CREATE TABLE diagnosis.imaging_order_image (
    image_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES diagnosis.imaging_order (id)
);

-- The last accession number of each year. Its row is locked by whoever takes the next one until that order is there, which
-- leaves no gap.
CREATE TABLE diagnosis.accession_number (
    year integer PRIMARY KEY,
    last integer NOT NULL
);

-- A report may be an order's; an order has one that is not withdrawn at the most.
ALTER TABLE diagnosis.report ADD COLUMN order_id uuid REFERENCES diagnosis.imaging_order (id);
CREATE UNIQUE INDEX report_of_order ON diagnosis.report (order_id) WHERE status NOT IN ('CANCELLED', 'ENTERED_IN_ERROR');
