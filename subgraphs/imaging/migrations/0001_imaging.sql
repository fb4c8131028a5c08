-- Medical images. Their bytes are in the object storage under `object_key`; a row and its bytes agree once it is READY.

CREATE TABLE imaging.medical_image (
    id                uuid        PRIMARY KEY,
    patient_id        uuid        NOT NULL,
    modality          text        NOT NULL,
    body_site         jsonb,
    description       text,
    file_name         text        NOT NULL,
    content_type      text        NOT NULL,
    byte_size         bigint      NOT NULL CHECK (byte_size > 0),
    sha256            text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    object_key        text        NOT NULL UNIQUE,
    state             text        NOT NULL CHECK (state IN ('AWAITING_UPLOAD', 'VERIFYING', 'QUARANTINED', 'READY', 'DELETED', 'FAILED')),
    taken_at          timestamptz,
    uploaded_at       timestamptz NOT NULL,
    uploaded_by       uuid        NOT NULL,
    upload_expires_at timestamptz NOT NULL,
    legal_hold        boolean     NOT NULL DEFAULT false,
    deleted_at        timestamptz,
    deleted_by        uuid,
    delete_reason     text,
    purge_after       timestamptz,
    version           integer     NOT NULL DEFAULT 1
);

-- Ids are UUIDv7, so that their order is the order of arrival.
CREATE INDEX medical_image_of_patient ON imaging.medical_image (patient_id, id DESC);
CREATE INDEX medical_image_to_purge ON imaging.medical_image (purge_after) WHERE purge_after IS NOT NULL;
CREATE INDEX medical_image_upload ON imaging.medical_image (upload_expires_at) WHERE state = 'AWAITING_UPLOAD';

-- Keys of mutations that were done; see the crate healthbridge-postgres.
CREATE TABLE imaging.idempotency_key (
    caller      uuid        NOT NULL,
    key         uuid        NOT NULL,
    operation   text        NOT NULL,
    fingerprint bytea       NOT NULL,
    result_id   uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
