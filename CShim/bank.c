/*
 * bank.c - patterns: between their table and Swift.
 *
 * A bank is read whole, Swift works on it in place, what changed is written back.
 * The functions here are called by those in schema ruvector only, which have
 * checked what the caller may do and have the rights of the extension.
 *
 * Locks: the row of the bank, while its patterns change, and always before them.
 * Who records an outcome of the bank waits as long: what is distilled is a number up
 * to which outcomes are in the patterns, and none may come in below it.
 */
#include "rv.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/timestamp.h"

#define LEFT_OVER_MAX 1000		/* trajectories that wait for others like them */

typedef struct Bank
{
	rv_bank		core;
	int32		id;
	int64		distilled_to;
	Datum		left_over;		/* bigint[]: trajectories up to there that are in no pattern */
	uint64		image;			/* checksum of the image that says the same; 0 = there is none */
} Bank;

static int
evidence_width(const rv_bank *bank)
{
	return RV_EVIDENCE_COLUMNS + bank->parameters;
}

static double *
evidence_of(const rv_bank *bank, int pattern)
{
	return bank->evidence + (size_t) pattern * RV_EVIDENCE_MAX * evidence_width(bank);
}

/* ---- reading ----------------------------------------------------------------------- */

static void
read_parameters(rv_bank *bank, const double *space)
{
	rv_parameter *parameter = palloc(sizeof(rv_parameter) * bank->parameters);

	for (int i = 0; i < bank->parameters; i++)
		parameter[i] = (rv_parameter) {(int32) space[i * 4], (int32) space[i * 4 + 1], space[i * 4 + 2], space[i * 4 + 3]};
	bank->parameter = parameter;
}

/* One row: id, parent, usage, created, updated, confidence, support, level, centroid, parameters, evidence. */
static void
read_pattern(rv_bank *bank, uint64 row)
{
	bool		isnull;
	const void *numbers;
	int			at = bank->patterns++;
	rv_pattern *pattern = &bank->pattern[at];
	int			count;

	*pattern = (rv_pattern) {
		.id = DatumGetInt64(rv_sql_value(row, 1, &isnull)),
		.parent = DatumGetInt64(rv_sql_value(row, 2, &isnull)),
		.usage = DatumGetInt64(rv_sql_value(row, 3, &isnull)),
		.created = DatumGetTimestampTz(rv_sql_value(row, 4, &isnull)),
		.updated = DatumGetTimestampTz(rv_sql_value(row, 5, &isnull)),
		.confidence = DatumGetFloat8(rv_sql_value(row, 6, &isnull)),
		.support = rv_column_int(row, 7, 0),
		.level = rv_column_int(row, 8, 0),
	};
	if (rv_column_array(row, 9, &numbers) != bank->dims)
		elog(ERROR, "pattern " INT64_FORMAT " has another dimension than its bank", pattern->id);
	memcpy(bank->centroid + (size_t) at * bank->dims, numbers, sizeof(float) * bank->dims);
	if (rv_column_array(row, 10, &numbers) != bank->parameters)
		elog(ERROR, "pattern " INT64_FORMAT " has other parameters than its bank", pattern->id);
	memcpy(bank->value + (size_t) at * bank->parameters, numbers, sizeof(double) * bank->parameters);
	count = rv_column_array(row, 11, &numbers);
	pattern->configurations = Min(count / evidence_width(bank), RV_EVIDENCE_MAX);
	if (count > 0)
		memcpy(evidence_of(bank, at), numbers, sizeof(double) * pattern->configurations * evidence_width(bank));
}

static void *
allocate(size_t count, size_t size)
{
	return palloc_extended(Max(count, 1) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

#define BANK_COLUMNS "b.dims, ruvector.space_of(b), b.next_pattern, b.distilled_to, ruvector.goal_of(b), b.left_over, b.image_checksum"

/* Without its patterns.  The bank's row is locked if it is to be changed. */
static Bank *
load_bare(int32 id, bool changing)
{
	Bank	   *bank = palloc0(sizeof(Bank));
	rv_bank    *core = &bank->core;
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(id)};
	const void *space;
	bool		isnull;
	Datum		target;
	Datum		image;

	if (rv_sql(changing ? "SELECT " BANK_COLUMNS " FROM ruvector.banks b WHERE bank_id = $1 FOR UPDATE"
			   : "SELECT " BANK_COLUMNS " FROM ruvector.banks b WHERE bank_id = $1", SPI_OK_SELECT, 1, types, values, NULL) == 0)
		return NULL;
	bank->id = id;
	core->dims = rv_column_int(0, 1, 0);
	core->parameters = rv_column_array(0, 2, &space) / 4;
	read_parameters(core, space);
	core->next_id = DatumGetInt64(rv_sql_value(0, 3, &isnull));
	bank->distilled_to = DatumGetInt64(rv_sql_value(0, 4, &isnull));
	target = rv_sql_value(0, 5, &isnull);
	core->target = isnull ? get_float8_nan() : DatumGetFloat8(target);
	bank->left_over = SPI_datumTransfer(rv_sql_value(0, 6, &isnull), false, -1);
	image = rv_sql_value(0, 7, &isnull);
	bank->image = isnull ? 0 : (uint64) DatumGetInt64(image);
	return bank;
}

/* With them, and room for what so many trajectories may add. */
static Bank *
load(int32 id, bool changing, int trajectories)
{
	Bank	   *bank = load_bare(id, changing);
	rv_bank    *core = &bank->core;
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(id)};
	uint64		rows;

	if (bank == NULL)
		return NULL;

	rows = rv_sql("SELECT pattern_id, coalesce(parent, 0), usage, created_at, updated_at, confidence, support, level,"
				  " centroid, parameters, evidence FROM ruvector.patterns WHERE bank_id = $1 ORDER BY pattern_id",
				  SPI_OK_SELECT, 1, types, values, NULL);
	RV_SWIFT(core->capacity = rv_bank_capacity((int32) rows, trajectories));
	core->pattern = allocate(core->capacity, sizeof(rv_pattern));
	core->centroid = allocate(core->capacity, sizeof(float) * core->dims);
	core->value = allocate(core->capacity, sizeof(double) * core->parameters);
	core->evidence = allocate(core->capacity, sizeof(double) * RV_EVIDENCE_MAX * evidence_width(core));
	for (uint64 row = 0; row < rows; row++)
		read_pattern(core, row);
	SPI_freetuptable(SPI_tuptable);
	return bank;
}

/* ---- writing ------------------------------------------------------------------------- */

static Datum
float_array(const void *elements, int count, Oid type)
{
	return count > 0 ? rv_make_array(elements, count, type) : PointerGetDatum(construct_empty_array(type));
}

/* NULL where there are no patterns. */
static bytea *
make_image(const rv_bank *bank, uint64 *checksum)
{
	int64		capacity;
	int64		bytes = 0;
	bytea	   *image;
	RvCall		call;
	const rv_host *host = rv_guard_begin(&call);
	rv_error	error = {0};
	rv_status	status;

	*checksum = 0;
	if (bank->patterns == 0)
		return NULL;
	RV_SWIFT(capacity = rv_bank_image_capacity(bank));
	image = palloc_extended(VARHDRSZ + capacity, MCXT_ALLOC_HUGE);
	RV_SWIFT(status = rv_bank_image_write(host, bank, VARDATA(image), capacity, &bytes, &error));
	rv_guard_end(&call, status, &error);
	RV_SWIFT(*checksum = rv_image_checksum(VARDATA(image), bytes));
	SET_VARSIZE(image, VARHDRSZ + bytes);
	return image;
}

/* What differs from `before`. */
static void
save(const Bank *bank, const Bank *before)
{
	const rv_bank *core = &bank->core;
	Oid			types[] = {INT4OID, INT8OID, INT4OID, INT8OID, FLOAT4ARRAYOID, FLOAT8ARRAYOID, INT4OID, FLOAT8OID, INT8OID,
	FLOAT8ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, FLOAT8OID};
	Datum	   *kept = palloc(sizeof(Datum) * Max(core->patterns, 1));
	Datum		values[lengthof(types)] = {Int32GetDatum(bank->id)};
	SPIPlanPtr	insert;
	bytea	   *image;
	uint64		checksum;

	for (int i = 0; i < core->patterns; i++)
		kept[i] = Int64GetDatum(core->pattern[i].id);
	values[1] = PointerGetDatum(construct_array(kept, core->patterns, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	rv_sql("DELETE FROM ruvector.patterns WHERE bank_id = $1 AND NOT pattern_id = ANY ($2)",
		   SPI_OK_DELETE, 2, (Oid[]) {INT4OID, INT8ARRAYOID}, values, NULL);
	insert = rv_sql_prepare("INSERT INTO ruvector.patterns AS p (bank_id, pattern_id, level, parent, centroid, parameters, support,"
							" confidence, usage, evidence, created_at, updated_at)"
							" VALUES ($1, $2, $3, nullif($4, 0), $5, $6, $7, $8, $9, $10, $11, $12)"
							" ON CONFLICT (bank_id, pattern_id) DO UPDATE SET level = excluded.level, parent = excluded.parent,"
							" centroid = excluded.centroid, parameters = excluded.parameters, support = excluded.support,"
							/* what users did to them meanwhile stays */
							" confidence = greatest(0, least(1, p.confidence + excluded.confidence - $14)),"
							" usage = p.usage + excluded.usage - $13, evidence = excluded.evidence,"
							" updated_at = excluded.updated_at, imported = p.imported AND p.support = excluded.support",
							lengthof(types), types);
	for (int i = 0, old = 0; i < core->patterns; i++)
	{
		const rv_pattern *pattern = &core->pattern[i];
		const rv_pattern *was;
		MemoryContext row_memory;
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		while (old < before->core.patterns && before->core.pattern[old].id < pattern->id)
			old++;
		was = old < before->core.patterns && before->core.pattern[old].id == pattern->id ? &before->core.pattern[old] : pattern;
		if (was != pattern && memcmp(was, pattern, sizeof(*pattern)) == 0)
			continue;
		row_memory = AllocSetContextCreate(CurrentMemoryContext, "ruvector pattern", ALLOCSET_DEFAULT_SIZES);
		caller = MemoryContextSwitchTo(row_memory);
		values[1] = Int64GetDatum(pattern->id);
		values[2] = Int32GetDatum(pattern->level);
		values[3] = Int64GetDatum(pattern->parent);
		values[4] = float_array(core->centroid + (size_t) i * core->dims, core->dims, FLOAT4OID);
		values[5] = float_array(core->value + (size_t) i * core->parameters, core->parameters, FLOAT8OID);
		values[6] = Int32GetDatum(pattern->support);
		values[7] = Float8GetDatum(pattern->confidence);
		values[8] = Int64GetDatum(pattern->usage);
		values[9] = float_array(evidence_of(core, i), pattern->configurations * evidence_width(core), FLOAT8OID);
		values[10] = TimestampTzGetDatum(pattern->created);
		values[11] = TimestampTzGetDatum(pattern->updated);
		values[12] = Int64GetDatum(was->usage);
		values[13] = Float8GetDatum(was->confidence);
		rv_sql_execute(insert, SPI_OK_INSERT, lengthof(types), values, NULL);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(row_memory);
	}
	image = make_image(core, &checksum);
	rv_sql("UPDATE ruvector.banks SET next_pattern = $2, distilled_to = $3, left_over = $4, image = $5, image_checksum = $6"
		   " WHERE bank_id = $1",
		   SPI_OK_UPDATE, 6, (Oid[]) {INT4OID, INT8OID, INT8OID, INT8ARRAYOID, BYTEAOID, INT8OID},
		   (Datum[]) {Int32GetDatum(bank->id), Int64GetDatum(core->next_id), Int64GetDatum(bank->distilled_to), bank->left_over,
		   PointerGetDatum(image), Int64GetDatum((int64) checksum)},
		   (bool[]) {false, false, false, false, image == NULL, image == NULL});
}

/* ---- what is done to a bank -------------------------------------------------------------- */

/* What was tried after this number, and what was left over before; their numbers. */
static rv_experience *
read_experience(const Bank *bank, int64 after, Datum left_over, int64 **numbers_of)
{
	int			dims = bank->core.dims;
	int			parameters = bank->core.parameters;
	rv_experience *experience = palloc0(sizeof(rv_experience));
	Oid			types[] = {INT4OID, INT8OID, INT8ARRAYOID};
	Datum		values[] = {Int32GetDatum(bank->id), Int64GetDatum(after), left_over};
	int			count = (int) rv_sql("SELECT x.number, x.at, x.embedding, x.trials FROM ruvector.banks b,"
									 " LATERAL ruvector.experience(b, $2, $3) x WHERE b.bank_id = $1 ORDER BY x.number",
									 SPI_OK_SELECT, 3, types, values, NULL);
	int			width = RV_TRIAL_COLUMNS + parameters;
	float	   *embedding = allocate(count, sizeof(float) * dims);
	int64	   *time = allocate(count, sizeof(int64));
	int32	   *trial_count = allocate(count, sizeof(int32));
	int64	   *number = allocate(count, sizeof(int64));
	double	   *trial;
	const void *numbers;
	bool		isnull;

	for (int i = 0; i < count; i++)
	{
		trial_count[i] = rv_column_array(i, 4, &numbers) / width;
		experience->trials += trial_count[i];
	}
	trial = allocate(experience->trials, sizeof(double) * width);
	experience->embedding = embedding;
	experience->time = time;
	experience->trial_count = trial_count;
	experience->trial = trial;
	experience->left = allocate(count, sizeof(bool));
	experience->count = count;
	*numbers_of = number;
	for (int i = 0; i < count; i++)
	{
		number[i] = DatumGetInt64(rv_sql_value(i, 1, &isnull));
		time[i] = DatumGetTimestampTz(rv_sql_value(i, 2, &isnull));
		if (rv_column_array(i, 3, &numbers) != dims)
			elog(ERROR, "an embedding has another dimension than its bank");
		memcpy(embedding + (size_t) i * dims, numbers, sizeof(float) * dims);
		(void) rv_column_array(i, 4, &numbers);
		memcpy(trial, numbers, sizeof(double) * width * trial_count[i]);
		trial += (size_t) width * trial_count[i];
	}
	SPI_freetuptable(SPI_tuptable);
	return experience;
}

/* As it is now, to see later what changed. */
static Bank
copied(const Bank *bank)
{
	Bank		copy = *bank;

	copy.core.pattern = allocate(bank->core.patterns, sizeof(rv_pattern));
	memcpy(copy.core.pattern, bank->core.pattern, sizeof(rv_pattern) * bank->core.patterns);
	return copy;
}

/* The numbers of what is in no pattern; not more than trajectories are kept for. */
static Datum
left_over(const rv_experience *experience, const int64 *number)
{
	Datum	   *left = palloc(sizeof(Datum) * Max(experience->count, 1));
	int			count = 0;

	for (int i = experience->count - 1; i >= 0 && count < LEFT_OVER_MAX; i--)
		if (experience->left[i])
			left[count++] = Int64GetDatum(number[i]);
	return PointerGetDatum(construct_array(left, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
distil(Bank *bank, rv_experience *experience, const int64 *number, int clusters)
{
	rv_distillation options = {
		.clusters = clusters,
		.now = GetCurrentTimestamp(),
		.seed = (uint64) bank->id,	/* the same experience, the same patterns */
	};
	Bank		before = copied(bank);
	RvCall		call;
	const rv_host *host = rv_guard_begin(&call);
	rv_error	error = {0};
	rv_status	status;

	RV_SWIFT(status = rv_bank_distil(host, &bank->core, experience, &options, &error));
	rv_guard_end(&call, status, &error);
	bank->distilled_to = Max(bank->distilled_to, number[experience->count - 1]);
	bank->left_over = left_over(experience, number);
	save(bank, &before);
}

PG_FUNCTION_INFO_V1(ruvector_distil);
Datum
ruvector_distil(PG_FUNCTION_ARGS)
{
	int32		id = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);
	int			clusters = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	int			distilled = 0;
	Bank	   *bank;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (!PG_ARGISNULL(2) && PG_GETARG_BOOL(2))
	{
		/* the bank first, as everybody locks them */
		rv_sql("UPDATE ruvector.banks SET distilled_to = 0, left_over = '{}' WHERE bank_id = $1",
			   SPI_OK_UPDATE, 1, (Oid[]) {INT4OID}, (Datum[]) {Int32GetDatum(id)}, NULL);
		rv_sql("DELETE FROM ruvector.patterns WHERE bank_id = $1 AND NOT imported",
			   SPI_OK_DELETE, 1, (Oid[]) {INT4OID}, (Datum[]) {Int32GetDatum(id)}, NULL);
	}
	bank = load_bare(id, true);
	if (bank != NULL)
	{
		int64	   *number;
		rv_experience *experience = read_experience(bank, bank->distilled_to, bank->left_over, &number);

		distilled = experience->count;
		if (distilled > 0)
			distil(load(id, true, distilled), experience, number, clusters);
	}
	SPI_finish();
	PG_RETURN_INT32(distilled);
}

PG_FUNCTION_INFO_V1(ruvector_consolidate);
Datum
ruvector_consolidate(PG_FUNCTION_ARGS)
{
	int32		id = PG_GETARG_INT32(0);
	int64		now = GetCurrentTimestamp();
	Bank	   *bank;
	int			merged = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bank = load(id, true, 0);
	if (bank != NULL && bank->core.patterns > 0)
	{
		RvCall		call;
		const rv_host *host;
		rv_error	error = {0};
		rv_status	status;
		Bank		before = copied(bank);

		for (int i = 0; i < bank->core.patterns; i++)
			merged += bank->core.pattern[i].level == 0;
		host = rv_guard_begin(&call);
		RV_SWIFT(status = rv_bank_consolidate(host, &bank->core, now, &error));
		rv_guard_end(&call, status, &error);
		for (int i = 0; i < bank->core.patterns; i++)
			merged -= bank->core.pattern[i].level == 0;
		save(bank, &before);
	}
	SPI_finish();
	PG_RETURN_INT32(merged);
}

/* ---- what a bank answers --------------------------------------------------------------------- */

PG_FUNCTION_INFO_V1(ruvector_suggest);
Datum
ruvector_suggest(PG_FUNCTION_ARGS)
{
	int32		id = PG_GETARG_INT32(0);
	ArrayType  *embedding = PG_GETARG_ARRAYTYPE_P(1);
	rv_suggestion suggestion = {0};
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	Bank	   *bank;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bank = load_bare(id, false);
	if (bank != NULL)
	{
		rv_error	error = {0};
		rv_status	status;
		const float *elements = (const float *) ARR_DATA_PTR(embedding);
		int			count = ArrayGetNItems(ARR_NDIM(embedding), ARR_DIMS(embedding));
		int64		bytes = 0;
		const void *image = bank->image != 0 ? rv_image_find(&RV_BANK_KEY(id), bank->image, &bytes) : NULL;

		if (image != NULL)
			RV_SWIFT(status = rv_bank_image_suggest(&bank->core, image, bytes, elements, count, &suggestion, &error));
		else if ((bank = load(id, false, 0)) != NULL)
			RV_SWIFT(status = rv_bank_suggest(&bank->core, elements, count, &suggestion, &error));
		else
			status = RV_OK;		/* dropped in this moment: it suggests nothing */
		if (status != RV_OK)
			rv_fail_swift(&error);
	}
	if (suggestion.matches > 0)
	{
		Datum		ids[RV_NEAREST_MAX];
		Datum		id_array;

		for (int i = 0; i < suggestion.matches; i++)
			ids[i] = Int64GetDatum(suggestion.pattern[i]);
		id_array = PointerGetDatum(construct_array(ids, suggestion.matches, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		if (!XactReadOnly && !IsolationUsesXactSnapshot())
			/* two who ask at once need not wait for each other: one of them is not counted */
			rv_sql("UPDATE ruvector.patterns SET usage = usage + 1 WHERE (bank_id, pattern_id) IN"
				   " (SELECT bank_id, pattern_id FROM ruvector.patterns WHERE bank_id = $1 AND pattern_id = $2"
				   "  FOR NO KEY UPDATE SKIP LOCKED)",
				   SPI_OK_UPDATE, 2, (Oid[]) {INT4OID, INT8OID}, (Datum[]) {Int32GetDatum(id), ids[0]}, NULL);
		tuplestore_putvalues(store, ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc,
							 (Datum[]) {
								 rv_make_array(suggestion.value, bank->core.parameters, FLOAT8OID),
								 Float8GetDatum(suggestion.confidence), id_array,
								 rv_make_array(suggestion.similarity, suggestion.matches, FLOAT8OID)},
							 (bool[]) {false, false, false, false});
	}
	SPI_finish();
	return (Datum) 0;
}

/* ---- a bank in a few numbers ----------------------------------------------------------------------- */

static void
put_known(Datum *values, bool *nulls, int column, double number)
{
	values[column] = Float8GetDatum(number);
	nulls[column] = isnan(number);
}

PG_FUNCTION_INFO_V1(ruvector_describe);
Datum
ruvector_describe(PG_FUNCTION_ARGS)
{
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	Bank	   *bank;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bank = load(PG_GETARG_INT32(0), false, 0);
	if (bank != NULL)
	{
		rv_bank_statistics statistics;
		rv_error	error = {0};
		rv_status	status;
		Datum		values[4];
		bool		nulls[4] = {false};

		RV_SWIFT(status = rv_bank_describe(&bank->core, &statistics, &error));
		if (status != RV_OK)
			rv_fail_swift(&error);
		values[0] = rv_make_array(statistics.patterns, lengthof(statistics.patterns), INT4OID);
		values[1] = Int64GetDatum(statistics.support);
		put_known(values, nulls, 2, statistics.confidence);
		put_known(values, nulls, 3, statistics.improvement);
		tuplestore_putvalues(store, ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}

/* ---- verdicts ----------------------------------------------------------------------------------- */

PG_FUNCTION_INFO_V1(ruvector_judge_patterns);
Datum
ruvector_judge_patterns(PG_FUNCTION_ARGS)
{
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	TupleDesc	descriptor = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;
	ArrayType  *in_force = PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1);
	Bank	   *bank;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bank = load(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0), false, 0);
	if (bank != NULL && bank->core.patterns > 0)
	{
		int64	   *number;
		rv_experience *experience = read_experience(bank, 0, PointerGetDatum(construct_empty_array(INT8OID)), &number);
		rv_pattern_verdict *verdicts = allocate(bank->core.patterns, sizeof(rv_pattern_verdict));
		bool		comparable = in_force != NULL && !ARR_HASNULL(in_force) &&
			ArrayGetNItems(ARR_NDIM(in_force), ARR_DIMS(in_force)) == bank->core.parameters;
		const double *values_in_force = comparable ? (const double *) ARR_DATA_PTR(in_force) : NULL;
		int32		count = 0;
		RvCall		call;
		const rv_host *host = rv_guard_begin(&call);
		rv_error	error = {0};
		rv_status	status;

		RV_SWIFT(status = rv_bank_judge(host, &bank->core, experience, values_in_force, verdicts, &count, &error));
		rv_guard_end(&call, status, &error);
		for (int i = 0; i < count; i++)
		{
			const rv_pattern_verdict *verdict = &verdicts[i];
			Datum		values[15];
			bool		nulls[15] = {false};

			values[0] = Int64GetDatum(verdict->pattern);
			values[1] = rv_make_array(verdict->value, bank->core.parameters, FLOAT8OID);
			values[2] = Int32GetDatum(verdict->support);
			values[3] = Int32GetDatum(verdict->configurations);
			put_known(values, nulls, 4, verdict->quality);
			put_known(values, nulls, 5, verdict->consistency);
			put_known(values, nulls, 6, verdict->confidence);
			put_known(values, nulls, 7, verdict->recall);
			put_known(values, nulls, 8, verdict->latency);
			put_known(values, nulls, 9, verdict->cost);
			values[10] = BoolGetDatum(verdict->reaches > 0);
			nulls[10] = verdict->reaches < 0;
			values[11] = CStringGetTextDatum(verdict->evidence == 0 ? "paired" : "observational");
			nulls[11] = verdict->evidence < 0;
			put_known(values, nulls, 12, verdict->improvement);
			put_known(values, nulls, 13, verdict->cost_ratio);
			put_known(values, nulls, 14, verdict->p);
			tuplestore_putvalues(store, descriptor, values, nulls);
		}
	}
	SPI_finish();
	return (Datum) 0;
}

/* ---- what the last searches have in common ------------------------------------------------------- */

typedef struct AnalysisRow
{
	const char *aspect;
	int64		item;			/* counts if `mix` is there */
	const rv_mix *mix;
	double		value;
	double		p;
} AnalysisRow;

static void
put_analysis(Tuplestorestate *store, TupleDesc descriptor, const AnalysisRow *row)
{
	Datum		values[8];
	bool		nulls[8] = {false};

	values[0] = CStringGetTextDatum(row->aspect);
	values[1] = Int64GetDatum(row->mix ? row->mix->id : 0);
	values[2] = Int32GetDatum(row->mix ? row->mix->count : 0);
	nulls[1] = nulls[2] = row->mix == NULL;
	put_known(values, nulls, 3, row->mix ? row->mix->share : get_float8_nan());
	put_known(values, nulls, 4, row->mix ? row->mix->recall : get_float8_nan());
	values[5] = Int32GetDatum(row->mix ? row->mix->labels : 0);
	nulls[5] = row->mix == NULL;
	put_known(values, nulls, 6, row->value);
	put_known(values, nulls, 7, row->p);
	tuplestore_putvalues(store, descriptor, values, nulls);
}

PG_FUNCTION_INFO_V1(ruvector_analyze_bank);
Datum
ruvector_analyze_bank(PG_FUNCTION_ARGS)
{
	int32		id = PG_GETARG_INT32(0);
	int32		window = PG_GETARG_INT32(1);
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	TupleDesc	descriptor = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;
	Bank	   *bank;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bank = load(id, false, 0);
	if (bank != NULL)
	{
		int			dims = bank->core.dims;
		int			count = (int) rv_sql("SELECT o.* FROM ruvector.banks b, LATERAL ruvector.observations(b, $2) o WHERE b.bank_id = $1"
										 " ORDER BY o.at DESC",
										 SPI_OK_SELECT, 2, (Oid[]) {INT4OID, INT4OID},
										 (Datum[]) {Int32GetDatum(id), Int32GetDatum(2 * window)}, NULL);
		rv_observation *observations = allocate(count, sizeof(rv_observation));
		float	   *embedding = allocate(count, sizeof(float) * dims);
		rv_analysis *analysis = palloc(sizeof(rv_analysis));
		double		nan = get_float8_nan();
		RvCall		call;
		const rv_host *host;
		rv_error	error = {0};
		rv_status	status;

		for (int i = 0; i < count; i++)
		{
			bool		isnull;
			const void *numbers;

			observations[i] = (rv_observation) {
				.time = DatumGetTimestampTz(rv_sql_value(i, 1, &isnull)),
				.k_class = rv_column_int(i, 2, 0),
				.recall = rv_column_float4(i, 4),
				.latency = DatumGetFloat8(rv_sql_value(i, 5, &isnull)),
				.parameter = rv_column_int(i, 6, 0),
			};
			if (rv_column_array(i, 3, &numbers) == dims)
				memcpy(embedding + (size_t) i * dims, numbers, sizeof(float) * dims);
		}
		host = rv_guard_begin(&call);
		RV_SWIFT(status = rv_bank_analyse(host, &bank->core, observations, embedding, count, window, analysis, &error));
		rv_guard_end(&call, status, &error);
		for (int i = 0; i < analysis->classes; i++)
			put_analysis(store, descriptor, &(AnalysisRow) {"k class", .mix = &analysis->class_mix[i], .value = nan, .p = nan});
		for (int i = 0; i < analysis->regions; i++)
			put_analysis(store, descriptor, &(AnalysisRow) {"region", .mix = &analysis->region_mix[i], .value = nan, .p = nan});
		put_analysis(store, descriptor, &(AnalysisRow) {"filtered share", .value = analysis->filtered, .p = nan});
		put_analysis(store, descriptor, &(AnalysisRow) {"latency p50", .value = analysis->latency[0], .p = nan});
		put_analysis(store, descriptor, &(AnalysisRow) {"latency p95", .value = analysis->latency[1], .p = nan});
		put_analysis(store, descriptor, &(AnalysisRow) {"latency p99", .value = analysis->latency[2], .p = nan});
		put_analysis(store, descriptor, &(AnalysisRow) {"drift of k classes", .value = analysis->class_shift, .p = analysis->class_p});
		put_analysis(store, descriptor, &(AnalysisRow) {"drift of recall", .value = analysis->recall_shift, .p = analysis->recall_p});
		put_analysis(store, descriptor, &(AnalysisRow) {"drift of regions", .value = analysis->region_shift, .p = analysis->region_p});
	}
	SPI_finish();
	return (Datum) 0;
}

/* ---- router --------------------------------------------------------------------------------------- */

PG_FUNCTION_INFO_V1(ruvector_train_router);
Datum
ruvector_train_router(PG_FUNCTION_ARGS)
{
	int32		id = PG_GETARG_INT32(0);
	int64		bytes = 0;
	Bank	   *bank;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bank = load(id, true, 0);
	if (bank != NULL)
	{
		int64	   *number;
		rv_experience *experience = read_experience(bank, 0, PointerGetDatum(construct_empty_array(INT8OID)), &number);
		int64		capacity;
		bytea	   *router;
		RvCall		call;
		const rv_host *host = rv_guard_begin(&call);
		rv_error	error = {0};
		rv_status	status;
		uint64		seed = (uint64) id; /* the same outcomes, the same router */

		RV_SWIFT(capacity = rv_router_capacity(&bank->core));
		router = palloc_extended(VARHDRSZ + capacity, MCXT_ALLOC_HUGE);
		RV_SWIFT(status = rv_router_train(host, &bank->core, experience, seed, VARDATA(router), capacity, &bytes, &error));
		rv_guard_end(&call, status, &error);
		SET_VARSIZE(router, VARHDRSZ + bytes);
		if (experience->count > 0)
			rv_sql("UPDATE ruvector.banks SET router = CASE WHEN $3 THEN $2 END, router_trained_on = $4 WHERE bank_id = $1",
				   SPI_OK_UPDATE, 4, (Oid[]) {INT4OID, BYTEAOID, BOOLOID, INT8OID},
				   (Datum[]) {Int32GetDatum(id), PointerGetDatum(router), BoolGetDatum(bytes > 0),
				   Int64GetDatum(number[experience->count - 1])}, NULL);
	}
	SPI_finish();
	PG_RETURN_BOOL(bytes > 0);
}

PG_FUNCTION_INFO_V1(ruvector_decide);
Datum
ruvector_decide(PG_FUNCTION_ARGS)
{
	int32		id = PG_GETARG_INT32(0);
	ArrayType  *features = PG_GETARG_ARRAYTYPE_P(1);
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	Bank	   *bank;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bank = load(id, false, 0);
	if (bank != NULL &&
		rv_sql("SELECT router FROM ruvector.banks WHERE bank_id = $1 AND router IS NOT NULL", SPI_OK_SELECT, 1,
			   (Oid[]) {INT4OID}, (Datum[]) {Int32GetDatum(id)}, NULL) == 1)
	{
		bool		isnull;
		bytea	   *router = DatumGetByteaP(rv_sql_value(0, 1, &isnull));
		const float *elements = (const float *) ARR_DATA_PTR(features);
		int			count = ArrayGetNItems(ARR_NDIM(features), ARR_DIMS(features));
		rv_route	route;
		rv_error	error = {0};
		rv_status	status;

		RV_SWIFT(status = rv_router_decide(&bank->core, VARDATA(router), VARSIZE(router) - VARHDRSZ, elements, count, &route, &error));
		if (status != RV_OK)
			rv_fail_swift(&error);
		tuplestore_putvalues(store, ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc,
							 (Datum[]) {
								 rv_make_array(route.value, bank->core.parameters, FLOAT8OID),
								 Float8GetDatum(route.confidence), Int64GetDatum(route.pattern), Float8GetDatum(route.weight)},
							 (bool[]) {false, false, route.pattern == 0, route.pattern == 0});
	}
	SPI_finish();
	return (Datum) 0;
}
