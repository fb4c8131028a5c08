-- Patients, medical staff and the accounts that people sign in with.

CREATE TABLE patients.patient (
    id                      uuid        PRIMARY KEY,
    mrn                     text        NOT NULL UNIQUE,
    active                  boolean     NOT NULL DEFAULT true,
    name_use                text        NOT NULL,
    family                  text        NOT NULL,
    given                   text[]      NOT NULL,
    prefix                  text[]      NOT NULL DEFAULT '{}',
    suffix                  text[]      NOT NULL DEFAULT '{}',
    -- What lists are sorted and searched by: lower case, family name first.
    sort_name               text        NOT NULL,
    gender                  text        NOT NULL CHECK (gender IN ('MALE', 'FEMALE', 'OTHER', 'UNKNOWN')),
    birth_date              date,
    deceased_at             timestamptz,
    telecom                 jsonb       NOT NULL DEFAULT '[]',
    addresses               jsonb       NOT NULL DEFAULT '[]',
    identifiers             jsonb       NOT NULL DEFAULT '[]',
    conditions              jsonb       NOT NULL DEFAULT '[]',
    general_practitioner_id uuid,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    version                 integer     NOT NULL DEFAULT 1
);

-- The cluster may sort by any language: the cursor and the prefix search need plain code points.
CREATE INDEX patient_sort_name ON patients.patient (sort_name COLLATE "C", id);
CREATE INDEX patient_birth_date ON patients.patient (birth_date, id);

CREATE SEQUENCE patients.mrn_number START 10000000;

CREATE TABLE patients.staff (
    id             uuid        PRIMARY KEY,
    name_use       text        NOT NULL,
    family         text        NOT NULL,
    given          text[]      NOT NULL,
    prefix         text[]      NOT NULL DEFAULT '{}',
    suffix         text[]      NOT NULL DEFAULT '{}',
    profession     text        NOT NULL,
    specialty      jsonb,
    licence_number text,
    department     text,
    active         boolean     NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL,
    version        integer     NOT NULL DEFAULT 1
);

CREATE TABLE patients.account (
    id            uuid        PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('PATIENT', 'STAFF', 'SERVICE')),
    -- Lower case: an address is the same however it is typed.
    email         text        NOT NULL UNIQUE CHECK (email = lower(email)),
    password_hash text        NOT NULL,
    roles         text[]      NOT NULL,
    scopes        text[]      NOT NULL DEFAULT '{}',
    active        boolean     NOT NULL DEFAULT true,
    patient_id    uuid        UNIQUE REFERENCES patients.patient (id),
    staff_id      uuid        UNIQUE REFERENCES patients.staff (id),
    last_login_at timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    version       integer     NOT NULL DEFAULT 1
);

-- Keys of mutations that were done; see the crate healthbridge-postgres.
CREATE TABLE patients.idempotency_key (
    caller      uuid        NOT NULL,
    key         uuid        NOT NULL,
    operation   text        NOT NULL,
    fingerprint bytea       NOT NULL,
    result_id   uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
