-- pgvector is not on this server: everything installs, what needs it says so
\set VERBOSITY default
CREATE EXTENSION ruvector;
CREATE TABLE plain (id int);
SELECT ruvector_enable_learning('plain');
SELECT * FROM ruvector_learning_stats('plain');
SELECT ruvector_last_query_id();
SELECT count(*) FROM ruvector.learned_indexes;
DROP EXTENSION ruvector;
DROP TABLE plain;
