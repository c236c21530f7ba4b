-- without shared_preload_libraries: what can work works, the rest says what to set
\set VERBOSITY default
CREATE EXTENSION vector;
CREATE EXTENSION ruvector;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(2));
INSERT INTO items SELECT g, format('[%s,1]', g)::vector FROM generate_series(1, 20) g;
CREATE INDEX ON items USING hnsw (embedding vector_l2_ops);
SELECT ruvector_enable_learning('items');
SELECT ruvector.worker_pid() IS NULL AS no_worker;
SELECT ruvector_last_query_id() IS NULL AS nothing_recorded;

-- searches are pgvector's own
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY embedding <-> '[3,1]' LIMIT 3;
SELECT id FROM items ORDER BY embedding <-> '[3.1,1]' LIMIT 3;

-- a table that learned on another server: stats are to be had, clients can record
INSERT INTO ruvector.learned_tables VALUES ('items'::regclass, 'observe', 100, 0.01, 10);
SELECT ruvector_record_trajectory('items', '{3,1}', '{3,2,4}') IS NOT NULL AS recorded;
SELECT k, row_ids, source, label_state FROM ruvector.trajectories;
SELECT index_name, kind, trajectories, labels, chosen, searches_recorded, state FROM ruvector_learning_stats('items');
SELECT indexrelname, searches, state, worker, stats_reset FROM ruvector_stat_indexes;
SELECT state, pid, label_share, ring_size FROM ruvector_stat_worker;
SELECT ruvector_stat_reset();
SELECT setting, decision, queries, recall FROM ruvector_benchmark_recall('items', k := 3) WHERE decision IS NOT NULL;
DROP TABLE items;
SELECT count(*) AS left_behind FROM ruvector.trajectories;
DROP EXTENSION ruvector;
DROP EXTENSION vector;
