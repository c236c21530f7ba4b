-------------------------------------------------------------- export and import

-- The same document in every session: all digits of floats, times in UTC.
CREATE FUNCTION ruvector.export_patterns(caller oid, relation oid, source text) RETURNS jsonb LANGUAGE plpgsql
SET extra_float_digits = 1 AS $$
BEGIN
    PERFORM ruvector.check_superuser(caller, 'export');
    RETURN (
        SELECT jsonb_build_object('format', 'ruvector patterns', 'version', 1, 'banks', coalesce(jsonb_agg(
            jsonb_build_object('index', (SELECT c.relname FROM pg_class c WHERE c.oid = b.indexid), 'k_class', b.k_class,
                'operator', ruvector.operator_of(b.indexid), 'dims', b.dims, 'parameters', b.parameters,
                'patterns', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.pattern_id, 'level', p.level, 'parent', p.parent,
                        'centroid', p.centroid, 'parameters', p.parameters, 'support', p.support, 'confidence', p.confidence,
                        'usage', p.usage, 'created_at', ruvector.export_time(p.created_at), 'updated_at', ruvector.export_time(p.updated_at),
                        -- JSON has no NaN
                        'evidence', (SELECT coalesce(jsonb_agg(nullif(e, 'NaN') ORDER BY n), '[]')
                            FROM unnest(p.evidence) WITH ORDINALITY e(e, n)))
                    ORDER BY p.pattern_id), '[]')
                    FROM ruvector.patterns p WHERE p.bank_id = b.bank_id))
            ORDER BY b.bank_id), '[]'))
        FROM ruvector.banks_of(caller, relation, source, false) b);
END $$;
COMMENT ON FUNCTION ruvector.export_patterns IS 'behind ruvector_export_patterns';

CREATE FUNCTION ruvector.export_time(t timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION ruvector.export_time IS 'a time as an exported document has it';

CREATE FUNCTION ruvector.operator_of(indexid oid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT oc.opcname::text FROM pg_index i JOIN pg_opclass oc ON oc.oid = i.indclass[0] WHERE i.indexrelid = $1
$$;
COMMENT ON FUNCTION ruvector.operator_of IS 'the operator class of an index: what near means to it';

CREATE FUNCTION ruvector.check_superuser(caller oid, what text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE oid = caller) THEN
        PERFORM ruvector.complain('42501', format('must be superuser to %s patterns', what),
            'Centroids are made of private vectors, and what is imported changes everybody''s searches.');
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.check_superuser IS 'refuses everybody else';

CREATE FUNCTION ruvector.malformed(place text, wanted text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ruvector.complain('22023', format('not a document of ruvector_export_patterns: %s', place), format('Expected %s.', wanted));
END $$;
COMMENT ON FUNCTION ruvector.malformed IS 'what is wrong with an imported document, without quoting it';

-- The numbers of a JSON array; refuses anything else.
CREATE FUNCTION ruvector.import_numbers(given jsonb, place text, count int, null_is_nan bool) RETURNS float8[] LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_typeof(given) IS DISTINCT FROM 'array' OR jsonb_array_length(given) <> count
        OR EXISTS (SELECT FROM jsonb_array_elements(given) v
                   WHERE jsonb_typeof(v) <> 'number' AND NOT (null_is_nan AND jsonb_typeof(v) = 'null')) THEN
        PERFORM ruvector.malformed(place, format('an array of %s numbers', count));
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements(given) v WHERE jsonb_typeof(v) = 'number' AND abs(v::numeric) > 1e300) THEN
        PERFORM ruvector.malformed(place, 'numbers below 1e300');
    END IF;
    RETURN (SELECT coalesce(array_agg(CASE jsonb_typeof(v) WHEN 'null' THEN 'NaN' ELSE v::float8 END ORDER BY n), '{}')
            FROM jsonb_array_elements(given) WITH ORDINALITY e(v, n));
END $$;
COMMENT ON FUNCTION ruvector.import_numbers IS 'an array of numbers from an imported document';

CREATE FUNCTION ruvector.import_number(given jsonb, place text, low float8, high float8, whole bool) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_typeof(given) IS DISTINCT FROM 'number' OR given::numeric NOT BETWEEN low::numeric AND high::numeric
        OR (whole AND given::numeric <> floor(given::numeric)) THEN
        PERFORM ruvector.malformed(place, format('a%s number from %s to %s', CASE WHEN whole THEN ' whole' ELSE '' END, low, high));
    END IF;
    RETURN given::float8;
END $$;
COMMENT ON FUNCTION ruvector.import_number IS 'a number from an imported document';

CREATE FUNCTION ruvector.import_time(given jsonb, place text) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_typeof(given) IS DISTINCT FROM 'string'
        OR given#>>'{}' !~ '^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$' THEN
        PERFORM ruvector.malformed(place, 'a time like 2026-01-31T23:59:59.000000Z');
    END IF;
    RETURN (given#>>'{}')::timestamptz;
EXCEPTION WHEN datetime_field_overflow THEN
    PERFORM ruvector.malformed(place, 'a time that there is');
END $$;
COMMENT ON FUNCTION ruvector.import_time IS 'a time from an imported document';

-- With the negative of its identifier, which is nobody's, until all are there.
CREATE FUNCTION ruvector.import_pattern(bank ruvector.banks, given jsonb, place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    space float8[] := ruvector.space_of(bank);
    width int := cardinality(space) / 4;
    chosen float8[];
    evidence float8[];
    rows int;
    support int;
BEGIN
    IF jsonb_typeof(given) <> 'object' OR (SELECT count(*) FROM jsonb_object_keys(given)) <> 11 THEN
        PERFORM ruvector.malformed(place, 'an object with eleven members');
    END IF;
    chosen := ruvector.import_numbers(given->'parameters', place || '.parameters', width, false);
    IF jsonb_typeof(given->'evidence') IS DISTINCT FROM 'array' OR jsonb_array_length(given->'evidence') % (12 + width) <> 0
        OR jsonb_array_length(given->'evidence') > 32 * (12 + width) THEN
        PERFORM ruvector.malformed(place || '.evidence', format('up to 32 configurations of %s numbers', 12 + width));
    END IF;
    rows := jsonb_array_length(given->'evidence') / (12 + width);
    support := ruvector.import_number(given->'support', place || '.support', 1, 1e9, true);
    evidence := ruvector.import_numbers(given->'evidence', place || '.evidence', rows * (12 + width), true);
    IF EXISTS (
        SELECT FROM generate_series(0, rows - 1) r, LATERAL (SELECT evidence[r * (12 + width) + 1:(r + 1) * (12 + width)] AS e) x
        -- no query tries a configuration twice
        WHERE NOT (e[8] BETWEEN 1 AND support AND e[2] BETWEEN 0 AND 1 AND e[3] BETWEEN 0 AND e[1]
            AND (e[4] BETWEEN 0 AND 1 OR e[4] = 'NaN') AND (e[5] BETWEEN 0 AND 1 OR e[5] = 'NaN') AND e[6] >= 0 AND e[7] >= 0
            AND (SELECT bool_and(c BETWEEN 0 AND e[8] AND c = floor(c)) FROM unnest(e[1] || e[8:12]) c)
            AND (SELECT bool_and((m = 'NaN') = (c = 0)) FROM unnest(e[4:7], e[9:12]) x(m, c)))) THEN
        PERFORM ruvector.malformed(place || '.evidence', 'counts, shares, and costs that are not negative');
    END IF;
    IF EXISTS (
        SELECT FROM (
            SELECT c, lag(c) OVER (ORDER BY r) AS before FROM generate_series(0, rows - 1) r,
                LATERAL (SELECT evidence[r * (12 + width) + 13:(r + 1) * (12 + width)] AS c) x) y
        WHERE c <= before) THEN
        PERFORM ruvector.malformed(place || '.evidence', 'each configuration once, ordered by its parameters');
    END IF;
    IF EXISTS (
        SELECT FROM generate_series(1, width) p, LATERAL (
            SELECT chosen[p] AS v UNION ALL SELECT evidence[r * (12 + width) + 12 + p] FROM generate_series(0, rows - 1) r) x
        WHERE v = 'NaN' OR NOT v BETWEEN space[p * 4 - 1] AND space[p * 4] OR (space[p * 4 - 3] <> 1 AND v <> floor(v))) THEN
        PERFORM ruvector.malformed(place, 'parameters within the ranges of the bank');
    END IF;
    IF coalesce(jsonb_typeof(given->'parent'), '') NOT IN ('null', 'number') THEN
        PERFORM ruvector.malformed(place || '.parent', 'an identifier or null');
    END IF;
    INSERT INTO ruvector.patterns (bank_id, pattern_id, level, parent, centroid, parameters, support, confidence, usage, evidence,
        imported, created_at, updated_at)
    SELECT bank.bank_id, -ruvector.import_number(given->'id', place || '.id', 1, 1e15, true)::bigint,
        ruvector.import_number(given->'level', place || '.level', 0, 3, true)::int,
        CASE jsonb_typeof(given->'parent') WHEN 'number' THEN -ruvector.import_number(given->'parent', place || '.parent', 1, 1e15, true)::bigint END,
        c.centroid, chosen, support,
        ruvector.import_number(given->'confidence', place || '.confidence', 0, 1, false),
        least(ruvector.import_number(given->'usage', place || '.usage', 0, 1e15, true), 1e12)::bigint, evidence, true,
        ruvector.import_time(given->'created_at', place || '.created_at'), ruvector.import_time(given->'updated_at', place || '.updated_at')
    FROM (SELECT array_agg(CASE WHEN abs(x) < 1e38 THEN x::real END) AS centroid
          FROM unnest(ruvector.import_numbers(given->'centroid', place || '.centroid', bank.dims, false)) x) c
    WHERE array_position(c.centroid, NULL) IS NULL
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        PERFORM ruvector.malformed(place, 'identifiers that differ, and a centroid of numbers that fit');
    END IF;
EXCEPTION WHEN numeric_value_out_of_range THEN
    PERFORM ruvector.malformed(place, 'numbers that fit');
END $$;
COMMENT ON FUNCTION ruvector.import_pattern IS 'one pattern of an imported document, every field of it checked';

-- Their own identifiers where the bank has used none of them, else the next ones in
-- the same order: however often a bank is imported into itself, they do not run out.
CREATE FUNCTION ruvector.number_imported(bank ruvector.banks) RETURNS void LANGUAGE sql AS $$
    WITH imported AS (
        SELECT p.pattern_id, p.parent,
               CASE WHEN min(-p.pattern_id) OVER () >= bank.next_pattern AND max(-p.pattern_id) OVER () <= 1e12 THEN -p.pattern_id
                    ELSE bank.next_pattern - 1 + row_number() OVER (ORDER BY -p.pattern_id) END AS id
        FROM ruvector.patterns p WHERE p.bank_id = bank.bank_id AND p.pattern_id < 0
    )
    UPDATE ruvector.patterns p SET pattern_id = i.id, parent = a.id
    FROM imported i LEFT JOIN imported a ON a.pattern_id = i.parent
    WHERE (p.bank_id, p.pattern_id) = (bank.bank_id, i.pattern_id)
$$;
COMMENT ON FUNCTION ruvector.number_imported IS 'gives imported patterns identifiers of the bank';

-- Who reads a bank checks it: a vector without direction is near nothing, so nothing else comes of this.
CREATE FUNCTION ruvector.check_patterns(bank ruvector.banks, place text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ruvector.suggest(bank.bank_id, array_fill(0::real, ARRAY[bank.dims]));
EXCEPTION WHEN data_corrupted THEN
    PERFORM ruvector.malformed(place, 'patterns above level 0 that have children, and the sum of their support');
END $$;
COMMENT ON FUNCTION ruvector.check_patterns IS 'refuses patterns that contradict each other';

CREATE FUNCTION ruvector.import_patterns(caller oid, relation oid, source text, patterns jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    bank ruvector.banks;
    given jsonb;
    pattern jsonb;
    n bigint;
    place text;
    imported int := 0;
BEGIN
    PERFORM ruvector.check_superuser(caller, 'import');
    IF jsonb_typeof(patterns) IS DISTINCT FROM 'object' OR patterns->>'format' IS DISTINCT FROM 'ruvector patterns' THEN
        PERFORM ruvector.malformed('format', '"ruvector patterns"');
    END IF;
    IF patterns->'version' IS DISTINCT FROM '1' THEN
        PERFORM ruvector.malformed('version', 'version 1');
    END IF;
    IF jsonb_typeof(patterns->'banks') IS DISTINCT FROM 'array' OR jsonb_array_length(patterns->'banks') > 1000 THEN
        PERFORM ruvector.malformed('banks', 'an array of at most 1000 banks');
    END IF;
    PERFORM FROM ruvector.banks_of(caller, relation, source, true);
    IF relation IS NOT NULL THEN
        PERFORM ruvector.refresh_banks(relation);
    END IF;
    FOR given, n IN SELECT * FROM jsonb_array_elements(patterns->'banks') WITH ORDINALITY LOOP
        place := format('banks[%s]', n - 1);
        IF jsonb_typeof(given) <> 'object' OR jsonb_typeof(given->'patterns') IS DISTINCT FROM 'array'
            OR jsonb_array_length(given->'patterns') > 10000 THEN
            PERFORM ruvector.malformed(place, 'an object with at most 10000 patterns');
        END IF;
        SELECT * INTO bank FROM ruvector.banks_of(caller, relation, source, true) b
        WHERE to_jsonb(b.dims) = given->'dims' AND b.parameters = given->'parameters'
          AND coalesce(to_jsonb(b.k_class), 'null') = coalesce(given->'k_class', 'null')
          AND coalesce(to_jsonb(ruvector.operator_of(b.indexid)), 'null') = coalesce(given->'operator', 'null')
        ORDER BY to_jsonb((SELECT c.relname FROM pg_class c WHERE c.oid = b.indexid)) = given->'index' DESC NULLS LAST LIMIT 1;
        -- the worker may be at work on it
        SELECT * INTO bank FROM ruvector.banks b WHERE b.bank_id = bank.bank_id FOR UPDATE;
        IF NOT FOUND THEN
            PERFORM ruvector.complain('22023', format('%s fits no bank of "%s"', place, source),
                'Dimension, parameters, operator class and class of k must be the same.');
        END IF;
        FOR pattern, n IN SELECT * FROM jsonb_array_elements(given->'patterns') WITH ORDINALITY LOOP
            PERFORM ruvector.import_pattern(bank, pattern, format('%s.patterns[%s]', place, n - 1));
            imported := imported + 1;
        END LOOP;
        IF EXISTS (SELECT FROM ruvector.patterns p LEFT JOIN ruvector.patterns a ON (a.bank_id, a.pattern_id) = (p.bank_id, p.parent)
                   WHERE p.bank_id = bank.bank_id AND p.parent IS NOT NULL AND a.level IS DISTINCT FROM p.level + 1) THEN
            PERFORM ruvector.malformed(place, 'parents on the level above');
        END IF;
        -- with room left: what the bank sees later is added
        IF (SELECT sum(p.support) > 1e9 OR count(*) > 10000 FROM ruvector.patterns p WHERE p.bank_id = bank.bank_id AND p.level = 0) THEN
            PERFORM ruvector.malformed(place, 'with what the bank has at most 10000 patterns, for 1e9 trajectories');
        END IF;
        PERFORM ruvector.number_imported(bank);
        PERFORM ruvector.check_patterns(bank, place);
        UPDATE ruvector.banks b SET image = NULL, image_checksum = NULL, next_pattern = greatest(b.next_pattern,
            (SELECT coalesce(max(p.pattern_id), 0) + 1 FROM ruvector.patterns p WHERE p.bank_id = b.bank_id))
        WHERE b.bank_id = bank.bank_id;
    END LOOP;
    RETURN imported;
END $$;
COMMENT ON FUNCTION ruvector.import_patterns IS 'behind ruvector_import_patterns';
