\echo Use "CREATE EXTENSION ruvector" to load this file. \quit

-- Nothing here names pgvector's types: vectors cross SQL as real[], to which
-- pgvector casts, so that the extension installs where pgvector is missing.

CREATE SCHEMA ruvector;
COMMENT ON SCHEMA ruvector IS 'what ruvector knows: tables that learn, trajectories, labels, policies';

---------------------------------------------------------------------- tables

CREATE TABLE ruvector.learned_tables (
    relid oid PRIMARY KEY,
    mode text NOT NULL DEFAULT 'apply' CHECK (mode IN ('off', 'observe', 'apply')),
    trajectory_window int NOT NULL DEFAULT 1000 CHECK (trajectory_window > 0),
    learning_rate float8 NOT NULL DEFAULT 0.01 CHECK (learning_rate > 0 AND learning_rate <= 1),
    min_samples int NOT NULL DEFAULT 100 CHECK (min_samples > 0),
    target_recall float8 CHECK (target_recall > 0 AND target_recall < 1),
    learns_from timestamptz NOT NULL DEFAULT clock_timestamp(),
    anonymize bool NOT NULL DEFAULT false,
    table_name text NOT NULL
);
COMMENT ON TABLE ruvector.learned_tables IS 'tables that learn, and their options';
COMMENT ON COLUMN ruvector.learned_tables.trajectory_window IS 'unlabelled trajectories kept; ten times as many labelled ones';
COMMENT ON COLUMN ruvector.learned_tables.learning_rate IS 'weight of the newest label in recall_recent of ruvector_learning_stats';
COMMENT ON COLUMN ruvector.learned_tables.min_samples IS 'labels needed before any verdict';
COMMENT ON COLUMN ruvector.learned_tables.learns_from IS 'searches that began before do not count: the table did not learn yet, or was cleared';
COMMENT ON COLUMN ruvector.learned_tables.anonymize IS 'what was asked and found is forgotten once it is labelled, or after an hour';
COMMENT ON COLUMN ruvector.learned_tables.table_name IS 'with its schema: by this a restored row finds its table';
COMMENT ON COLUMN ruvector.learned_tables.target_recall IS 'the table''s own target; NULL: ruvector.target_recall';

CREATE TABLE ruvector.index_options (
    indexid oid NOT NULL,
    relid oid NOT NULL REFERENCES ruvector.learned_tables ON DELETE CASCADE,
    table_name text NOT NULL,
    index_name name NOT NULL,
    reverted bool NOT NULL DEFAULT false,
    pin int
);
CREATE UNIQUE INDEX index_options_indexid ON ruvector.index_options (indexid) WHERE indexid <> 0;
COMMENT ON TABLE ruvector.index_options IS 'what owners have said of single indexes; a rebuilt one is the one of the same name';
COMMENT ON COLUMN ruvector.index_options.indexid IS '0: restored, and the index is not there yet';
COMMENT ON COLUMN ruvector.index_options.reverted IS 'nothing that is learned is applied: ruvector_revert';
COMMENT ON COLUMN ruvector.index_options.pin IS 'ef_search or probes whatever is learned: ruvector_pin';

CREATE TABLE ruvector.trajectories (
    query_id uuid PRIMARY KEY,
    relid oid NOT NULL REFERENCES ruvector.learned_tables ON DELETE CASCADE,
    indexid oid,
    started_at timestamptz NOT NULL,
    role_id oid NOT NULL,
    query_vector real[],
    k int,
    k_class int,
    rows_returned int NOT NULL,
    row_ids text[],
    distances float8[],
    filtered bool NOT NULL,
    filter text,
    rows_removed bigint,
    latency_us float8,
    blocks bigint,
    parameter int,
    setting int,
    source text NOT NULL,
    parameterized bool NOT NULL,
    label_state text NOT NULL CHECK (label_state IN ('pending', 'labelled', 'skipped', 'failed')),
    target real,
    label_note text
);
CREATE INDEX trajectories_pending ON ruvector.trajectories (indexid, k_class, query_id) WHERE label_state = 'pending';
CREATE INDEX trajectories_age ON ruvector.trajectories (relid, started_at);
COMMENT ON TABLE ruvector.trajectories IS 'what single searches did: private data, no privileges to anybody';
COMMENT ON COLUMN ruvector.trajectories.k_class IS 'searches with nearby k learn together: the smallest power of two that is not below k; filtered ones by themselves, its negative';
COMMENT ON COLUMN ruvector.trajectories.filter IS 'what the rows had to pass, row security included; NULL: none, or none that the owner of the table may repeat';
COMMENT ON COLUMN ruvector.trajectories.rows_removed IS 'rows the filter removed; NULL without a filter';
COMMENT ON COLUMN ruvector.trajectories.latency_us IS 'time of the first fetch, in which the index is searched';
COMMENT ON COLUMN ruvector.trajectories.blocks IS 'buffers touched by the scan';
COMMENT ON COLUMN ruvector.trajectories.parameter IS 'ef_search or probes in force; of a search in batches, rows (hnsw) or lists (ivfflat) taken in all';
COMMENT ON COLUMN ruvector.trajectories.setting IS 'ef_search or probes that pgvector alone would have used';
COMMENT ON COLUMN ruvector.trajectories.target IS 'mean recall asked for; NULL: not by a search of the index';
COMMENT ON COLUMN ruvector.trajectories.label_note IS 'why it was skipped or failed';

CREATE TABLE ruvector.labels (
    query_id uuid PRIMARY KEY REFERENCES ruvector.trajectories ON DELETE CASCADE,
    label_number bigint GENERATED ALWAYS AS IDENTITY,
    indexid oid NOT NULL,
    k_class int NOT NULL,
    filenode oid NOT NULL,
    labelled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    k int NOT NULL,
    setting int,
    own_row bool NOT NULL DEFAULT false,
    exact_distances float8[] NOT NULL,
    exact_ids text[],
    exact_us float8 NOT NULL,
    ladder_us float8 NOT NULL,
    parameters int[] NOT NULL,
    recall real[] NOT NULL,
    blocks real[] NOT NULL,
    setting_recall real,
    setting_blocks real,
    stage_totals int[],
    stages real[],
    timed_blocks real,
    timed_us real
);
CREATE INDEX labels_order ON ruvector.labels (indexid, k_class, label_number);
COMMENT ON TABLE ruvector.labels IS 'the truth about single queries: recall and cost at each value of ef_search or probes';
COMMENT ON COLUMN ruvector.labels.own_row IS 'the query was a row of the table, searched for its neighbours; nobody had asked it';
COMMENT ON COLUMN ruvector.labels.exact_ids IS 'primary key of the exact neighbours, as text; NULL: none of a simple type';
COMMENT ON COLUMN ruvector.labels.blocks IS 'buffers touched at each value';
COMMENT ON COLUMN ruvector.labels.stage_totals IS 'rows (hnsw) or lists (ivfflat) taken after each batch of a search in batches; NULL where there is none';
COMMENT ON COLUMN ruvector.labels.stages IS 'for each batch: recall and buffers so far, distances of the nearest, the k-th and the last row, microseconds so far (NaN: not timed)';
COMMENT ON COLUMN ruvector.labels.timed_us IS 'of one search at one value, before the exact one, which would leave the caches cold; NULL: the search in batches was timed instead';
COMMENT ON COLUMN ruvector.labels.setting IS 'ef_search or probes of pgvector alone; NULL: unknown';
COMMENT ON COLUMN ruvector.labels.setting_recall IS 'recall of pgvector alone; below k rows, if the setting is below k';

CREATE TABLE ruvector.policies (
    indexid oid NOT NULL,
    k_class int NOT NULL,
    relid oid NOT NULL REFERENCES ruvector.learned_tables ON DELETE CASCADE,
    filenode oid,
    evidence_from bigint NOT NULL,
    own_rows bool NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'collecting'
        CHECK (state IN ('collecting', 'undecided', 'unreachable', 'certified', 'renewing', 'stepped back')),
    target float8,
    target_tail float8,
    value int,
    applied_from bigint,
    setting int,
    judged_labels int,
    judged_at timestamptz,
    cost_ratio float8,
    cost_ratio_low float8,
    cost_ratio_high float8,
    watch_recall float8,
    watch_labels int,
    watched_to bigint,
    watch float8[],
    setting_p50 float8,
    setting_p95 float8,
    setting_p99 float8,
    rungs real[],
    lambda real,
    stop_fitted int,
    stop_weights real[],
    stop_next_blocks real[],
    stop_least_worth real[],
    stop_rungs real[],
    stop_regions bytea,
    regions_ratio float8,
    regions_p float8,
    PRIMARY KEY (indexid, k_class)
);
COMMENT ON TABLE ruvector.policies IS 'one row for each index and class of k: the verdict in force and its evidence';
COMMENT ON COLUMN ruvector.policies.evidence_from IS 'labels with a smaller number do not count: the index was another then, the policy stepped back, or other queries were asked';
COMMENT ON COLUMN ruvector.policies.own_rows IS 'labels of the table''s own rows count as well: ruvector_auto_tune had too few queries; until min_samples queries are labelled';
COMMENT ON COLUMN ruvector.policies.value IS 'smallest ef_search or probes certified for the target';
COMMENT ON COLUMN ruvector.policies.lambda IS 'multiplier of the stop rule in force; value is NULL then';
COMMENT ON COLUMN ruvector.policies.applied_from IS 'number of the first label taken since this value, or stop rule, is in force';
COMMENT ON COLUMN ruvector.policies.stop_fitted IS 'labels that the stop rule was fitted on; none of them certifies it';
COMMENT ON COLUMN ruvector.policies.stop_weights IS 'for each batch: log-odds that a neighbour is missing = w . (1, nearest, k-th, last distance)';
COMMENT ON COLUMN ruvector.policies.stop_next_blocks IS 'for each batch: buffers that the next one touches on average';
COMMENT ON COLUMN ruvector.policies.stop_least_worth IS 'for each batch: multipliers up to this end no search after it, so that it and the next are taken in one go';
COMMENT ON COLUMN ruvector.policies.cost_ratio IS 'buffers at value / buffers of pgvector alone when it was judged, same queries';
COMMENT ON COLUMN ruvector.policies.watch_recall IS 'mean recall of the value on labels taken since it is in force';
COMMENT ON COLUMN ruvector.policies.watched_to IS 'number of the last label that the watch has seen';
COMMENT ON COLUMN ruvector.policies.watch IS 'what the watch keeps in mind: see rv_watch in ruvector_abi.h';
COMMENT ON COLUMN ruvector.policies.setting_p50 IS 'median of the buffers that pgvector alone touches; likewise 95th and 99th percentile';
COMMENT ON COLUMN ruvector.policies.rungs IS 'what is known of every value, eleven numbers each: see ruvector.policy_rungs';
COMMENT ON COLUMN ruvector.policies.stop_regions IS 'patterns that tell the rule the scale of distances where a query lies, as a byte image; NULL: it reads them as they are';
COMMENT ON COLUMN ruvector.policies.regions_ratio IS 'when the rule was fitted: buffers with such patterns / without, on labels held out; NULL: not tried';
COMMENT ON COLUMN ruvector.policies.regions_p IS 'probability of that if they said nothing; they are taken below 0.05, where the ratio is below 1';
COMMENT ON COLUMN ruvector.policies.stop_rungs IS 'likewise of multipliers of the stop rule, the greatest certified for the goal and for round targets, dearest first';

CREATE TABLE ruvector.policy_history (
    event_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    relid oid NOT NULL REFERENCES ruvector.learned_tables ON DELETE CASCADE,
    indexid oid NOT NULL,
    k_class int NOT NULL,
    event text NOT NULL,
    value_before int,
    value_after int,
    target float8,
    recall float8,
    bound float8,
    labels int,
    reason text NOT NULL,
    table_name text,
    index_name name
);
COMMENT ON TABLE ruvector.policy_history IS 'what was certified, put in force, taken back or dropped, and the numbers that led to it';

COMMENT ON COLUMN ruvector.policy_history.indexid IS '0: restored, and the index is not there yet';
COMMENT ON COLUMN ruvector.policy_history.table_name IS 'with its schema: by this, and index_name, a restored event finds its table and index';

REVOKE ALL ON ALL TABLES IN SCHEMA ruvector FROM PUBLIC;

-- Of one search, or of all: what remains are times, counts and recalls.
CREATE FUNCTION ruvector.anonymize(one uuid) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE ruvector.labels b SET exact_ids = NULL, exact_distances = '{}'
    FROM (SELECT h.query_id
          FROM ruvector.labels h JOIN ruvector.trajectories t USING (query_id) JOIN ruvector.learned_tables l USING (relid)
          WHERE l.anonymize AND (one IS NULL OR h.query_id = one) AND (h.exact_ids IS NOT NULL OR cardinality(h.exact_distances) > 0)
          FOR UPDATE OF h SKIP LOCKED) o      -- what somebody's open transaction holds is forgotten when it ends
    WHERE b.query_id = o.query_id;
    UPDATE ruvector.trajectories t SET query_vector = NULL, row_ids = NULL, distances = NULL, filter = NULL,
        label_state = CASE t.label_state WHEN 'pending' THEN 'skipped' ELSE t.label_state END,
        label_note = CASE t.label_state WHEN 'pending' THEN 'forgotten before it was labelled' ELSE t.label_note END
    FROM (SELECT h.query_id
          FROM ruvector.trajectories h JOIN ruvector.learned_tables l USING (relid)
          WHERE l.anonymize AND (one IS NULL OR h.query_id = one)
            AND (h.label_state <> 'pending' OR h.started_at < now() - interval '1 hour')
            AND num_nonnulls(h.query_vector, h.row_ids, h.distances, h.filter) > 0
          FOR NO KEY UPDATE OF h SKIP LOCKED) o
    WHERE t.query_id = o.query_id;
$$;
COMMENT ON FUNCTION ruvector.anonymize IS 'forgets what was asked and found, of tables that want it so, where no label needs it any more';
REVOKE ALL ON FUNCTION ruvector.anonymize(uuid) FROM PUBLIC;

------------------------------------------------------------ server's side

CREATE FUNCTION ruvector.index_counters(indexid oid, OUT recorded bigint, OUT dropped bigint,
    OUT learned bigint, OUT last_activity timestamptz, OUT searches bigint, OUT since timestamptz)
AS 'MODULE_PATHNAME', 'ruvector_index_counters' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector.index_counters IS 'searches recorded, dropped, run with a learned parameter and in all since then; NULL where nothing is published';

CREATE FUNCTION ruvector.worker_pid() RETURNS int
AS 'MODULE_PATHNAME', 'ruvector_worker_pid' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector.worker_pid IS 'process of this database''s learning worker; NULL if none is running';

CREATE FUNCTION ruvector.wake_worker() RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_wake_worker' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector.wake_worker IS 'after commit, the worker looks at once instead of at its next interval';
REVOKE ALL ON FUNCTION ruvector.index_counters(oid), ruvector.worker_pid(), ruvector.wake_worker() FROM PUBLIC;

CREATE FUNCTION ruvector.jobs(OUT pid int, OUT relid oid, OUT phase text, OUT done bigint, OUT total bigint, OUT since timestamptz)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'ruvector_jobs' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector.jobs IS 'source of ruvector.progress: one''s own, all of them for members of pg_read_all_stats';

----------------------------------------------------------------------- views

-- Views bind operators and functions now, and are later read with the rights of
-- the extension: nothing of another schema may slip in.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE VIEW ruvector.progress AS
SELECT pid, relid::regclass AS relation, phase, done, total, since FROM ruvector.jobs();
COMMENT ON VIEW ruvector.progress IS 'long calls of ruvector''s functions that are running in this database; total: NULL where nobody knows it';
COMMENT ON COLUMN ruvector.progress.done IS 'of what the phase counts: labels, queries, rows';

CREATE VIEW ruvector.learned_indexes AS
SELECT l.relid, i.indexrelid AS indexid, am.amname::text AS kind,
       CASE WHEN o.reverted AND l.mode = 'apply' THEN 'observe' ELSE l.mode END AS mode, l.min_samples, l.target_recall,
       oc.opcintype AS type_id, pg_relation_filenode(i.indexrelid) AS filenode,
       (SELECT count(*) = 2 FROM pg_cast ca
        WHERE (ca.castsource, ca.casttarget) IN
              (('real[]'::regtype, oc.opcintype), (oc.opcintype, 'real[]'::regtype))) AS learnable,
       coalesce(o.reverted, false) AS reverted, o.pin
FROM ruvector.learned_tables l
JOIN pg_index i ON i.indrelid = l.relid AND i.indisvalid AND i.indislive
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am am ON am.oid = c.relam AND am.amname IN ('hnsw', 'ivfflat')
JOIN pg_opclass oc ON oc.oid = i.indclass[0]
LEFT JOIN ruvector.index_options o ON o.indexid = i.indexrelid;
COMMENT ON VIEW ruvector.learned_indexes IS 'vector indexes of the tables that learn; learnable: queries of its type can be stored and searched again';

CREATE VIEW ruvector.evidence AS
SELECT b.* FROM ruvector.labels b JOIN ruvector.policies p ON (p.indexid, p.k_class) = (b.indexid, b.k_class)
WHERE b.label_number >= p.evidence_from AND (p.own_rows OR NOT b.own_row);
COMMENT ON VIEW ruvector.evidence IS 'the labels that count';

CREATE VIEW ruvector.policy_rungs AS
SELECT p.indexid, p.k_class, f.family,
       r[i + 1] AS value, r[i + 2]::int AS labels,
       r[i + 3] AS recall, r[i + 4] AS recall_bound,
       r[i + 5] AS tail, r[i + 6] AS tail_bound,
       r[i + 7] AS buffers, r[i + 8] AS buffers_p50, r[i + 9] AS buffers_p95, r[i + 10] AS buffers_p99,
       r[i + 11] AS microseconds
FROM ruvector.policies p
CROSS JOIN LATERAL (VALUES ('value', p.rungs), ('stop rule', p.stop_rungs)) f(family, r)
CROSS JOIN LATERAL generate_series(0, cardinality(r) - 11, 11) i;
COMMENT ON VIEW ruvector.policy_rungs IS 'what is known of every value of ef_search or probes, and of multipliers of the stop rule, the greatest certified for the goal and for round targets; NaN: not measured, or not tested';
COMMENT ON COLUMN ruvector.policy_rungs.recall_bound IS 'certified lower bound of mean recall at this and everything dearer that was tested, 97.5 %';
COMMENT ON COLUMN ruvector.policy_rungs.tail IS 'share of searches with recall of at least 0.9; tail_bound is certified likewise';

CREATE VIEW ruvector.learning_classes AS
WITH searches AS MATERIALIZED (
    SELECT t.indexid, t.k_class, t.source, t.setting, t.target, count(*) AS number FROM ruvector.trajectories t GROUP BY 1, 2, 3, 4, 5)
SELECT x.indexid, x.relid, p.k_class, x.min_samples,
       n.candidates - n.own_rows AS candidates,
       (SELECT count(*) FROM ruvector.evidence b WHERE b.indexid = x.indexid AND b.k_class = p.k_class)::int AS labels,
       p.judged_labels,
       coalesce((SELECT s.setting FROM searches s
                 WHERE s.indexid = x.indexid AND s.source NOT IN ('user', 'client', 'own row') AND s.setting IS NOT NULL
                 GROUP BY s.setting ORDER BY sum(s.number) DESC, s.setting LIMIT 1),
                (SELECT max(s.setting) FROM searches s WHERE s.indexid = x.indexid AND s.source = 'own row')) AS setting,
       n.own_rows,
       (SELECT count(*) FROM ruvector.labels b
        WHERE b.indexid = x.indexid AND b.k_class = p.k_class AND b.label_number >= p.evidence_from)::int AS measured,
       ARRAY(SELECT coalesce(CASE WHEN a.declared THEN p.value END, g.value) FROM (
                 SELECT p.target::real AS target, true AS declared, 0 AS searches
                 UNION ALL (SELECT s.target, false, sum(s.number) FROM searches s
                            WHERE s.indexid = x.indexid AND s.k_class = p.k_class AND s.target IS NOT NULL
                            GROUP BY s.target ORDER BY sum(s.number) DESC, s.target LIMIT 10)) a
             CROSS JOIN LATERAL (
                 SELECT min(r.value)::int AS value FROM ruvector.policy_rungs r
                 WHERE r.indexid = x.indexid AND r.k_class = p.k_class AND r.family = 'value'
                   AND r.recall_bound >= a.target AND r.recall_bound <> 'NaN'
                   AND (p.target_tail IS NULL OR (r.tail_bound >= p.target_tail AND r.tail_bound <> 'NaN'))) g
             WHERE g.value IS NOT NULL OR (a.declared AND p.value IS NOT NULL)
             ORDER BY a.declared DESC, a.searches DESC, a.target) AS certified
FROM ruvector.learned_indexes x JOIN ruvector.policies p USING (indexid)
CROSS JOIN LATERAL (
    SELECT count(*)::int AS candidates, (count(*) FILTER (WHERE t.source = 'own row'))::int AS own_rows
    FROM ruvector.trajectories t WHERE t.indexid = x.indexid AND t.k_class = p.k_class AND t.label_state = 'pending') n
WHERE x.learnable AND x.mode <> 'off';
COMMENT ON VIEW ruvector.learning_classes IS 'what the worker''s schedule decides on';
COMMENT ON COLUMN ruvector.learning_classes.own_rows IS 'further candidates, for whom queries are too few';
COMMENT ON COLUMN ruvector.learning_classes.measured IS 'labels, whether they count or not';
COMMENT ON COLUMN ruvector.learning_classes.certified IS 'smallest values that are certified for the declared target, and for those that searches asked for: labels look closer just below them';

CREATE VIEW ruvector.filtered_recall AS
SELECT s.indexid, -s.k_class AS k_class, power(10, s.decade)::real AS pass_rate_from, power(10, s.decade + 1)::real AS pass_rate_to,
       count(*)::int AS labels,
       avg(s.setting_recall)::float8 AS recall_at_setting, avg(s.setting_blocks)::float8 AS buffers_at_setting,
       s.value AS chosen, avg(s.recall)::float8 AS recall, avg(s.blocks)::float8 AS buffers
FROM (SELECT b.indexid, b.k_class, b.setting_recall, b.setting_blocks, p.value,
             b.recall[array_position(b.parameters, p.value)], b.blocks[array_position(b.parameters, p.value)],
             CASE WHEN t.rows_returned > 0 THEN least(floor(log(t.rows_returned::float8 / (t.rows_returned + t.rows_removed))), -1) END AS decade
      FROM ruvector.evidence b JOIN ruvector.trajectories t USING (query_id)
      JOIN ruvector.policies p ON (p.indexid, p.k_class) = (b.indexid, b.k_class)
      WHERE b.k_class < 0) s
GROUP BY s.indexid, s.k_class, s.decade, s.value;
COMMENT ON VIEW ruvector.filtered_recall IS 'recall of filtered searches by the share of rows that pass: of pgvector alone, and at the value that is certified for them';
COMMENT ON COLUMN ruvector.filtered_recall.pass_rate_from IS 'NULL: no row passed when the query was asked';

CREATE VIEW ruvector.index_stats AS
WITH main AS (      -- the class of k with most labels speaks for the index
    SELECT DISTINCT ON (p.indexid) p.*, n.labels
    FROM ruvector.policies p
    CROSS JOIN LATERAL (SELECT count(*)::int AS labels FROM ruvector.evidence b
        WHERE b.indexid = p.indexid AND b.k_class = p.k_class) n
    WHERE p.k_class > 0     -- filtered searches have ruvector.filtered_recall
    ORDER BY p.indexid, n.labels DESC, p.k_class)
SELECT x.relid, x.indexid, c.relname AS index_name, x.kind,
       (SELECT mode() WITHIN GROUP (ORDER BY b.k) FROM ruvector.labels b
        WHERE b.indexid = x.indexid AND b.k_class = m.k_class) AS k,
       (SELECT count(*) FROM ruvector.trajectories t WHERE t.indexid = x.indexid AND t.source <> 'own row') AS trajectories,
       coalesce(m.labels, 0) AS labels,
       coalesce(m.target, x.target_recall) AS target_recall,
       CASE x.kind WHEN 'hnsw' THEN 'ef_search' ELSE 'probes' END AS parameter,
       m.setting,
       (SELECT avg(b.setting_recall) FROM ruvector.evidence b
        WHERE b.indexid = x.indexid AND b.k_class = m.k_class AND b.setting = m.setting) AS recall_at_setting,
       m.value AS chosen,
       g.recall::float8, g.recall_bound::float8,
       CASE WHEN m.target_tail IS NOT NULL THEN g.tail_bound END::float8 AS tail_bound,
       m.cost_ratio, m.cost_ratio_low, m.cost_ratio_high,
       m.setting_p50, m.setting_p95, m.setting_p99,
       g.buffers_p50::float8 AS chosen_p50, g.buffers_p95::float8 AS chosen_p95, g.buffers_p99::float8 AS chosen_p99,
       m.watch_recall AS recall_since_applied, m.watch_labels AS labels_since_applied,
       r.recall_recent,
       n.learned AS searches_learned, n.recorded AS searches_recorded, n.dropped AS searches_dropped,
       coalesce(n.last_activity,
                (SELECT max(t.started_at) FROM ruvector.trajectories t WHERE t.indexid = x.indexid)) AS last_activity,
       CASE
         WHEN x.mode = 'off' THEN 'off'
         WHEN x.pin IS NOT NULL THEN format('pinned at %s', x.pin)
         WHEN x.reverted THEN 'reverted to pgvector''s setting'
         WHEN NOT x.learnable THEN format('not learnable: queries of type %s cannot be stored as real[]', x.type_id::regtype)
         WHEN ruvector.worker_pid() IS NULL THEN 'the learning worker is not running'
         WHEN m.indexid IS NULL THEN 'waiting for searches'
         WHEN m.state = 'collecting' THEN format('measuring recall: %s of %s labels', m.labels, x.min_samples)
         WHEN m.state = 'undecided' THEN format('not certified yet at %s labels', m.labels)
         WHEN m.state = 'unreachable' THEN 'the target is out of reach of this index'
         WHEN m.state = 'renewing' THEN format('applying %s, measuring anew: other queries are asked now than it was certified on',
                                               coalesce(m.value::text, 'a stop rule'))
         WHEN m.state = 'stepped back' THEN 'stepped back to pgvector''s setting, measuring anew'
         ELSE format(CASE x.mode WHEN 'observe' THEN 'observing: would apply %s' ELSE 'applying %s' END,
                     coalesce(m.value::text, 'a stop rule'))
       END AS state,
       m.state AS verdict, n.searches, n.since AS stats_reset, m.k_class
FROM ruvector.learned_indexes x
JOIN pg_class c ON c.oid = x.indexid
LEFT JOIN main m ON m.indexid = x.indexid
LEFT JOIN ruvector.policy_rungs g ON (g.indexid, g.k_class, g.family, g.value) =
    (m.indexid, m.k_class, CASE WHEN m.lambda IS NULL THEN 'value' ELSE 'stop rule' END, coalesce(m.lambda, m.value::real))
LEFT JOIN LATERAL (     -- exponentially weighted by age in labels, newest first
    SELECT sum(w * recall) / sum(w) AS recall_recent
    FROM (SELECT CASE WHEN m.lambda IS NOT NULL THEN NULL   -- a rule cannot be replayed here
                      WHEN m.value IS NULL THEN b.setting_recall
                      ELSE b.recall[array_position(b.parameters, m.value)] END::float8 AS recall,
                 power(1 - l.learning_rate, row_number() OVER (ORDER BY b.label_number DESC) - 1) AS w
          FROM ruvector.evidence b JOIN ruvector.learned_tables l ON l.relid = x.relid
          WHERE b.indexid = m.indexid AND b.k_class = m.k_class) s
    WHERE recall IS NOT NULL) r ON true
LEFT JOIN LATERAL ruvector.index_counters(x.indexid) n ON true;
COMMENT ON VIEW ruvector.index_stats IS 'source of ruvector_learning_stats, for all tables';
REVOKE ALL ON ruvector.learned_indexes, ruvector.evidence, ruvector.learning_classes, ruvector.policy_rungs,
    ruvector.filtered_recall, ruvector.index_stats FROM PUBLIC;

------------------------------------------------------------------- functions

SET LOCAL search_path = @extschema@, pg_temp;

CREATE FUNCTION ruvector_enable_learning(
    table_name regclass,
    trajectory_window int DEFAULT NULL,
    learning_rate float8 DEFAULT NULL,
    min_samples int DEFAULT NULL,
    mode text DEFAULT NULL,
    target_recall float8 DEFAULT NULL,
    anonymize bool DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_enable_learning' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_enable_learning IS 'learns on the table''s hnsw and ivfflat indexes; again: changes the options that are given, keeps the others and what was learned';

CREATE FUNCTION ruvector_disable_learning(table_name regclass) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_disable_learning' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_disable_learning IS 'searches run with pgvector''s settings again; what was learned is kept';

CREATE FUNCTION ruvector_clear_learning(table_name regclass) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_clear_learning' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_clear_learning IS 'forgets trajectories, labels and policies of the table; it goes on learning from nothing';

CREATE FUNCTION ruvector_learning_stats(
    table_name regclass,
    OUT index_name name, OUT kind text, OUT k int,
    OUT trajectories bigint, OUT labels int,
    OUT target_recall float8, OUT parameter text,
    OUT setting int, OUT recall_at_setting float8,
    OUT chosen int, OUT recall float8, OUT recall_bound float8, OUT tail_bound float8,
    OUT cost_ratio float8, OUT cost_ratio_low float8, OUT cost_ratio_high float8,
    OUT setting_p50 float8, OUT setting_p95 float8, OUT setting_p99 float8,
    OUT chosen_p50 float8, OUT chosen_p95 float8, OUT chosen_p99 float8,
    OUT recall_since_applied float8, OUT labels_since_applied int, OUT recall_recent float8,
    OUT searches_learned bigint, OUT searches_recorded bigint, OUT searches_dropped bigint,
    OUT last_activity timestamptz, OUT state text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ruvector_learning_stats' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_learning_stats IS 'one row an index: what was measured, what was chosen, at what certainty and cost';

CREATE FUNCTION ruvector_last_query_id() RETURNS uuid
AS 'MODULE_PATHNAME', 'ruvector_last_query_id' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ruvector_last_query_id IS 'identifier of the session''s latest search that was to be recorded; NULL before the first';

CREATE FUNCTION ruvector_record_trajectory(
    table_name regclass,
    query_vector real[],
    result_ids bigint[],
    latency_us bigint DEFAULT NULL,
    ef_search int DEFAULT NULL,
    probes int DEFAULT NULL,
    k int DEFAULT NULL,
    distances float8[] DEFAULT NULL
) RETURNS uuid
AS 'MODULE_PATHNAME', 'ruvector_record_trajectory' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector_record_trajectory IS 'for clients that search elsewhere: the query counts as one of the table''s';

------------------------------------------------------------------ life cycle

CREATE FUNCTION ruvector.forget_dropped() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- on DROP EXTENSION our own tables are among what is dropped
    IF to_regclass('ruvector.learned_tables') IS NOT NULL THEN
        DELETE FROM ruvector.learned_tables l
        USING pg_event_trigger_dropped_objects() d
        WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objid = l.relid;
        IF FOUND THEN
            BEGIN
                PERFORM ruvector.wake_worker();
            EXCEPTION WHEN undefined_file THEN
                NULL;   -- a server without the library has no worker
            END;
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION ruvector.forget_dropped IS 'removes all that was learned of dropped tables';
REVOKE ALL ON FUNCTION ruvector.forget_dropped() FROM PUBLIC;
CREATE EVENT TRIGGER ruvector_forget_dropped ON sql_drop EXECUTE FUNCTION ruvector.forget_dropped();
COMMENT ON EVENT TRIGGER ruvector_forget_dropped IS 'keeps ruvector''s tables free of what no longer exists';
