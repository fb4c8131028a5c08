-- Sessions, their refresh tokens, and what was revoked before it ended.

-- Raised whenever tokens that were issued before must no longer be taken: a change of roles, a deactivation.
ALTER TABLE patients.account ADD COLUMN token_version integer NOT NULL DEFAULT 1;

CREATE TABLE patients.session (
    id           uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL REFERENCES patients.account (id),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    ended_at     timestamptz,
    end_reason   text        CHECK (end_reason IN ('SIGNED_OUT', 'DEACTIVATED', 'REUSED_TOKEN', 'PASSWORD_CHANGED'))
);

CREATE INDEX session_of_account ON patients.session (account_id) WHERE ended_at IS NULL;

-- A refresh token is used once; only its SHA-256 is kept. All tokens of a session are one family.
CREATE TABLE patients.refresh_token (
    hash       bytea       PRIMARY KEY,
    session_id uuid        NOT NULL REFERENCES patients.session (id),
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE INDEX refresh_token_of_session ON patients.refresh_token (session_id);

-- The feed that every part polls. `subject` is the SHA-256 of a session's or an account's id: the feed names nobody.
-- Of an account, tokens below `min_token_version` are revoked; of a session, all.
CREATE TABLE patients.revocation (
    seq               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject           bytea       NOT NULL,
    min_token_version integer,
    revoked_at        timestamptz NOT NULL
);
