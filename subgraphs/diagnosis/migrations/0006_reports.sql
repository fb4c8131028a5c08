-- Reports as they are worked on: assigned, released in versions that are signed, acknowledged, found.

ALTER TABLE diagnosis.report
    -- What kind of service made it (FHIR DiagnosticReport.category).
    ADD COLUMN category jsonb NOT NULL DEFAULT
        '[{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD", "display": "Radiology"}]',
    -- The study that it is about, as DICOM and FHIR know it.
    ADD COLUMN study_id uuid,
    -- The member of the staff who asked for the examination, who hears of what is critical; null where nobody knows.
    ADD COLUMN requester_id uuid,
    -- Until then nobody but the assignee writes the report, unless it is taken over.
    ADD COLUMN assigned_until timestamptz,
    -- Why it was cancelled, or recorded in error.
    ADD COLUMN status_reason text,
    -- Who acknowledged what is critical, when, and what was done.
    ADD COLUMN acknowledged_at timestamptz,
    ADD COLUMN acknowledged_by uuid,
    ADD COLUMN acknowledgement text,
    -- The number of the last version that was released; 0 before the first.
    ADD COLUMN current_version integer NOT NULL DEFAULT 0,
    -- Findings and impression as words that are looked for, in the language in which they were cut into words.
    ADD COLUMN search tsvector,
    ADD COLUMN search_language text NOT NULL DEFAULT '',
    ADD CONSTRAINT report_is_acknowledged_whole CHECK (num_nulls(acknowledged_at, acknowledged_by, acknowledgement) IN (0, 3));

-- The radiologists' worklist: what is not released, STAT first and then the oldest.
CREATE INDEX report_worklist ON diagnosis.report ((priority <> 'STAT'), created_at, id)
    WHERE status IN ('REGISTERED', 'PARTIAL', 'PRELIMINARY');
CREATE INDEX report_worklist_of_assignee ON diagnosis.report (assignee_id, (priority <> 'STAT'), created_at, id)
    WHERE status IN ('REGISTERED', 'PARTIAL', 'PRELIMINARY');
-- What is critical, released, and acknowledged by nobody.
CREATE INDEX report_critical ON diagnosis.report ((coalesce(issued_at, created_at)), id)
    WHERE critical AND acknowledged_at IS NULL AND status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED');
CREATE INDEX report_of_image ON diagnosis.report USING gin (image_ids);
CREATE INDEX report_of_assignee ON diagnosis.report (assignee_id, id DESC);
CREATE INDEX report_search ON diagnosis.report USING gin (search);
-- What was cut into words by another language's rules, or not yet.
CREATE INDEX report_search_language ON diagnosis.report (search_language);

-- What was released, as it was released: the content as canonical JSON (RFC 8785), and its SHA-256.
CREATE TABLE diagnosis.report_version (
    report_id      uuid        NOT NULL REFERENCES diagnosis.report (id),
    number         integer     NOT NULL CHECK (number > 0),
    status         text        NOT NULL CHECK (status IN ('FINAL', 'AMENDED', 'CORRECTED', 'APPENDED', 'ENTERED_IN_ERROR')),
    content        text        NOT NULL,
    content_sha256 text        NOT NULL CHECK (content_sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex')),
    created_at     timestamptz NOT NULL,
    created_by     uuid        NOT NULL,
    reason         text,
    PRIMARY KEY (report_id, number)
);

-- Who signed a version, what that means, and the signature.
CREATE TABLE diagnosis.report_signature (
    id        uuid        PRIMARY KEY,
    report_id uuid        NOT NULL,
    number    integer     NOT NULL,
    signed_by uuid        NOT NULL,
    signed_at timestamptz NOT NULL,
    meaning   text        NOT NULL,
    key_id    text        NOT NULL,
    signature text        NOT NULL,
    FOREIGN KEY (report_id, number) REFERENCES diagnosis.report_version (report_id, number)
);
CREATE INDEX report_signature_of_version ON diagnosis.report_signature (report_id, number, id);

-- What was added to a released report; the text above stays as it is.
CREATE TABLE diagnosis.report_addendum (
    id         uuid        PRIMARY KEY,
    report_id  uuid        NOT NULL REFERENCES diagnosis.report (id),
    text       text        NOT NULL,
    author_id  uuid        NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX report_addendum_of_report ON diagnosis.report_addendum (report_id, id);

CREATE TRIGGER report_version_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON diagnosis.report_version
    FOR EACH STATEMENT EXECUTE FUNCTION diagnosis.refuse_change();
CREATE TRIGGER report_signature_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON diagnosis.report_signature
    FOR EACH STATEMENT EXECUTE FUNCTION diagnosis.refuse_change();
CREATE TRIGGER report_addendum_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON diagnosis.report_addendum
    FOR EACH STATEMENT EXECUTE FUNCTION diagnosis.refuse_change();

-- Texts that reports begin with, by what was examined and where.
CREATE TABLE diagnosis.report_template (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL,
    modality   text        NOT NULL,
    body_site  jsonb,
    code       jsonb,
    technique  text,
    findings   text,
    impression text,
    created_by uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    retired_at timestamptz,
    version    integer     NOT NULL DEFAULT 1
);
CREATE INDEX report_template_in_use ON diagnosis.report_template (modality, id DESC) WHERE retired_at IS NULL;
