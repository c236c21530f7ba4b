
-- Tuning now, for whoever asks: labels first, then a verdict for what is asked.

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION ruvector.await_labels(indexid oid, k int, labels int) RETURNS int
AS 'MODULE_PATHNAME', 'ruvector_await_labels' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.await_labels IS 'waits until the worker has taken so many labels, or can take no more; the class of k';

CREATE FUNCTION ruvector.judge(indexid oid, k_class int, target float8) RETURNS void
AS 'MODULE_PATHNAME', 'ruvector_judge' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION ruvector.judge IS 'judges the evidence for a target, and puts in force what follows, as the worker does';

CREATE FUNCTION ruvector.target_within(indexid oid, k_class int, buffers float8, us float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ruvector_target_within' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION ruvector.target_within IS 'the highest round recall that is certified for 95 % of searches within this budget; NULL: none';

-- What auto_tune has found, as it stands in the tables.
CREATE FUNCTION ruvector.tuning_candidates(index_id oid, class int, target float8, buffer_budget float8, time_budget float8)
RETURNS TABLE (candidate text, chosen bool, reason text, recall float8, recall_bound float8, buffers float8, buffers_p95 float8,
    latency_us float8, latency_p50 float8, latency_p95 float8, latency_p99 float8, cost_ratio float8) LANGUAGE sql STABLE AS $$
    WITH policy AS (
        SELECT p.*, x.kind, x.mode, x.min_samples, coalesce(p.lambda, p.value::real) AS in_force,
               CASE WHEN p.lambda IS NULL THEN 'value' ELSE 'stop rule' END AS family_in_force
        FROM ruvector.policies p JOIN ruvector.learned_indexes x USING (indexid) WHERE (p.indexid, p.k_class) = (index_id, class)),
    rungs AS (
        SELECT g.family, g.value, g.labels, nullif(g.recall, 'NaN') AS recall, nullif(g.recall_bound, 'NaN') AS bound,
               nullif(g.buffers, 'NaN') AS buffers, nullif(g.buffers_p50, 'NaN') AS p50, nullif(g.buffers_p95, 'NaN') AS p95,
               nullif(g.buffers_p99, 'NaN') AS p99, nullif(g.microseconds, 'NaN') AS us,
               (g.family, g.value) = (p.family_in_force, p.in_force) AND p.state = 'certified' AS chosen,
               -- of a stop rule, those for the recalls that are asked for most
               g.family = 'value' OR g.value IN (SELECT max(o.value) FROM ruvector.policy_rungs o,
                       unnest(ARRAY[0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995]) round(recall)
                   WHERE (o.indexid, o.k_class) = (index_id, class) AND o.family = 'stop rule' AND o.recall_bound >= round.recall
                   GROUP BY round.recall) AS shown
        FROM ruvector.policy_rungs g, policy p WHERE (g.indexid, g.k_class) = (index_id, class))
    SELECT CASE WHEN g.family = 'value' THEN format('%s %s', CASE p.kind WHEN 'hnsw' THEN 'ef_search' ELSE 'probes' END, g.value)
                ELSE format('stop rule %s', g.value) END,
           coalesce(g.chosen, false),
           CASE WHEN g.chosen THEN format(CASE p.mode WHEN 'apply' THEN 'chosen: cheapest that is certified for recall %s'
                                          ELSE 'would be chosen, the table only observes: cheapest certified for recall %s' END, target)
                WHEN g.labels < p.min_samples THEN format('not certified: %s labels of %s', g.labels, p.min_samples)
                WHEN target IS NULL THEN 'nothing to choose by'
                WHEN g.bound IS NULL OR g.bound < target THEN format('not certified for recall %s', target)
                WHEN p.target_tail > 0 AND NOT EXISTS (SELECT FROM ruvector.policy_rungs t WHERE (t.indexid, t.k_class) = (index_id, class)
                         AND (t.family, t.value) = (g.family, g.value) AND t.tail_bound >= p.target_tail)
                    THEN format('not certified for %s of the searches', p.target_tail)
                WHEN g.p95 > buffer_budget OR g.us * g.p95 / g.buffers > time_budget THEN 'above the budget'
                WHEN p.in_force IS NULL THEN 'certified, but dearer than what is needed by half or more'
                ELSE 'certified, but dearer, or hardly quicker, than what is chosen' END
           || CASE WHEN g.family = 'value' AND g.value = p.setting THEN ' (today''s setting)' ELSE '' END,
           g.recall, g.bound, g.buffers, g.p95, g.us, g.us * g.p50 / g.buffers, g.us * g.p95 / g.buffers, g.us * g.p99 / g.buffers,
           g.buffers / (SELECT s.buffers FROM rungs s WHERE s.family = 'value' AND s.value = p.setting)
    FROM rungs g, policy p WHERE g.shown OR g.chosen
    ORDER BY g.buffers NULLS LAST, g.family
$$;
COMMENT ON FUNCTION ruvector.tuning_candidates IS 'values, and multipliers of the stop rule, with what is known of them and why each is chosen or not';

-- The index that is meant by itself, or by its table.
CREATE FUNCTION ruvector.tunable_index(caller oid, relation oid) RETURNS oid LANGUAGE plpgsql STABLE AS $$
DECLARE
    table_id oid := coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = relation), relation);
    indexes oid[];
BEGIN
    IF relation IS NULL THEN
        PERFORM ruvector.complain('22004', 'argument "index" must not be null', 'Name an index of a table that learns, or the table.');
    END IF;
    PERFORM ruvector.check_table(caller, table_id, true);
    IF (SELECT l.mode = 'off' FROM ruvector.learned_tables l WHERE l.relid = table_id) THEN
        PERFORM ruvector.complain('55000', format('learning is switched off for table "%s"', table_id::regclass),
            format('SELECT ruvector_enable_learning(%L);', table_id::regclass));
    END IF;
    SELECT array_agg(x.indexid) INTO indexes FROM ruvector.learned_indexes x
    WHERE relation IN (x.indexid, x.relid) AND x.learnable;
    IF indexes IS NULL THEN
        PERFORM ruvector.complain('55000', format('"%s" is, or has, no hnsw or ivfflat index that can be tuned', relation::regclass),
            'It needs an index of pgvector''s on a type that casts from and to real[].');
    ELSIF cardinality(indexes) > 1 THEN
        PERFORM ruvector.complain('42P09', format('table "%s" has %s indexes that can be tuned', relation::regclass, cardinality(indexes)),
            format('Name one of them: %s.', (SELECT string_agg(i::regclass::text, ', ' ORDER BY i::regclass::text) FROM unnest(indexes) i)));
    END IF;
    RETURN indexes[1];
END $$;
COMMENT ON FUNCTION ruvector.tunable_index IS 'the index to tune, if the caller may';

CREATE FUNCTION ruvector.auto_tune(caller oid, relation oid, index regclass, optimize_for text, sample_queries int, k int,
    max_latency interval, dry_run bool)
RETURNS TABLE (candidate text, chosen bool, reason text, recall float8, recall_bound float8, buffers float8, buffers_p95 float8,
    latency_us float8, latency_p50 float8, latency_p95 float8, latency_p99 float8, cost_ratio float8, queries int, own_rows int)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    aim text := CASE optimize_for WHEN 'speed' THEN 'latency' WHEN 'accuracy' THEN 'recall' ELSE optimize_for END;
    time_budget float8 := extract(epoch FROM max_latency) * 1e6;
    buffer_budget float8;
    index_id oid;
    rows_k int := k;
    class int;
    before ruvector.policies;
    after ruvector.policies;
    declared float8;
    target float8;
    found_queries int;
    found_own_rows int;
BEGIN
    IF aim IS NULL OR aim NOT IN ('recall', 'latency', 'balanced') THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "optimize_for": %s', coalesce(left(optimize_for, 200), 'null')),
            'Give ''recall'', ''latency'' or ''balanced''.');
    ELSIF sample_queries IS NULL OR sample_queries NOT BETWEEN 1 AND 100000 THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "sample_queries": %s', coalesce(sample_queries::text, 'null')),
            'Give a number from 1 to 100000.');
    ELSIF dry_run IS NULL THEN
        PERFORM ruvector.complain('22004', 'argument "dry_run" must not be null', 'Give true or false.');
    ELSIF max_latency IS NOT NULL AND (aim <> 'recall' OR NOT time_budget > 0) THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "max_latency": %s', max_latency),
            'It is the budget of optimize_for := ''recall'': give an interval above 0.');
    END IF;
    index_id := ruvector.tunable_index(caller, relation);
    rows_k := coalesce(rows_k, (SELECT mode() WITHIN GROUP (ORDER BY t.k) FROM ruvector.trajectories t
                                WHERE t.indexid = index_id AND t.k_class > 0 AND t.source <> 'own row'), 10);
    IF rows_k NOT BETWEEN 1 AND (SELECT CASE x.kind WHEN 'hnsw' THEN 1000 ELSE 10000 END FROM ruvector.learned_indexes x WHERE x.indexid = index_id) THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "k": %s', rows_k), 'Give the LIMIT of the searches, at most 1000 on hnsw and 10000 on ivfflat.');
    END IF;

    class := ruvector.await_labels(index_id, rows_k, sample_queries);

    SELECT coalesce(l.target_recall, current_setting('ruvector.target_recall')::float8) INTO declared
    FROM ruvector.learned_tables l JOIN ruvector.learned_indexes x USING (relid) WHERE x.indexid = index_id;
    SELECT count(*) FILTER (WHERE NOT b.own_row), count(*) FILTER (WHERE b.own_row) INTO found_queries, found_own_rows
    FROM ruvector.labels b JOIN ruvector.policies p USING (indexid, k_class)
    WHERE b.indexid = index_id AND b.k_class = class AND b.label_number >= p.evidence_from;
    IF found_queries + found_own_rows = 0 THEN
        PERFORM ruvector.complain('55000', format('nothing could be measured on index "%s"', index_id::regclass),
            'The table is empty, its rows cannot be read (see the server''s log), or its queries cannot be repeated (see label_note in ruvector.trajectories).');
    END IF;

    -- what follows is taken back as a whole where it is to change nothing
    BEGIN
        SELECT * INTO before FROM ruvector.policies p WHERE (p.indexid, p.k_class) = (index_id, class) FOR NO KEY UPDATE;
        UPDATE ruvector.policies p SET own_rows = found_queries < (SELECT x.min_samples FROM ruvector.learned_indexes x WHERE x.indexid = index_id)
        WHERE (p.indexid, p.k_class) = (index_id, class);
        IF aim = 'latency' THEN
            -- what pgvector alone finds
            SELECT greatest(0.01, least(0.999, floor(avg(b.setting_recall) * 10000) / 10000)) INTO target
            FROM ruvector.evidence b JOIN ruvector.learning_classes c USING (indexid, k_class)
            WHERE b.indexid = index_id AND b.k_class = class AND b.setting = c.setting;
        ELSIF aim = 'recall' THEN
            PERFORM ruvector.judge(index_id, class, declared);
            SELECT * INTO after FROM ruvector.policies p WHERE (p.indexid, p.k_class) = (index_id, class);
            IF max_latency IS NULL THEN
                -- no search is to be slower than today's slow ones, but for what the declared target needs
                SELECT max(b) INTO buffer_budget FROM (VALUES (after.setting_p95),
                    ((SELECT g.buffers_p95 FROM ruvector.policy_rungs g
                      WHERE (g.indexid, g.k_class, g.family, g.value) = (index_id, class,
                          CASE WHEN after.lambda IS NULL THEN 'value' ELSE 'stop rule' END, coalesce(after.lambda, after.value::real))))) v(b);
            END IF;
            target := ruvector.target_within(index_id, class, buffer_budget, time_budget);
        ELSE
            target := declared;
        END IF;
        IF target IS NOT NULL THEN
            PERFORM ruvector.judge(index_id, class, target);
        END IF;
        SELECT * INTO after FROM ruvector.policies p WHERE (p.indexid, p.k_class) = (index_id, class);
        -- clearly quicker, as a stop rule must be (Choice.swift); by buffers where times are not known
        IF aim = 'latency' AND coalesce((SELECT g.microseconds / s.microseconds FROM ruvector.policy_rungs g, ruvector.policy_rungs s
                WHERE (g.indexid, g.k_class, g.family, g.value) = (index_id, class,
                          CASE WHEN after.lambda IS NULL THEN 'value' ELSE 'stop rule' END, coalesce(after.lambda, after.value::real))
                  AND (s.indexid, s.k_class, s.family, s.value) = (index_id, class, 'value', after.setting::real)
                  AND 'NaN' NOT IN (g.microseconds, s.microseconds)), after.cost_ratio) > 0.95 THEN
            target := NULL;
        END IF;
        RETURN QUERY SELECT c.candidate, c.chosen AND target IS NOT NULL,
            CASE WHEN c.chosen AND target IS NULL THEN 'not clearly quicker than today' ELSE c.reason END, c.recall, c.recall_bound, c.buffers, c.buffers_p95,
            c.latency_us, c.latency_p50, c.latency_p95, c.latency_p99, c.cost_ratio, found_queries, found_own_rows
        FROM ruvector.tuning_candidates(index_id, class, target, buffer_budget, time_budget) c;
        IF dry_run OR (aim <> 'balanced' AND (target IS NULL OR after.state <> 'certified')) THEN
            RAISE EXCEPTION USING ERRCODE = 'RV000', MESSAGE = 'nothing is to be changed';
        END IF;
        UPDATE ruvector.learned_tables l SET target_recall = target
        WHERE l.relid = after.relid AND target IS DISTINCT FROM
            coalesce(l.target_recall, (SELECT s.reset_val::float8 FROM pg_settings s WHERE s.name = 'ruvector.target_recall'));
        INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, value_after, target, recall, labels, reason)
        VALUES (after.relid, index_id, class, 'tuned', before.value, after.value, target, NULL, after.judged_labels,
            format('ruvector_auto_tune, optimize_for %s: %s queries and %s rows of the table measured', aim, found_queries, found_own_rows));
        PERFORM ruvector.wake_worker();
    EXCEPTION WHEN SQLSTATE 'RV000' THEN
        NULL;
    END;
END $$;
COMMENT ON FUNCTION ruvector.auto_tune IS 'behind ruvector_auto_tune';

---------------------------------------------------------- saying what to do

CREATE FUNCTION ruvector.set_index_option(caller oid, index_id oid, event text, reason text, reverted bool, pin int)
RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    learned ruvector.learned_indexes;
BEGIN
    IF index_id IS NULL THEN
        PERFORM ruvector.complain('22004', 'argument "index" must not be null', 'Name an index of a table that learns.');
    ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = index_id) THEN
        PERFORM ruvector.complain('42P01', format('relation with OID %s does not exist', index_id), 'Name an index of a table that learns.');
    END IF;
    PERFORM ruvector.check_table(caller, coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = index_id), index_id), true);
    SELECT * INTO learned FROM ruvector.learned_indexes x WHERE x.indexid = index_id;
    IF NOT FOUND THEN
        PERFORM ruvector.complain('42809', format('"%s" is no hnsw or ivfflat index', index_id::regclass), 'Name an index of a table that learns.');
    ELSIF pin NOT BETWEEN 1 AND (CASE learned.kind WHEN 'hnsw' THEN 1000 ELSE 32768 END) THEN
        PERFORM ruvector.complain('22023', format('invalid value for option "value": %s', pin),
            CASE learned.kind WHEN 'hnsw' THEN 'hnsw.ef_search is from 1 to 1000.' ELSE 'ivfflat.probes is from 1 to 32768.' END);
    END IF;
    INSERT INTO ruvector.index_options AS o (indexid, relid, reverted, pin) VALUES (index_id, learned.relid, reverted, pin)
    ON CONFLICT (indexid) WHERE indexid <> 0 DO UPDATE SET reverted = excluded.reverted, pin = excluded.pin;
    INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, value_after, reason)
    VALUES (learned.relid, index_id, 0, event, learned.pin, pin, format('%s, by %I', reason, pg_get_userbyid(caller)));
    PERFORM ruvector.wake_worker();
END $$;
COMMENT ON FUNCTION ruvector.set_index_option IS 'what an owner says of one index, and that he said so';

CREATE FUNCTION ruvector.revert(caller oid, relation oid, index regclass, reverted bool) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF reverted IS NULL THEN
        PERFORM ruvector.complain('22004', 'argument "reverted" must not be null', 'Give true or false.');
    END IF;
    PERFORM ruvector.set_index_option(caller, relation, CASE WHEN reverted THEN 'reverted' ELSE 'released' END, 'ruvector_revert', $4, NULL);
END $$;
COMMENT ON FUNCTION ruvector.revert IS 'behind ruvector_revert';

CREATE FUNCTION ruvector.pin(caller oid, relation oid, index regclass, value int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ruvector.set_index_option(caller, relation, CASE WHEN value IS NULL THEN 'released' ELSE 'pinned' END, 'ruvector_pin',
        (SELECT coalesce(bool_or(o.reverted), false) FROM ruvector.index_options o WHERE o.indexid = relation), $4);
END $$;
COMMENT ON FUNCTION ruvector.pin IS 'behind ruvector_pin';
