/*
 * functions.c - SQL functions.
 *
 * Each checks its arguments and the caller's rights first, then works on our
 * tables through catalog.c.  What changes the options of a table needs its
 * ownership; what reads about it needs SELECT.  No locks of our own.
 */
#include "rv.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* ---- checks --------------------------------------------------------------------------- */

static Oid
relation_argument(FunctionCallInfo fcinfo)
{
	Oid			relid;

	if (PG_ARGISNULL(0))
		rv_fail_null_argument("table_name");
	relid = PG_GETARG_OID(0);
	if (get_rel_name(relid) == NULL)
		rv_fail_dropped_relation(relid);
	return relid;
}

static void
check_learnable_relation(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;

	if (!HeapTupleIsValid(tuple))
		rv_fail_dropped_relation(relid);
	form = (Form_pg_class) GETSTRUCT(tuple);
	if ((form->relkind != RELKIND_RELATION && form->relkind != RELKIND_MATVIEW) ||
		form->relpersistence == RELPERSISTENCE_TEMP)
		rv_fail_relation_kind(relid, form->relkind, form->relpersistence);
	ReleaseSysCache(tuple);
}

static void
check_owner(Oid relid)
{
	if (!rv_owns_relation(relid, GetUserId()))
		rv_fail_not_owner(get_rel_name(relid));
}

static void
check_reader(Oid relid)
{
	if (!rv_owns_relation(relid, GetUserId()) &&
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		rv_fail_not_reader(get_rel_name(relid));
}

static void
check_vector_index(Oid relid)
{
	Relation	relation = RelationIdGetRelation(relid);
	bool		column = false;
	bool		index = false;
	List	   *indexes;
	ListCell   *cell;

	if (relation == NULL)
		rv_fail_dropped_relation(relid);
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i);

		column |= !attribute->attisdropped && rv_pgvector_is_vector_type(attribute->atttypid);
	}
	indexes = RelationGetIndexList(relation);
	foreach(cell, indexes)
		index |= rv_pgvector_index_kind(lfirst_oid(cell)) >= 0;
	RelationClose(relation);
	if (!index && !column)
		rv_fail_no_vector_column(get_rel_name(relid));
	if (!index)
		rv_fail_no_vector_index(relid);
}

static int32
positive_argument(FunctionCallInfo fcinfo, int position, const char *name)
{
	if (PG_ARGISNULL(position))
		rv_fail_null_argument(name);
	if (PG_GETARG_INT32(position) < 1)
		rv_fail_option_range(name, psprintf("%d", PG_GETARG_INT32(position)), "a number of 1 or more");
	return PG_GETARG_INT32(position);
}

static void
check_learned(Oid relid)
{
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(relid)};

	if (rv_sql("SELECT FROM ruvector.learned_tables WHERE relid = $1", SPI_OK_SELECT, 1, types, values, NULL) == 0)
		rv_fail_not_learned(relid);
}

/* ---- options of a table ---------------------------------------------------------------- */

static void
clear(Oid relid, const char *reason)
{
	static const struct
	{
		const char *sql;
		int			expected;
	}			statements[] = {
		/* first: it waits for a worker that is storing searches, and none of them is stored after it */
		{"UPDATE ruvector.learned_tables SET learns_from = clock_timestamp() WHERE relid = $1", SPI_OK_UPDATE},
		{"INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, reason)"
		" SELECT relid, indexid, k_class, 'cleared', value, $2 FROM ruvector.policies WHERE relid = $1", SPI_OK_INSERT},
		{"DELETE FROM ruvector.policies WHERE relid = $1", SPI_OK_DELETE},
		{"DELETE FROM ruvector.trajectories WHERE relid = $1", SPI_OK_DELETE},
	};

	for (int i = 0; i < (int) lengthof(statements); i++)
		rv_sql(statements[i].sql, statements[i].expected, 2, (Oid[]) {OIDOID, TEXTOID},
			   (Datum[]) {ObjectIdGetDatum(relid), CStringGetTextDatum(reason)}, NULL);
}

PG_FUNCTION_INFO_V1(ruvector_enable_learning);
Datum
ruvector_enable_learning(PG_FUNCTION_ARGS)
{
	Oid			relid;
	Oid			types[] = {OIDOID, INT4OID, FLOAT8OID, INT4OID, TEXTOID, FLOAT8OID, BOOLOID};
	Datum		values[lengthof(types)];
	bool		nulls[lengthof(types)];
	RvPrivileged privileged;

	if (!rv_registry_ready())
		rv_fail_not_preloaded();
	relid = relation_argument(fcinfo);
	LockRelationOid(relid, AccessShareLock);	/* it is still there when our row is */
	check_learnable_relation(relid);
	check_owner(relid);
	if (!OidIsValid(rv_pgvector_extension()))
		rv_fail_no_pgvector();
	check_vector_index(relid);

	/* NULL leaves an option as it is */
	if (!PG_ARGISNULL(1))
		(void) positive_argument(fcinfo, 1, "trajectory_window");
	if (!PG_ARGISNULL(2) && !(PG_GETARG_FLOAT8(2) > 0 && PG_GETARG_FLOAT8(2) <= 1))
		rv_fail_option_range("learning_rate", float8out_internal(PG_GETARG_FLOAT8(2)), "a number above 0 and not above 1");
	if (!PG_ARGISNULL(3))
		(void) positive_argument(fcinfo, 3, "min_samples");
	if (!PG_ARGISNULL(4))
	{
		const char *mode = text_to_cstring(PG_GETARG_TEXT_PP(4));

		if (strcmp(mode, "apply") != 0 && strcmp(mode, "observe") != 0)
			rv_fail_option_range("mode", mode, "'apply' or 'observe'; ruvector_disable_learning switches learning off");
	}
	if (!PG_ARGISNULL(5) && PG_GETARG_FLOAT8(5) != 0 && !(PG_GETARG_FLOAT8(5) >= 0.01 && PG_GETARG_FLOAT8(5) <= 0.999))
		rv_fail_option_range("target_recall", float8out_internal(PG_GETARG_FLOAT8(5)),
							 "a number from 0.01 to 0.999, or 0 for that of ruvector.target_recall");
	for (int i = 0; i < (int) lengthof(types); i++)
	{
		nulls[i] = PG_ARGISNULL(i);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(i);
	}

	rv_privileged_begin(&privileged);
	/* patterns and rules were made of what is to be forgotten */
	if (!nulls[6] && DatumGetBool(values[6]) &&
		rv_sql("SELECT FROM ruvector.learned_tables WHERE relid = $1 AND NOT anonymize", SPI_OK_SELECT, 1, types, values, NULL) > 0)
		clear(relid, "ruvector_enable_learning with anonymize");
	rv_sql("INSERT INTO ruvector.learned_tables (relid) VALUES ($1) ON CONFLICT DO NOTHING", SPI_OK_INSERT, 1, types, values, NULL);
	rv_sql("UPDATE ruvector.learned_tables SET trajectory_window = coalesce($2, trajectory_window),"
		   " learning_rate = coalesce($3, learning_rate), min_samples = coalesce($4, min_samples),"
		   " mode = coalesce($5, nullif(mode, 'off'), 'apply'), target_recall = nullif(coalesce($6, target_recall), 0),"
		   " anonymize = coalesce($7, anonymize) WHERE relid = $1",
		   SPI_OK_UPDATE, lengthof(types), types, values, nulls);
	rv_privileged_end(&privileged);
	rv_wake_at_commit();
	PG_RETURN_VOID();
}

static void
begin_change(Oid relid, RvPrivileged *privileged)
{
	check_owner(relid);
	rv_privileged_begin(privileged);
	check_learned(relid);
}

PG_FUNCTION_INFO_V1(ruvector_disable_learning);
Datum
ruvector_disable_learning(PG_FUNCTION_ARGS)
{
	Oid			relid = relation_argument(fcinfo);
	RvPrivileged privileged;

	begin_change(relid, &privileged);
	rv_sql("UPDATE ruvector.learned_tables SET mode = 'off' WHERE relid = $1", SPI_OK_UPDATE, 1,
		   (Oid[]) {OIDOID}, (Datum[]) {ObjectIdGetDatum(relid)}, NULL);
	rv_privileged_end(&privileged);
	rv_wake_at_commit();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ruvector_clear_learning);
Datum
ruvector_clear_learning(PG_FUNCTION_ARGS)
{
	Oid			relid = relation_argument(fcinfo);
	RvPrivileged privileged;

	begin_change(relid, &privileged);
	clear(relid, "ruvector_clear_learning");
	rv_privileged_end(&privileged);
	rv_wake_at_commit();
	PG_RETURN_VOID();
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The rows of one SPI statement about the table as the result of a set-returning function. */
static void
return_rows(FunctionCallInfo fcinfo, const char *sql, Oid relid)
{
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(relid)};
	RvPrivileged privileged;
	Tuplestorestate *store = rv_rows_begin(fcinfo);

	rv_privileged_begin(&privileged);
	check_learned(relid);
	rv_rows_take(store, rv_sql(sql, SPI_OK_SELECT, 1, types, values, NULL));
	rv_privileged_end(&privileged);
}

PG_FUNCTION_INFO_V1(ruvector_learning_stats);
Datum
ruvector_learning_stats(PG_FUNCTION_ARGS)
{
	Oid			relid = relation_argument(fcinfo);

	check_reader(relid);
	return_rows(fcinfo,
				"SELECT index_name, kind, k, trajectories, labels, target_recall, parameter, setting, recall_at_setting,"
				" chosen, recall, recall_bound, tail_bound, cost_ratio, cost_ratio_low, cost_ratio_high,"
				" setting_p50, setting_p95, setting_p99, chosen_p50, chosen_p95, chosen_p99,"
				" recall_since_applied, labels_since_applied, recall_recent,"
				" searches_learned, searches_recorded, searches_dropped, last_activity, state"
				" FROM ruvector.index_stats WHERE relid = $1 ORDER BY index_name",
				relid);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ruvector_index_counters);
Datum
ruvector_index_counters(PG_FUNCTION_ARGS)
{
	Oid			index = PG_GETARG_OID(0);
	TupleDesc	descriptor;
	Datum		values[6] = {0};
	bool		nulls[6] = {true, true, true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (rv_registry_find(index) != NULL)
	{
		RvIndexCounters counters = rv_registry_counters(index);

		values[0] = Int64GetDatum((int64) counters.recorded);
		values[1] = Int64GetDatum((int64) counters.dropped);
		values[2] = Int64GetDatum((int64) counters.learned);
		values[3] = TimestampTzGetDatum((TimestampTz) counters.last_activity);
		values[4] = Int64GetDatum((int64) counters.searches);
		values[5] = TimestampTzGetDatum((TimestampTz) counters.since);
		memset(nulls, false, sizeof(nulls));
		nulls[3] = counters.last_activity == 0;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

PG_FUNCTION_INFO_V1(ruvector_worker_pid);
Datum
ruvector_worker_pid(PG_FUNCTION_ARGS)
{
	int			pid = rv_workers_pid(MyDatabaseId);

	if (pid == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(pid);
}

static const char *
worker_state(const RvWorkerSlot *worker)
{
	switch ((RvWorkerState) worker->state)
	{
		case RV_WORKER_NONE:
			return rv_registry_ready() ? "none" : "not preloaded";
		case RV_WORKER_STARTING:
			return "starting";
		case RV_WORKER_RUNNING:
			return "running";
		case RV_WORKER_FAILED:
			return "failed";
	}
	return "unknown";
}

PG_FUNCTION_INFO_V1(ruvector_worker_stats);
Datum
ruvector_worker_stats(PG_FUNCTION_ARGS)
{
	RvWorkerSlot worker = rv_workers_find(MyDatabaseId);
	bool		running = worker.state == RV_WORKER_RUNNING;
	bool		ready = rv_registry_ready();
	RvRingState ring = {0};
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (ready)
		ring = rv_registry_ring();
	{
		Datum		values[] = {
			Int32GetDatum(worker.pid), CStringGetTextDatum(worker_state(&worker)), TimestampTzGetDatum(worker.since),
			TimestampTzGetDatum(worker.counted_from), Int64GetDatum(worker.labelling_us), Int64GetDatum(worker.errors),
			Int64GetDatum(ring.used), Int64GetDatum(ring.size), Int64GetDatum(ring.dropped),
		};
		bool		nulls[] = {!running, false, worker.state == RV_WORKER_NONE, !running, !running, !running,
		!ready, !ready, !ready};

		PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
	}
}

PG_FUNCTION_INFO_V1(ruvector_stat_reset);
Datum
ruvector_stat_reset(PG_FUNCTION_ARGS)
{
	Oid			index;
	Oid			table;

	if (!rv_registry_ready())
		rv_fail_not_preloaded();
	if (PG_ARGISNULL(0))
	{
		if (!superuser())
			rv_fail_not_resetter(NULL);
		rv_registry_reset_all();
		PG_RETURN_VOID();
	}
	index = PG_GETARG_OID(0);
	if (get_rel_name(index) == NULL)
		rv_fail_dropped_relation(index);
	table = get_rel_relkind(index) == RELKIND_INDEX ? IndexGetRelation(index, true) : InvalidOid;
	if (rv_pgvector_index_kind(index) < 0 || !OidIsValid(table))
		rv_fail_not_vector_index(get_rel_name(index));
	if (!rv_owns_relation(table, GetUserId()))
		rv_fail_not_resetter(get_rel_name(table));
	if (!rv_registry_reset(index))
		rv_fail_not_published(get_rel_name(index));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ruvector_wake_worker);
Datum
ruvector_wake_worker(PG_FUNCTION_ARGS)
{
	rv_wake_at_commit();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ruvector_last_query_id);
Datum
ruvector_last_query_id(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	if (!rv_capture_last_query_id(id))
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(id);
}

/* ---- recording from outside --------------------------------------------------------------------- */

static ArrayType *
array_argument(FunctionCallInfo fcinfo, int position, const char *name, Oid element, const char *expected)
{
	ArrayType  *array;

	if (PG_ARGISNULL(position))
		rv_fail_null_argument(name);
	array = PG_GETARG_ARRAYTYPE_P(position);
	if (ARR_NDIM(array) > 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != element)
		rv_fail_array(name, expected);
	return array;
}

static int
element_count(const ArrayType *array)
{
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

static Datum
non_negative_argument(FunctionCallInfo fcinfo, int position, const char *name, bool big, bool *isnull)
{
	int64		value;

	*isnull = PG_ARGISNULL(position);
	if (*isnull)
		return (Datum) 0;
	value = big ? PG_GETARG_INT64(position) : PG_GETARG_INT32(position);
	if (value < 0)
		rv_fail_option_range(name, psprintf(INT64_FORMAT, value), "a number of 0 or more, or leave it out");
	return PG_GETARG_DATUM(position);
}

PG_FUNCTION_INFO_V1(ruvector_record_trajectory);
Datum
ruvector_record_trajectory(PG_FUNCTION_ARGS)
{
	Oid			relid = relation_argument(fcinfo);
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	ArrayType  *vector;
	ArrayType  *ids;
	ArrayType  *distances = NULL;
	/* what he does not see, he must not be told about: no label of his compares with it */
	bool		partial = check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED;
	int			k;
	int32		k_class;
	rv_error	error = {0};
	rv_status	status;
	Oid			types[] = {UUIDOID, OIDOID, OIDOID, FLOAT4ARRAYOID, INT4OID, INT4OID, INT4OID, INT8ARRAYOID,
	FLOAT8ARRAYOID, INT8OID, INT4OID, INT4OID, TIMESTAMPTZOID, INT4OID, INT4OID, INT4OID, BOOLOID};
	Datum		values[lengthof(types)];
	bool		nulls[lengthof(types)] = {false};
	RvPrivileged privileged;
	uint64		rows;

	check_reader(relid);
	vector = array_argument(fcinfo, 1, "query_vector", FLOAT4OID, "a one-dimensional real[] without nulls");
	ids = array_argument(fcinfo, 2, "result_ids", INT8OID, "a one-dimensional bigint[] without nulls");
	if (element_count(vector) > RV_DIMENSIONS_MAX)
		rv_fail_array("query_vector", psprintf("an array of at most %d elements", RV_DIMENSIONS_MAX));
	if (element_count(ids) > RV_PROBES_K_MAX)
		rv_fail_array("result_ids", psprintf("an array of at most %d elements", RV_PROBES_K_MAX));
	RV_SWIFT(status = rv_vector_check((float *) ARR_DATA_PTR(vector), element_count(vector), 0, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	k = PG_ARGISNULL(6) ? element_count(ids) : positive_argument(fcinfo, 6, "k");
	if (!PG_ARGISNULL(7))
	{
		distances = array_argument(fcinfo, 7, "distances", FLOAT8OID, "a one-dimensional float8[] without nulls");
		if (element_count(distances) != element_count(ids))
			rv_fail_row_counts(element_count(ids), element_count(distances));
	}
	RV_SWIFT(k_class = rv_k_class(k, partial));
	if (!rv_capture_new_query_id(id->data))
		elog(ERROR, "could not generate random values");

	values[0] = UUIDPGetDatum(id);
	values[1] = ObjectIdGetDatum(relid);
	values[2] = ObjectIdGetDatum(GetUserId());
	values[3] = PointerGetDatum(vector);
	values[4] = Int32GetDatum(k);
	nulls[4] = nulls[5] = k < 1;
	values[5] = Int32GetDatum(k_class);
	values[6] = Int32GetDatum(element_count(ids));
	values[7] = PointerGetDatum(ids);
	values[8] = PointerGetDatum(distances);
	nulls[8] = distances == NULL;
	values[9] = non_negative_argument(fcinfo, 3, "latency_us", true, &nulls[9]);
	values[10] = non_negative_argument(fcinfo, 4, "ef_search", false, &nulls[10]);
	values[11] = non_negative_argument(fcinfo, 5, "probes", false, &nulls[11]);
	values[12] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[13] = Int32GetDatum(element_count(vector));
	values[14] = Int32GetDatum(RV_K_MAX(RV_HNSW));
	values[15] = Int32GetDatum(RV_K_MAX(RV_IVFFLAT));
	values[16] = BoolGetDatum(partial);

	rv_privileged_begin(&privileged);
	check_learned(relid);
	/* it counts for the learned index whose key has these dimensions */
	rows = rv_sql("INSERT INTO ruvector.trajectories (query_id, relid, indexid, started_at, role_id, query_vector,"
				  " k, k_class, rows_returned, row_ids, distances, filtered, latency_us, parameter, source,"
				  " parameterized, label_state, label_note)"
				  " SELECT $1, $2, x.indexid, $13, $3, $4, $5, $6, $7, $8::text[], $9, $17, $10,"
				  " CASE x.kind WHEN 'hnsw' THEN nullif($11, 0) ELSE nullif($12, 0) END, 'client', false,"
				  " CASE WHEN n.note IS NULL THEN 'pending' ELSE 'skipped' END, n.note"
				  " FROM ruvector.learned_indexes x"
				  " JOIN pg_attribute a ON a.attrelid = x.indexid AND a.attnum = 1"
				  " CROSS JOIN LATERAL (SELECT CASE WHEN $17 THEN 'row security hides rows from who searched'"
				  "  WHEN $5 IS NULL THEN 'no limit'"
				  "  WHEN $5 > CASE x.kind WHEN 'hnsw' THEN $15 ELSE $16 END THEN 'limit too large to be measured' END) n(note)"
				  " WHERE x.relid = $2 AND x.learnable AND a.atttypmod IN ($14, -1)"
				  " ORDER BY a.atttypmod DESC, x.indexid LIMIT 1",
				  SPI_OK_INSERT, lengthof(types), types, values, nulls);
	rv_privileged_end(&privileged);
	if (rows == 0)
		rv_fail_no_dimension_match(get_rel_name(relid), element_count(vector));
	rv_wake_at_commit();
	PG_RETURN_UUID_P(id);
}
