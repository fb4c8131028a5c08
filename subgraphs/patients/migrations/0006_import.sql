-- Where imported records come from, so that an import that is run again changes nothing.

-- A source's name for a resource (a bundle's `fullUrl`, or `Patient/<id>`) and the record that it became or was already.
CREATE TABLE patients.imported (
    source      text        PRIMARY KEY,
    record_id   uuid        NOT NULL,
    imported_at timestamptz NOT NULL
);

-- Files that were read to their end, by what the importer of that time knew to read.
CREATE TABLE patients.imported_file (
    sha256      bytea       NOT NULL,
    importer    integer     NOT NULL,
    imported_at timestamptz NOT NULL,
    PRIMARY KEY (sha256, importer)
);

-- Whether somebody is of the staff already is asked by the licence number.
CREATE INDEX staff_licence ON patients.staff (licence_number) WHERE licence_number IS NOT NULL;
