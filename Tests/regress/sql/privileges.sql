-- query vectors are private: who may see and do what
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
\set SHOW_CONTEXT never
SET ruvector.batched_search = off;
CREATE ROLE rv_owner;
CREATE ROLE rv_reader;
CREATE ROLE rv_stranger;
GRANT CREATE, USAGE ON SCHEMA public TO rv_owner;
SET ROLE rv_owner;
CREATE TABLE items (id int PRIMARY KEY, tenant text, embedding vector(2));
INSERT INTO items SELECT g, CASE WHEN g % 2 = 0 THEN 'rv_reader' ELSE 'rv_stranger' END, format('[%s,0]', g)::vector FROM generate_series(1, 40) g;
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);
GRANT SELECT ON items TO rv_reader;
SELECT ruvector_enable_learning('items');
RESET ROLE;
SELECT wait_until($$(SELECT recorded IS NOT NULL FROM ruvector.index_counters('items_embedding'::regclass))$$);

-- the owner does all but read other people's queries
SET ROLE rv_owner;
SELECT index_name, state FROM ruvector_learning_stats('items');
SELECT count(*) FROM ruvector.trajectories;
SELECT count(*) FROM ruvector.labels;
SELECT * FROM ruvector.index_counters('items_embedding'::regclass);
-- a reader sees statistics and may record
SET ROLE rv_reader;
SELECT index_name FROM ruvector_learning_stats('items');
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}') IS NOT NULL AS recorded;
SELECT ruvector_enable_learning('items');
SELECT ruvector_clear_learning('items');
SELECT * FROM ruvector.policies;
-- a stranger gets nothing
SET ROLE rv_stranger;
SELECT * FROM ruvector_learning_stats('items');
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}');
RESET ROLE;

-- row security: the scan returns what the policy lets through, and the trajectory is the role's
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants ON items USING (tenant = current_user);
SET enable_seqscan = off;
SET ROLE rv_reader;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 2;
SELECT id FROM items ORDER BY embedding <-> '[7.2,0]' LIMIT 2;
SELECT ruvector_last_query_id() AS query \gset
RESET ROLE;
SELECT wait_until(format($$(SELECT count(*) = 1 FROM ruvector.trajectories WHERE query_id = %L)$$, :'query'));
SELECT role_id::regrole, filtered, label_state, label_note FROM ruvector.trajectories WHERE query_id = :'query';

-- functions work for an owner whose search_path is hostile
SET ROLE rv_owner;
SET ROLE rv_owner;
CREATE FUNCTION public.count(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE TABLE public.pg_class_fake (oid oid);
SET search_path = public, pg_catalog;
SELECT ruvector_enable_learning('items', min_samples := 50);
SELECT index_name FROM ruvector_learning_stats('items');
RESET search_path;
DROP FUNCTION public.count(text);
DROP TABLE pg_class_fake;
DROP TABLE items;
RESET ROLE;
SELECT count(*) AS left_behind FROM ruvector.learned_tables;

REVOKE ALL ON SCHEMA public FROM rv_owner;
DROP OWNED BY rv_owner, rv_reader, rv_stranger;
DROP ROLE rv_owner, rv_reader, rv_stranger;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
