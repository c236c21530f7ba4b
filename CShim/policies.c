/*
 * policies.c - what many labels prove: judged, put in force and watched, as rows of
 * ruvector.policies and policy_history.
 *
 * Locks: those of ordinary statements on our own tables.
 */
#include "rv.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/float.h"

/* ---- as their table holds them ------------------------------------------------------- */

/* RV_RUNG_COLUMNS numbers for each, labels among them.  Returns how many. */
static int
column_rungs(uint64 row, int column, rv_rung *rungs, int capacity)
{
	const void *numbers;
	int			count = rv_column_array(row, column, &numbers) / RV_RUNG_COLUMNS;

	/* without numbers there is nothing to copy from */
	if (count == 0 || count > capacity)
		return 0;
	memcpy(rungs, numbers, sizeof(rv_rung) * count);
	for (int r = 0; r < count; r++)
		rungs[r].labels = (int32) ((const float *) numbers)[r * RV_RUNG_COLUMNS + 1];
	return count;
}

/* A rule whose image is damaged is none: it was certified with it. */
static void
column_stop_rule(uint64 row, int column, rv_stop_rule *rule, rv_regions *regions)
{
	bool		isnull;
	Datum		image = rv_sql_value(row, column + 5, &isnull);
	const void *weights,
			   *next_blocks,
			   *least_worth;
	int			stages = rv_column_array(row, column + 2, &next_blocks);

	memset(rule, 0, sizeof(*rule));
	*regions = (rv_regions) {0};
	if (!isnull)
	{
		bytea	   *bytes = DatumGetByteaP(image);

		regions->image = VARDATA(bytes);
		regions->bytes = regions->capacity = VARSIZE(bytes) - VARHDRSZ;
		RV_SWIFT(rule->regions = rv_image_checksum(regions->image, regions->bytes));
		if (rule->regions == 0)
		{
			*regions = (rv_regions) {0};
			return;
		}
	}
	if (stages > RV_STAGES_MAX || rv_column_array(row, column + 1, &weights) != stages * RV_STOP_WEIGHTS ||
		rv_column_array(row, column + 3, &least_worth) != stages)
		return;
	rule->stages = stages;
	rule->fitted = rv_column_int(row, column, 0);
	for (int s = 0; s < stages; s++)
	{
		memcpy(rule->stage[s].weight, (const float *) weights + s * RV_STOP_WEIGHTS, sizeof(rule->stage[s].weight));
		rule->stage[s].next_blocks = ((const float *) next_blocks)[s];
		rule->stage[s].least_worth = ((const float *) least_worth)[s];
	}
	rule->rungs = column_rungs(row, column + 4, rule->rung, RV_MULTIPLIERS_MAX);
}

/* The columns of RV_POLICY_COLUMNS, from `column` on; regions live until SPI_finish.  False: nothing was judged yet. */
bool
rv_policy_read(uint64 row, int column, rv_policy *policy, rv_regions *regions)
{
	policy->k_class = rv_column_int(row, column, 0);
	policy->rungs = column_rungs(row, column + 1, policy->rung, RV_LADDER_MAX);
	column_stop_rule(row, column + 2, &policy->stop, regions);
	policy->applied = rv_column_int(row, column + 8, 0);
	policy->applied_lambda = isnan(rv_column_float4(row, column + 9)) ? 0 : rv_column_float4(row, column + 9);
	return policy->rungs > 0;
}

/* ---- judge ------------------------------------------------------------------------------- */

/*
 * Of the same rows, the searches in batches.  With k the number of stages differs
 * a little within a class: what a search did not have is NaN.
 */
static void
read_stages(rv_labels *labels)
{
	float	   *matrix;
	bool	   *for_fitting = palloc(sizeof(bool) * labels->count);

	labels->stages = 0;
	for (int i = 0; i < labels->count && rv_batched_search; i++)
	{
		const void *row;
		int			stages = rv_column_array(i, 5, &row) / RV_STAGE_COLUMNS;

		labels->stages = Max(labels->stages, Min(stages, RV_STAGES_MAX));
	}
	matrix = palloc(sizeof(float) * Max(labels->count * labels->stages * RV_STAGE_COLUMNS, 1));
	for (int i = 0; i < labels->count; i++)
	{
		int			columns = labels->stages * RV_STAGE_COLUMNS;
		const void *row;
		bool		isnull;
		int			measured = rv_column_array(i, 5, &row);

		for (int c = 0; c < columns; c++)
			matrix[i * columns + c] = c < measured ? ((const float *) row)[c] : get_float4_nan();
		for_fitting[i] = DatumGetBool(rv_sql_value(i, 6, &isnull));
	}
	labels->stage = matrix;
	labels->for_fitting = for_fitting;
}

/* Of so many rows, the queries: where they lie.  NULL where one is forgotten (ruvector.anonymize), or of other dimensions. */
static const float *
read_embeddings(int count, int column, int32 *dims)
{
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext one = AllocSetContextCreate(memory, "ruvector embedding", ALLOCSET_DEFAULT_SIZES);
	const void *numbers;
	float	   *embedding;
	int			taken = 0;

	*dims = rv_column_array(count - 1, column, &numbers);
	embedding = palloc_extended(sizeof(float) * Max((Size) count * *dims, 1), MCXT_ALLOC_HUGE);
	MemoryContextSwitchTo(one); /* one at a time is there twice */
	while (*dims > 0 && taken < count && rv_column_array(taken, column, &numbers) == *dims)
	{
		memcpy(embedding + (Size) taken++ * *dims, numbers, sizeof(float) * *dims);
		MemoryContextReset(one);
	}
	MemoryContextSwitchTo(memory);
	MemoryContextDelete(one);
	return taken == count ? embedding : NULL;
}

/*
 * Reads the labels that count, from this number on and oldest first, as one matrix
 * over the values that most of them measured, as many as a ladder has.  Returns the
 * number of labels.
 */
static int
read_labels(const RvLearnedClass *class, Oid type, int64 from, rv_labels *labels)
{
	/* only where a scan can read them as well */
	bool		embedded = rv_batched_search && rv_pgvector_is_floats(type);
	Oid			types[] = {OIDOID, INT4OID, INT4OID, BOOLOID, INT8OID};
	Datum		sql_values[] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class), Int32GetDatum(class->setting),
	BoolGetDatum(embedded), Int64GetDatum(from)};
	const void *values;
	int			rungs;
	int			count;
	float	   *recall,
			   *blocks,
			   *setting_blocks,
			   *timed_blocks,
			   *timed_us;

	memset(labels, 0, sizeof(*labels));
	rv_sql("SELECT array_agg(v.value ORDER BY v.value) FROM (SELECT u.value FROM ruvector.evidence b, unnest(b.parameters) u(value)"
		   " WHERE b.indexid = $1 AND b.k_class = $2 AND b.label_number >= $5"
		   " GROUP BY u.value ORDER BY count(*) DESC, u.value LIMIT " CppAsString2(RV_LADDER_MAX) ") v",
		   SPI_OK_SELECT, lengthof(types), types, sql_values, NULL);
	rungs = rv_column_array(0, 1, &values);
	count = (int) rv_sql("SELECT b.parameters, b.recall, b.blocks,"
						 " CASE WHEN b.setting = $3 THEN b.setting_blocks END, b.stages,"
						 /* random, and drawn before anything was measured */
						 " get_byte(uuid_send(b.query_id), 15) % 8 = 0, b.timed_blocks, b.timed_us,"
						 " CASE WHEN $4 THEN t.query_vector END"
						 " FROM ruvector.evidence b JOIN ruvector.trajectories t USING (query_id)"
						 " WHERE b.indexid = $1 AND b.k_class = $2 AND b.label_number >= $5"
						 " ORDER BY b.label_number",
						 SPI_OK_SELECT, lengthof(types), types, sql_values, NULL);
	if (count == 0)
		return 0;
	recall = palloc(sizeof(float) * count * Max(rungs, 1));
	blocks = palloc(sizeof(float) * count * Max(rungs, 1));
	setting_blocks = palloc(sizeof(float) * count);
	timed_blocks = palloc(sizeof(float) * count);
	timed_us = palloc(sizeof(float) * count);
	for (int i = 0; i < count; i++)
	{
		const void *row_values,
				   *row_recall,
				   *row_blocks;
		int			row_rungs = rv_column_array(i, 1, &row_values);
		bool		whole = rv_column_array(i, 2, &row_recall) == row_rungs &&
			rv_column_array(i, 3, &row_blocks) == row_rungs;
		int			at = 0;

		setting_blocks[i] = rv_column_float4(i, 4);
		timed_blocks[i] = rv_column_float4(i, 7);
		timed_us[i] = rv_column_float4(i, 8);
		for (int r = 0; r < rungs; r++)
		{
			int			value = ((const int32 *) values)[r];

			recall[i * rungs + r] = blocks[i * rungs + r] = get_float4_nan();
			while (whole && at < row_rungs && ((const int32 *) row_values)[at] < value)
				at++;
			if (whole && at < row_rungs && ((const int32 *) row_values)[at] == value)
			{
				recall[i * rungs + r] = ((const float *) row_recall)[at];
				blocks[i * rungs + r] = ((const float *) row_blocks)[at];
			}
		}
	}
	labels->count = count;
	labels->rungs = rungs;
	labels->values = values;
	labels->recall = recall;
	labels->blocks = blocks;
	labels->setting_blocks = setting_blocks;
	labels->timed_blocks = timed_blocks;
	labels->timed_us = timed_us;
	read_stages(labels);
	if (labels->stages > 0 && embedded)
		labels->embedding = read_embeddings(count, 9, &labels->dims);
	return count;
}

/* The columns that both statements of store_verdict use. */
typedef struct Verdict
{
	int			count;
	Oid			types[40];
	Datum		values[40];
	bool		nulls[40];
} Verdict;

static void
add(Verdict *row, Oid type, Datum value, bool isnull)
{
	Assert(row->count < (int) lengthof(row->types));
	row->types[row->count] = type;
	row->values[row->count] = value;
	row->nulls[row->count++] = isnull;
}

static void
add_float(Verdict *row, double value)
{
	add(row, FLOAT8OID, Float8GetDatum(value), isnan(value));
}

/* As column_rungs reads them. */
static void
add_rungs(Verdict *row, const rv_rung *rungs, int count)
{
	float	   *numbers = palloc(sizeof(rv_rung) * Max(count, 1));

	memcpy(numbers, rungs, sizeof(rv_rung) * count);
	for (int r = 0; r < count; r++)
		numbers[r * RV_RUNG_COLUMNS + 1] = rungs[r].labels;
	add(row, FLOAT4ARRAYOID, rv_make_array(numbers, count * RV_RUNG_COLUMNS, FLOAT4OID), count == 0);
}

static void
add_stop_rule(Verdict *row, const rv_stop_rule *rule, const rv_regions *regions)
{
	bytea	   *image = palloc(VARHDRSZ + regions->bytes);
	float		weights[RV_STAGES_MAX * RV_STOP_WEIGHTS];
	float		next_blocks[RV_STAGES_MAX];
	float		least_worth[RV_STAGES_MAX];
	bool		none = rule->stages == 0;

	for (int s = 0; s < rule->stages; s++)
	{
		memcpy(weights + s * RV_STOP_WEIGHTS, rule->stage[s].weight, sizeof(rule->stage[s].weight));
		next_blocks[s] = rule->stage[s].next_blocks;
		least_worth[s] = rule->stage[s].least_worth;
	}
	add(row, INT4OID, Int32GetDatum(rule->fitted), none);
	add(row, FLOAT4ARRAYOID, rv_make_array(weights, rule->stages * RV_STOP_WEIGHTS, FLOAT4OID), none);
	add(row, FLOAT4ARRAYOID, rv_make_array(next_blocks, rule->stages, FLOAT4OID), none);
	add(row, FLOAT4ARRAYOID, rv_make_array(least_worth, rule->stages, FLOAT4OID), none);
	add_rungs(row, rule->rung, rule->rungs);
	SET_VARSIZE(image, VARHDRSZ + regions->bytes);
	memcpy(VARDATA(image), regions->image, regions->bytes);
	add(row, BYTEAOID, PointerGetDatum(image), rule->regions == 0);
}

/* What the verdict puts in force: a rung of the ladder, one of the stop rule, or NULL. */
static const rv_rung *
chosen_rung(const rv_verdict *verdict)
{
	return verdict->chosen >= 0 ? &verdict->rung[verdict->chosen]
		: verdict->chosen_stop >= 0 ? &verdict->stop.rung[verdict->chosen_stop] : NULL;
}

/* Writes the verdict, and the history if it changes anything. */
static void
store_verdict(const RvLearnedClass *class, const rv_goal *goal, const rv_verdict *verdict, const rv_regions *regions,
			  int labels, int mode)
{
	const rv_rung *chosen = chosen_rung(verdict);
	int			value = chosen != NULL && verdict->chosen >= 0 ? (int) chosen->value : 0;
	float		lambda = chosen != NULL && verdict->chosen < 0 ? chosen->value : 0;
	/* a rule whose multiplier moves, as it does with more labels, is still the same and still watched */
	bool		changed = value != goal->applied || (lambda > 0) != (goal->applied_lambda > 0) ||
		(lambda > 0 && verdict->fitted_anew);
	Verdict		row = {0};

	add(&row, OIDOID, ObjectIdGetDatum(class->index), false);	/* 1 */
	add(&row, INT4OID, Int32GetDatum(class->k_class), false);
	add(&row, TEXTOID, CStringGetTextDatum(rv_verdict_name(verdict->state)), false);
	add(&row, FLOAT8OID, Float8GetDatum(goal->target), false);
	add(&row, INT4OID, Int32GetDatum(value), value == 0);	/* 5 */
	add(&row, FLOAT4OID, Float4GetDatum(lambda), lambda == 0);
	add(&row, INT4OID, Int32GetDatum(labels), false);
	add(&row, BOOLOID, BoolGetDatum(changed), false);
	if (changed)
	{
		Verdict		event = row;

		add(&event, INT4OID, Int32GetDatum(goal->applied), goal->applied == 0);
		add_float(&event, chosen ? chosen->recall : get_float8_nan());	/* 10 */
		add_float(&event, chosen ? chosen->bound : get_float8_nan());
		add(&event, BOOLOID, BoolGetDatum(mode == RV_MODE_APPLY), false);
		rv_sql("INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, value_after,"
			   " target, recall, bound, labels, reason)"
			   " SELECT relid, indexid, k_class,"
			   " CASE WHEN coalesce($5, $6) IS NULL THEN 'withdrawn' WHEN $12 AND $8 THEN 'put in force' ELSE 'certified' END,"
			   " $9, $5, $4, $10, $11, $7,"
			   " CASE WHEN $5 IS NOT NULL THEN format('smallest value with recall >= %s certified', $4)"
			   " WHEN $6 IS NOT NULL THEN format('stop rule with recall >= %s certified, cheaper than any certified value', $4)"
			   " ELSE format('nothing is certified for recall %s any more, or only what is needlessly dear', $4) END"
			   " FROM ruvector.policies WHERE indexid = $1 AND k_class = $2 AND $3 IS NOT NULL",
			   SPI_OK_INSERT, event.count, event.types, event.values, event.nulls);
	}
	add(&row, INT4OID, Int32GetDatum(goal->setting), goal->setting == 0);
	add_float(&row, verdict->cost_ratio);	/* 10 */
	add_float(&row, verdict->cost_ratio_low);
	add_float(&row, verdict->cost_ratio_high);
	add_float(&row, verdict->setting_p50);
	add_float(&row, verdict->setting_p95);
	add_float(&row, verdict->setting_p99);	/* 15 */
	add_rungs(&row, verdict->rung, verdict->rungs);
	add_stop_rule(&row, &verdict->stop, regions);	/* 17 */
	add_float(&row, goal->target_tail); /* 23 */
	add(&row, BOOLOID, BoolGetDatum(verdict->fitted_anew), false);
	add_float(&row, verdict->regions_ratio);
	add_float(&row, verdict->regions_p);	/* 26 */
	rv_sql("UPDATE ruvector.policies SET state = $3, target = $4, value = $5, lambda = $6, setting = $9,"
		   " applied_from = CASE WHEN coalesce($5, $6) IS NULL THEN NULL WHEN NOT $8 THEN applied_from"
		   "  ELSE (SELECT coalesce(max(label_number), 0) + 1 FROM ruvector.labels) END,"
		   " watch = CASE WHEN NOT $8 THEN watch END, watched_to = CASE WHEN NOT $8 THEN watched_to END,"
		   " watch_recall = CASE WHEN NOT $8 THEN watch_recall END, watch_labels = CASE WHEN NOT $8 THEN watch_labels END,"
		   " judged_labels = $7, judged_at = clock_timestamp(),"
		   " cost_ratio = $10, cost_ratio_low = $11, cost_ratio_high = $12,"
		   " setting_p50 = $13, setting_p95 = $14, setting_p99 = $15, rungs = $16,"
		   " (" RV_STOP_COLUMNS ") = ROW($17, $18, $19, $20, $21, $22), target_tail = nullif($23, 0),"
		   " regions_ratio = CASE WHEN $24 THEN $25 ELSE regions_ratio END, regions_p = CASE WHEN $24 THEN $26 ELSE regions_p END"
		   " WHERE indexid = $1 AND k_class = $2",
		   SPI_OK_UPDATE, row.count, row.types, row.values, row.nulls);
}

/*
 * What is in force, into `goal`; its rule into `policy`.  False: there is no such
 * policy, or somebody holds it, as an open transaction does that has tuned.
 */
static bool
read_goal(const RvLearnedClass *class, const RvLearnedIndex *index, rv_goal *goal, rv_policy *policy, rv_regions *regions,
		  bool *renewing)
{
	Oid			types[] = {OIDOID, INT4OID};
	Datum		values[] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class)};
	bool		isnull;

	if (rv_sql("SELECT state = 'renewing', " RV_POLICY_COLUMNS
			   " FROM ruvector.policies WHERE indexid = $1 AND k_class = $2 FOR NO KEY UPDATE SKIP LOCKED",
			   SPI_OK_SELECT, 2, types, values, NULL) != 1)
		return false;
	*renewing = DatumGetBool(rv_sql_value(0, 1, &isnull));
	(void) rv_policy_read(0, 2, policy, regions);
	*goal = (rv_goal) {
		.applied = policy->applied,
		.applied_lambda = policy->applied_lambda,
		.min_samples = index->entry.min_samples,
		.target = isnan(index->entry.target) ? rv_target_recall : index->entry.target,
		.target_tail = rv_settings_configured_tail(),
		.setting = class->setting,
		.rule = policy->stop.stages > 0 ? &policy->stop : NULL,
	};
	return true;
}

/*
 * What was certified for other queries than are asked now stays in force, and
 * watched, until these certify something, or show that nothing can be.
 */
static void
go_on_renewing(const RvLearnedClass *class, int labels)
{
	Oid			types[] = {OIDOID, INT4OID, INT4OID};
	Datum		values[] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class), Int32GetDatum(labels)};

	rv_sql("UPDATE ruvector.policies SET judged_labels = $3, judged_at = clock_timestamp() WHERE indexid = $1 AND k_class = $2",
		   SPI_OK_UPDATE, lengthof(types), types, values, NULL);
}

/* With the rights of the extension.  False: there was nothing to judge. */
static bool
judge(const RvLearnedClass *class, const RvLearnedIndex *index)
{
	rv_policy  *policy = palloc0(sizeof(rv_policy));
	rv_regions	before;
	rv_regions	regions = {0};
	rv_labels	labels;
	rv_goal		goal;
	int			count;
	RvCall		call;
	const rv_host *host;
	rv_verdict *verdict = palloc0(sizeof(rv_verdict));
	rv_error	error = {0};
	rv_status	status;
	bool		renewing;

	if (!read_goal(class, index, &goal, policy, &before, &renewing))
		return false;
	count = read_labels(class, index->type, 0, &labels);
	if (count == 0)
		return false;
	host = rv_guard_begin(&call);
	RV_SWIFT(regions.capacity = rv_regions_capacity(labels.dims));
	regions.capacity = Max(regions.capacity, before.bytes);
	regions.image = palloc(Max(regions.capacity, 1));
	if (before.bytes > 0)
		memcpy(regions.image, before.image, before.bytes);
	regions.bytes = before.bytes;
	RV_SWIFT(status = rv_verdict_judge(host, &labels, &goal, &regions, verdict, &error));
	rv_guard_end(&call, status, &error);
	if (renewing && chosen_rung(verdict) == NULL && verdict->state != RV_VERDICT_UNREACHABLE)
		go_on_renewing(class, count);
	else
		store_verdict(class, &goal, verdict, &regions, count, index->entry.mode);
	return true;
}

/*
 * Labels of queries from before their mix changed prove nothing about those of
 * now.  True: there were such, and they do not count any more.  Nor do those by
 * which that was noticed: where among them the new mix begins is a guess, and a bound
 * holds from a start that does not depend on what came after it.
 */
static bool
drop_other_queries(const RvLearnedClass *class)
{
	Oid			types[] = {OIDOID, INT4OID, INT8OID, INT4OID, INT4OID, FLOAT8OID, INT8OID};
	Datum		values[lengthof(types)] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class)};
	rv_queries	queries = {0};
	float	   *k,
			   *passing;
	int			count;
	RvCall		call;
	const rv_host *host;
	rv_mix_change change;
	rv_error	error = {0};
	rv_status	status;
	bool		isnull;

	if (rv_sql("SELECT FROM ruvector.policies WHERE indexid = $1 AND k_class = $2 FOR NO KEY UPDATE SKIP LOCKED",
			   SPI_OK_SELECT, 2, types, values, NULL) == 0)
		return false;
	count = (int) rv_sql("SELECT t.query_vector, t.k, t.rows_returned / nullif(t.rows_returned + t.rows_removed, 0)::real, b.label_number"
						 " FROM ruvector.evidence b JOIN ruvector.trajectories t USING (query_id)"
						 " WHERE b.indexid = $1 AND b.k_class = $2 AND NOT b.own_row ORDER BY b.label_number",
						 SPI_OK_SELECT, 2, types, values, NULL);
	if (count == 0)
		return false;
	k = palloc(sizeof(float) * count);
	passing = palloc(sizeof(float) * count);
	for (int i = 0; i < count; i++)
	{
		k[i] = rv_column_int(i, 2, 0);
		passing[i] = rv_column_float4(i, 3);
	}
	queries.embedding = read_embeddings(count, 1, &queries.dims);
	queries.count = count;
	queries.k = k;
	queries.passing = passing;
	host = rv_guard_begin(&call);
	RV_SWIFT(status = rv_query_mix(host, &queries, &change, &error));
	rv_guard_end(&call, status, &error);
	if (change.since < 0)
		return false;
	values[2] = rv_sql_value(change.since, 4, &isnull);
	values[3] = Int32GetDatum(count - change.noticed - 1);
	values[4] = Int32GetDatum(change.noticed - change.since + 1);
	values[5] = Float8GetDatum(change.distance);
	values[6] = rv_sql_value(change.noticed, 4, &isnull);
	rv_sql("INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, value_after, target, labels, reason)"
		   " SELECT relid, indexid, k_class, 'queries changed', value, value, target, $4,"
		   "  format('at least about %s %% of the queries are of another kind since the one labelled on %s, noticed after %s of them; labels up to then do not count any more',"
		   "   round(100 * $6::numeric), (SELECT labelled_at::timestamptz(0) FROM ruvector.labels WHERE label_number = $3), $5)"
		   " FROM ruvector.policies WHERE indexid = $1 AND k_class = $2",
		   SPI_OK_INSERT, 6, types, values, NULL);
	rv_sql("UPDATE ruvector.policies SET evidence_from = $7 + 1, judged_labels = $4,"
		   " state = CASE WHEN coalesce(value, lambda) IS NOT NULL THEN 'renewing' ELSE state END"
		   " WHERE indexid = $1 AND k_class = $2",
		   SPI_OK_UPDATE, lengthof(types), types, values, NULL);
	return true;
}

bool
rv_policy_judge(const RvLearnedClass *class, const RvLearnedIndex *index)
{
	RvPrivileged privileged;
	bool		judged;

	if (!rv_learn_begin("ruvector: judging"))
		return false;
	rv_privileged_begin(&privileged);
	judged = drop_other_queries(class) || judge(class, index);
	rv_privileged_end(&privileged);
	rv_learn_end();
	return judged;
}

/* ---- watch ------------------------------------------------------------------------------------- */

/* RV_WATCH_COLUMNS numbers; nothing has been watched where there are none. */
static void
column_watch(uint64 row, int column, rv_watch *watch)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);

	memset(watch, 0, sizeof(*watch));
	if (!isnull && ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(datum)), ARR_DIMS(DatumGetArrayTypeP(datum))) == RV_WATCH_COLUMNS)
		memcpy(watch, ARR_DATA_PTR(DatumGetArrayTypeP(datum)), sizeof(*watch));
}

/* What the last verdict knew of what is in force; NULL: nothing. */
static const rv_rung *
applied_rung(const rv_goal *goal, const rv_policy *policy)
{
	const rv_rung *rungs = goal->applied > 0 ? policy->rung : policy->stop.rung;
	int			count = goal->applied > 0 ? policy->rungs : policy->stop.rungs;
	float		value = goal->applied > 0 ? (float) goal->applied : (float) goal->applied_lambda;

	for (int r = 0; r < count; r++)
		if (rungs[r].value == value)
			return &rungs[r];
	return NULL;
}

/* What missed is taken back, with its evidence; pgvector's own setting is used until there is new evidence. */
static void
step_back(const RvLearnedClass *class, const rv_goal *goal, const rv_policy *policy, const rv_watch *watch)
{
	const rv_rung *known = applied_rung(goal, policy);
	Oid			types[] = {OIDOID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, INT4OID, FLOAT8OID, FLOAT8OID};
	Datum		values[] = {
		ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class), Int32GetDatum(goal->applied),
		Float8GetDatum(goal->target), Float8GetDatum(watch->recent_recall), Int32GetDatum((int32) watch->recent_labels),
		Float8GetDatum(known ? known->recall : 0), Float8GetDatum(known ? known->bound : 0),
	};
	bool		nulls[lengthof(types)] = {[2] = goal->applied == 0, [6] = known == NULL || isnan(known->recall),
		[7] = known == NULL || isnan(known->bound)};

	rv_sql("INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, target, recall, bound, labels, reason)"
		   " SELECT relid, indexid, k_class, 'stepped back', $3, $4, $5, $8, $6,"
		   "  format('recall has fallen from %s (at least %s certified) to %s on the last %s labels, below %s',"
		   "   coalesce(round($7::numeric, 4)::text, 'unknown'), coalesce(round($8::numeric, 4)::text, 'nothing'), round($5::numeric, 4), $6, $4)"
		   "  || CASE WHEN target_tail > 0 THEN format(', or too many searches below 0.9 for %s', target_tail) ELSE '' END"
		   " FROM ruvector.policies WHERE indexid = $1 AND k_class = $2",
		   SPI_OK_INSERT, lengthof(types), types, values, nulls);
	rv_sql("UPDATE ruvector.policies SET state = 'stepped back', value = NULL, lambda = NULL, applied_from = NULL, judged_labels = NULL,"
		   " evidence_from = (SELECT coalesce(max(label_number), 0) + 1 FROM ruvector.labels), own_rows = false,"
		   " (" RV_STOP_COLUMNS ") = ROW(NULL, NULL, NULL, NULL, NULL, NULL)"
		   " WHERE indexid = $1 AND k_class = $2",
		   SPI_OK_UPDATE, 2, types, values, NULL);
}

/*
 * Looks at the labels that are new since it last looked.  True: what was in force
 * has been taken back.
 */
bool
rv_policy_watch(const RvLearnedClass *class, const RvLearnedIndex *index)
{
	Oid			types[] = {OIDOID, INT4OID, FLOAT8ARRAYOID, FLOAT8OID, INT4OID};
	Datum		values[lengthof(types)] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class)};
	RvPrivileged privileged;
	rv_policy  *policy;
	rv_regions	regions;
	rv_goal		goal;
	rv_labels	labels;
	rv_watch	watch;
	bool		renewing;
	bool		alarm = false;

	if (!rv_learn_begin("ruvector: watching"))
		return false;
	rv_privileged_begin(&privileged);
	policy = palloc0(sizeof(rv_policy));
	if (rv_sql("SELECT watch, greatest(applied_from, watched_to + 1) FROM ruvector.policies"
			   " WHERE indexid = $1 AND k_class = $2 AND coalesce(value, lambda) IS NOT NULL",
			   SPI_OK_SELECT, 2, types, values, NULL) == 1)
	{
		bool		isnull;
		int64		from = DatumGetInt64(rv_sql_value(0, 2, &isnull));

		column_watch(0, 1, &watch);
		if (read_goal(class, index, &goal, policy, &regions, &renewing) && read_labels(class, index->type, from, &labels) > 0)
		{
			rv_error	error = {0};
			rv_status	status;

			RV_SWIFT(status = rv_watch_observe(&watch, &labels, &goal, &regions, &alarm, &error));
			if (status != RV_OK)
				rv_fail_swift(&error);
			values[2] = rv_make_array(&watch, RV_WATCH_COLUMNS, FLOAT8OID);
			values[3] = Float8GetDatum(watch.recall);
			values[4] = Int32GetDatum((int32) watch.labels);
			rv_sql("UPDATE ruvector.policies SET watch = $3, watch_recall = CASE WHEN $5 > 0 THEN $4 END, watch_labels = $5,"
				   " watched_to = (SELECT max(label_number) FROM ruvector.labels WHERE indexid = $1 AND k_class = $2)"
				   " WHERE indexid = $1 AND k_class = $2",
				   SPI_OK_UPDATE, lengthof(types), types, values, NULL);
			if (alarm)
				step_back(class, &goal, policy, &watch);
		}
	}
	rv_privileged_end(&privileged);
	rv_learn_end();
	return alarm;
}

/* ---- in the foreground, for ruvector.auto_tune ---------------------------------------------- */

/* The verdict of one class, for a target; as the worker would, but in the caller's transaction. */
PG_FUNCTION_INFO_V1(ruvector_judge);
Datum
ruvector_judge(PG_FUNCTION_ARGS)
{
	Oid			types[] = {OIDOID, INT4OID};
	Datum		values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	RvLearnedClass class = {.index = PG_GETARG_OID(0), .k_class = PG_GETARG_INT32(1)};
	RvLearnedIndex index = {0};
	RvPrivileged privileged;

	rv_privileged_begin(&privileged);
	if (rv_sql("SELECT c.setting, c.min_samples, x.type_id, x.mode = 'apply'"
			   " FROM ruvector.learning_classes c JOIN ruvector.learned_indexes x USING (indexid)"
			   " WHERE indexid = $1 AND k_class = $2",
			   SPI_OK_SELECT, 2, types, values, NULL) == 1)
	{
		bool		isnull;

		class.setting = rv_column_int(0, 1, 0);
		index.entry.min_samples = rv_column_int(0, 2, 1);
		index.entry.target = PG_GETARG_FLOAT8(2);
		index.type = rv_column_oid(0, 3);
		index.entry.mode = DatumGetBool(rv_sql_value(0, 4, &isnull)) ? RV_MODE_APPLY : RV_MODE_OBSERVE;
		/* what has been watched was about another target */
		rv_sql("UPDATE ruvector.policies SET value = NULL, lambda = NULL, applied_from = NULL, watch = NULL, watched_to = NULL,"
			   " watch_recall = NULL, watch_labels = NULL, state = 'undecided' WHERE indexid = $1 AND k_class = $2 AND target IS DISTINCT FROM $3",
			   SPI_OK_UPDATE, 3, (Oid[]) {OIDOID, INT4OID, FLOAT8OID},
			   (Datum[]) {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)}, NULL);
		judge(&class, &index);
	}
	rv_privileged_end(&privileged);
	PG_RETURN_VOID();
}

/* The highest round recall within a budget of buffers or microseconds, by the verdict there is; NULL for none. */
PG_FUNCTION_INFO_V1(ruvector_target_within);
Datum
ruvector_target_within(PG_FUNCTION_ARGS)
{
	Oid			types[] = {OIDOID, INT4OID};
	Datum		values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	rv_budget	budget = {
		PG_ARGISNULL(2) ? get_float8_infinity() : PG_GETARG_FLOAT8(2),
		PG_ARGISNULL(3) ? get_float8_infinity() : PG_GETARG_FLOAT8(3),
	};
	rv_goal		goal = {.target_tail = rv_settings_configured_tail()};
	rv_policy  *policy = palloc0(sizeof(rv_policy));
	rv_regions	regions;
	RvPrivileged privileged;
	double		target = 0;
	bool		known = false;

	rv_privileged_begin(&privileged);
	if (rv_sql("SELECT c.setting, c.min_samples, " RV_POLICY_COLUMNS
			   " FROM ruvector.policies p JOIN ruvector.learning_classes c USING (indexid, k_class)"
			   " WHERE indexid = $1 AND k_class = $2",
			   SPI_OK_SELECT, 2, types, values, NULL) == 1)
	{
		goal.setting = rv_column_int(0, 1, 0);
		goal.min_samples = rv_column_int(0, 2, 1);
		if (rv_policy_read(0, 3, policy, &regions))
			RV_SWIFT(rv_target_within(policy, &goal, &budget, &target, &known));
	}
	rv_privileged_end(&privileged);
	if (!known)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(target);
}
