
-- Monitoring: what is counted of indexes and of the worker, for who may know it.

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION ruvector.worker_stats(OUT pid int, OUT state text, OUT since timestamptz, OUT counted_from timestamptz,
    OUT labelling_us bigint, OUT errors bigint, OUT ring_used bigint, OUT ring_size bigint, OUT ring_dropped bigint)
AS 'MODULE_PATHNAME', 'ruvector_worker_stats' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector.worker_stats IS 'this database''s worker as shared memory knows it, and the ring of all databases, in bytes; NULL where there is no worker, or no shared memory';

-- Numbers only: no vector, no identifier of a row, no filter.
CREATE FUNCTION ruvector.stat_get_indexes(caller oid, relation oid)
RETURNS TABLE (relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, kind text, mode text,
    searches bigint, searches_learned bigint, searches_recorded bigint, searches_dropped bigint, trajectories bigint, labels int,
    target_recall float8, recall_at_setting float8, recall float8, recall_bound float8,
    cost_ratio float8, cost_ratio_low float8, cost_ratio_high float8, verdict text, state text, worker text,
    last_activity timestamptz, stats_reset timestamptz) LANGUAGE sql STABLE AS $$
    SELECT s.relid, s.indexid, n.nspname, t.relname, s.index_name, s.kind, l.mode,
           s.searches, s.searches_learned, s.searches_recorded, s.searches_dropped, s.trajectories, s.labels,
           s.target_recall, s.recall_at_setting, s.recall, s.recall_bound,
           s.cost_ratio, s.cost_ratio_low, s.cost_ratio_high, s.verdict, s.state, w.state,
           s.last_activity, s.stats_reset
    FROM ruvector.index_stats s
    JOIN ruvector.learned_tables l ON l.relid = s.relid
    JOIN pg_class t ON t.oid = s.relid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN ruvector.worker_stats() w
    WHERE pg_has_role(caller, t.relowner, 'USAGE') OR has_table_privilege(caller, t.oid, 'SELECT')
        OR pg_has_role(caller, 'pg_read_all_stats', 'USAGE')
$$;
COMMENT ON FUNCTION ruvector.stat_get_indexes IS 'behind ruvector_stat_get_indexes';

CREATE FUNCTION ruvector.stat_get_worker(caller oid, relation oid)
RETURNS TABLE (datname name, pid int, state text, since timestamptz, errors bigint,
    label_budget float8, label_seconds float8, label_share float8,
    ring_bytes bigint, ring_size bigint, ring_dropped bigint, stats_reset timestamptz) LANGUAGE sql STABLE AS $$
    SELECT current_database(), w.pid, w.state, w.since, w.errors,
           current_setting('ruvector.label_budget')::float8, w.labelling_us / 1e6::float8,
           w.labelling_us / 1e6::float8 / nullif(extract(epoch FROM clock_timestamp() - w.counted_from), 0)::float8,
           w.ring_used, w.ring_size, w.ring_dropped, w.counted_from
    FROM ruvector.worker_stats() w
$$;
COMMENT ON FUNCTION ruvector.stat_get_worker IS 'behind ruvector_stat_get_worker';
