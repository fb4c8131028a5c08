-- Attempts to sign in since the last success, by the SHA-256 of the address that was tried, whether it has an account or not.
CREATE TABLE patients.sign_in_attempt (
    subject       bytea       PRIMARY KEY,
    attempts      integer     NOT NULL,
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL
);
