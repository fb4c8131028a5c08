-- Names are sorted and looked for without accents and case (domain/folded.rs). The program writes the columns; what is there
-- already is folded here, in lower case by a collation that knows more than ASCII where the server has one.
ALTER TABLE patients.patient ADD COLUMN sort_given text NOT NULL DEFAULT '';
ALTER TABLE patients.staff ADD COLUMN sort_name text NOT NULL DEFAULT '';

DO $$
DECLARE
    lower_by text := coalesce((SELECT format('COLLATE pg_catalog.%I', collname) FROM pg_catalog.pg_collation
                               WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY collname LIMIT 1), '');
    folded   text := 'replace(replace(replace(replace(translate(lower(regexp_replace(normalize(%s, NFKD), ''[\u0300-\u036f]'', '''', ''g'') '
                      || lower_by || '), ''øłđðħıς'', ''olddhiσ''), ''ß'', ''ss''), ''æ'', ''ae''), ''œ'', ''oe''), ''þ'', ''th'')';
BEGIN
    EXECUTE 'UPDATE patients.patient SET sort_name = ' || format(folded, 'sort_name') || ', sort_given = '
            || format(folded, 'coalesce(given[1], '''')');
    EXECUTE 'UPDATE patients.staff SET sort_name = '
            || format(folded, 'concat_ws('' '', family, nullif(array_to_string(given, '' ''), ''''))');
END
$$;

DROP INDEX patients.patient_given;
CREATE INDEX patient_given ON patients.patient (sort_given COLLATE "C");
