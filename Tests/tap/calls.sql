-- Calls of every public function of the extension, made from the catalogue: a new function is called at once.
-- The tests that use it create roles rv_owner, rv_reader, rv_stranger, and as rv_owner a learned table items with an
-- index items_embedding on two dimensions and a bank bank_of_owner; a search of rv_reader's goes into calls.searched.
CREATE SCHEMA calls;
GRANT USAGE ON SCHEMA calls TO PUBLIC;

-- A value that should do: for an argument of this function, of this name, or of this type, in this order.  Those
-- without a default need one; so do those that are named with their function.
CREATE TABLE calls.sane (function text, argument text, type regtype, value text NOT NULL);
INSERT INTO calls.sane (function, argument, type, value) VALUES
  ('ruvector_create_bank', 'name', 'text', $$'another'$$),
  ('ruvector_create_bank', 'parameters', 'jsonb', $$'{"ef": {"type": "integer", "min": 1, "max": 100}}'$$),
  ('ruvector_drop_bank', 'name', 'text', $$'bank_of_owner'$$),
  ('ruvector_record_outcome', 'recall', 'float8', '0.9'),
  ('ruvector_record_feedback', 'irrelevant_ids', 'bigint[]', $$'{2}'$$),
  (NULL, 'bank', 'text', $$'bank_of_owner'$$),
  (NULL, 'parameters', 'jsonb', $$'{"ef": 10}'$$),
  (NULL, 'patterns', 'jsonb', $$'{"format": "ruvector patterns", "version": 1, "banks": []}'$$),
  (NULL, 'index', 'regclass', $$'items_embedding'$$),
  (NULL, NULL, 'regclass', $$'items'$$),
  (NULL, NULL, 'text', $$'items'$$),
  (NULL, NULL, 'real[]', $$'{1,2}'$$),
  (NULL, NULL, 'float8[]', $$'{0.5}'$$),
  (NULL, NULL, 'bigint[]', $$'{1}'$$),
  (NULL, NULL, 'text[]', $$'{1}'$$),
  (NULL, NULL, 'uuid', '(SELECT query_id FROM calls.searched)'),
  (NULL, NULL, 'int', '2'), (NULL, NULL, 'bigint', '2'), (NULL, NULL, 'float8', '0.5'), (NULL, NULL, 'bool', 'true'),
  (NULL, NULL, 'interval', $$'1 hour'$$);
CREATE TABLE calls.searched (query_id uuid);

CREATE TABLE calls.hostile (type regtype, value text);
INSERT INTO calls.hostile
SELECT type::regtype, value FROM (VALUES
  ('int', ARRAY['0', '-1', '2147483647', '-2147483648']),
  ('bigint', ARRAY['0', '-1', '9223372036854775807', '-9223372036854775808']),
  ('float8', ARRAY['0', '-1', $$'NaN'$$, $$'Infinity'$$, $$'-Infinity'$$, '1e308', '5e-324']),
  ('bool', ARRAY['true', 'false']),
  ('text', ARRAY[$$''$$, $$' '$$, $$'"'$$, $$'.'$$, $$'%s%n%1$s'$$, $$E'\x01\n'$$, $$''';DROP TABLE items;--'$$, $$'a.b.c.d'$$,
    $$'private_items'$$, $$'bank_of_other'$$, $$'ruvector.trajectories'$$, $$repeat('x', 100000)$$, $$repeat('ä.', 1000)$$, $$'no_schema.items'$$]),
  ('regclass', ARRAY['0::oid', '4294967295::oid', $$'pg_class'$$, $$'private_items'$$, $$'private_items_embedding'$$, $$'items_view'$$,
    $$'items_sequence'$$, $$'items_type'$$, $$'items_parts'$$, $$'items_pkey'$$, $$'items_embedding'$$, $$'ruvector.trajectories'$$]),
  ('real[]', ARRAY[$$'{}'$$, $$'{NULL,1}'$$, $$'{NaN,1}'$$, $$'{Infinity,1}'$$, $$'{-Infinity,1}'$$, $$'{{1,2},{3,4}}'$$, $$'{{1,2}}'$$,
    $$'[5:6]={1,2}'$$, $$'{0,0}'$$, $$'{3e38,3e38}'$$, $$'{1e-45,0}'$$, $$'{1,2,3}'$$, $$array_fill(1::real, '{16001}')$$, $$array_fill(1::real, '{300000}')$$]),
  ('float8[]', ARRAY[$$'{}'$$, $$'{NULL}'$$, $$'{NaN}'$$, $$'{Infinity}'$$, $$'{-1}'$$, $$'{{1}}'$$, $$'[5:5]={1}'$$, $$array_fill(1::float8, '{300000}')$$]),
  ('bigint[]', ARRAY[$$'{}'$$, $$'{NULL}'$$, $$'{1,1}'$$, $$'{-9223372036854775808}'$$, $$'{{1}}'$$, $$'[5:5]={1}'$$, $$array_fill(1::bigint, '{300000}')$$]),
  ('text[]', ARRAY[$$'{}'$$, $$'{NULL}'$$, $$'{""}'$$, $$'{{a}}'$$, $$ARRAY[repeat('x', 1000000)]$$, $$array_fill('x'::text, '{300000}')$$]),
  ('uuid', ARRAY[$$'00000000-0000-0000-0000-000000000000'$$, '(SELECT query_id FROM calls.searched)']),
  ('jsonb', ARRAY[$$'null'$$, $$'1'$$, $$'"x"'$$, $$'[]'$$, $$'{}'$$, $$'{"": ""}'$$, $$'{"ef": null}'$$, $$'{"ef": 1e1000}'$$, $$'{"ef": -1e-1000}'$$,
    $$'{"ef": {"type": "float", "min": 1e400, "max": 1e401}}'$$, $$(repeat('[', 1000) || repeat(']', 1000))::jsonb$$,
    $$(repeat('{"banks":', 1000) || '1' || repeat('}', 1000))::jsonb$$, $$jsonb_build_object(repeat('x', 1000000), 1)$$,
    $$'{"format": "ruvector patterns", "version": 1, "banks": [[]]}'$$, $$'{"format": "ruvector patterns", "version": 1e999, "banks": 1}'$$]),
  ('interval', ARRAY[$$'0'$$, $$'-1 day'$$, $$'178000000 years'$$, $$'-178000000 years'$$])) v(type, given)
CROSS JOIN LATERAL unnest('NULL'::text || given) value;

CREATE TABLE calls.functions AS
SELECT p.oid, p.oid::regprocedure::text AS signature, p.proname::text AS name, a.n::int AS position,
       a.n <= p.pronargs - p.pronargdefaults
       OR EXISTS (SELECT FROM calls.sane s WHERE (s.function, s.argument, s.type) = (p.proname, p.proargnames[a.n], a.type)) AS needed, p.proargnames[a.n] AS argument, a.type::regtype AS type,
       (SELECT s.value FROM calls.sane s WHERE coalesce(s.function, p.proname) = p.proname
        AND coalesce(s.argument, p.proargnames[a.n]) = p.proargnames[a.n] AND s.type = a.type
        ORDER BY s.function IS NULL, s.argument IS NULL LIMIT 1) AS sane
FROM pg_depend d
JOIN pg_proc p ON p.oid = d.objid
LEFT JOIN LATERAL unnest(p.proargtypes::oid[]) WITH ORDINALITY a(type, n) ON true
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ruvector') AND p.pronamespace <> 'ruvector'::regnamespace;

-- One call: `given` replaces or adds arguments by position; of the others those that are needed are sane.
CREATE FUNCTION calls.call(function oid, given jsonb) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('%s(%s)', name, string_agg(format('%I := (%s)::%s', argument, coalesce(given->>position::text, sane, 'NULL'), type), ', ' ORDER BY position)
    FILTER (WHERE needed OR given ? position::text))
  FROM calls.functions WHERE oid = function GROUP BY name
$$;

CREATE TABLE calls.sane_calls AS
SELECT DISTINCT oid, signature, calls.call(oid, '{}') AS call FROM calls.functions;

-- Each argument in turn hostile, the others sane; and all hostile at once.
CREATE TABLE calls.hostile_calls AS
SELECT f.signature, calls.call(f.oid, jsonb_build_object(f.position, h.value)) AS call FROM calls.functions f JOIN calls.hostile h USING (type)
UNION
SELECT f.signature, calls.call(f.oid, jsonb_object_agg(f.position, h.given[1 + n % cardinality(h.given)]))
FROM calls.functions f JOIN (SELECT type, array_agg(value) AS given FROM calls.hostile GROUP BY type) h USING (type), generate_series(0, 13) n
GROUP BY f.signature, f.oid, n;

-- What comes of it, and nothing else does: whatever it has changed is taken back.
CREATE FUNCTION calls.answer(call text, OUT state text, OUT message text, OUT detail text, OUT hint text, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT string_agg(r::text, E''\n'') FROM %s r', call) INTO result;
  RAISE EXCEPTION SQLSTATE 'RVOK0';
EXCEPTION
  WHEN SQLSTATE 'RVOK0' THEN state := 'allowed';
  WHEN others THEN
    state := SQLSTATE;
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;

-- What is wrong with how it failed; NULL: nothing.
CREATE FUNCTION calls.offence(state text, message text, detail text, hint text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN state = 'allowed' THEN NULL
    WHEN state ~ '^(XX|08|57P|58|F0)' THEN 'internal error'
    WHEN coalesce(message, '') = '' THEN 'no message'
    WHEN length(message) > 2000 OR length(hint) > 2000 OR length(detail) > 2000 THEN 'message without end'
    WHEN coalesce(hint, '') = '' THEN 'no hint' END
$$;
GRANT SELECT ON ALL TABLES IN SCHEMA calls TO PUBLIC;
