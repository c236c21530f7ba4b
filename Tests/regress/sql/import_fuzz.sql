-- documents changed at random: what is imported can be used, what is refused leaves nothing, and says why
SET client_min_messages = warning;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
SELECT ruvector_create_bank('source', 2, '{"n": {"type": "integer", "min": 1, "max": 1000, "scale": "log"},
    "x": {"type": "float", "min": -1, "max": 1}, "way": {"type": "choice", "values": ["a", "b"]}}');
SELECT count(ruvector_record_outcome('source', ARRAY[cos(i % 3 * 1.5), sin(i % 3 * 1.5)]::real[], jsonb_build_object('n', 1 + i % 2, 'x', 0.5, 'way', CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END),
    (i % 11) / 10.0, CASE WHEN i % 3 = 0 THEN (i % 7) / 6.0 END, i * 10, i)) FROM generate_series(1, 60) i;
SELECT level, count(*) FROM ruvector_extract_patterns('source') GROUP BY 1 ORDER BY 1;
SELECT ruvector_create_bank('target', 2, parameters) FROM ruvector.banks;

-- a path of the document, of any depth; most lead into a pattern
CREATE FUNCTION any_path(document jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    path text[] := CASE WHEN random() < 0.8 THEN '{banks,0,patterns}' ELSE '{}' END;
    part jsonb := document #> path;
    step text;
BEGIN
    LOOP
        step := CASE jsonb_typeof(part)
            WHEN 'object' THEN (SELECT k FROM jsonb_object_keys(part) k ORDER BY random() LIMIT 1)
            WHEN 'array' THEN (SELECT i::text FROM generate_series(0, jsonb_array_length(part) - 1) i ORDER BY random() LIMIT 1) END;
        EXIT WHEN step IS NULL OR random() < 0.1;
        path := path || step;
        part := document #> path;
    END LOOP;
    RETURN path;
END $$;
CREATE FUNCTION mutated(document jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    path text[] := any_path(document);
    old jsonb := document #> path;
    value jsonb := (ARRAY['null', '0', '-1', '2', '0.5', '1e300', '1e400', '-1e400', '1e-400', '2147483647', '2147483648', '9007199254740993', '9223372036854775807',
        '1e15', '1000000000', '""', '"NaN"', '"-0044-03-15T00:00:00.000000Z"', '"9999-12-31T23:59:59.999999Z"', '"0001-01-01T00:00:00.000000Z"', '"2026-13-01T00:00:00.000000Z"',
        '[]', '{}', 'true', '[[[[1]]]]', '{"a": {"b": {"c": [null]}}}'])[1 + floor(random() * 26)]::jsonb;
BEGIN
    RETURN CASE floor(random() * 8)
        WHEN 0 THEN document #- path
        -- an element, or all elements, once more
        WHEN 1 THEN CASE WHEN jsonb_typeof(old) = 'array' THEN jsonb_set(document, path, old || old)
                         ELSE jsonb_insert(document, path, coalesce(old, 'null')) END
        WHEN 2 THEN CASE WHEN jsonb_typeof(old) = 'array' AND old <> '[]' THEN jsonb_set(document, path, old - floor(random() * jsonb_array_length(old))::int)
                         ELSE jsonb_set(document, path, value) END
        WHEN 3 THEN CASE WHEN jsonb_typeof(old) = 'number' THEN jsonb_set(document, path, to_jsonb(old::numeric * (floor(random() * 5) - 1)::numeric)) ELSE jsonb_set(document, path, value) END
        WHEN 4 THEN CASE WHEN jsonb_typeof(old) = 'number' THEN jsonb_set(document, path, to_jsonb(old::numeric + (floor(random() * 3) - 1)::numeric)) ELSE jsonb_set(document, path, value) END
        -- in the place of another part
        WHEN 5 THEN jsonb_set(document, path, coalesce(document #> any_path(document), 'null'))
        ELSE jsonb_set(document, path, value) END;
EXCEPTION WHEN invalid_parameter_value OR invalid_text_representation THEN
    RETURN document #- path;        -- a key that is there, a place that is none
END $$;

CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s %s %s', count(*), md5(string_agg(p::text, ',' ORDER BY pattern_id)), (SELECT next_pattern FROM ruvector.banks WHERE name = 'target'))
    FROM ruvector.patterns p WHERE bank_id = (SELECT bank_id FROM ruvector.banks WHERE name = 'target')
$$;
CREATE TABLE seen (outcome text, example text);
CREATE PROCEDURE fuzz(n int) LANGUAGE plpgsql AS $$
DECLARE
    whole constant jsonb := ruvector_export_patterns('source');
    document jsonb;
    before text;
    state text;
    step text;
    message text;
BEGIN
    FOR i IN 1..n LOOP
        document := mutated(whole);
        IF random() < 0.2 THEN
            document := mutated(document);
        END IF;
        before := state();
        step := 'import';
        BEGIN
            IF ruvector_import_patterns('target', document) <> coalesce(
                (SELECT sum(jsonb_array_length(b->'patterns')) FROM jsonb_array_elements(document->'banks') b), 0) THEN
                RAISE EXCEPTION 'not all was imported';
            END IF;
            step := 'use';
            PERFORM ruvector_get_optimized_params('target', '{0.5,0.5}');
            PERFORM ruvector_pattern_verdicts('target');
            step := 'export';
            -- what it has now goes back in
            PERFORM ruvector_import_patterns('target', ruvector_export_patterns('target'));
            step := 'consolidate';
            PERFORM ruvector_consolidate_patterns('target');
            PERFORM ruvector_get_optimized_params('target', '{0.5,0.5}');
            -- and the worker's part
            PERFORM ruvector_record_outcome('target', '{0.5,0.5}', '{"n": 1, "x": 0, "way": "a"}', 1) FROM generate_series(1, 3);
            PERFORM ruvector.distil(bank_id, NULL, false) FROM ruvector.banks WHERE name = 'target';
            PERFORM ruvector_consolidate_patterns('target');
            PERFORM ruvector_prune_patterns('target', min_confidence := 0.5);
            PERFORM ruvector_get_optimized_params('target', '{0.5,0.5}');
            RAISE EXCEPTION USING ERRCODE = 'RV000';    -- back to the beginning
        EXCEPTION WHEN others THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
        END;
        INSERT INTO seen VALUES (
            CASE WHEN state() <> before THEN 'half an import'
                 WHEN state = 'RV000' THEN 'imported'
                 WHEN step = 'import' AND state = '22023' AND message ~ '^(not a document|banks\[\d+\] fits no bank)' THEN 'refused'
                 ELSE format('%s at %s: %s', state, step, message) END, document);
        COMMIT;
    END LOOP;
END $$;
SELECT setseed(0.42);
CALL fuzz(700);
-- the bank has patterns
SELECT ruvector_import_patterns('target', ruvector_export_patterns('source')) > 0 AS imported;
CALL fuzz(700);
SELECT outcome, count(*) > 100 AS often FROM seen GROUP BY 1 ORDER BY 1;
DROP TABLE seen;
DROP PROCEDURE fuzz;
DROP FUNCTION state, mutated, any_path;
DROP EXTENSION ruvector;
