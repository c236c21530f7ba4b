/*
 * drain.c - from the ring into ruvector.trajectories.
 *
 * Locks: those of ordinary statements on our own table.
 */
#include "rv.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static Datum
identifiers(const rv_trajectory *trajectory, const char *ids, bool *isnull)
{
	Datum	   *texts = palloc(sizeof(Datum) * Max(trajectory->rows_kept, 1));
	const char *end = ids + trajectory->id_bytes;
	int			count = 0;

	*isnull = !(trajectory->flags & RV_FLAG_HAS_IDS);
	if (*isnull)
		return (Datum) 0;
	while (count < trajectory->rows_kept && ids < end)
	{
		if (trajectory->flags & RV_FLAG_IDS_ARE_TEXT)
		{
			texts[count++] = CStringGetTextDatum(ids);
			ids += strlen(ids) + 1;
		}
		else
		{
			int64		number;

			memcpy(&number, ids, sizeof(number));
			texts[count++] = CStringGetTextDatum(psprintf(INT64_FORMAT, number));
			ids += sizeof(number);
		}
	}
	return PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Why the query of this search cannot be labelled; NULL if it can. */
static const char *
not_a_candidate(const rv_trajectory *trajectory, const RvLearnedIndex *index)
{
	bool		filtered = (trajectory->flags & RV_FLAG_FILTERED) != 0;

	if (trajectory->k < 1)
		return "no limit";
	if (trajectory->k > (filtered ? RV_BATCHED_K_MAX : RV_K_MAX(index->entry.kind)))
		return "limit too large to be measured";
	if (filtered && trajectory->filter_bytes == 0)
		return "the filter was not kept: the owner of the table may not repeat it, or it is too long";
	if (!index->learnable)
		return "type without a cast from and to real[]";
	if (trajectory->vector_bytes == 0)
		return "no query vector";
	return NULL;
}

#define TRAJECTORY_COLUMNS 22

static SPIPlanPtr
prepare_insert(const RvLearnedIndex *index)
{
	Oid			types[TRAJECTORY_COLUMNS] = {UUIDOID, OIDOID, OIDOID, TIMESTAMPTZOID, OIDOID, index->type, INT4OID, INT4OID,
		INT4OID, TEXTARRAYOID, FLOAT8ARRAYOID, BOOLOID, INT8OID, FLOAT8OID, INT8OID, INT4OID, INT4OID, TEXTOID, BOOLOID,
	TEXTOID, TEXTOID, FLOAT4OID};

	return rv_sql_prepare(psprintf("INSERT INTO ruvector.trajectories (query_id, relid, indexid, started_at, role_id, query_vector,"
								   " k, k_class, rows_returned, row_ids, distances, filtered, rows_removed, latency_us, blocks,"
								   " parameter, setting, source, parameterized, label_note, filter, target, label_state)"
								   " SELECT $1, $2, $3, $4, $5, %s, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,"
								   " CASE WHEN $20 IS NULL THEN 'pending' ELSE 'skipped' END"
								   " ON CONFLICT DO NOTHING",
								   index->learnable ? "$6::real[]" : "NULL::real[]"),
						  TRAJECTORY_COLUMNS, types);
}

static void
insert_trajectory(SPIPlanPtr insert, const rv_trajectory *trajectory, const RvLearnedIndex *index)
{
	const char *distances = (const char *) (trajectory + 1);
	int			distance_bytes = trajectory->flags & RV_FLAG_HAS_DISTANCES ? trajectory->rows_kept * (int) sizeof(double) : 0;
	const char *ids = distances + distance_bytes;
	const char *vector = ids + trajectory->id_bytes;
	const char *note = not_a_candidate(trajectory, index);
	bool		filtered = (trajectory->flags & RV_FLAG_FILTERED) != 0;
	int32		k_class;
	struct varlena *datum = palloc(VARHDRSZ + trajectory->vector_bytes);
	Datum		values[TRAJECTORY_COLUMNS];
	bool		nulls[TRAJECTORY_COLUMNS] = {false};

	RV_SWIFT(k_class = rv_k_class(trajectory->k, filtered));
	SET_VARSIZE(datum, VARHDRSZ + trajectory->vector_bytes);
	memcpy(VARDATA(datum), vector, trajectory->vector_bytes);

	values[0] = UUIDPGetDatum((const pg_uuid_t *) trajectory->query_id);
	values[1] = ObjectIdGetDatum(trajectory->relation);
	values[2] = ObjectIdGetDatum(trajectory->index);
	values[3] = TimestampTzGetDatum(trajectory->started_at);
	values[4] = ObjectIdGetDatum(trajectory->role);
	values[5] = PointerGetDatum(datum);
	nulls[5] = trajectory->vector_bytes == 0 || !index->learnable;
	values[6] = Int32GetDatum(trajectory->k);
	values[7] = Int32GetDatum(k_class);
	nulls[6] = nulls[7] = trajectory->k < 1;
	values[8] = Int32GetDatum(trajectory->rows);
	values[9] = identifiers(trajectory, ids, &nulls[9]);
	nulls[10] = distance_bytes == 0;
	values[10] = nulls[10] ? (Datum) 0 : rv_make_array(distances, trajectory->rows_kept, FLOAT8OID);
	values[11] = BoolGetDatum(filtered);
	values[12] = Int64GetDatum(trajectory->rows_removed);
	nulls[12] = !filtered;
	values[13] = Float8GetDatum(trajectory->latency_us);
	values[14] = Int64GetDatum(trajectory->blocks);
	values[15] = Int32GetDatum(trajectory->parameter);
	values[16] = Int32GetDatum(trajectory->setting);
	values[17] = CStringGetTextDatum(rv_source_name(trajectory->source));
	values[18] = BoolGetDatum((trajectory->flags & RV_FLAG_GENERIC_PLAN) != 0);
	values[19] = note ? CStringGetTextDatum(note) : (Datum) 0;
	nulls[19] = note == NULL;
	values[20] = PointerGetDatum(cstring_to_text_with_len(vector + trajectory->vector_bytes, trajectory->filter_bytes));
	nulls[20] = trajectory->filter_bytes == 0;
	values[21] = Float4GetDatum(trajectory->target);
	rv_sql_execute(insert, SPI_OK_INSERT, TRAJECTORY_COLUMNS, values, nulls);
}

/* Those of an index, or of all. */
static void
count_lost(List *records, Oid index)
{
	ListCell   *cell;

	foreach(cell, records)
	{
		const rv_trajectory *trajectory = lfirst(cell);

		if (!OidIsValid(index) || trajectory->index == index)
			rv_registry_count_dropped(trajectory->index);
	}
}

/*
 * Of each table only the last trajectory_window searches are written: older ones
 * would be pruned at once.
 */
static int
store(List *records, MemoryContext memory, RvLearnedIndex *indexes, int count)
{
	MemoryContext row_memory = AllocSetContextCreate(memory, "ruvector trajectory", ALLOCSET_DEFAULT_SIZES);
	RvPrivileged privileged;
	int			written = 0;

	rv_privileged_begin(&privileged);
	for (int i = 0; i < count; i++)
	{
		RvLearnedIndex *index = &indexes[i];
		SPIPlanPtr	insert = NULL;
		int			window = 0;
		TimestampTz learns_from = DT_NOEND;
		bool		isnull;
		Oid			types[] = {OIDOID};
		Datum		values[] = {ObjectIdGetDatum(index->entry.relation)};

		/*
		 * The row stays as it is until we commit.  Whom we would have to wait for is
		 * clearing the table, dropping it or changing its options: these searches go.
		 */
		if (rv_sql("SELECT trajectory_window, learns_from FROM ruvector.learned_tables WHERE relid = $1 FOR SHARE SKIP LOCKED",
				   SPI_OK_SELECT, 1, types, values, NULL) == 1)
		{
			window = rv_column_int(0, 1, 0);
			learns_from = DatumGetTimestampTz(rv_sql_value(0, 2, &isnull));
		}
		else
			count_lost(records, index->entry.index);
		for (int r = list_length(records) - 1; r >= 0 && window > 0; r--)
		{
			rv_trajectory *trajectory = list_nth(records, r);
			MemoryContext old;

			if (trajectory->index != index->entry.index || trajectory->started_at < learns_from)
				continue;
			CHECK_FOR_INTERRUPTS();
			if (insert == NULL)
				insert = prepare_insert(index);
			old = MemoryContextSwitchTo(row_memory);
			insert_trajectory(insert, trajectory, index);
			MemoryContextSwitchTo(old);
			MemoryContextReset(row_memory);
			window--;
			written++;
		}
	}
	rv_privileged_end(&privileged);
	return written;
}

/* Searches that cannot be stored are lost, and counted. */
int
rv_drain(RvLearnedIndex *indexes, int count)
{
	MemoryContext memory;
	List	   *volatile records = NIL;
	char	   *buffer;
	int			bytes;
	int			written = 0;

	if (!rv_learn_begin("ruvector: storing trajectories"))
		return 0;
	memory = AllocSetContextCreate(CurTransactionContext, "ruvector drain", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(memory);
	buffer = palloc(RV_RECORD_MAX);
	while (list_length(records) < rv_trajectory_buffer_size &&
		   (bytes = rv_registry_pop(buffer, RV_RECORD_MAX)) > 0)
	{
		char	   *copy = palloc(bytes);

		memcpy(copy, buffer, bytes);
		records = lappend(records, copy);
	}
	PG_TRY();
	{
		written = store(records, memory, indexes, count);
	}
	PG_CATCH();
	{
		count_lost(records, InvalidOid);
		PG_RE_THROW();
	}
	PG_END_TRY();
	rv_learn_end();
	return written;
}
