-- every mistake gets a message with an SQLSTATE and a hint
\set VERBOSITY verbose
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION ruvector;
CREATE TABLE items (id int PRIMARY KEY, embedding real[]);
SELECT ruvector_enable_learning('items');        -- no pgvector
CREATE EXTENSION vector;
SELECT ruvector_enable_learning('items');        -- no vector column
ALTER TABLE items ALTER COLUMN embedding TYPE vector(2) USING embedding::vector(2);
SELECT ruvector_enable_learning('items');        -- no index
CREATE INDEX items_embedding ON items USING hnsw (embedding vector_l2_ops);

SELECT ruvector_enable_learning('nowhere');
SELECT ruvector_enable_learning(NULL);
SELECT ruvector_enable_learning('items_embedding');
CREATE VIEW items_view AS SELECT * FROM items;
SELECT ruvector_enable_learning('items_view');
CREATE SEQUENCE items_sequence;
SELECT ruvector_enable_learning('items_sequence');
CREATE TABLE parts (id int, embedding vector(2)) PARTITION BY HASH (id);
SELECT ruvector_enable_learning('parts');
CREATE TEMPORARY TABLE passing (id int, embedding vector(2));
CREATE INDEX ON passing USING hnsw (embedding vector_l2_ops);
SELECT ruvector_enable_learning('passing');

SELECT ruvector_enable_learning('items', trajectory_window := 0);
SELECT ruvector_enable_learning('items', trajectory_window := -5);
SELECT ruvector_enable_learning('items', trajectory_window := NULL);
SELECT ruvector_enable_learning('items', learning_rate := 0);
SELECT ruvector_enable_learning('items', learning_rate := -0.01);
SELECT ruvector_enable_learning('items', learning_rate := 1.5);
SELECT ruvector_enable_learning('items', learning_rate := 'NaN');
SELECT ruvector_enable_learning('items', min_samples := -1);
SELECT ruvector_enable_learning('items', mode := 'fast');
SELECT ruvector_enable_learning('items', target_recall := 1);
SELECT ruvector_enable_learning('items', target_recall := 'NaN');
SELECT ruvector_enable_learning('items', target_recall := -0.5);
SET ruvector.target_recall = 1.2;
SET ruvector.ef_search = -1;
SET ruvector.nonsense = 1;

-- not learned yet
SELECT * FROM ruvector_learning_stats('items');
SELECT ruvector_disable_learning('items');
SELECT ruvector_clear_learning('items');
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}');

SELECT ruvector_enable_learning('items');
SELECT ruvector_record_trajectory('items', '{1,2,3}', '{1}');
SELECT ruvector_record_trajectory('items', '{}', '{1}');
SELECT ruvector_record_trajectory('items', NULL, '{1}');
SELECT ruvector_record_trajectory('items', '{1,NULL}', '{1}');
SELECT ruvector_record_trajectory('items', '{1,NaN}', '{1}');
SELECT ruvector_record_trajectory('items', '{Infinity,1}', '{1}');
SELECT ruvector_record_trajectory('items', '{{1,2},{3,4}}', '{1}');
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', latency_us := -1);
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', ef_search := -1);
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', k := 0);
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}', distances := '{0.5,0.6}');

-- somebody else
CREATE ROLE rv_other;
GRANT USAGE ON SCHEMA public TO rv_other;
SET ROLE rv_other;
SELECT ruvector_enable_learning('items');
SELECT ruvector_disable_learning('items');
SELECT ruvector_clear_learning('items');
SELECT * FROM ruvector_learning_stats('items');
SELECT ruvector_record_trajectory('items', '{1,2}', '{1}');
SET ruvector.sample_rate = 0.5;
RESET ROLE;
DROP ROLE IF EXISTS rv_other;
REVOKE USAGE ON SCHEMA public FROM rv_other;
DROP ROLE rv_other;

DROP VIEW items_view;
DROP SEQUENCE items_sequence;
DROP TABLE items, parts, passing;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
