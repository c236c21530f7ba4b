
------------------------------------------------------------ through the door

SET LOCAL search_path = @extschema@, pg_temp;

CREATE FUNCTION ruvector_extract_patterns(source text, num_clusters int DEFAULT NULL)
RETURNS TABLE (index_name name, k int, pattern_id bigint, level int, children bigint[], support int, confidence float8,
    parameters jsonb, "precision" float8, recall float8, latency_us float8, cost float8, usage bigint, imported bool)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_extract_patterns IS 'distils all that a table, or a bank, has learned into patterns anew, and lists them';

CREATE FUNCTION ruvector_consolidate_patterns(source text) RETURNS int
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_consolidate_patterns IS 'merges patterns that are nearly the same, by their support; how many were merged';

CREATE FUNCTION ruvector_prune_patterns(source text, min_usage bigint DEFAULT NULL, min_confidence float8 DEFAULT NULL,
    max_age interval DEFAULT NULL) RETURNS int
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_prune_patterns IS 'removes patterns that are used less, less sure or older than this; how many';

CREATE FUNCTION ruvector_bank_stats(source text)
RETURNS TABLE (index_name name, k int, patterns int[], support bigint, hit_rate float8, confidence float8, improvement float8,
    usage bigint, imported bigint, router bool)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_bank_stats IS 'banks in a few numbers: patterns by level, trajectories in them and the share that is, mean confidence, mean improvement of quality, suggestions given';

CREATE FUNCTION ruvector_get_search_params(table_name regclass, query real[], k int DEFAULT NULL)
RETURNS TABLE (index_name name, k_class int, parameter text, value int, source text, confidence float8, expected_recall float8,
    pattern_ids bigint[], similarities float8[])
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_get_search_params IS 'what would suit a query, by the patterns nearest to it, else by the policy; source and confidence say how it is known';

CREATE FUNCTION ruvector_get_optimized_params(source text, embedding real[])
RETURNS TABLE (index_name name, k int, parameters jsonb, confidence float8, pattern_ids bigint[], similarities float8[])
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_get_optimized_params IS 'what works for embeddings like this one; no row when nothing like it is known';

CREATE FUNCTION ruvector_create_bank(name text, dims int, parameters jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_create_bank IS 'a bank that belongs to no table: for what an application tries, and what comes of it';

CREATE FUNCTION ruvector_drop_bank(name text) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_drop_bank IS 'forgets a bank and all that is in it';

CREATE FUNCTION ruvector_record_outcome(bank text, embedding real[], parameters jsonb, precision_measured float8 DEFAULT NULL,
    recall float8 DEFAULT NULL, latency_us float8 DEFAULT NULL, cost float8 DEFAULT NULL) RETURNS uuid
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_record_outcome IS 'with these parameters, for this embedding, that came of it';

CREATE FUNCTION ruvector_route(bank text, features real[])
RETURNS TABLE (parameters jsonb, confidence float8, reason text, pattern_id bigint)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_route IS 'what a network trained on the bank''s outcomes decides, drawn towards the bank''s patterns where they are sure';

CREATE FUNCTION ruvector_export_patterns(source text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_export_patterns IS 'the patterns of a table, or a bank, as a document; for superusers';

CREATE FUNCTION ruvector_import_patterns(source text, patterns jsonb) RETURNS int
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_import_patterns IS 'adds the patterns of such a document, all or none, as priors; for superusers';

CREATE FUNCTION ruvector_get_verdict(query_id uuid)
RETURNS TABLE (success bool, confidence float8, score float8, recall_signal float8, latency_signal float8, diversity_signal float8,
    feedback_signal float8, recommendations text[])
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_get_verdict IS 'what is thought of a search of one''s own: four signals from 0 to 1, NULL where nothing is known';

CREATE FUNCTION ruvector_pattern_verdicts(source text)
RETURNS TABLE (index_name name, k int, pattern_id bigint, parameters jsonb, support int, configurations int, quality float8,
    consistency float8, confidence float8, recall float8, latency_us float8, cost float8, reaches_target bool,
    evidence text, improvement float8, cost_ratio float8, p_value float8)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_pattern_verdicts IS 'for each pattern, what works best for its queries, against what is in force';

CREATE FUNCTION ruvector_record_feedback(query_id uuid, relevant_ids bigint[], irrelevant_ids bigint[] DEFAULT NULL, rating float8 DEFAULT NULL)
RETURNS TABLE ("precision" float8, recall float8, exact_precision float8, weighted_recall float8, never_returned text[])
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_record_feedback(uuid, bigint[], bigint[], float8) IS 'which rows of a search of one''s own were relevant; again: replaces what was said before';

CREATE FUNCTION ruvector_record_feedback(query_id uuid, relevant_ids text[], irrelevant_ids text[] DEFAULT NULL, rating float8 DEFAULT NULL)
RETURNS TABLE ("precision" float8, recall float8, exact_precision float8, weighted_recall float8, never_returned text[])
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_record_feedback(uuid, text[], text[], float8) IS 'likewise, for identifiers that are no numbers';

CREATE FUNCTION ruvector_record_feedback(table_name regclass, query_vector real[], relevant_ids bigint[], irrelevant_ids bigint[],
    rating float8 DEFAULT NULL)
RETURNS TABLE ("precision" float8, recall float8, exact_precision float8, weighted_recall float8, never_returned text[])
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_record_feedback(regclass, real[], bigint[], bigint[], float8) IS 'likewise, of one''s latest search on the table with this vector';

CREATE FUNCTION ruvector_analyze_trajectories(table_name regclass, recent int DEFAULT 500)
RETURNS TABLE (index_name name, aspect text, item bigint, searches int, share float8, recall float8, labels int, value float8, p_value float8)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_analyze_trajectories IS 'what the last searches of a table have in common, and how they differ from as many before';

CREATE FUNCTION ruvector_auto_tune(index regclass, optimize_for text DEFAULT 'balanced', sample_queries int DEFAULT 1000,
    k int DEFAULT NULL, max_latency interval DEFAULT NULL, dry_run bool DEFAULT false)
RETURNS TABLE (candidate text, chosen bool, reason text, recall float8, recall_bound float8, buffers float8, buffers_p95 float8,
    latency_us float8, latency_p50 float8, latency_p95 float8, latency_p99 float8, cost_ratio float8, queries int, own_rows int)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_auto_tune IS 'measures an index now and puts in force what serves recall, latency or the declared target best; one row a candidate, with why';

CREATE FUNCTION ruvector_recommend_params(table_name regclass, what_if bool DEFAULT true, max_time interval DEFAULT '60s',
    sample_share float8 DEFAULT 0.05, max_memory text DEFAULT NULL)
RETURNS TABLE (scope text, parameter text, current text, recommended text, evidence text, expected_recall float8,
    expected_recall_error float8, expected_cost float8, statement text)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_recommend_params IS 'what its owner could do for searches on a table: parameters of searches and builds, indexes for filters; with evidence, and the statement to run';

CREATE FUNCTION ruvector_revert(index regclass, reverted bool DEFAULT true) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_revert IS 'searches on the index run with pgvector''s setting from now on; it goes on learning; false: what is learned is applied again';

CREATE FUNCTION ruvector_pin(index regclass, value int) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_pin IS 'searches on the index run with this ef_search or probes, whatever is learned; NULL: no more';

------------------------------------------------------- measuring and monitoring

CREATE FUNCTION ruvector_benchmark_recall(table_name regclass, ground_truth_table regclass DEFAULT NULL, num_queries int DEFAULT 100,
    k int DEFAULT 10)
RETURNS TABLE (index_name name, setting text, parameter text, decision text, queries int, recall float8, recall_low float8, recall_high float8,
    buffers float8, buffers_low float8, buffers_high float8)
AS 'MODULE_PATHNAME', 'ruvector_benchmark_recall' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_benchmark_recall IS 'recall and buffers of pgvector alone and of what is learned, on the same queries, with 95 % intervals';

CREATE FUNCTION ruvector_benchmark_latency(table_name regclass, num_queries int DEFAULT 100, k int DEFAULT 10,
    percentiles float8[] DEFAULT '{50,90,99}')
RETURNS TABLE (index_name name, setting text, parameter text, decision text, queries int, percentile float8,
    microseconds float8, microseconds_low float8, microseconds_high float8, buffers float8, buffers_low float8, buffers_high float8)
AS 'MODULE_PATHNAME', 'ruvector_benchmark_latency' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_benchmark_latency IS 'time in the server and buffers of pgvector alone and of what is learned, on the same queries, with 95 % intervals';

CREATE FUNCTION ruvector_stat_get_indexes()
RETURNS TABLE (relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, kind text, mode text,
    searches bigint, searches_learned bigint, searches_recorded bigint, searches_dropped bigint, trajectories bigint, labels int,
    target_recall float8, recall_at_setting float8, recall float8, recall_bound float8,
    cost_ratio float8, cost_ratio_low float8, cost_ratio_high float8, verdict text, state text, worker text,
    last_activity timestamptz, stats_reset timestamptz)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_stat_get_indexes IS 'source of the view ruvector_stat_indexes';

CREATE VIEW ruvector_stat_indexes AS SELECT * FROM ruvector_stat_get_indexes();
COMMENT ON VIEW ruvector_stat_indexes IS 'one row for each index that learns, of tables that one owns or may read; all of them for members of pg_read_all_stats';
COMMENT ON COLUMN ruvector_stat_indexes.searches IS 'since stats_reset, as the other counters; NULL: nothing is published';
COMMENT ON COLUMN ruvector_stat_indexes.verdict IS 'collecting, undecided, unreachable, certified, renewing or stepped back; NULL: no search yet';
COMMENT ON COLUMN ruvector_stat_indexes.stats_reset IS 'what is counted began then: by ruvector_stat_reset, or when the index was published';

CREATE FUNCTION ruvector_stat_get_worker()
RETURNS TABLE (datname name, pid int, state text, since timestamptz, errors bigint,
    label_budget float8, label_seconds float8, label_share float8,
    ring_bytes bigint, ring_size bigint, ring_dropped bigint, stats_reset timestamptz)
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_stat_get_worker IS 'source of the view ruvector_stat_worker';

CREATE VIEW ruvector_stat_worker AS SELECT * FROM ruvector_stat_get_worker();
COMMENT ON VIEW ruvector_stat_worker IS 'the learning worker of this database, and the ring of the server: always one row';
COMMENT ON COLUMN ruvector_stat_worker.state IS 'running, starting, failed (it is tried again), none, not preloaded';
COMMENT ON COLUMN ruvector_stat_worker.errors IS 'actions of the worker that ended in an error, since stats_reset';
COMMENT ON COLUMN ruvector_stat_worker.label_seconds IS 'spent on labels since stats_reset; label_share is the share of the time that this is, to be compared with label_budget';
COMMENT ON COLUMN ruvector_stat_worker.ring_bytes IS 'searches of all databases on their way to their workers; ring_dropped found no room, since the server started or ruvector_stat_reset()';
GRANT SELECT ON ruvector_stat_indexes, ruvector_stat_worker TO PUBLIC;

CREATE FUNCTION ruvector_stat_reset(index regclass DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_stat_reset' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_stat_reset IS 'counts from nothing: of one index, by the owner of its table; of all, of the worker and of the ring, by a superuser';

CREATE FUNCTION ruvector_report(table_name regclass) RETURNS text
AS 'MODULE_PATHNAME', 'ruvector_door' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_report IS 'what a table has learned as a page for a browser: figures, patterns, history, recommendations; for its owner';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ruvector FROM PUBLIC;
GRANT USAGE ON SCHEMA ruvector TO PUBLIC;
GRANT EXECUTE ON FUNCTION ruvector.jobs() TO PUBLIC;
GRANT SELECT ON ruvector.progress TO PUBLIC;

SELECT ruvector.wake_worker();
