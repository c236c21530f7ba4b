/*
 * label.c - the truth about one query: its exact neighbours, and what the index
 * finds at each value of its search parameter.
 *
 * The searches of the ladder are ordinary index scans at ordinary settings, each
 * from the start: what is measured is exactly what will be applied.  One more goes
 * in batches, in our own scan.  Everything
 * runs as the owner of the table in a security-restricted context, as REINDEX
 * does, under a pinned search_path.  Locks: AccessShareLock on table and index
 * until the label's transaction ends.
 */
#include "rv.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

/* A condition that is cheap for the few rows of a search may be dear for all: nobody holds the worker up for longer. */
#define FILTERED_LABEL_MS (5 * 60 * 1000)

#define NO_ID "NULL::text"

static const char *describe_sql =
	"SELECT t.oid, t.relowner, oc.opcintype,"
	" coalesce((SELECT option_value::int4 FROM pg_options_to_table(c.reloptions) WHERE option_name = 'lists'), 100),"
	" pg_relation_filenode(c.oid),"
	" format('%I.%I', tn.nspname, t.relname),"
	" '(' || pg_get_indexdef(c.oid, 1, true) || ')',"
	" coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'),"
	" format('OPERATOR(%I.%s)', o_n.nspname, o.oprname),"
	" format_type(oc.opcintype, NULL),"
	" t.relrowsecurity AND t.relforcerowsecurity,"
	/* rows are named as capture.c does */
	" coalesce((SELECT format('%I::text', a.attname) FROM pg_index p JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.indkey[0]"
	"  WHERE p.indrelid = t.oid AND p.indisprimary AND p.indnkeyatts = 1"
	"  AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'text'::regtype, 'varchar'::regtype)),"
	"  '" NO_ID "'),"
	/* whatever a search may run, or the planner beforehand; what is built in has no dependency */
	" EXISTS (SELECT FROM (SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid = t.oid"
	"   UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = t.oid"
	"   UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxrelid = t.oid) o(classid, objid)"
	"  JOIN pg_depend d USING (classid, objid)"
	"  WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass) AND NOT EXISTS"
	"  (SELECT FROM pg_depend e JOIN pg_extension x ON e.refclassid = 'pg_extension'::regclass AND x.oid = e.refobjid AND x.extname = 'vector'"
	"   WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'))"
	" FROM pg_index i"
	" JOIN pg_class c ON c.oid = i.indexrelid"
	" JOIN pg_class t ON t.oid = i.indrelid"
	" JOIN pg_namespace tn ON tn.oid = t.relnamespace"
	" JOIN pg_opclass oc ON oc.oid = i.indclass[0]"
	" JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype AND ao.amoppurpose = 'o'"
	" JOIN pg_operator o ON o.oid = ao.amopopr"
	" JOIN pg_namespace o_n ON o_n.oid = o.oprnamespace"
	" WHERE c.oid = $1 AND i.indisvalid AND i.indislive";

/* NULL, or why the index cannot be measured.  From here on the table keeps its name. */
const char *
rv_label_describe(Oid index, const char *filter, RvTarget *target)
{
	MemoryContext memory = CurrentMemoryContext;
	const char *and_filter = filter ? psprintf(" AND (%s)", filter) : "";
	RvPrivileged privileged;
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(index)};
	Oid			relation = IndexGetRelation(index, true);
	const char *problem = NULL;
	bool		isnull;

	/* what is called so now is called so until we have searched it */
	if (OidIsValid(relation))
		LockRelationOid(relation, AccessShareLock);
	target->index = index;
	target->filtered = filter != NULL;
	target->kind = rv_pgvector_index_kind(index);
	rv_privileged_begin(&privileged);
	if (target->kind < 0 || rv_sql(describe_sql, SPI_OK_SELECT, 1, types, values, NULL) != 1)
		problem = "the index is gone";
	else if (DatumGetBool(rv_sql_value(0, 11, &isnull)))
		problem = "row security is forced on the owner of the table";
	/* that code could read our statement, in which the constants of the filter are */
	else if (target->filtered && DatumGetBool(rv_sql_value(0, 13, &isnull)))
		problem = "filtered, and the table runs code of its owner's";
	else
	{
		char	   *table = rv_column_text(0, 6, memory);
		char	   *key = rv_column_text(0, 7, memory);
		char	   *predicate = rv_column_text(0, 8, memory);
		char	   *operator = rv_column_text(0, 9, memory);
		char	   *type = rv_column_text(0, 10, memory);
		char	   *id = rv_column_text(0, 12, memory);
		MemoryContext old = MemoryContextSwitchTo(memory);

		target->relation = DatumGetObjectId(rv_sql_value(0, 1, &isnull));
		target->owner = DatumGetObjectId(rv_sql_value(0, 2, &isnull));
		target->type = DatumGetObjectId(rv_sql_value(0, 3, &isnull));
		target->lists = DatumGetInt32(rv_sql_value(0, 4, &isnull));
		target->filenode = DatumGetObjectId(rv_sql_value(0, 5, &isnull));
		target->cast_sql = psprintf("SELECT $1::real[]::%s", type);
		/* the sum matches no index under any setting */
		target->exact_sql =
			psprintf("SELECT %s %s $1, %s FROM ONLY %s WHERE (%s) AND %s IS NOT NULL%s"
					 " ORDER BY (%s %s $1) + 0::float8 LIMIT $2",
					 key, operator, id, table, predicate, key, and_filter, key, operator);
		target->search_sql =
			psprintf("SELECT %s %s $1 FROM ONLY %s WHERE (%s)%s ORDER BY %s %s $1 LIMIT $2",
					 key, operator, table, predicate, and_filter, key, operator);
		target->named_sql = strcmp(id, NO_ID) == 0 ? NULL :
			psprintf("SELECT %s %s $1, %s FROM ONLY %s WHERE (%s)%s ORDER BY %s %s $1 LIMIT $2",
					 key, operator, id, table, predicate, and_filter, key, operator);
		target->own_sql = psprintf("SELECT $1 %s $1", operator);
		target->rows_sql =
			psprintf("SELECT %s::real[] FROM ONLY %s TABLESAMPLE BERNOULLI ($1)"
					 " WHERE (%s) AND %s IS NOT NULL ORDER BY random() LIMIT $2", key, table, predicate, key);
		MemoryContextSwitchTo(old);
	}
	rv_privileged_end(&privileged);
	return problem;
}

void
rv_label_set_option(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Filters are read as they were written: see filter.c. */
static void
pin_spelling(void)
{
	rv_label_set_option("standard_conforming_strings", "on");
	rv_label_set_option("DateStyle", "ISO");
	rv_label_set_option("IntervalStyle", "postgres");
}

/* The distances of the last statement's rows, NaN where there is none. */
int
rv_label_distances(double *distances, int capacity)
{
	int			count = Min((int) SPI_processed, capacity);

	for (int i = 0; i < count; i++)
	{
		bool		isnull;
		Datum		datum = rv_sql_value(i, 1, &isnull);

		distances[i] = isnull ? NAN : DatumGetFloat8(datum);
	}
	return count;
}

/*
 * Of an own row: without its distance to itself, once.  It is the same number
 * wherever it is computed; of twins it does not matter which is left out.
 */
static int
without_itself(const RvTarget *target, double *distances, int count, int k)
{
	for (int i = 0; i < count && target->own_row; i++)
		if (distances[i] == target->own_distance)
		{
			memmove(distances + i, distances + i + 1, sizeof(double) * (--count - i));
			break;
		}
	return Min(count, k);
}

/* Rows to ask for, so that k remain. */
static int
rows_asked(const RvTarget *target, int k)
{
	return target->own_row ? k + 1 : k;
}

/* The identifiers of the last statement's first rows as text[]; 0 if one of them has none, or one that is too long. */
static Datum
read_identifiers(int count)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		ids[i] = rv_sql_value(i, 2, &isnull);
		if (isnull || VARATT_IS_EXTERNAL(DatumGetPointer(ids[i])) || VARATT_IS_COMPRESSED(DatumGetPointer(ids[i])) ||
			VARSIZE_ANY_EXHDR(DatumGetPointer(ids[i])) > RV_ID_BYTES)
			return (Datum) 0;
	}
	return PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * A statement on the table and nothing else: who owns the schema can rename that, and
 * the code of a view in its place would run with the rights of the owner of the table.
 */
SPIPlanPtr
rv_label_prepare(const RvTarget *target, const char *sql, const Oid *types)
{
	SPIPlanPtr	plan = rv_sql_prepare(sql, 2, types);
	List	   *relations = linitial_node(CachedPlanSource, SPI_plan_get_plan_sources(plan))->relationOids;

	if (list_length(relations) != 1 || linitial_oid(relations) != target->relation)
		rv_fail_other_relation();
	return plan;
}

void
rv_label_exact(const RvTarget *target, Datum vector, int k, MemoryContext memory, RvLabel *label)
{
	Oid			types[] = {target->type, INT8OID};
	Datum		values[] = {vector, Int64GetDatum(rows_asked(target, k))};
	SPIPlanPtr	plan = rv_label_prepare(target, target->exact_sql, types);
	int			count;
	MemoryContext old;

	rv_plan_forcing = (RvPlanForcing) {target->relation, InvalidOid};
	rv_sql_execute(plan, SPI_OK_SELECT, 2, values, NULL);
	count = rv_label_distances(label->exact, rows_asked(target, k));
	/* vectors without a distance (a zero vector under cosine) are in no index; they sort last */
	while (count > 0 && isnan(label->exact[count - 1]))
		count--;
	label->exact_count = without_itself(target, label->exact, count, k);
	old = MemoryContextSwitchTo(memory);
	label->exact_ids = target->own_row ? (Datum) 0 : read_identifiers(count);
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
	SPI_freeplan(plan);
}

bool
rv_label_uses_index(SPIPlanPtr plan, Oid index)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	bool		uses = false;

	if (cached == NULL)
		return false;
	if (list_length(cached->stmt_list) == 1)
	{
		Plan	   *node = linitial_node(PlannedStmt, cached->stmt_list)->planTree;

		while (node != NULL && !IsA(node, IndexScan))
			node = IsA(node, CustomScan) && ((CustomScan *) node)->custom_plans != NIL
				? linitial(((CustomScan *) node)->custom_plans) : node->lefttree;
		uses = node != NULL && ((IndexScan *) node)->indexid == index;
	}
	rv_cached_plan_release(cached);
	return uses;
}

/* What the index is searched with, planned beforehand: what is measured must not touch catalogs. */
typedef struct Searches
{
	SPIPlanPtr	plain;
	SPIPlanPtr	traced;			/* NULL: such searches do not go in batches here */
	Datum		values[2];		/* query vector, k */
	int			k;
	double	   *found;
} Searches;

/* One search at one value; what it finds is left to SPI.  Its buffers and its time. */
static void
search(const RvTarget *target, const Searches *searches, int parameter, float *blocks, float *us)
{
	char		setting[16];
	int64		before;
	instr_time	started;

	CHECK_FOR_INTERRUPTS();
	snprintf(setting, sizeof(setting), "%d", parameter);
	rv_label_set_option(target->kind == RV_HNSW ? "hnsw.ef_search" : "ivfflat.probes", setting);
	rv_plan_forcing = (RvPlanForcing) {target->relation, target->index};
	before = rv_blocks_now();
	INSTR_TIME_SET_CURRENT(started);
	rv_sql_execute(searches->plain, SPI_OK_SELECT, 2, searches->values, NULL);
	*us = rv_elapsed_us(&started);
	*blocks = rv_blocks_now() - before;
}

/* The same: its recall, NaN if undefined, and its buffers. */
static void
measure(const RvTarget *target, const Searches *searches, int parameter, const RvLabel *label, float *recall, float *blocks)
{
	double		share = NAN;
	bool		known = false;
	rv_error	error = {0};
	rv_status	status;
	int			count;
	float		unused;

	search(target, searches, parameter, blocks, &unused);
	count = without_itself(target, searches->found, rv_label_distances(searches->found, rows_asked(target, searches->k)), searches->k);
	SPI_freetuptable(SPI_tuptable);
	RV_SWIFT(status = rv_recall(label->exact, label->exact_count, searches->found, count, searches->k, &share, &known, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	*recall = known ? share : NAN;
}

/*
 * The value at which a rung of the ladder is measured: below k hnsw would return fewer rows, the scan asks for k
 * there.  Of an own row with the largest k one is missing, as it finds itself.
 */
static int
value_of_rung(const RvTarget *target, const RvLabel *label, int rung, int k)
{
	return target->kind == RV_HNSW ? Max(label->values[rung], Min(rows_asked(target, k), RV_K_MAX(RV_HNSW))) : label->values[rung];
}

static const char *
prepare_searches(const RvTarget *target, const RvLearnedClass *class, Datum vector, int k, Searches *searches, RvLabel *label)
{
	RvParameter *parameter = rv_pgvector_parameter(target->kind);
	int			maximum = target->kind == RV_HNSW ? parameter->maximum : Min(target->lists, parameter->maximum);
	Oid			types[] = {target->type, INT8OID};
	rv_error	error = {0};
	rv_status	status;
	float		blocks,
				us;

	RV_SWIFT(status = rv_ladder_build(target->kind, maximum, class->setting, class->certified, class->certified_count,
									  label->values, &label->rungs, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	*searches = (Searches) {
		.values = {vector, Int64GetDatum(rows_asked(target, k))},
		.k = k,
		.found = palloc(sizeof(double) * rows_asked(target, k)),
	};
	rv_plan_forcing = (RvPlanForcing) {target->relation, target->index};
	searches->plain = rv_label_prepare(target, target->search_sql, types);
	if (!rv_label_uses_index(searches->plain, target->index))
		return "the planner does not use the index for this search";
	search(target, searches, value_of_rung(target, label, 0, k), &blocks, &us);	/* loads what any first search loads */
	SPI_freetuptable(SPI_tuptable);
	/* what a row is to itself would mislead a rule */
	if (k <= RV_BATCHED_K_MAX && rv_batched_search && rv_pgvector_iterative_is_free(target->kind) && !target->own_row)
	{
		rv_plan_forcing.ours = true;
		searches->traced = rv_label_prepare(target, target->search_sql, types);
		(void) rv_label_uses_index(searches->traced, target->index);	/* plans it */
	}
	else if (target->filtered)
		return "filtered, and searches do not go in batches here";
	return NULL;
}

/*
 * `setting` is what pgvector alone would use, 0 if unknown: a rung of the ladder,
 * and measured a second time where the scan would ask for more.
 */
static void
climb_ladder(const RvTarget *target, const Searches *searches, int setting, RvLabel *label)
{
	if (target->kind == RV_IVFFLAT)
		setting = Min(setting, label->values[label->rungs - 1]);	/* more probes than lists change nothing */
	for (int i = 0; i < label->rungs; i++)
	{
		measure(target, searches, value_of_rung(target, label, i, searches->k), label, &label->recall[i], &label->blocks[i]);
		if (label->values[i] == setting)
		{
			label->setting_recall = label->recall[i];
			label->setting_blocks = label->blocks[i];
		}
	}
	if (target->kind == RV_HNSW && setting > 0 && setting < searches->k)
		measure(target, searches, setting, label, &label->setting_recall, &label->setting_blocks);
}

/*
 * One search in batches through all of them, in our own scan.  What is known
 * after a batch is what a search would have that stops there.
 */
static const RvTrace *
trace(const RvTarget *target, const Searches *searches, int value)
{
	static RvTrace trace;		/* 34 kB */
	instr_time	started;
	int64		blocks;
	double		us;

	trace.value = value;
	trace.stages = 0;
	rv_plan_forcing = (RvPlanForcing) {target->relation, target->index, .ours = true};
	rv_scan_trace = &trace;
	blocks = rv_blocks_now();
	INSTR_TIME_SET_CURRENT(started);
	rv_sql_execute(searches->traced, SPI_OK_SELECT, 2, searches->values, NULL);
	us = rv_elapsed_us(&started);
	blocks = rv_blocks_now() - blocks;
	rv_scan_trace = NULL;
	SPI_freetuptable(SPI_tuptable);
	if (trace.stages > 0)
	{
		/* what handing the rows out costs comes to each */
		blocks -= trace.blocks[trace.stages - 1];
		us -= trace.us[trace.stages - 1];
	}
	for (int i = 0; i < trace.stages; i++)
	{
		trace.blocks[i] += blocks;
		trace.us[i] += us;
	}
	return &trace;
}

static float
recall_after(const RvTrace *trace, int stage, const Searches *searches, const RvLabel *label)
{
	rv_error	error = {0};
	rv_status	status;
	double		recall;
	bool		known;

	RV_SWIFT(status = rv_recall(label->exact, label->exact_count, trace->distances[stage], trace->found[stage], searches->k,
								&recall, &known, &error));
	if (status != RV_OK)
		rv_fail_swift(&error);
	return known ? recall : NAN;
}

static void
keep_batches(const RvTarget *target, const Searches *searches, const RvTrace *traced, bool timed, RvLabel *label)
{
	int			maximum = rv_pgvector_parameter(target->kind)->maximum;

	if (traced->stages == 0)
		return;					/* such searches do not go in batches here */
	RV_SWIFT(label->stages = rv_stage_totals(target->kind, searches->k, maximum, label->totals));
	for (int i = 0; i < label->stages; i++)
	{
		int			at = Min(i, traced->stages - 1);	/* the index had no more */
		const rv_stage_facts *facts = &traced->facts[at];

		label->stage[i][0] = recall_after(traced, at, searches, label);
		label->stage[i][1] = traced->blocks[at];
		label->stage[i][2] = facts->nearest;
		label->stage[i][3] = facts->kth;
		label->stage[i][4] = facts->last;
		label->stage[i][5] = timed ? traced->us[at] : NAN;
	}
}

/* Each value from one search that is enough for the largest; pgvector alone at the setting. */
static void
search_filtered(const RvTarget *target, const Searches *searches, int setting, RvLabel *label)
{
	const RvTrace *traced = trace(target, searches, label->values[label->rungs - 1]);

	if (traced->stages == 0)
		elog(ERROR, "search in batches for a label was not watched");
	for (int i = 0; i < label->rungs; i++)
	{
		int			value = label->values[i];
		int			at = 0;
		int32		next = 0;

		for (; at < traced->stages - 1; at++)
		{
			RV_SWIFT(next = rv_filtered_next(target->kind, searches->k, value, value, traced->taken[at], traced->reach[at]));
			if (next < 0)
				break;
		}
		label->recall[i] = recall_after(traced, at, searches, label);
		label->blocks[i] = traced->blocks[at];
	}
	if (setting > 0)
		measure(target, searches, setting, label, &label->setting_recall, &label->setting_blocks);
}

/*
 * Of half the labels one search at a value drawn from the ladder, of the other half
 * the one in batches, which is returned.  Before the exact one: that reads the whole
 * table and leaves the processor's caches to no workload's liking, while now they hold
 * what other searches of the index have left there.
 */
static const RvTrace *
time_search(const RvTarget *target, const Searches *searches, RvLabel *label)
{
	int			rung;

	if (searches->traced != NULL && rv_random_double() < 0.5)
		return trace(target, searches, 0);
	rung = (int) (rv_random_double() * label->rungs);
	search(target, searches, value_of_rung(target, label, rung, searches->k), &label->timed_blocks, &label->timed_us);
	SPI_freetuptable(SPI_tuptable);
	return NULL;
}

/* Every value, and all batches, unless `timed` are they. */
static void
search_index(const RvTarget *target, const Searches *searches, const RvTrace *timed, int setting, RvLabel *label)
{
	if (timed != NULL)
		keep_batches(target, searches, timed, true, label);
	climb_ladder(target, searches, setting, label);
	if (timed == NULL && searches->traced != NULL)
		keep_batches(target, searches, trace(target, searches, 0), false, label);
}

/* Ends the forcing of plans, the watching of searches and the time limit; also after an error. */
void
rv_label_reset(void)
{
	rv_plan_forcing = (RvPlanForcing) {InvalidOid, InvalidOid};
	rv_scan_trace = NULL;
	disable_timeout(STATEMENT_TIMEOUT, false);
}

/* From here to rv_label_end we search as the owner of the table does, connected to SPI. */
RvPrivileged
rv_label_begin(const RvTarget *target)
{
	RvPrivileged before;

	GetUserIdAndSecContext(&before.user, &before.security);
	SetUserIdAndSecContext(target->owner,
						   before.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	before.guc_level = NewGUCNestLevel();
	rv_label_set_option("search_path", "pg_catalog, pg_temp");
	pin_spelling();
	rv_label_set_option("max_parallel_workers_per_gather", "0");
	rv_label_set_option("jit", "off");
	rv_label_set_option("enable_seqscan", "off");
	rv_label_set_option("enable_sort", "off");
	rv_label_set_option("plan_cache_mode", "force_generic_plan");
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	return before;
}

void
rv_label_end(const RvPrivileged *before)
{
	SPI_finish();
	AtEOXact_GUC(false, before->guc_level); /* also what an index function may have set */
	SetUserIdAndSecContext(before->user, before->security);
}

/* The query vector as the index has it, of real[]. */
Datum
rv_label_vector(const RvTarget *target, Datum array)
{
	MemoryContext memory = CurrentMemoryContext;
	Oid			types[] = {FLOAT4ARRAYOID};
	Datum		values[] = {array};
	bool		isnull;
	MemoryContext old;
	Datum		vector;

	rv_sql(target->cast_sql, SPI_OK_SELECT, 1, types, values, NULL);
	old = MemoryContextSwitchTo(memory);
	vector = PointerGetDatum(PG_DETOAST_DATUM_COPY(rv_sql_value(0, 1, &isnull)));
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
	return vector;
}

/*
 * The caller has a transaction and an active snapshot, and calls rv_label_reset after
 * an error.  Returns NULL, or why the query cannot be labelled.
 */
const char *
rv_label_query(const RvLearnedClass *class, const RvQuery *query, RvLabel *label)
{
	RvTarget	target;
	RvPrivileged before;
	Datum		vector;
	int			k = query->k;
	bool		isnull;
	Searches	searches;
	const RvTrace *timed = NULL;
	instr_time	started;
	MemoryContext memory = CurrentMemoryContext;
	const char *problem = rv_label_describe(class->index, query->filter, &target);

	if (problem != NULL)
		return problem;
	if (k < 1 || k > RV_K_MAX(target.kind))
		return "limit too large to be measured";
	memset(label, 0, sizeof(*label));
	label->setting_recall = label->setting_blocks = label->timed_blocks = label->timed_us = NAN;
	label->filenode = target.filenode;
	target.own_row = query->own_row;
	label->exact = palloc(sizeof(double) * rows_asked(&target, k));

	before = rv_label_begin(&target);
	vector = rv_label_vector(&target, query->vector);
	if (target.own_row)
	{
		rv_sql(target.own_sql, SPI_OK_SELECT, 1, &target.type, &vector, NULL);
		target.own_distance = DatumGetFloat8(rv_sql_value(0, 1, &isnull));
	}

	if (target.filtered)
		enable_timeout_after(STATEMENT_TIMEOUT, FILTERED_LABEL_MS);
	problem = prepare_searches(&target, class, vector, k, &searches, label);
	if (problem == NULL && !target.filtered)
		timed = time_search(&target, &searches, label);
	if (problem == NULL)
	{
		INSTR_TIME_SET_CURRENT(started);
		rv_label_exact(&target, vector, k, memory, label);
		label->exact_us = rv_elapsed_us(&started);
		if (label->exact_count == 0)
			problem = "the query has no exact neighbour";
	}
	if (problem == NULL)
	{
		INSTR_TIME_SET_CURRENT(started);
		if (target.filtered)
			search_filtered(&target, &searches, class->setting, label);
		else
			search_index(&target, &searches, timed, class->setting, label);
		label->ladder_us = rv_elapsed_us(&started);
	}
	rv_label_reset();
	rv_label_end(&before);
	return problem;
}

/* At most `count` rows of the table at random, as real[] in the caller's memory.  Returns how many; 0 also if it cannot be searched. */
int
rv_label_own_rows(Oid index, int count, Datum *vectors, Oid *owner)
{
	MemoryContext memory = CurrentMemoryContext;
	RvTarget	target;
	RvPrivileged before;
	Oid			types[] = {FLOAT4OID, INT4OID};
	Datum		values[2];
	HeapTuple	tuple;
	float		rows;

	if (rv_label_describe(index, NULL, &target) != NULL)
		return 0;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(target.relation));
	if (!HeapTupleIsValid(tuple))
		return 0;
	rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	ReleaseSysCache(tuple);
	/* twice as many as needed, so that too few come up only by a very odd chance; all where their number is not known */
	values[0] = Float4GetDatum(rows > 0 ? Min(100.0f, 200.0f * (count + 10) / rows) : 100.0f);
	values[1] = Int32GetDatum(count);
	before = rv_label_begin(&target);
	count = (int) rv_sql_execute(rv_label_prepare(&target, target.rows_sql, types), SPI_OK_SELECT, 2, values, NULL);
	for (int i = 0; i < count; i++)
	{
		bool		isnull;
		Datum		vector = rv_sql_value(i, 1, &isnull);
		MemoryContext old = MemoryContextSwitchTo(memory);

		vectors[i] = PointerGetDatum(DatumGetArrayTypePCopy(vector));
		MemoryContextSwitchTo(old);
	}
	rv_label_end(&before);
	*owner = target.owner;
	return count;
}
