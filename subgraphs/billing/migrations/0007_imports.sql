-- What an import took over: the billings that a bill of another system became, and the movement that a payment became. The
-- source is the other system's name for it.
CREATE TABLE billing.imported_bill (
    source      text        NOT NULL,
    place       smallint    NOT NULL,
    billing_id  uuid        NOT NULL REFERENCES billing.billing (id),
    imported_at timestamptz NOT NULL,
    PRIMARY KEY (source, place)
);

CREATE TABLE billing.imported_payment (
    source      text        PRIMARY KEY,
    movement_id uuid        NOT NULL REFERENCES billing.movement (id),
    imported_at timestamptz NOT NULL
);
