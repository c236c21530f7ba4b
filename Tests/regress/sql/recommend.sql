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
-- to an owner who has not asked for it himself, constants of a filter are not told
SELECT count(*) FILTER (WHERE concat(evidence, statement) ~ '= 3|note 7|note 8') AS told, bool_or(evidence ~ 'different filters on tenant') AS of_columns
FROM ruvector.recommend_filters('pg_monitor'::regrole, 'items'::regclass);
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
-- indexes built in other ways, on samples: one that is bad enough is found to be bad
CREATE FUNCTION advice(relation regclass, OUT parameter text, OUT current text, OUT gains bool, OUT error_stated bool, OUT statement text) RETURNS SETOF record LANGUAGE sql AS $$
  SELECT parameter, current, expected_recall > 0.9, expected_recall_error BETWEEN 0 AND 0.2 AND expected_cost > 0, regexp_replace(statement, '\d+', 'N', 'g')
  FROM ruvector_recommend_params(relation, sample_share := 0.5, max_time := '1 hour') WHERE parameter IN ('build', 'what-if') $$;
CREATE FUNCTION left_over(OUT temporary bigint, OUT jobs bigint) LANGUAGE sql AS $$
  SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()), (SELECT count(*) FROM ruvector.progress) $$;
SET ROLE rv_owner;
CREATE TABLE bad (id int PRIMARY KEY, embedding vector(16) NOT NULL);
INSERT INTO bad SELECT g, noise(g, 16) FROM generate_series(1, 4000) g;
CREATE INDEX bad_embedding ON bad USING hnsw ((embedding::halfvec(16)) halfvec_l2_ops) WITH (m = 2, ef_construction = 4);
SELECT ruvector_enable_learning('bad', mode := 'observe', target_recall := 0.9);
ANALYZE bad;
SELECT * FROM advice('bad');
SELECT * FROM left_over();
-- other ways there are, each once, and only those that pgvector has
RESET ROLE;
SELECT label, key, opclass FROM ruvector.whatif_configurations('bad_embedding'::regclass, 4000);
CREATE INDEX others ON items USING hnsw (embedding vector_l1_ops);
SELECT label, key, opclass FROM ruvector.whatif_configurations('others'::regclass, 4000);
SELECT label, key, opclass FROM ruvector.whatif_configurations('items_embedding'::regclass, 4000);
DROP INDEX others;
SET ROLE rv_owner;
-- too little time, memory or rows
SELECT parameter, evidence FROM ruvector_recommend_params('bad', sample_share := 0.5, max_time := '0') WHERE parameter = 'what-if';
SELECT parameter, evidence FROM ruvector_recommend_params('bad') WHERE parameter = 'what-if';
SELECT evidence LIKE '%are too few to tell anything of 4000.' AS too_little FROM ruvector_recommend_params('bad', sample_share := 0.5, max_memory := '1MB') WHERE parameter = 'what-if';
SELECT * FROM ruvector_recommend_params('bad', max_time := '-1s');
SELECT * FROM ruvector_recommend_params('bad', sample_share := 0.6);
SELECT * FROM ruvector_recommend_params('bad', max_memory := 'much');
-- cancelled, or failed, it leaves nothing
SET statement_timeout = '300ms';
SELECT * FROM ruvector_recommend_params('bad', sample_share := 0.5, max_time := '1 hour');
RESET statement_timeout;
SELECT * FROM left_over();
CREATE TEMP TABLE ruvector_whatif_sample ();
SELECT * FROM ruvector_recommend_params('bad', sample_share := 0.5);
DROP TABLE ruvector_whatif_sample;
SELECT * FROM left_over();
-- what the owner's own functions and domains do, they do as he
RESET ROLE;
CREATE TABLE ran_as (who text);
GRANT INSERT, SELECT ON ran_as TO PUBLIC;
SET ROLE rv_owner;
-- what runs as the owner while rows are read finds nothing to hang code of his on, nor queries to read
CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'a trigger ran as %', current_user; RETURN NEW; END $$;
CREATE FUNCTION meddle() RETURNS void LANGUAGE plpgsql AS $$
DECLARE statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY['CREATE TRIGGER t BEFORE INSERT ON pg_temp.%I FOR EACH STATEMENT EXECUTE FUNCTION public.evil()',
    'ALTER TABLE pg_temp.%I ADD CHECK (true)', 'CREATE RULE r AS ON INSERT TO pg_temp.%I DO INSTEAD NOTHING', 'CREATE INDEX ON pg_temp.%I (id)',
    'SELECT * FROM pg_temp.%I', 'DELETE FROM pg_temp.%I', 'DROP TABLE pg_temp.%I']
  LOOP
    BEGIN
      EXECUTE format(statement, 'ruvector_whatif_queries');
      RAISE WARNING 'the owner could: %', statement;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    BEGIN
      EXECUTE format(statement, 'ruvector_whatif_sample');
      RAISE WARNING 'the owner could: %', statement;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
  END LOOP;
END $$;
CREATE FUNCTION spy(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF current_user <> 'rv_owner' THEN RAISE EXCEPTION 'ran as %', current_user; END IF;
  IF to_regclass('pg_temp.ruvector_whatif_queries') IS NOT NULL AND current_setting('test.meddled', true) IS DISTINCT FROM 'yes' THEN
    PERFORM set_config('test.meddled', 'yes', false), public.meddle();
    RAISE WARNING 'meddled';
  END IF;
  RETURN v;
END $$;
CREATE INDEX spied ON bad USING hnsw ((public.spy(embedding)::public.vector(16)) vector_l2_ops) WITH (m = 2, ef_construction = 4);
DROP INDEX bad_embedding;
ANALYZE bad;
RESET ROLE;
SELECT * FROM advice('bad');
SET ROLE rv_owner;
DROP TABLE bad;
DROP FUNCTION spy, meddle, evil;
-- types that are not tried
CREATE TABLE others (id int PRIMARY KEY, words sparsevec(100), bits bit(16));
INSERT INTO others SELECT g, format('{%s:1,%s:2}/100', g % 49 + 1, g % 50 + 51)::sparsevec, g::bit(16) FROM generate_series(1, 5000) g;
CREATE INDEX ON others USING hnsw (words sparsevec_l2_ops);
CREATE INDEX ON others USING hnsw (bits bit_hamming_ops);
ANALYZE others;
SELECT ruvector_enable_learning('others', mode := 'observe');
SELECT scope, evidence FROM ruvector_recommend_params('others', sample_share := 0.5) WHERE parameter = 'what-if';
DROP TABLE others;
RESET ROLE;
DROP TABLE ran_as;
DROP FUNCTION advice, left_over;
DROP TABLE items;
DROP FUNCTION policy, asked, rungs, noise;
REVOKE ALL ON SCHEMA public FROM rv_owner;
DROP ROLE rv_owner, rv_other;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
