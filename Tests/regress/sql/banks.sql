-- banks that belong to no table: what applications tried, what is made of it, and every wrong input
SET client_min_messages = warning;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
CREATE FUNCTION complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no complaint';
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN concat(SQLSTATE, ': ', SQLERRM, CASE hint WHEN '' THEN ' (without a hint)' END);
END $$;

SELECT ruvector_create_bank('prompts', 3, '{"depth": {"type": "integer", "min": 1, "max": 1000, "scale": "log"},
    "temperature": {"type": "float", "min": 0, "max": 2}, "tier": {"type": "choice", "values": ["small", "large"]}}');
-- nothing is known yet
SELECT * FROM ruvector_get_optimized_params('prompts', '{1,0,0}');
SELECT * FROM ruvector_extract_patterns('prompts');
SELECT ruvector_consolidate_patterns('prompts'), ruvector_prune_patterns('prompts', min_usage := 1);
SELECT * FROM ruvector_route('prompts', '{1,0,0}');
SELECT ruvector_import_patterns('prompts', ruvector_export_patterns('prompts'));

-- two kinds of prompts: what is best for one is worst for the other; and two of a third kind, too few for a pattern
CREATE FUNCTION try(first int, last int) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(ruvector_record_outcome('prompts',
      CASE i % 2 WHEN 0 THEN ARRAY[1, i % 7 / 50.0, 0] ELSE ARRAY[0, i % 5 / 50.0, 1] END::real[],
      CASE i / 2 % 2 WHEN 0 THEN '{"depth": 10, "temperature": 0.25, "tier": "small"}'
                     ELSE '{"depth": 1000, "temperature": 1.75, "tier": "large"}' END::jsonb,
      precision_measured := CASE WHEN i % 2 = i / 2 % 2 THEN 0.9 ELSE 0.1 END + i % 3 / 100.0,
      latency_us := 100, cost := CASE i / 2 % 2 WHEN 0 THEN 10 ELSE 1000 END))
  FROM generate_series(first, last) i $$;
SELECT try(1, 40);
SELECT count(ruvector_record_outcome('prompts', '{0,-1,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', recall := 1)) FROM generate_series(1, 2);
SELECT pattern_id, level, children, support, round(confidence::numeric, 4) AS confidence, parameters,
    round("precision"::numeric, 4) AS "precision", recall, latency_us, cost, usage, imported
FROM ruvector_extract_patterns('prompts', num_clusters := 3);
-- as many clusters as the outcomes show; the two wait for others like them
SELECT pattern_id, level, support FROM ruvector_extract_patterns('prompts');
SELECT cardinality(left_over) FROM ruvector.banks;
SELECT parameters->>'tier' AS tier, round((parameters->>'depth')::numeric) AS depth, round((parameters->>'temperature')::numeric, 3) AS temperature,
    round(confidence::numeric, 4) AS confidence, pattern_ids, round(similarities[1]::numeric, 2) AS nearest
FROM ruvector_get_optimized_params('prompts', '{1,0.05,0}')
UNION ALL
SELECT parameters->>'tier', round((parameters->>'depth')::numeric), round((parameters->>'temperature')::numeric, 3),
    round(confidence::numeric, 4), pattern_ids, round(similarities[1]::numeric, 2)
FROM ruvector_get_optimized_params('prompts', '{0,0.05,1}');
-- what points nowhere, or away from all that is known
SELECT * FROM ruvector_get_optimized_params('prompts', '{0,0,0}');
SELECT * FROM ruvector_get_optimized_params('prompts', '{-1,0,-1}');
-- used once each
SELECT pattern_id, usage FROM ruvector.patterns WHERE level = 0 ORDER BY 1;

-- what works best is proven (Holm over all but the best); other prompts tried the other
SELECT pattern_id, parameters->>'tier' AS tier, support, configurations, round(quality::numeric, 4) AS quality, round(consistency::numeric, 4) AS consistency,
    round(confidence::numeric, 4) AS confidence, latency_us, cost, reaches_target, evidence, improvement FROM ruvector_pattern_verdicts('prompts');
SELECT v.pattern_id, v.evidence, round(v.improvement::numeric, 4) AS improvement, v.cost_ratio, v.p_value < 1e-6 AS proven
FROM ruvector.banks b, ruvector.judge_patterns(b.bank_id, ARRAY[10, 0.25, 0]) v;

-- consolidated: nothing is nearly the same; pruned: what was never used, is unsure, or old
SELECT ruvector_consolidate_patterns('prompts');
SELECT ruvector_prune_patterns('prompts');
SELECT ruvector_prune_patterns('prompts', 1, 0, '1 day');
SELECT ruvector_prune_patterns('prompts', min_confidence := 1), (SELECT count(*) FROM ruvector.patterns);

-- the router: too few outcomes, patterns alone
SELECT count(*) > 0 AS patterns FROM ruvector_extract_patterns('prompts');
SELECT ruvector.tend_bank(bank_id), router IS NULL AS no_router FROM ruvector.banks;
SELECT parameters->>'tier' AS tier, confidence > 0.5 AS sure, reason, pattern_id FROM ruvector_route('prompts', '{1,0.05,0}');
-- 400 outcomes, as the worker finds them
SELECT try(41, 440);
SELECT ruvector.tend_bank(bank_id) FROM ruvector.banks;
SELECT length(router) > 0 AS router, router_trained_on FROM ruvector.banks;
SELECT parameters->>'tier' AS tier, (parameters->>'depth')::float8 < 200 AS cheap, confidence > 0.6 AS sure,
    regexp_replace(reason, '0\.\d+', 'SHARE') AS reason, pattern_id FROM ruvector_route('prompts', '{1,0.05,0}')
UNION ALL
SELECT parameters->>'tier', (parameters->>'depth')::float8 < 200, confidence > 0.6, regexp_replace(reason, '0\.\d+', 'SHARE'), pattern_id
FROM ruvector_route('prompts', '{0,0.05,1}');
-- the same outcomes, the same router; nothing new, no training
SELECT md5(router) AS trained FROM ruvector.banks \gset
SELECT ruvector.tend_bank(bank_id), md5(router) = :'trained' AS same FROM ruvector.banks;
SELECT ruvector.train_router(bank_id) FROM ruvector.banks;
SELECT md5(router) = :'trained' AS same FROM ruvector.banks;

-- exported and imported: the same document, whatever the session's settings
SELECT ruvector_export_patterns('prompts') AS document \gset
SELECT jsonb_array_length(:'document'::jsonb #> '{banks,0,patterns}') = count(*) AS all FROM ruvector.patterns;
SET TimeZone = 'Asia/Kathmandu';
SET extra_float_digits = -6;
SET DateStyle = 'SQL, DMY';
SELECT ruvector_export_patterns('prompts') = :'document' AS same;
SELECT ruvector_create_bank('copy', 3, parameters) FROM ruvector.banks WHERE name = 'prompts';
SELECT ruvector_import_patterns('copy', :'document');
SELECT ruvector_export_patterns('copy') = :'document' AS same;
RESET ALL;
SET client_min_messages = warning;
SELECT bool_and(imported) FROM ruvector.patterns JOIN ruvector.banks USING (bank_id) WHERE name = 'copy';
SELECT p.parameters = c.parameters AS same, p.confidence = c.confidence AS as_sure
FROM ruvector_get_optimized_params('prompts', '{1,0.3,0.3}') p, ruvector_get_optimized_params('copy', '{1,0.3,0.3}') c;
-- again: added, and merged when consolidated
SELECT ruvector_import_patterns('copy', :'document');
SELECT ruvector_consolidate_patterns('copy');
SELECT p.support = 2 * o.support AS twice, p.imported FROM ruvector.patterns o JOIN ruvector.banks b USING (bank_id), ruvector.patterns p JOIN ruvector.banks c USING (bank_id)
WHERE b.name = 'prompts' AND c.name = 'copy' AND o.level = 0 AND p.level = 0 AND o.pattern_id = p.pattern_id;
-- into itself, again and again: identifiers follow each other
SELECT next_pattern AS next FROM ruvector.banks WHERE name = 'copy' \gset
SELECT count(ruvector_import_patterns('copy', :'document')) FROM generate_series(1, 60);
SELECT next_pattern - :next = 180 AS close FROM ruvector.banks WHERE name = 'copy';
SELECT ruvector_import_patterns('copy', jsonb_set(:'document', '{banks,0,patterns}',
  jsonb_build_array(:'document'::jsonb #> '{banks,0,patterns,0}' || '{"id": 1000000000000000, "parent": null}')));
SELECT next_pattern - :next = 181 AS close FROM ruvector.banks WHERE name = 'copy';
-- what was imported stays when all is extracted anew
SELECT ruvector_create_bank('other copy', 3, parameters) FROM ruvector.banks WHERE name = 'prompts';
SELECT ruvector_import_patterns('other copy', :'document') > 0 AS imported;
SELECT count(*) FILTER (WHERE imported) AS imported FROM ruvector_extract_patterns('other copy');

-- ------------------------------------------------------------ what cannot be
\pset tuples_only on
\pset format unaligned
-- descriptions of parameters
SELECT coalesce(described, 'NULL') || ' -> ' || complaint(format('SELECT ruvector_create_bank(%L, 3, %L)', 'wrong', described)) FROM unnest(ARRAY[
  NULL, '[]', '{}', '"a"', '{"a": 1}', '{"a": {}}', '{"a": {"type": "text"}}', '{"a": {"type": 5, "min": 1, "max": 2}}',
  '{"a": {"type": "integer"}}', '{"a": {"type": "integer", "min": 1}}', '{"a": {"type": "integer", "min": "1", "max": 2}}',
  '{"a": {"type": "integer", "min": 2, "max": 1}}', '{"a": {"type": "integer", "min": 0.5, "max": 1}}', '{"a": {"type": "integer", "min": 1, "max": 1e16}}',
  '{"a": {"type": "float", "min": 0, "max": 1e400}}', '{"a": {"type": "float", "min": 0, "max": 1, "scale": "log"}}',
  '{"a": {"type": "float", "min": 0, "max": 1e-400}}',
  '{"a": {"type": "float", "min": 1, "max": 2, "scale": "square"}}', '{"a": {"type": "float", "min": 1, "max": 2, "step": 1}}',
  '{"a": {"type": "float", "min": 1, "max": 2, "values": ["a"]}}',
  '{"a": {"type": "choice"}}', '{"a": {"type": "choice", "values": []}}', '{"a": {"type": "choice", "values": ["a", "a"]}}',
  '{"a": {"type": "choice", "values": [1, 2]}}', '{"a": {"type": "choice", "values": ["a"], "min": 1}}']) described;
SELECT complaint(format('SELECT ruvector_create_bank(%L, 3, %L)', 'wrong', jsonb_object_agg('p' || i, '{"type": "float", "min": 0, "max": 1}'::jsonb)))
FROM generate_series(1, 17) i;
SELECT complaint(format('SELECT ruvector_create_bank(%L, 3, %L)', 'wrong', jsonb_build_object('a', jsonb_build_object('type', 'choice', 'values', (SELECT jsonb_agg('c' || i) FROM generate_series(1, 257) i)))));
-- names and dimensions
\set space '{"a": {"type": "float", "min": 0, "max": 1}}'
SELECT complaint(format('SELECT ruvector_create_bank(%L, %L, %L)', name, dims, :'space')) FROM (VALUES
  (NULL, 3), ('', 3), (repeat('x', 201), 3), ('wrong', NULL), ('wrong', 0), ('wrong', -1), ('wrong', 16001), ('prompts', 3)) v(name, dims);
-- outcomes
SELECT complaint(format('SELECT ruvector_record_outcome(%L, %L, %L, %s)', bank, embedding, parameters, came)) FROM (VALUES
  (NULL, '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('nowhere', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', NULL, '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{{1,0,0}}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0,NULL}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0,NaN}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0,-Infinity}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0,0}', NULL, '1'), ('prompts', '{1,0,0}', '[]', '1'), ('prompts', '{1,0,0}', '{}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small", "more": 1}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 0, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1.5, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0,0}', '{"depth": null, "temperature": 0, "tier": "small"}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 2.1, "tier": "small"}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": "0", "tier": "small"}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "medium"}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": 0}', '1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', 'NULL'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', '1.1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', '''NaN'''),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', 'recall := -0.1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', 'latency_us := -1'),
  ('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', 'cost := ''Infinity''')) v(bank, embedding, parameters, came);
-- questions
SELECT complaint(q) FROM unnest(ARRAY[
  $$SELECT ruvector_get_optimized_params('prompts', '{1,0}')$$, $$SELECT ruvector_get_optimized_params('prompts', NULL)$$,
  $$SELECT ruvector_get_optimized_params(NULL, '{1,0,0}')$$, $$SELECT ruvector_get_optimized_params('nowhere', '{1,0,0}')$$,
  $$SELECT ruvector_get_optimized_params('pg_class', '{1,0,0}')$$,
  $$SELECT ruvector_route('prompts', '{NaN,0,0}')$$, $$SELECT ruvector_route('prompts', '{1}')$$, $$SELECT ruvector_route('nowhere', '{1}')$$,
  $$SELECT ruvector_route('pg_class', '{1}')$$,
  $$SELECT ruvector_extract_patterns('prompts', 0)$$, $$SELECT ruvector_extract_patterns('prompts', 10001)$$, $$SELECT ruvector_extract_patterns(NULL)$$,
  $$SELECT ruvector_extract_patterns('no"where.')$$, $$SELECT ruvector_pattern_verdicts('nowhere')$$, $$SELECT ruvector_pattern_verdicts(NULL)$$,
  $$SELECT ruvector_consolidate_patterns('nowhere')$$, $$SELECT ruvector_consolidate_patterns(NULL)$$,
  $$SELECT ruvector_prune_patterns('nowhere')$$, $$SELECT ruvector_prune_patterns('prompts', -1)$$, $$SELECT ruvector_prune_patterns('prompts', 0, 1.1)$$,
  $$SELECT ruvector_prune_patterns('prompts', 0, 'NaN')$$, $$SELECT ruvector_drop_bank('nowhere')$$, $$SELECT ruvector_drop_bank(NULL)$$]) q;
-- a name of both a bank and a table that learns
CREATE TABLE prompts (id int);
INSERT INTO ruvector.learned_tables VALUES ('prompts'::regclass, 'observe', 100, 0.01, 10);
SELECT complaint($$SELECT ruvector_extract_patterns('prompts')$$);
SELECT complaint($$SELECT ruvector_extract_patterns('public.prompts')$$);
SELECT complaint($$SELECT ruvector_route('prompts', '{1,0,0}')$$);
DROP TABLE prompts;
-- somebody else's
CREATE ROLE rv_stranger;
GRANT USAGE ON SCHEMA public TO rv_stranger;
SET ROLE rv_stranger;
SELECT complaint(q) FROM unnest(ARRAY[
  $$SELECT ruvector_record_outcome('prompts', '{1,0,0}', '{"depth": 1, "temperature": 0, "tier": "small"}', 1)$$,
  $$SELECT ruvector_get_optimized_params('prompts', '{1,0,0}')$$, $$SELECT ruvector_route('prompts', '{1,0,0}')$$,
  $$SELECT ruvector_extract_patterns('prompts')$$, $$SELECT ruvector_pattern_verdicts('prompts')$$, $$SELECT ruvector_consolidate_patterns('prompts')$$,
  $$SELECT ruvector_prune_patterns('prompts')$$, $$SELECT ruvector_drop_bank('prompts')$$,
  $$SELECT ruvector_export_patterns('prompts')$$, $$SELECT ruvector_import_patterns('prompts', '{}')$$,
  $$SELECT ruvector_create_bank('prompts', 3, '{"a": {"type": "float", "min": 0, "max": 1}}')$$]) q;
-- a bank of one's own, but for superusers' doings
SELECT ruvector_create_bank('own', 1, '{"a": {"type": "float", "min": 0, "max": 1}}');
SELECT ruvector_record_outcome('own', '{1}', '{"a": 0.5}', 1) IS NOT NULL;
SELECT complaint($$SELECT ruvector_export_patterns('own')$$);
SELECT complaint($$SELECT ruvector_import_patterns('own', '{}')$$);
SELECT ruvector_drop_bank('own');
RESET ROLE;
REVOKE USAGE ON SCHEMA public FROM rv_stranger;
DROP ROLE rv_stranger;

-- documents: one thing wrong at a time; the bank stays as it is
SELECT ruvector_create_bank('empty', 3, parameters) FROM ruvector.banks WHERE name = 'prompts';
\set first '{banks,0,patterns,0'
SELECT what || ' -> ' || complaint(format('SELECT ruvector_import_patterns(%L, %L)', 'empty', wrong)) FROM (
  SELECT 'nothing' AS what, NULL::jsonb AS wrong UNION ALL VALUES ('no object', '[]'::jsonb), ('empty', '{}')
  UNION ALL SELECT path || ' = ' || coalesce(value::text, 'absent'), coalesce(jsonb_set(:'document', path::text[], value), :'document'::jsonb #- path::text[])
  FROM (VALUES ('{format}', '"patterns"'::jsonb), ('{version}', '2'), ('{banks}', '{}'), ('{banks,0}', 'null'),
    ('{banks,0,dims}', '4'), ('{banks,0,dims}', '"3"'), ('{banks,0,k_class}', '16'), ('{banks,0,operator}', '"vector_l2_ops"'),
    ('{banks,0,parameters,depth,max}', '999'), ('{banks,0,parameters,tier}', NULL), ('{banks,0,patterns}', '{}'),
    (:'first' || '}', '[]'), (:'first' || ',id}', NULL), (:'first' || ',id}', '0'), (:'first' || ',id}', '1.5'), (:'first' || ',id}', '1e16'),
    (:'first' || ',more}', '1'), (:'first' || ',level}', '1'), (:'first' || ',level}', '4'), (:'first' || ',parent}', '1'), (:'first' || ',parent}', '"1"'),
    (:'first' || ',parent}', '777'), (:'first' || ',parent}', 'null'), (:'first' || ',parent}', NULL),
    (:'first' || ',centroid}', '[1,2]'), (:'first' || ',centroid,0}', 'null'), (:'first' || ',centroid,0}', '1e39'), (:'first' || ',centroid,0}', '1e400'), (:'first' || ',centroid,0}', '1e-60'),
    (:'first' || ',parameters}', '[1,1]'), (:'first' || ',parameters,0}', '1001'), (:'first' || ',parameters,0}', '1.5'), (:'first' || ',parameters,2}', '2'),
    (:'first' || ',support}', '0'), (:'first' || ',support}', '1000'), (:'first' || ',support}', '1000000001'), (:'first' || ',confidence}', '1.5'), (:'first' || ',confidence}', '"NaN"'),
    (:'first' || ',confidence}', '1e-400'), (:'first' || ',usage}', '-1'), (:'first' || ',created_at}', '"yesterday"'), (:'first' || ',created_at}', '"2026-02-30T00:00:00.000000Z"'),
    (:'first' || ',updated_at}', '"2026-01-01T00:00:00+99:99"'), (:'first' || ',evidence}', 'null'), (:'first' || ',evidence}', '[1]'), (:'first' || ',evidence,0}', '-1'),
    (:'first' || ',evidence,1}', '2'), (:'first' || ',evidence,2}', 'null'), (:'first' || ',evidence,3}', 'null'), (:'first' || ',evidence,7}', '100000'), (:'first' || ',evidence,8}', '0.5'),
    (:'first' || ',evidence,12}', '1001'), (:'first' || ',evidence,27}', '1')) v(path, value)
  UNION ALL SELECT 'the same identifier twice', jsonb_insert(:'document', (:'first' || '}')::text[], :'document'::jsonb #> (:'first' || '}')::text[])
  UNION ALL SELECT 'the same evidence twice', jsonb_set(:'document', (:'first' || ',evidence}')::text[],
    (:'document'::jsonb #> (:'first' || ',evidence}')::text[]) || (:'document'::jsonb #> (:'first' || ',evidence}')::text[]))
  UNION ALL SELECT 'more than fit', jsonb_set(:'document', '{banks,0,patterns}', (SELECT jsonb_agg(jsonb_set(:'document'::jsonb #> (:'first' || '}')::text[], '{id}', to_jsonb(i))) FROM generate_series(1, 10001) i))
  UNION ALL SELECT 'more banks than fit', jsonb_set(:'document', '{banks}', (SELECT jsonb_agg(:'document'::jsonb #> '{banks,0}') FROM generate_series(1, 1001) i))
  UNION ALL SELECT 'more trajectories than fit', jsonb_set(:'document', '{banks,0,patterns}', (SELECT jsonb_agg(jsonb_set(:'document'::jsonb #> (:'first' || '}')::text[], '{id}', to_jsonb(i))
    || '{"support": 600000000, "parent": null}') FROM generate_series(1, 2) i))) w;
SELECT count(*) FROM ruvector.patterns JOIN ruvector.banks USING (bank_id) WHERE name = 'empty';
\pset tuples_only off
\pset format aligned

-- forgotten with all that was in it
SELECT ruvector_drop_bank(name) FROM ruvector.banks;
SELECT count(*) FROM ruvector.patterns UNION ALL SELECT count(*) FROM ruvector.outcomes;
DROP FUNCTION try, complaint;
DROP EXTENSION ruvector;
