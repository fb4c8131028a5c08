-- The price list: what a service costs, in each currency that it is offered in (FHIR ChargeItemDefinition).

CREATE TABLE billing.service_item (
    id          uuid        PRIMARY KEY,
    code        jsonb,
    name        text        NOT NULL,
    -- From the first day to the day before the second.
    valid_from  date        NOT NULL,
    valid_to    date,
    created_at  timestamptz NOT NULL,
    created_by  uuid        NOT NULL,
    version     integer     NOT NULL DEFAULT 1,
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);

CREATE TABLE billing.service_price (
    service_item_id uuid           NOT NULL REFERENCES billing.service_item (id),
    currency        char(3)        NOT NULL,
    amount          numeric(19, 4) NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (service_item_id, currency)
);

-- The item whose price a billing took.
ALTER TABLE billing.billing ADD COLUMN service_item_id uuid REFERENCES billing.service_item (id);
