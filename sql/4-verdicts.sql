
-- Verdicts: what is thought of single searches and of what works for patterns, with
-- what users said of results.

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE TABLE ruvector.feedback (
    query_id uuid PRIMARY KEY REFERENCES ruvector.trajectories ON DELETE CASCADE,
    given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    relevant text[] NOT NULL,
    irrelevant text[] NOT NULL,
    rating float8 CHECK (rating BETWEEN 0 AND 5),
    bank_id int,
    pattern_id bigint,
    confidence_change float8
);
COMMENT ON TABLE ruvector.feedback IS 'what users said of the rows of a search';
COMMENT ON COLUMN ruvector.feedback.confidence_change IS 'what it changed of the confidence of this pattern: taken back when feedback is given anew';
REVOKE ALL ON ruvector.feedback FROM PUBLIC;

CREATE FUNCTION ruvector.judge_feedback(relevant text[], irrelevant text[], returned text[], exact text[],
    OUT "precision" float8, OUT recall float8, OUT exact_precision float8, OUT weighted_recall float8, OUT never_returned text[])
AS 'MODULE_PATHNAME', 'ruvector_judge_feedback' LANGUAGE C IMMUTABLE;
COMMENT ON FUNCTION ruvector.judge_feedback IS 'what feedback says of the rows returned, and of the exact neighbours; NULL: it says nothing';

CREATE FUNCTION ruvector.judge_search(recall float8, target float8, latency float8, recent_latencies float8[], distances float8[],
    "distinct" int, "rows" int, "limit" int, filtered bool, "precision" float8, exact_precision float8, rating float8,
    OUT success bool, OUT confidence float8, OUT score float8, OUT recall_signal float8, OUT latency_signal float8,
    OUT diversity_signal float8, OUT feedback_signal float8, OUT recommendations text[])
AS 'MODULE_PATHNAME', 'ruvector_judge_search' LANGUAGE C IMMUTABLE;
COMMENT ON FUNCTION ruvector.judge_search IS 'verdict on one search by what is known of it; NULL: not known';

CREATE FUNCTION ruvector.recall_of(search ruvector.trajectories, label ruvector.labels) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        -- by distance: ties at rank k are correct
        WHEN search.distances IS NOT NULL AND cardinality(label.exact_distances) > 0
             AND cardinality(search.distances) = search.rows_returned THEN
            least(1, (SELECT count(*) FROM unnest(search.distances) d WHERE d <= label.exact_distances[cardinality(label.exact_distances)])::float8
                     / cardinality(label.exact_distances))
        WHEN label.setting = search.parameter THEN label.setting_recall
        ELSE label.recall[array_position(label.parameters, search.parameter)] END
$$;
COMMENT ON FUNCTION ruvector.recall_of IS 'recall of what was really searched with, as far as the label measured it';

CREATE VIEW ruvector.verdicts AS
SELECT t.query_id, t.relid, t.indexid, t.started_at, t.role_id,
       v.success, v.confidence, v.score, v.recall_signal, v.latency_signal, v.diversity_signal, v.feedback_signal,
       f."precision" AS relevant_precision, f.recall AS relevant_recall, f.weighted_recall, f.never_returned,
       v.recommendations
FROM ruvector.trajectories t
JOIN ruvector.learned_tables l USING (relid)
LEFT JOIN ruvector.labels b USING (query_id)
LEFT JOIN ruvector.feedback g USING (query_id)
LEFT JOIN LATERAL ruvector.judge_feedback(g.relevant, g.irrelevant, t.row_ids, b.exact_ids) f ON g.query_id IS NOT NULL
CROSS JOIN LATERAL ruvector.recall_of(t, b) r(recall)
CROSS JOIN LATERAL ruvector.judge_search(r.recall,
    coalesce(l.target_recall, current_setting('ruvector.target_recall', true)::float8),
    t.latency_us,
    (SELECT array_agg(o.latency_us) FROM (SELECT o.latency_us FROM ruvector.trajectories o
        WHERE o.indexid = t.indexid AND o.k_class = t.k_class AND o.latency_us IS NOT NULL AND o.query_id <> t.query_id
        ORDER BY o.started_at DESC LIMIT 1000) o),
    t.distances, (SELECT count(DISTINCT id) FROM unnest(t.row_ids) id WHERE t.row_ids IS NOT NULL)::int,
    t.rows_returned, t.k, t.filtered, f."precision", f.exact_precision, g.rating) v;
COMMENT ON VIEW ruvector.verdicts IS 'what is thought of every search that is kept: signals from 0 to 1, NULL where nothing is known';
REVOKE ALL ON ruvector.verdicts FROM PUBLIC;

CREATE FUNCTION ruvector.own_search(caller oid, query_id uuid) RETURNS ruvector.trajectories LANGUAGE plpgsql STABLE AS $$
DECLARE
    search ruvector.trajectories;
BEGIN
    IF query_id IS NULL THEN
        PERFORM ruvector.complain('22004', 'argument "query_id" must not be null', 'ruvector_last_query_id() has that of the session''s latest search.');
    END IF;
    SELECT * INTO search FROM ruvector.trajectories t WHERE t.query_id = $2;
    IF NOT FOUND THEN
        PERFORM ruvector.complain('02000', format('no search %s is kept', query_id),
            'It was not recorded, is on its way to the worker (wait ruvector.learning_interval), or has left the trajectory_window of its table.');
    ELSIF NOT pg_has_role(caller, search.role_id, 'USAGE') THEN
        PERFORM ruvector.complain('42501', format('search %s is somebody else''s', query_id), 'Only who searched may judge the result.');
    END IF;
    RETURN search;
END $$;
COMMENT ON FUNCTION ruvector.own_search IS 'a search, if it is the caller''s';

CREATE FUNCTION ruvector.get_verdict(caller oid, relation oid, query_id uuid)
RETURNS TABLE (success bool, confidence float8, score float8, recall_signal float8, latency_signal float8, diversity_signal float8,
    feedback_signal float8, recommendations text[]) LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM ruvector.own_search(caller, query_id);
    RETURN QUERY SELECT v.success, v.confidence, v.score, v.recall_signal, v.latency_signal, v.diversity_signal, v.feedback_signal,
        v.recommendations FROM ruvector.verdicts v WHERE v.query_id = $3;
END $$;
COMMENT ON FUNCTION ruvector.get_verdict IS 'behind ruvector_get_verdict';

------------------------------------------------------------------- feedback

CREATE FUNCTION ruvector.checked_ids(ids anyarray, argument text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF cardinality(ids) > 10000 OR array_ndims(ids) > 1 OR array_position(ids, NULL) IS NOT NULL THEN
        PERFORM ruvector.complain('22023', format('argument "%s" must be a one-dimensional array of at most 10000 identifiers without nulls', argument),
            'Give the identifiers of rows, or leave it out.');
    END IF;
    RETURN coalesce(ids::text[], '{}');
END $$;
COMMENT ON FUNCTION ruvector.checked_ids IS 'refuses what is no list of identifiers';

-- What it moved the confidence by; NULL where somebody else is at the pattern: nobody waits here, so nobody
-- who judges many searches at once can be in a deadlock.
CREATE FUNCTION ruvector.move_confidence(bank int, pattern bigint, change float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    moved float8;
BEGIN
    UPDATE ruvector.patterns p SET confidence = greatest(0, least(1, p.confidence + change))
    FROM (SELECT bank_id, pattern_id, confidence FROM ruvector.patterns WHERE (bank_id, pattern_id) = (bank, pattern)
          FOR NO KEY UPDATE SKIP LOCKED) old
    WHERE (p.bank_id, p.pattern_id) = (old.bank_id, old.pattern_id)
    RETURNING p.confidence - old.confidence INTO moved;
    UPDATE ruvector.banks b SET image = NULL, image_checksum = NULL
    WHERE b.bank_id IN (SELECT bank_id FROM ruvector.banks WHERE bank_id = bank AND image IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED);
    RETURN moved;
END $$;
COMMENT ON FUNCTION ruvector.move_confidence IS 'moves the confidence of a pattern, within 0 and 1';

CREATE FUNCTION ruvector.record_feedback(caller oid, relation oid, query_id uuid, relevant_ids text[], irrelevant_ids text[], rating float8)
RETURNS TABLE ("precision" float8, recall float8, exact_precision float8, weighted_recall float8, never_returned text[])
LANGUAGE plpgsql AS $$
DECLARE
    search ruvector.trajectories := ruvector.own_search(caller, query_id);
    relevant text[] := ruvector.checked_ids(relevant_ids, 'relevant_ids');
    irrelevant text[] := ruvector.checked_ids(irrelevant_ids, 'irrelevant_ids');
    before ruvector.feedback;
    bank int;
    pattern bigint;
    change float8 := (rating - 2.5) / 50;   -- (rating / 5 - 0.5) * 0.1, without underflow
BEGIN
    IF NOT rating BETWEEN 0 AND 5 THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "rating": %s', rating), 'Give a number from 0 to 5, or leave it out.');
    END IF;
    IF cardinality(relevant) + cardinality(irrelevant) = 0 AND rating IS NULL THEN
        PERFORM ruvector.complain('22023', 'feedback says nothing', 'Give relevant_ids, irrelevant_ids or a rating.');
    END IF;
    IF relevant && irrelevant THEN
        PERFORM ruvector.complain('22023', 'the same identifier is called relevant and irrelevant', 'Name it once.');
    END IF;
    -- feedback given anew replaces what was said before
    DELETE FROM ruvector.feedback f WHERE f.query_id = $3 RETURNING * INTO before;
    PERFORM ruvector.move_confidence(before.bank_id, before.pattern_id, -before.confidence_change);
    IF rating IS NOT NULL THEN
        SELECT b.bank_id, s.pattern_ids[1] INTO bank, pattern
        FROM ruvector.banks b, LATERAL ruvector.suggest(b.bank_id, search.query_vector) s
        WHERE (b.indexid, b.k_class) = (search.indexid, search.k_class) AND b.dims = cardinality(search.query_vector);
        change := ruvector.move_confidence(bank, pattern, change);
    END IF;
    INSERT INTO ruvector.feedback (query_id, relevant, irrelevant, rating, bank_id, pattern_id, confidence_change)
    VALUES ($3, relevant, irrelevant, $6, bank, pattern, change);
    RETURN QUERY SELECT v.relevant_precision, v.relevant_recall,
        (SELECT f.exact_precision FROM ruvector.judge_feedback(relevant, irrelevant, search.row_ids,
            (SELECT b.exact_ids FROM ruvector.labels b WHERE b.query_id = $3)) f),
        v.weighted_recall, v.never_returned
        FROM ruvector.verdicts v WHERE v.query_id = $3;
END $$;
COMMENT ON FUNCTION ruvector.record_feedback(oid, oid, uuid, text[], text[], float8) IS 'behind ruvector_record_feedback';

CREATE FUNCTION ruvector.record_feedback(caller oid, relation oid, query_id uuid, relevant_ids bigint[], irrelevant_ids bigint[], rating float8)
RETURNS TABLE ("precision" float8, recall float8, exact_precision float8, weighted_recall float8, never_returned text[])
LANGUAGE sql AS $$
    SELECT * FROM ruvector.record_feedback(caller, relation, query_id, ruvector.checked_ids(relevant_ids, 'relevant_ids'),
        ruvector.checked_ids(irrelevant_ids, 'irrelevant_ids'), rating)
$$;
COMMENT ON FUNCTION ruvector.record_feedback(oid, oid, uuid, bigint[], bigint[], float8) IS 'behind ruvector_record_feedback';

-- Who did not keep the identifier of a search names it by what he searched for.
CREATE FUNCTION ruvector.record_feedback(caller oid, relation oid, table_name regclass, query_vector real[], relevant_ids bigint[],
    irrelevant_ids bigint[], rating float8)
RETURNS TABLE ("precision" float8, recall float8, exact_precision float8, weighted_recall float8, never_returned text[])
LANGUAGE plpgsql AS $$
DECLARE
    search uuid;
BEGIN
    PERFORM ruvector.check_table(caller, relation, false);
    SELECT t.query_id INTO search FROM ruvector.trajectories t
    WHERE t.relid = relation AND t.query_vector = $4 AND pg_has_role(caller, t.role_id, 'USAGE') ORDER BY t.started_at DESC LIMIT 1;
    IF NOT FOUND THEN
        PERFORM ruvector.complain('02000', format('no search of yours on table "%s" with this vector is kept', table_name),
            'It was not recorded, is on its way to the worker (wait ruvector.learning_interval), or has left the trajectory_window of the table.');
    END IF;
    RETURN QUERY SELECT * FROM ruvector.record_feedback(caller, relation, search, relevant_ids, irrelevant_ids, rating);
END $$;
COMMENT ON FUNCTION ruvector.record_feedback(oid, oid, regclass, real[], bigint[], bigint[], float8) IS 'behind ruvector_record_feedback';

------------------------------------------------------- patterns, and all together

CREATE FUNCTION ruvector.judge_patterns(bank_id int, in_force float8[],
    OUT pattern_id bigint, OUT parameters float8[], OUT support int, OUT configurations int, OUT quality float8, OUT consistency float8,
    OUT confidence float8, OUT recall float8, OUT latency_us float8, OUT cost float8, OUT reaches_target bool, OUT evidence text,
    OUT improvement float8, OUT cost_ratio float8, OUT p_value float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ruvector_judge_patterns' LANGUAGE C STABLE;
COMMENT ON FUNCTION ruvector.judge_patterns IS 'for each pattern, what works best for its queries against what is in force';

CREATE FUNCTION ruvector.pattern_verdicts(caller oid, relation oid, source text)
RETURNS TABLE (index_name name, k int, pattern_id bigint, parameters jsonb, support int, configurations int, quality float8,
    consistency float8, confidence float8, recall float8, latency_us float8, cost float8, reaches_target bool,
    evidence text, improvement float8, cost_ratio float8, p_value float8) LANGUAGE sql STABLE AS $$
    SELECT (SELECT c.relname FROM pg_class c WHERE c.oid = b.indexid), b.k_class, v.pattern_id,
           ruvector.parameter_names(b.parameters, v.parameters), v.support, v.configurations, v.quality, v.consistency, v.confidence,
           v.recall, v.latency_us, v.cost, v.reaches_target, v.evidence, v.improvement, v.cost_ratio, v.p_value
    FROM ruvector.banks_of(caller, relation, source, false) b
    LEFT JOIN ruvector.policies p ON (p.indexid, p.k_class) = (b.indexid, b.k_class)
    CROSS JOIN LATERAL ruvector.judge_patterns(b.bank_id, ARRAY[coalesce(p.value, p.setting)]::float8[]) v
    ORDER BY 1, 2, 3
$$;
COMMENT ON FUNCTION ruvector.pattern_verdicts IS 'behind ruvector_pattern_verdicts';

CREATE FUNCTION ruvector.analyze_bank(bank_id int, recent int,
    OUT aspect text, OUT item bigint, OUT searches int, OUT share float8, OUT recall float8, OUT labels int, OUT value float8,
    OUT p_value float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ruvector_analyze_bank' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION ruvector.analyze_bank IS 'behind ruvector_analyze_trajectories, for one index';

CREATE FUNCTION ruvector.observations(bank ruvector.banks, count int)
RETURNS TABLE (at timestamptz, k_class int, embedding real[], recall real, latency_us float8, parameter int) LANGUAGE sql STABLE AS $$
    SELECT t.started_at, coalesce(t.k_class, 0), t.query_vector, coalesce(b.recall[array_position(b.parameters, t.parameter)], 'NaN'),
           coalesce(t.latency_us, 'NaN'), coalesce(t.parameter, 0)
    FROM ruvector.trajectories t LEFT JOIN ruvector.labels b USING (query_id)
    WHERE t.indexid = bank.indexid AND cardinality(t.query_vector) = bank.dims AND t.source <> 'own row'
    ORDER BY t.started_at DESC LIMIT count
$$;
COMMENT ON FUNCTION ruvector.observations IS 'the last searches of an index, newest first';

CREATE FUNCTION ruvector.analyze_trajectories(caller oid, relation oid, table_name regclass, recent int)
RETURNS TABLE (index_name name, aspect text, item bigint, searches int, share float8, recall float8, labels int, value float8, p_value float8)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM ruvector.check_table(caller, relation, false);
    IF recent IS NULL OR recent NOT BETWEEN 1 AND 100000 THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "recent": %s', coalesce(recent::text, 'null')), 'Give a number from 1 to 100000.');
    END IF;
    PERFORM ruvector.check_remembered(relation);
    RETURN QUERY
    SELECT c.relname, a.aspect, a.item, a.searches, a.share, a.recall, a.labels, a.value, a.p_value
    FROM (SELECT DISTINCT ON (b.indexid) b.* FROM ruvector.banks b
          WHERE b.relid = relation ORDER BY b.indexid, (SELECT count(*) FROM ruvector.patterns p WHERE p.bank_id = b.bank_id) DESC, b.k_class) b
    JOIN pg_class c ON c.oid = b.indexid
    CROSS JOIN LATERAL ruvector.analyze_bank(b.bank_id, $4) a
    ORDER BY c.relname, a.aspect, a.searches DESC NULLS LAST, a.item;
END $$;
COMMENT ON FUNCTION ruvector.analyze_trajectories IS 'behind ruvector_analyze_trajectories';
