-- One-time passwords, resets by one-time tokens, and people whom other issuers vouch for.

-- Null: the account has no password (yet), and nobody signs in by one.
ALTER TABLE patients.account ALTER COLUMN password_hash DROP NOT NULL;

-- The secret of one-time passwords (RFC 6238), encrypted with a key that is not in the database; asked for once it is
-- confirmed. A step is used once.
ALTER TABLE patients.account ADD COLUMN totp_secret bytea;
ALTER TABLE patients.account ADD COLUMN totp_confirmed_at timestamptz;
ALTER TABLE patients.account ADD COLUMN totp_last_step bigint;

ALTER TABLE patients.session DROP CONSTRAINT session_end_reason_check;
ALTER TABLE patients.session ADD CONSTRAINT session_end_reason_check CHECK (end_reason IN ('SIGNED_OUT', 'DEACTIVATED',
    'REUSED_TOKEN', 'PASSWORD_CHANGED', 'PASSWORD_RESET'));

-- Lets an account's owner set a password once; only the SHA-256 is kept. A new token takes the place of the last one.
CREATE TABLE patients.one_time_token (
    account_id  uuid        PRIMARY KEY REFERENCES patients.account (id),
    hash        bytea       NOT NULL UNIQUE,
    clears_totp boolean     NOT NULL,
    issued_by   uuid        NOT NULL,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);

-- Whose account it is by another issuer's word. Roles follow that word where the account was made by it.
CREATE TABLE patients.foreign_identity (
    issuer      text        NOT NULL,
    subject     text        NOT NULL,
    account_id  uuid        NOT NULL UNIQUE REFERENCES patients.account (id),
    provisioned boolean     NOT NULL,
    linked_at   timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- Why a record was changed, where somebody has to say so.
ALTER TABLE patients.record_version ADD COLUMN reason text;
