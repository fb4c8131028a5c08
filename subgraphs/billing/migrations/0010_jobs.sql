-- Items that a job has begun and not done: how often, when each may be tried again, and why it failed last. See the crate
-- healthbridge-jobs.
CREATE TABLE billing.job_item (
    job        text        NOT NULL,
    item_id    uuid        NOT NULL,
    attempts   integer     NOT NULL,
    not_before timestamptz NOT NULL,
    reason     text,
    PRIMARY KEY (job, item_id)
);
