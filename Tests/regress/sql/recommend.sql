-- Recommendations.  What is known is written by hand, in transactions that the worker never sees.
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
CREATE ROLE rv_owner;
CREATE ROLE rv_other;
GRANT CREATE ON SCHEMA public TO rv_owner;
CREATE FUNCTION noise(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(hashint8extended(seed, d) / 9.3e18)::vector FROM generate_series(1, dims) d $$;
SET ROLE rv_owner;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(16) NOT NULL, tenant int NOT NULL, note text NOT NULL);
INSERT INTO items SELECT g, noise(g, 16), g % 4, 'note ' || g % 500 FROM generate_series(1, 4000) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops) WITH (m = 8, ef_construction = 32);
ANALYZE items;
GRANT SELECT ON items TO rv_other;

-- who may, and of what
SELECT * FROM ruvector_recommend_params(NULL);
SELECT * FROM ruvector_recommend_params('items');
SELECT ruvector_enable_learning('items', min_samples := 20, mode := 'observe', target_recall := 0.9);
SET ROLE rv_other;
SELECT * FROM ruvector_recommend_params('items');
RESET ROLE;

-- nothing is known
SELECT * FROM ruvector_recommend_params('items', what_if := false) \gx

-- what policies say
CREATE FUNCTION rungs(VARIADIC numbers real[]) RETURNS real[] LANGUAGE sql AS $$
  -- value, recall, bound, buffers of each
  SELECT array_agg(x ORDER BY i, o) FROM generate_series(0, cardinality(numbers) - 4, 4) i,
    unnest(ARRAY[numbers[i + 1], 30, numbers[i + 2], numbers[i + 3], 'NaN', 'NaN', numbers[i + 4], 'NaN', 'NaN', 'NaN', 'NaN']) WITH ORDINALITY u(x, o) $$;
CREATE FUNCTION policy(k_class int, state text, setting int, value int, VARIADIC numbers real[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO ruvector.policies (indexid, k_class, relid, evidence_from, state, target, setting, value, rungs)
  VALUES ('items_embedding'::regclass, k_class, 'items'::regclass, 0, state, 0.9, setting, value, rungs(VARIADIC numbers)) $$;
CREATE FUNCTION asked(times int, k_class int, filter text, returned int, removed int, blocks int) RETURNS void LANGUAGE sql AS $$
  INSERT INTO ruvector.trajectories (query_id, relid, indexid, started_at, role_id, query_vector, k, k_class, rows_returned, filtered, filter, rows_removed,
                                     blocks, setting, source, parameterized, label_state)
  SELECT gen_random_uuid(), 'items'::regclass, 'items_embedding'::regclass, now(), 10, noise(-g, 16)::real[], abs(k_class), k_class, returned, filter IS NOT NULL, filter,
    removed, blocks, 40, 'observing', true, 'pending'
  FROM generate_series(1, times) g $$;
BEGIN;
SELECT policy(16, 'collecting', NULL, NULL, VARIADIC '{}'), policy(1, 'undecided', 40, NULL, 40, 0.91, 0.85, 300),
  policy(4, 'unreachable', 40, NULL, 40, 0.5, 0.4, 300, 1000, 0.81, 0.7, 3000), policy(8, 'certified', 40, 60, 40, 0.88, 0.85, 300, 60, 0.93, 0.91, 400);
SELECT asked(3, 16, NULL, 10, NULL, 300);
SELECT * FROM ruvector_recommend_params('items', what_if := false) ORDER BY scope \gx
ROLLBACK;

-- filters
BEGIN;
SELECT policy(16, 'certified', 40, 60, 40, 0.88, 0.85, 100, 60, 0.93, 0.91, 130);
UPDATE ruvector.learned_tables SET mode = 'apply';
SELECT asked(30, -16, '(tenant = 3)', 10, 30, 600), asked(15, -16, '(note = ''note 7''::text)', 8, 3992, 3000),
  asked(15, -16, '(note = ''note 8''::text)', 8, 3992, 3000), asked(19, -16, '(id > 100)', 10, 0, 3000), asked(40, -16, '((id % 2) = 0)', 10, 10, 120);
SELECT * FROM ruvector_recommend_params('items', what_if := false) ORDER BY evidence \gx
-- with an index on the column there is nothing to create
CREATE INDEX ON items (note);
SELECT statement FROM ruvector_recommend_params('items', what_if := false) WHERE recommended = 'exact';
ROLLBACK;

-- memory
SET maintenance_work_mem = '1MB';
BEGIN;
UPDATE ruvector.learned_tables SET mode = 'apply';
SELECT asked(1, 16, NULL, 10, NULL, 300);
SELECT * FROM ruvector_recommend_params('items', what_if := false) \gx
SET LOCAL maintenance_work_mem = '64MB';
SELECT * FROM ruvector_recommend_params('items', what_if := false) \gx
ROLLBACK;
RESET maintenance_work_mem;
DROP TABLE items;
DROP FUNCTION policy, asked, rungs, noise;
REVOKE ALL ON SCHEMA public FROM rv_owner;
DROP ROLE rv_owner, rv_other;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
