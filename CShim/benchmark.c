/*
 * benchmark.c - pgvector alone against what is learned: the same queries, one
 * after the other with both, in alternating order.
 *
 * `fixed` is what this session would get without ruvector, `learned` what it gets
 * now: our scan over the same index.  Both are real plans, run as label.c runs its
 * own: as the owner of the table, security-restricted, under a pinned search_path.
 * Nothing of it is recorded.  A ground-truth table is read as the caller.
 *
 * Locks: AccessShareLock on table, index and ground truth until the transaction
 * ends.
 */
#include "rv.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* All of them are kept in memory until the end. */
#define QUERIES_MAX 10000
#define PERCENTILES_MAX 20

typedef enum Setting
{
	FIXED = 0,
	LEARNED = 1,
	SETTINGS = 2
} Setting;

typedef struct Question
{
	Datum		vector;			/* real[] */
	rv_identifiers exact;		/* exact neighbours; none: exact search finds them */
} Question;

typedef struct Benchmark
{
	RvTarget	target;
	int			k;
	int			count;
	Question	   *queries;
	SPIPlanPtr	plans[SETTINGS];
	rv_search_plan decision;	/* of the learned search */
	bool		decided;		/* false: learning is off here */
	/* of each query that counts */
	int			measured;
	double	   *recall[SETTINGS];
	double	   *us[SETTINGS];
	double	   *blocks[SETTINGS];
} Benchmark;

/* ---- which index --------------------------------------------------------------------- */

/* The table: the one named, or that of the index named, which is `index` then. */
static Oid
find_table(Oid named, Oid *index)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(named));
	Oid			table = named;
	char		kind;
	char		persistence;

	if (!HeapTupleIsValid(tuple))
		rv_fail_dropped_relation(named);
	kind = ((Form_pg_class) GETSTRUCT(tuple))->relkind;
	persistence = ((Form_pg_class) GETSTRUCT(tuple))->relpersistence;
	ReleaseSysCache(tuple);
	*index = InvalidOid;
	if (kind == RELKIND_INDEX)
	{
		*index = named;
		table = IndexGetRelation(named, false);
	}
	else if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW)
		rv_fail_relation_kind(named, kind, persistence);
	if (!rv_owns_relation(table, GetUserId()))
		rv_fail_not_measurer(get_rel_name(table));
	if (OidIsValid(*index) && rv_pgvector_index_kind(*index) < 0)
		rv_fail_not_vector_index(get_rel_name(*index));
	return table;
}

static List *
vector_indexes(Oid table)
{
	Relation	relation = RelationIdGetRelation(table);
	List	   *found = NIL;
	ListCell   *cell;

	if (relation == NULL)
		rv_fail_dropped_relation(table);
	foreach(cell, RelationGetIndexList(relation))
		if (rv_pgvector_index_kind(lfirst_oid(cell)) >= 0 && get_index_isvalid(lfirst_oid(cell)))
			found = lappend_oid(found, lfirst_oid(cell));
	RelationClose(relation);
	if (found == NIL)
		rv_fail_no_vector_index(table);
	return found;
}

/* Dimensions of the indexed expression, 0 if it does not say. */
static int
index_dimensions(Oid index)
{
	Oid			type;
	Oid			collation;
	int32		typmod;

	get_atttypetypmodcoll(index, 1, &type, &typmod, &collation);
	return Max(typmod, 0);
}

/* ---- which queries -------------------------------------------------------------------- */

/* Searches that were recorded: those that nothing was learned from yet first, newest first. */
static void
recorded_queries(Benchmark *benchmark, int wanted)
{
	MemoryContext memory = CurrentMemoryContext;
	RvPrivileged privileged;
	Oid			types[] = {OIDOID, INT4OID};
	Datum		values[] = {ObjectIdGetDatum(benchmark->target.index), Int32GetDatum(wanted)};

	rv_privileged_begin(&privileged);
	benchmark->count = (int) rv_sql("SELECT query_vector FROM ruvector.trajectories"
									" WHERE indexid = $1 AND NOT filtered AND query_vector IS NOT NULL AND source <> 'own row'"
									" ORDER BY label_state = 'labelled', started_at DESC, query_id LIMIT $2",
									SPI_OK_SELECT, 2, types, values, NULL);
	benchmark->queries = MemoryContextAllocZero(memory, sizeof(Question) * Max(benchmark->count, 1));
	for (int i = 0; i < benchmark->count; i++)
	{
		bool		isnull;
		Datum		vector = rv_sql_value(i, 1, &isnull);
		MemoryContext old = MemoryContextSwitchTo(memory);

		benchmark->queries[i].vector = PointerGetDatum(DatumGetArrayTypePCopy(vector));
		MemoryContextSwitchTo(old);
	}
	rv_privileged_end(&privileged);
}

/* Type of a column of the ground-truth table. */
static Oid
truth_column(Oid truth, const char *column)
{
	AttrNumber	number = get_attnum(truth, column);

	if (number <= 0)
		rv_fail_ground_truth_column(get_rel_name(truth), column);
	return get_atttype(truth, number);
}

static void
check_truth(Oid truth)
{
	char		kind = get_rel_relkind(truth);
	Oid			query;
	Oid			neighbor;
	Oid			function;
	CoercionPathType way;

	if (kind == '\0')
		rv_fail_dropped_relation(truth);
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_VIEW &&
		kind != RELKIND_MATVIEW && kind != RELKIND_FOREIGN_TABLE)
		rv_fail_ground_truth_kind(get_rel_name(truth));
	query = getBaseType(truth_column(truth, "query"));
	way = query == FLOAT4ARRAYOID ? COERCION_PATH_RELABELTYPE
		: find_coercion_pathway(FLOAT4ARRAYOID, query, COERCION_EXPLICIT, &function);
	if (way == COERCION_PATH_NONE || way == COERCION_PATH_COERCEVIAIO)
		rv_fail_ground_truth_type(get_rel_name(truth), "query", format_type_be(query));
	neighbor = get_base_element_type(truth_column(truth, "neighbors"));
	if (neighbor != INT2OID && neighbor != INT4OID && neighbor != INT8OID && neighbor != UUIDOID &&
		neighbor != TEXTOID && neighbor != VARCHAROID)
		rv_fail_ground_truth_type(get_rel_name(truth), "neighbors", format_type_be(truth_column(truth, "neighbors")));
}

/* A query of the ground truth: what cannot be is refused, without a word of what it is. */
static void
check_truth_row(Oid truth, const Benchmark *benchmark, const Question *query)
{
	ArrayType  *vector = DatumGetArrayTypeP(query->vector);
	rv_error	error = {0};
	rv_status	status;
	int			dimensions = index_dimensions(benchmark->target.index);
	int			count = ArrayGetNItems(ARR_NDIM(vector), ARR_DIMS(vector));

	if (ARR_NDIM(vector) > 1 || ARR_HASNULL(vector))
		rv_fail_ground_truth_query(get_rel_name(truth));
	RV_SWIFT(status = rv_vector_check((const float *) ARR_DATA_PTR(vector), count, dimensions, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	if (query->exact.count < benchmark->k)
		rv_fail_ground_truth_rows(get_rel_name(truth), query->exact.count, benchmark->k);
}

/* Of each row the first k identifiers, each once. */
static rv_identifiers
truth_identifiers(uint64 row, MemoryContext memory)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, 2, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			count = 0;
	const char **start;
	MemoryContext old;

	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(datum), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	old = MemoryContextSwitchTo(memory);
	start = palloc(sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		start[i] = TextDatumGetCString(elements[i]);
	MemoryContextSwitchTo(old);
	return (rv_identifiers) {.start = start, .count = count};
}

static void
truth_queries(Benchmark *benchmark, Oid truth, int wanted)
{
	MemoryContext memory = CurrentMemoryContext;
	char	   *name = get_rel_name(truth);
	char	   *sql = psprintf("SELECT t.query::pg_catalog.float4[], (SELECT array_agg(DISTINCT n.id) FROM"
							   "  unnest(t.neighbors::pg_catalog.text[]) WITH ORDINALITY n(id, place) WHERE n.place <= $2 AND n.id IS NOT NULL)"
							   " FROM %s t LIMIT $1",
							   rv_qualified_name(truth));
	Oid			types[] = {INT4OID, INT4OID};
	Datum		values[] = {Int32GetDatum(wanted), Int32GetDatum(benchmark->k)};
	int			guc_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	benchmark->count = (int) rv_sql(sql, SPI_OK_SELECT, 2, types, values, NULL);
	if (benchmark->count == 0)
		rv_fail_ground_truth_empty(name);
	benchmark->queries = MemoryContextAllocZero(memory, sizeof(Question) * benchmark->count);
	for (int i = 0; i < benchmark->count; i++)
	{
		Question	   *query = &benchmark->queries[i];
		bool		isnull;
		Datum		vector = rv_sql_value(i, 1, &isnull);
		MemoryContext old;

		if (isnull)
			rv_fail_ground_truth_query(name);
		old = MemoryContextSwitchTo(memory);
		query->vector = PointerGetDatum(DatumGetArrayTypePCopy(vector));
		MemoryContextSwitchTo(old);
		query->exact = truth_identifiers(i, memory);
		check_truth_row(truth, benchmark, query);
	}
	SPI_finish();
	AtEOXact_GUC(false, guc_level);
}

/* ---- measuring ------------------------------------------------------------------------- */

static void
prepare(Benchmark *benchmark, const char *sql)
{
	Oid			types[] = {benchmark->target.type, INT8OID};

	for (Setting setting = FIXED; setting < SETTINGS; setting++)
	{
		rv_plan_forcing = (RvPlanForcing) {benchmark->target.relation, benchmark->target.index, .ours = setting == LEARNED};
		benchmark->plans[setting] = rv_label_prepare(&benchmark->target, sql, types);
		if (!rv_label_uses_index(benchmark->plans[setting], benchmark->target.index))
			rv_fail_not_measured(get_rel_name(benchmark->target.index), "the planner does not use it for such a search");
	}
}

/* The rows are in SPI_tuptable. */
static int
search(Benchmark *benchmark, Setting setting, Datum vector, double *us, double *blocks)
{
	Datum		values[] = {vector, Int64GetDatum(benchmark->k)};
	int64		before;
	instr_time	started;
	int			rows;

	CHECK_FOR_INTERRUPTS();
	rv_plan_forcing = (RvPlanForcing) {benchmark->target.relation, benchmark->target.index, .ours = setting == LEARNED};
	before = rv_blocks_now();
	INSTR_TIME_SET_CURRENT(started);
	rows = (int) rv_sql_execute(benchmark->plans[setting], SPI_OK_SELECT, lengthof(values), values, NULL);
	*us = rv_elapsed_us(&started);
	*blocks = rv_blocks_now() - before;
	if (setting == LEARNED)
	{
		benchmark->decided = rv_plan_forcing.decided;
		benchmark->decision = rv_plan_forcing.plan;
	}
	return rows;
}

/* Of the rows of the last search; `label` holds the exact ones where they are known by distance. */
static double
recall_of(const Question *query, const RvLabel *label, int k, int rows)
{
	double		recall = NAN;
	bool		known;
	rv_error	error = {0};
	rv_status	status;

	if (query->exact.start != NULL)
	{
		const char **start = palloc(sizeof(char *) * Max(rows, 1));
		rv_identifiers found = {.start = start, .count = rows};

		for (int i = 0; i < rows; i++)
			start[i] = rv_column_text(i, 2, CurrentMemoryContext);
		RV_SWIFT(recall = rv_recall_by_identity(&query->exact, &found));
	}
	else
	{
		double	   *distances = palloc(sizeof(double) * k);
		int			count = rv_label_distances(distances, k);

		RV_SWIFT(status = rv_recall(label->exact, label->exact_count, distances, count, k, &recall, &known, &error));
		if (status != RV_OK)
			rv_fail_swift(&error);
	}
	return recall;
}

/* With both settings; false: there is nothing to find. */
static bool
measure_recall(Benchmark *benchmark, int position, Datum vector, int at)
{
	const Question *query = &benchmark->queries[position];
	RvLabel		label = {.exact = palloc(sizeof(double) * benchmark->k)};

	if (query->exact.start == NULL)
	{
		rv_label_exact(&benchmark->target, vector, benchmark->k, CurrentMemoryContext, &label);
		if (label.exact_count == 0)
			return false;
	}
	for (int turn = 0; turn < SETTINGS; turn++)
	{
		Setting		setting = (position + turn) % SETTINGS;
		int			rows = search(benchmark, setting, vector, &benchmark->us[setting][at], &benchmark->blocks[setting][at]);

		benchmark->recall[setting][at] = recall_of(query, &label, benchmark->k, rows);
		SPI_freetuptable(SPI_tuptable);
	}
	return true;
}

static bool
measure_time(Benchmark *benchmark, int position, Datum vector, int at)
{
	for (int turn = 0; turn < SETTINGS; turn++)
	{
		Setting		setting = (position + turn) % SETTINGS;

		(void) search(benchmark, setting, vector, &benchmark->us[setting][at], &benchmark->blocks[setting][at]);
		SPI_freetuptable(SPI_tuptable);
	}
	return true;
}

typedef bool (*Measure) (Benchmark *benchmark, int position, Datum vector, int at);

/* One query after the other; returns how many count. */
static int
pass(Benchmark *benchmark, Measure measure, int queries, const char *phase)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ruvector benchmark", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	int			measured = 0;

	(void) rv_progress_begin(benchmark->target.index, phase, queries);
	for (int i = 0; i < queries; i++)
	{
		Datum		vector;

		/* SPI leaves its own memory behind as the current one */
		MemoryContextSwitchTo(memory);
		vector = rv_label_vector(&benchmark->target, benchmark->queries[i].vector);
		MemoryContextSwitchTo(memory);
		if (measure(benchmark, i, vector, measured))
			measured++;
		MemoryContextReset(memory);
		rv_progress_update(i + 1);
	}
	rv_progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return measured;
}

/* `warm_up`: queries that are asked once beforehand. */
static void
run(Benchmark *benchmark, const char *sql, Measure measure, int warm_up)
{
	RvPrivileged as_owner;

	for (Setting setting = FIXED; setting < SETTINGS; setting++)
	{
		benchmark->recall[setting] = palloc(sizeof(double) * benchmark->count);
		benchmark->us[setting] = palloc(sizeof(double) * benchmark->count);
		benchmark->blocks[setting] = palloc(sizeof(double) * benchmark->count);
	}
	PG_TRY();
	{
		as_owner = rv_label_begin(&benchmark->target);
		prepare(benchmark, sql);
		(void) pass(benchmark, measure_time, warm_up, "warming up");
		benchmark->measured = pass(benchmark, measure, benchmark->count, "measuring");
		rv_label_end(&as_owner);
	}
	PG_FINALLY();
	{
		rv_plan_forcing = (RvPlanForcing) {InvalidOid, InvalidOid};
	}
	PG_END_TRY();
}

/* ---- rows --------------------------------------------------------------------------------- */

#define COLUMNS_MAX 12

typedef struct Row
{
	int			count;
	Datum		values[COLUMNS_MAX];
	bool		nulls[COLUMNS_MAX];
} Row;

static void
add_text(Row *row, const char *text)
{
	row->nulls[row->count] = text == NULL;
	row->values[row->count++] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
add_float(Row *row, double number)
{
	row->nulls[row->count] = isnan(number);
	row->values[row->count++] = Float8GetDatum(number);
}

static void
add_interval(Row *row, const rv_interval *interval)
{
	add_float(row, interval->value);
	add_float(row, interval->low);
	add_float(row, interval->high);
}

/* The columns that every row begins with. */
static Row
begin_row(const Benchmark *benchmark, const char *setting, const char *parameter, const char *decision)
{
	Row			row = {0};
	NameData   *name = palloc0(sizeof(NameData));

	namestrcpy(name, get_rel_name(benchmark->target.index));
	row.values[row.count++] = NameGetDatum(name);
	add_text(&row, setting);
	add_text(&row, parameter);
	add_text(&row, decision);
	row.values[row.count++] = Int32GetDatum(benchmark->measured);
	return row;
}

static Row
begin_setting(const Benchmark *benchmark, Setting setting)
{
	int			kind = benchmark->target.kind;
	const rv_search_plan *plan = benchmark->decided ? &benchmark->decision : NULL;
	const int  *variable = rv_pgvector_parameter(kind)->variable;
	int			value = variable ? *variable : 0;

	if (setting == FIXED)
		return begin_row(benchmark, "fixed", psprintf("%s %d", rv_parameter_name(kind), value), "pgvector alone");
	if (plan != NULL && plan->stop >= 0)
		return begin_row(benchmark, "learned", "stop rule", rv_decision_reason(plan));
	return begin_row(benchmark, "learned", psprintf("%s %d", rv_parameter_name(kind), plan ? plan->parameter : value),
					 rv_decision_reason(plan));
}

static void
put_row(FunctionCallInfo fcinfo, Row *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	Assert(row->count == result->setDesc->natts);
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

static void
check(rv_status status, const rv_error *error)
{
	if (status != RV_OK)
		rv_fail_swift(error);
}

static rv_interval
bounded_mean(const double *numbers, int count, double least)
{
	RvCall		call;
	const rv_host *host = rv_guard_begin(&call);
	rv_interval mean = {NAN, NAN, NAN};
	rv_error	error = {0};
	rv_status	status;

	RV_SWIFT(status = rv_bounded_mean(host, numbers, count, least, 1, &mean, &error));
	rv_guard_end(&call, status, &error);
	return mean;
}

/* Without denominators, the mean. */
static rv_interval
mean_ratio(const double *numerators, const double *denominators, int count)
{
	rv_interval ratio = {NAN, NAN, NAN};
	rv_error	error = {0};
	rv_status	status;

	RV_SWIFT(status = rv_mean_ratio(numerators, denominators, count, &ratio, &error));
	check(status, &error);
	return ratio;
}

static rv_interval
quantile(const double *numbers, int count, double percentile)
{
	rv_interval interval = {NAN, NAN, NAN};
	rv_error	error = {0};
	rv_status	status;

	RV_SWIFT(status = rv_quantile(numbers, count, percentile / 100, &interval, &error));
	check(status, &error);
	return interval;
}

static void
report_recall(FunctionCallInfo fcinfo, const Benchmark *benchmark)
{
	int			count = benchmark->measured;
	double	   *gain = palloc(sizeof(double) * Max(count, 1));
	double	   *more = palloc(sizeof(double) * Max(count, 1));
	rv_interval none = {NAN, NAN, NAN};
	rv_interval recall;
	rv_interval blocks;
	Row			row;

	for (Setting setting = FIXED; setting < SETTINGS; setting++)
	{
		recall = bounded_mean(benchmark->recall[setting], count, 0);
		blocks = mean_ratio(benchmark->blocks[setting], NULL, count);
		row = begin_setting(benchmark, setting);
		add_interval(&row, &recall);
		add_interval(&row, &blocks);
		put_row(fcinfo, &row);
	}
	for (int i = 0; i < count; i++)
	{
		gain[i] = benchmark->recall[LEARNED][i] - benchmark->recall[FIXED][i];
		more[i] = benchmark->blocks[LEARNED][i] - benchmark->blocks[FIXED][i];
	}
	recall = bounded_mean(gain, count, -1);
	blocks = mean_ratio(more, NULL, count);
	row = begin_row(benchmark, "difference", NULL, NULL);
	add_interval(&row, &recall);
	add_interval(&row, &blocks);
	put_row(fcinfo, &row);
	blocks = mean_ratio(benchmark->blocks[LEARNED], benchmark->blocks[FIXED], count);
	row = begin_row(benchmark, "ratio", NULL, NULL);
	add_interval(&row, &none);
	add_interval(&row, &blocks);
	put_row(fcinfo, &row);
}

/* Of each query by itself; those that cost nothing are left out. */
static int
ratios(const double *numerators, const double *denominators, int count, double *out)
{
	int			kept = 0;

	for (int i = 0; i < count; i++)
		if (denominators[i] > 0)
			out[kept++] = numerators[i] / denominators[i];
	return kept;
}

/* `percentile` is NaN for the mean. */
static void
report_latency(FunctionCallInfo fcinfo, const Benchmark *benchmark, double percentile)
{
	int			count = benchmark->measured;
	bool		mean = isnan(percentile);
	double	   *out = palloc(sizeof(double) * Max(count, 1));
	rv_interval us;
	rv_interval blocks;
	Row			row;

	for (Setting setting = FIXED; setting < SETTINGS; setting++)
	{
		us = mean ? mean_ratio(benchmark->us[setting], NULL, count) : quantile(benchmark->us[setting], count, percentile);
		blocks = mean ? mean_ratio(benchmark->blocks[setting], NULL, count) : quantile(benchmark->blocks[setting], count, percentile);
		row = begin_setting(benchmark, setting);
		add_float(&row, percentile);
		add_interval(&row, &us);
		add_interval(&row, &blocks);
		put_row(fcinfo, &row);
	}
	us = mean ? mean_ratio(benchmark->us[LEARNED], benchmark->us[FIXED], count)
		: quantile(out, ratios(benchmark->us[LEARNED], benchmark->us[FIXED], count, out), percentile);
	blocks = mean ? mean_ratio(benchmark->blocks[LEARNED], benchmark->blocks[FIXED], count)
		: quantile(out, ratios(benchmark->blocks[LEARNED], benchmark->blocks[FIXED], count, out), percentile);
	row = begin_row(benchmark, "ratio", NULL, NULL);
	add_float(&row, percentile);
	add_interval(&row, &us);
	add_interval(&row, &blocks);
	put_row(fcinfo, &row);
}

/* ---- the functions --------------------------------------------------------------------------- */

static int
count_argument(FunctionCallInfo fcinfo, int position, const char *name, int greatest)
{
	int			count;

	if (PG_ARGISNULL(position))
		rv_fail_null_argument(name);
	count = PG_GETARG_INT32(position);
	if (count < 1 || count > greatest)
		rv_fail_option_range(name, psprintf("%d", count), psprintf("a number from 1 to %d", greatest));
	return count;
}

static void
aim(Benchmark *benchmark, Oid index, int k)
{
	const char *problem;

	memset(benchmark, 0, sizeof(*benchmark));
	problem = rv_label_describe(index, NULL, &benchmark->target);
	if (problem != NULL)
		rv_fail_not_measured(get_rel_name(index), problem);
	if (k > RV_K_MAX(benchmark->target.kind))
		rv_fail_option_range("k", psprintf("%d", k), psprintf("a number from 1 to %d", RV_K_MAX(benchmark->target.kind)));
	benchmark->k = k;
}

static Oid
named_relation(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		rv_fail_null_argument("table_name");
	return PG_GETARG_OID(0);
}

PG_FUNCTION_INFO_V1(ruvector_benchmark_recall);
Datum
ruvector_benchmark_recall(PG_FUNCTION_ARGS)
{
	Oid			index;
	Oid			table = find_table(named_relation(fcinfo), &index);
	int			wanted = count_argument(fcinfo, 2, "num_queries", QUERIES_MAX);
	int			k = count_argument(fcinfo, 3, "k", RV_PROBES_K_MAX);
	List	   *indexes = OidIsValid(index) ? list_make1_oid(index) : vector_indexes(table);
	Benchmark	benchmark;
	bool		any = false;
	ListCell   *cell;

	(void) rv_rows_begin(fcinfo);
	if (!PG_ARGISNULL(1))
	{
		Oid			truth = PG_GETARG_OID(1);

		check_truth(truth);
		if (list_length(indexes) > 1)
			rv_fail_ground_truth_ambiguous(get_rel_name(table), list_length(indexes));
		aim(&benchmark, linitial_oid(indexes), k);
		if (benchmark.target.named_sql == NULL)
			rv_fail_no_identifiers(get_rel_name(table));
		truth_queries(&benchmark, truth, wanted);
		run(&benchmark, benchmark.target.named_sql, measure_recall, 1);
		report_recall(fcinfo, &benchmark);
		return (Datum) 0;
	}
	foreach(cell, indexes)
	{
		aim(&benchmark, lfirst_oid(cell), k);
		recorded_queries(&benchmark, wanted);
		if (benchmark.count == 0)
			continue;
		run(&benchmark, benchmark.target.search_sql, measure_recall, 1);
		report_recall(fcinfo, &benchmark);
		any = true;
	}
	if (!any)
		rv_fail_no_queries(get_rel_name(table), true);
	return (Datum) 0;
}

static const double *
percentiles_argument(FunctionCallInfo fcinfo, int position, int *count)
{
	ArrayType  *array;
	const double *percentiles;

	if (PG_ARGISNULL(position))
		rv_fail_null_argument("percentiles");
	array = PG_GETARG_ARRAYTYPE_P(position);
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_NDIM(array) > 1 || ARR_HASNULL(array) || *count < 1 || *count > PERCENTILES_MAX)
		rv_fail_array("percentiles", psprintf("a one-dimensional array of 1 to %d numbers without nulls", PERCENTILES_MAX));
	percentiles = (const double *) ARR_DATA_PTR(array);
	for (int i = 0; i < *count; i++)
		if (!(percentiles[i] > 0 && percentiles[i] < 100))
			rv_fail_option_range("percentiles", float8out_internal(percentiles[i]), "numbers above 0 and below 100");
	return percentiles;
}

PG_FUNCTION_INFO_V1(ruvector_benchmark_latency);
Datum
ruvector_benchmark_latency(PG_FUNCTION_ARGS)
{
	Oid			index;
	Oid			table = find_table(named_relation(fcinfo), &index);
	int			wanted = count_argument(fcinfo, 1, "num_queries", QUERIES_MAX);
	int			k = count_argument(fcinfo, 2, "k", RV_PROBES_K_MAX);
	int			count;
	const double *percentiles = percentiles_argument(fcinfo, 3, &count);
	List	   *indexes = OidIsValid(index) ? list_make1_oid(index) : vector_indexes(table);
	bool		any = false;
	ListCell   *cell;

	(void) rv_rows_begin(fcinfo);
	foreach(cell, indexes)
	{
		Benchmark	benchmark;

		aim(&benchmark, lfirst_oid(cell), k);
		recorded_queries(&benchmark, wanted);
		if (benchmark.count == 0)
			continue;
		run(&benchmark, benchmark.target.search_sql, measure_time, benchmark.count);
		report_latency(fcinfo, &benchmark, NAN);
		for (int i = 0; i < count; i++)
			report_latency(fcinfo, &benchmark, percentiles[i]);
		any = true;
	}
	if (!any)
		rv_fail_no_queries(get_rel_name(table), false);
	return (Datum) 0;
}
