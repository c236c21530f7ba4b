/*
 * whatif.c - what an index built in another way would be like, from indexes of
 * samples: the steps that SQL cannot do itself (sql/6-recommend.sql has the rest).
 *
 * A table's rows and expressions are read as its owner, in a security-restricted
 * context under a pinned search_path, as REINDEX does.  He may add to the sample
 * meanwhile and nothing else: the temporary tables are ours, or he could hang code
 * of his on them.  Whatever follows is done by us, with pgvector's types, operators
 * and operator classes alone.  Only the empty tables are created outside of a
 * restricted context, which knows no temporary tables: nothing of anybody's runs
 * then.  The caller does all of this in a subtransaction that he rolls back: nothing
 * stays, whatever ends it.
 *
 * Locks: AccessShareLock on the table until then.
 */
#include "rv.h"

#include <math.h>
#include <sys/resource.h>

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#define WHATIF_K_MAX RV_EF_SEARCH_MAX
#define CONFIGURATIONS_MAX 100

typedef struct Identity
{
	Oid			user;
	int			security;
	int			guc_level;
} Identity;

static void
become(Oid user, int security, Identity *before)
{
	GetUserIdAndSecContext(&before->user, &before->security);
	SetUserIdAndSecContext(user, security);
	before->guc_level = NewGUCNestLevel();
	rv_label_set_option("search_path", "pg_catalog, pg_temp");
	rv_label_set_option("standard_conforming_strings", "on");
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

static void
become_owner(Oid relation, Identity *before)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		rv_fail_dropped_relation(relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	GetUserIdAndSecContext(&before->user, &before->security);
	become(owner, before->security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION, before);
}

static void
become_again(const Identity *before)
{
	SPI_finish();
	AtEOXact_GUC(false, before->guc_level);
	SetUserIdAndSecContext(before->user, before->security);
}

/* Empty tables for values of a type: a sample of `relation`, and queries. */
PG_FUNCTION_INFO_V1(ruvector_whatif_open);
Datum
ruvector_whatif_open(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	char	   *type = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *owner = GetUserNameFromId(PG_GETARG_OID(2), false);
	Identity	before;
	int			steps = PG_GETARG_INT32(3);

	become(BOOTSTRAP_SUPERUSERID, SECURITY_LOCAL_USERID_CHANGE, &before);
	rv_sql(psprintf("CREATE TEMP TABLE ruvector_whatif_sample (id int, value %s)", type), SPI_OK_UTILITY, 0, NULL, NULL, NULL);
	rv_sql(psprintf("CREATE TEMP TABLE ruvector_whatif_queries (id int, value %s, nearest float8[])", type), SPI_OK_UTILITY, 0, NULL, NULL, NULL);
	rv_sql(psprintf("GRANT INSERT ON pg_temp.ruvector_whatif_sample TO %s", quote_identifier(owner)), SPI_OK_UTILITY, 0, NULL, NULL, NULL);
	become_again(&before);
	(void) rv_progress_begin(relation, "trying indexes on samples", steps);
	PG_RETURN_VOID();
}

/* Runs a statement of ours as the owner of a table; how many rows it concerned. */
PG_FUNCTION_INFO_V1(ruvector_whatif_run);
Datum
ruvector_whatif_run(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	char	   *statement = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Identity	before;
	int64		rows;

	become_owner(relation, &before);
	rv_label_set_option("max_parallel_workers_per_gather", "0");
	rv_label_set_option("jit", "off");
	if (SPI_execute(statement, false, 0) < 0)
		elog(ERROR, "statement of ruvector's own failed: %s", statement);
	rows = (int64) SPI_processed;
	become_again(&before);
	PG_RETURN_INT64(rows);
}

typedef struct Question
{
	Datum		vector;
	double	   *nearest;
	int			nearest_count;
} Question;

static Question *
read_queries(int *count)
{
	Question	   *queries;

	*count = (int) rv_sql("SELECT value, nearest FROM pg_temp.ruvector_whatif_queries WHERE nearest IS NOT NULL ORDER BY id",
						  SPI_OK_SELECT, 0, NULL, NULL, NULL);
	queries = palloc0(sizeof(Question) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		bool		isnull;
		const void *elements;

		queries[i].vector = PointerGetDatum(PG_DETOAST_DATUM_COPY(rv_sql_value(i, 1, &isnull)));
		queries[i].nearest_count = rv_column_array(i, 2, &elements);
		queries[i].nearest = palloc(sizeof(double) * Max(queries[i].nearest_count, 1));
		memcpy(queries[i].nearest, elements, sizeof(double) * queries[i].nearest_count);
	}
	SPI_freetuptable(SPI_tuptable);
	return queries;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Recall of one search, NaN if undefined; the best k of the distances it found are what counts. */
static double
search(SPIPlanPtr plan, const Question *query, int k, int limit, double *found)
{
	Datum		values[] = {query->vector, Int64GetDatum(limit)};
	int			count = 0;
	double		recall = NAN;
	bool		known = false;
	rv_error	error = {0};
	rv_status	status;

	rv_sql_execute(plan, SPI_OK_SELECT, 2, values, NULL);
	for (uint64 i = 0; i < SPI_processed && count < limit; i++)
	{
		bool		isnull;
		Datum		distance = rv_sql_value(i, 1, &isnull);

		if (!isnull && !isnan(DatumGetFloat8(distance)))
			found[count++] = DatumGetFloat8(distance);
	}
	SPI_freetuptable(SPI_tuptable);
	qsort(found, count, sizeof(double), compare_doubles);
	RV_SWIFT(status = rv_recall(query->nearest, query->nearest_count, found, Min(count, k), k, &recall, &known, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	return known ? recall : NAN;
}

/*
 * Recall and buffers of an index of the sample, mean over the queries, at each
 * value of its search parameter.  The statement takes a vector and a limit and
 * returns distances; `reranked`: its limit is the value, and the best k count.
 */
PG_FUNCTION_INFO_V1(ruvector_whatif_search);
Datum
ruvector_whatif_search(PG_FUNCTION_ARGS)
{
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	TupleDesc	descriptor = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;
	Oid			index = PG_GETARG_OID(0);
	char	   *statement = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid			types[] = {PG_GETARG_OID(2), INT8OID};
	int			k = PG_GETARG_INT32(3);
	bool		reranked = PG_GETARG_BOOL(4);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(5);
	const int32 *parameters = (const int32 *) ARR_DATA_PTR(array);
	int			parameter_count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	int			kind = rv_pgvector_index_kind(index);
	double	   *found = palloc(sizeof(double) * WHATIF_K_MAX);
	Identity	before;
	Question	   *queries;
	int			count;
	SPIPlanPtr	plan;

	if (kind < 0 || k < 1 || k > WHATIF_K_MAX)
		elog(ERROR, "index %u cannot be tried", index);
	GetUserIdAndSecContext(&before.user, &before.security);
	become(before.user, before.security, &before);
	rv_label_set_option("enable_seqscan", "off");
	rv_label_set_option("enable_bitmapscan", "off");
	rv_label_set_option("enable_sort", "off");
	rv_label_set_option("jit", "off");
	rv_label_set_option("plan_cache_mode", "force_generic_plan");
	if (rv_pgvector_iterative(kind)->mode != NULL)
		rv_label_set_option(kind == RV_HNSW ? "hnsw.iterative_scan" : "ivfflat.iterative_scan", "off");
	queries = read_queries(&count);
	plan = rv_sql_prepare(statement, 2, types);
	if (!rv_label_uses_index(plan, index))
		elog(ERROR, "the planner does not use the index of the sample");
	if (count > 0)				/* what the first search touches besides the index is not counted */
		(void) search(plan, &queries[0], k, k, found);
	for (int p = 0; p < parameter_count; p++)
	{
		int			parameter = Min(Max(parameters[p], 1), WHATIF_K_MAX);
		char		text[16];
		double		recall = 0;
		int			known = 0;
		int64		blocks;
		Datum		values[3];
		bool		nulls[3] = {false};

		snprintf(text, sizeof(text), "%d", parameter);
		rv_label_set_option(kind == RV_HNSW ? "hnsw.ef_search" : "ivfflat.probes", text);
		blocks = rv_blocks_now();
		for (int i = 0; i < count; i++)
		{
			double		one;

			CHECK_FOR_INTERRUPTS();
			one = search(plan, &queries[i], k, reranked ? Max(parameter, k) : k, found);
			if (!isnan(one))
			{
				recall += one;
				known++;
			}
		}
		values[0] = Int32GetDatum(parameter);
		values[1] = Float8GetDatum(known > 0 ? recall / known : NAN);
		values[2] = Float8GetDatum((double) (rv_blocks_now() - blocks) / Max(count, 1));
		tuplestore_putvalues(store, descriptor, values, nulls);
	}
	become_again(&before);
	rv_progress_update(rv_job_own().done + 1);
	return (Datum) 0;
}

/* Processor time of this session so far: another's load does not lengthen it. */
PG_FUNCTION_INFO_V1(ruvector_whatif_seconds);
Datum
ruvector_whatif_seconds(PG_FUNCTION_ARGS)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	PG_RETURN_FLOAT8(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static const double *
doubles(FunctionCallInfo fcinfo, int position, int *count)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(position);

	if (ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT8OID)
		elog(ERROR, "argument %d of a what-if has nulls", position + 1);
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const double *) ARR_DATA_PTR(array);
}

static rv_sample *
samples_argument(FunctionCallInfo fcinfo, int position, int *count)
{
	int			numbers;
	const double *number = doubles(fcinfo, position, &numbers);
	rv_sample  *samples;

	*count = numbers / 6;
	samples = palloc(sizeof(rv_sample) * Max(*count, 1));
	for (int i = 0; i < *count; i++, number += 6)
	{
		if (!(number[0] >= 0 && number[0] < CONFIGURATIONS_MAX && number[1] >= 0 && number[1] < CONFIGURATIONS_MAX))
			elog(ERROR, "a what-if has no configuration %g of kind %g", number[0], number[1]);
		samples[i] = (rv_sample) {(int32) number[0], (int32) number[1], number[2], number[3], number[4], number[5]};
	}
	return samples;
}

/* Six numbers a measurement: configuration, kind, rows, value, recall, buffers. */
PG_FUNCTION_INFO_V1(ruvector_whatif_outlooks);
Datum
ruvector_whatif_outlooks(PG_FUNCTION_ARGS)
{
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	TupleDesc	descriptor = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;
	rv_study	study = {
		.queries = PG_GETARG_INT32(2),
		.rows = PG_GETARG_FLOAT8(3),
		.anchor_error = PG_GETARG_FLOAT8(4),
	};
	int			wanted;
	const double *values = doubles(fcinfo, 5, &wanted);
	rv_outlook *outlooks;
	rv_error	error = {0};
	rv_status	status;
	int			count;

	study.samples = samples_argument(fcinfo, 0, &study.count);
	study.anchors = samples_argument(fcinfo, 1, &study.anchor_count);
	for (int i = 0; i < study.count; i++)
		study.configurations = Max(study.configurations, study.samples[i].configuration + 1);
	count = study.configurations * wanted;
	outlooks = palloc0(sizeof(rv_outlook) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		outlooks[i].configuration = i / wanted;
		outlooks[i].value = values[i % wanted];
	}
	RV_SWIFT(status = rv_study_outlooks(&study, outlooks, count, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	for (int i = 0; i < count; i++)
	{
		const rv_outlook *outlook = &outlooks[i];
		Datum		row[] = {
			Int32GetDatum(outlook->configuration), Int32GetDatum((int32) outlook->value),
			Float8GetDatum(outlook->recall), Float8GetDatum(outlook->recall_error),
			Float8GetDatum(outlook->buffers), Float8GetDatum(outlook->buffers_error),
		};
		bool		nulls[6] = {false};

		if (!isnan(outlook->recall))
			tuplestore_putvalues(store, descriptor, row, nulls);
	}
	return (Datum) 0;
}

/* Five numbers a build: configuration, rows, seconds, bytes, buffers. */
PG_FUNCTION_INFO_V1(ruvector_whatif_build);
Datum
ruvector_whatif_build(PG_FUNCTION_ARGS)
{
	int			numbers;
	const double *number = doubles(fcinfo, 0, &numbers);
	int			count = numbers / 5;
	rv_build   *builds = palloc(sizeof(rv_build) * Max(count, 1));
	rv_build	whole = {.configuration = PG_GETARG_INT32(1), .rows = PG_GETARG_FLOAT8(2), .buffers = PG_GETARG_FLOAT8(3)};
	double		estimate[2];

	for (int i = 0; i < count; i++, number += 5)
		builds[i] = (rv_build) {.configuration = (int32) number[0], .rows = number[1], .seconds = number[2], .buffers = number[4]};
	RV_SWIFT(rv_study_build(builds, count, &whole, &estimate[0], &estimate[1]));
	if (isnan(estimate[0]))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(rv_make_array(estimate, 2, FLOAT8OID));
}
