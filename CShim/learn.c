/*
 * learn.c - the actions of the worker, and the loop that carries them out.
 *
 * What is done next is decided by Swift (rv_schedule_next), on facts gathered
 * here.  Every action is one transaction, or a few short ones; an error ends the
 * action, is logged and leaves the loop running.  What was learned lives in our
 * tables: they are the truth, shared memory only repeats them.
 *
 * Locks: those of ordinary statements on our own tables; label.c says what it
 * takes on a user's.
 */
#include "rv.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* What the last synchronisation found; arrays live in sync_memory. */
typedef struct LearnedIndex
{
	RvIndexEntry entry;
	Oid			type;
	bool		learnable;
} LearnedIndex;

typedef struct LearnedClass
{
	Oid			index;
	int32		k_class;
	int32		setting;		/* ef_search or probes of pgvector alone; 0 = unknown */
} LearnedClass;

static MemoryContext sync_memory = NULL;
static MemoryContext label_memory = NULL;	/* outlives the transaction of a label that failed */
static LearnedIndex *indexes;
static int	index_count;
static LearnedClass *classes;
static rv_class_facts *class_facts;
static int	class_count;

/* ---- transactions ------------------------------------------------------------------ */

static bool installed = true;

/* False, and no transaction: the extension is gone. */
static bool
begin_action(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	installed = rv_extension_lock();
	if (!installed)
	{
		CommitTransactionCommand();
		return false;
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
	return true;
}

static void
end_action(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

static int
column_int(uint64 row, int column, int if_null)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);

	return isnull ? if_null : DatumGetInt32(datum);
}

static Oid
column_oid(uint64 row, int column)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(datum);
}

/* Number of elements of an int4[] or float4[]; 0 for NULL. */
static int
column_array(uint64 row, int column, const void **elements)
{
	bool		isnull;
	Datum		datum = rv_sql_value(row, column, &isnull);
	ArrayType  *array;

	*elements = NULL;
	if (isnull)
		return 0;
	array = DatumGetArrayTypeP(datum);
	if (ARR_HASNULL(array))
		return 0;
	*elements = ARR_DATA_PTR(array);
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

static Datum
make_array(const void *elements, int count, Oid type)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		datums[i] = type == INT4OID ? Int32GetDatum(((const int32 *) elements)[i])
			: type == FLOAT4OID ? Float4GetDatum(((const float *) elements)[i])
			: Float8GetDatum(((const double *) elements)[i]);
	if (type == FLOAT8OID)
		return PointerGetDatum(construct_array(datums, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return PointerGetDatum(construct_array(datums, count, type, 4, true, TYPALIGN_INT));
}

/* ---- synchronise: tables -> shared memory -------------------------------------------- */

static int
mode_from_text(Datum datum)
{
	char	   *mode = TextDatumGetCString(datum);

	return strcmp(mode, "apply") == 0 ? RV_MODE_APPLY : strcmp(mode, "observe") == 0 ? RV_MODE_OBSERVE : RV_MODE_OFF;
}

/* An index that was rebuilt is another index: its evidence no longer counts. */
static void
drop_stale_evidence(void)
{
	/* tables dropped while our event trigger could not see it */
	rv_sql("DELETE FROM ruvector.learned_tables l WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relid)",
		   SPI_OK_DELETE, 0, NULL, NULL, NULL);
	rv_sql("WITH gone AS (DELETE FROM ruvector.policies p WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = p.indexid)"
		   " RETURNING relid, indexid, k_class, value)"
		   " INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, reason)"
		   " SELECT relid, indexid, k_class, 'evidence dropped', value, 'the index was dropped' FROM gone",
		   SPI_OK_INSERT, 0, NULL, NULL, NULL);
	rv_sql("UPDATE ruvector.trajectories t SET label_state = 'skipped', label_note = 'the index is gone'"
		   " WHERE label_state = 'pending' AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.indexid)",
		   SPI_OK_UPDATE, 0, NULL, NULL, NULL);
	rv_sql("WITH rebuilt AS ("
		   " UPDATE ruvector.policies p SET state = 'collecting', value = NULL, applied_from = NULL,"
		   "  judged_labels = NULL, judged_at = NULL, cost_ratio = NULL, cost_ratio_low = NULL, cost_ratio_high = NULL,"
		   "  watch_recall = NULL, watch_upper = NULL, watch_labels = NULL, rung_values = NULL, rung_labels = NULL,"
		   "  rung_recall = NULL, rung_bound = NULL, rung_blocks = NULL, filenode = x.filenode,"
		   "  evidence_from = (SELECT coalesce(max(label_number), 0) + 1 FROM ruvector.labels)"
		   " FROM ruvector.learned_indexes x, ruvector.policies old"
		   " WHERE x.indexid = p.indexid AND old.indexid = p.indexid AND old.k_class = p.k_class"
		   " AND p.filenode IS DISTINCT FROM x.filenode"
		   " RETURNING p.relid, p.indexid, p.k_class, old.value, old.filenode)"
		   " INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, reason)"
		   " SELECT relid, indexid, k_class, 'evidence dropped', value, 'the index was rebuilt' FROM rebuilt"
		   " WHERE filenode IS NOT NULL",
		   SPI_OK_INSERT, 0, NULL, NULL, NULL);
	rv_sql("INSERT INTO ruvector.policies (indexid, k_class, relid, filenode, evidence_from)"
		   " SELECT DISTINCT x.indexid, t.k_class, x.relid, x.filenode,"
		   "  (SELECT coalesce(max(label_number), 0) + 1 FROM ruvector.labels)"
		   " FROM ruvector.learned_indexes x JOIN ruvector.trajectories t USING (indexid)"
		   " WHERE t.label_state = 'pending'"
		   " ON CONFLICT DO NOTHING",
		   SPI_OK_INSERT, 0, NULL, NULL, NULL);
}

/*
 * A verdict for another target than the present one is due again.  The evidence
 * stays; what has been watched was about the old target.
 */
static void
drop_stale_verdicts(void)
{
	Oid			types[] = {FLOAT8OID};
	Datum		values[] = {Float8GetDatum(rv_target_recall)};

	rv_sql("WITH other AS (UPDATE ruvector.policies p SET state = 'undecided', judged_labels = NULL, value = NULL,"
		   "   applied_from = NULL, watch_recall = NULL, watch_upper = NULL, watch_labels = NULL"
		   "  FROM ruvector.learned_tables l, ruvector.policies old"
		   "  WHERE l.relid = p.relid AND p.judged_labels IS NOT NULL"
		   "  AND old.indexid = p.indexid AND old.k_class = p.k_class"
		   "  AND p.target IS DISTINCT FROM coalesce(l.target_recall, $1)"
		   "  RETURNING p.relid, p.indexid, p.k_class, old.value, coalesce(l.target_recall, $1) AS target)"
		   " INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, target, reason)"
		   " SELECT relid, indexid, k_class, 'target changed', value, target,"
		   "  format('the target is %s now', target) FROM other",
		   SPI_OK_INSERT, 1, types, values, NULL);
}

static void
read_indexes(void)
{
	uint64		rows = rv_sql("SELECT relid, indexid, mode, min_samples, target_recall, type_id, learnable"
							  " FROM ruvector.learned_indexes ORDER BY indexid",
							  SPI_OK_SELECT, 0, NULL, NULL, NULL);

	indexes = MemoryContextAllocZero(sync_memory, sizeof(LearnedIndex) * Max(rows, 1));
	index_count = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		LearnedIndex *index = &indexes[index_count];
		bool		isnull;
		Datum		target;

		index->entry.database = MyDatabaseId;
		index->entry.relation = column_oid(row, 1);
		index->entry.index = column_oid(row, 2);
		index->entry.kind = rv_pgvector_index_kind(index->entry.index);
		index->entry.mode = mode_from_text(rv_sql_value(row, 3, &isnull));
		index->entry.min_samples = column_int(row, 4, 0);
		target = rv_sql_value(row, 5, &isnull);
		index->entry.target = isnull ? get_float8_nan() : DatumGetFloat8(target);
		index->type = column_oid(row, 6);
		index->learnable = DatumGetBool(rv_sql_value(row, 7, &isnull));
		if (index->entry.kind >= 0 && index->entry.mode != RV_MODE_OFF)
			index_count++;
	}
}

static LearnedIndex *
find_index(Oid oid)
{
	for (int i = 0; i < index_count; i++)
		if (indexes[i].entry.index == oid)
			return &indexes[i];
	return NULL;
}

/*
 * The bounds of every value are published, not just the chosen one: a session may
 * have a target of its own.  Of many classes of k, those with most labels.
 */
static void
read_policies(void)
{
	uint64		rows = rv_sql("SELECT indexid, k_class, rung_values, rung_labels, rung_recall, rung_bound, rung_blocks"
							  " FROM ruvector.policies WHERE state IN ('certified', 'undecided', 'unreachable')"
							  " ORDER BY indexid, judged_labels DESC",
							  SPI_OK_SELECT, 0, NULL, NULL, NULL);

	for (uint64 row = 0; row < rows; row++)
		for (int i = 0; i < index_count; i++)
		{
			RvIndexEntry *entry = &indexes[i].entry;
			rv_policy  *policy;
			const void *values,
					   *labels,
					   *recall,
					   *bound,
					   *blocks;
			int			rungs;

			if (entry->index != column_oid(row, 1) || entry->classes == RV_CLASSES_MAX)
				continue;
			policy = &entry->policy[entry->classes];
			rungs = column_array(row, 3, &values);
			if (rungs == 0 || rungs > RV_LADDER_MAX || column_array(row, 4, &labels) != rungs ||
				column_array(row, 5, &recall) != rungs || column_array(row, 6, &bound) != rungs ||
				column_array(row, 7, &blocks) != rungs)
				continue;
			policy->k_class = column_int(row, 2, 0);
			policy->rungs = rungs;
			for (int r = 0; r < rungs; r++)
				policy->rung[r] = (rv_rung) {
					.value = ((const int32 *) values)[r],
					.labels = ((const int32 *) labels)[r],
					.recall = ((const float *) recall)[r],
					.bound = ((const float *) bound)[r],
					.blocks = ((const float *) blocks)[r],
				};
			entry->classes++;
		}
}

static void
read_classes(void)
{
	uint64		rows = rv_sql("SELECT indexid, k_class, candidates, labels, judged_labels, min_samples, setting"
							  " FROM ruvector.learning_classes ORDER BY indexid, k_class",
							  SPI_OK_SELECT, 0, NULL, NULL, NULL);

	classes = MemoryContextAllocZero(sync_memory, sizeof(LearnedClass) * Max(rows, 1));
	class_facts = MemoryContextAllocZero(sync_memory, sizeof(rv_class_facts) * Max(rows, 1));
	class_count = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		if (find_index(column_oid(row, 1)) == NULL)
			continue;
		classes[class_count] = (LearnedClass) {column_oid(row, 1), column_int(row, 2, 0), column_int(row, 7, 0)};
		class_facts[class_count++] = (rv_class_facts) {
			.candidates = column_int(row, 3, 0),
			.labels = column_int(row, 4, 0),
			.judged = column_int(row, 5, -1),
			.min_samples = column_int(row, 6, 1),
		};
	}
}

/*
 * Entries first, invalidation after: a cached plan that is made anew must find
 * the index published (or not published) already.
 */
static void
publish(void)
{
	RvIndexEntry *entries = palloc(sizeof(RvIndexEntry) * Max(index_count, 1));
	Oid		   *changed = palloc(sizeof(Oid) * Max(index_count, 1));
	int			changes = 0;

	for (int i = 0; i < index_count; i++)
	{
		entries[i] = indexes[i].entry;
		if (rv_registry_find(entries[i].index) == NULL)
			changed[changes++] = entries[i].relation;
	}
	if (!rv_registry_publish(entries, index_count))
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("ruvector learns on at most %d indexes of one server", RV_INDEXES_MAX),
				 errdetail("Some indexes of this database are left to pgvector's settings.")));
	for (int i = 0; i < changes; i++)
		CacheInvalidateRelcacheByRelid(changed[i]);
}

static void
synchronise(void)
{
	RvPrivileged privileged;

	if (!begin_action("ruvector: synchronising"))
		return;
	MemoryContextReset(sync_memory);
	index_count = class_count = 0;
	rv_privileged_begin(&privileged);
	drop_stale_evidence();
	drop_stale_verdicts();
	read_indexes();
	read_policies();
	read_classes();
	rv_privileged_end(&privileged);
	publish();
	end_action();
}

/* ---- drain: ring -> ruvector.trajectories --------------------------------------------- */

typedef struct Record
{
	rv_trajectory *trajectory;
	struct Record *older;		/* of the same table */
} Record;

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
not_a_candidate(const rv_trajectory *trajectory, const LearnedIndex *index)
{
	if (trajectory->flags & RV_FLAG_FILTERED)
		return "filtered";
	if (trajectory->k < 1)
		return "no limit";
	if (trajectory->k > RV_K_MAX(index->entry.kind))
		return "limit too large to be measured";
	if (!index->learnable)
		return "type without a cast from and to real[]";
	if (trajectory->vector_bytes == 0)
		return "no query vector";
	return NULL;
}

#define TRAJECTORY_COLUMNS 20

static SPIPlanPtr
prepare_insert(const LearnedIndex *index)
{
	Oid			types[TRAJECTORY_COLUMNS] = {UUIDOID, OIDOID, OIDOID, TIMESTAMPTZOID, OIDOID, index->type, INT4OID, INT4OID,
		INT4OID, TEXTARRAYOID, FLOAT8ARRAYOID, BOOLOID, INT8OID, FLOAT8OID, INT8OID, INT4OID, INT4OID, TEXTOID, BOOLOID,
	TEXTOID};

	return rv_sql_prepare(psprintf("INSERT INTO ruvector.trajectories (query_id, relid, indexid, started_at, role_id, query_vector,"
								   " k, k_class, rows_returned, row_ids, distances, filtered, rows_removed, latency_us, blocks,"
								   " parameter, setting, source, parameterized, label_note, label_state)"
								   " SELECT $1, $2, $3, $4, $5, %s, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
								   " CASE WHEN $20 IS NULL THEN 'pending' ELSE 'skipped' END"
								   /* the table may have been dropped, or taken out, since */
								   " WHERE EXISTS (SELECT FROM ruvector.learned_tables WHERE relid = $2)"
								   " ON CONFLICT DO NOTHING",
								   index->learnable ? "$6::real[]" : "NULL::real[]"),
						  TRAJECTORY_COLUMNS, types);
}

static void
insert_trajectory(SPIPlanPtr insert, const rv_trajectory *trajectory, const LearnedIndex *index)
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

	RV_SWIFT(k_class = rv_k_class(trajectory->k));
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
	values[10] = nulls[10] ? (Datum) 0 : make_array(distances, trajectory->rows_kept, FLOAT8OID);
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
	rv_sql_execute(insert, SPI_OK_INSERT, TRAJECTORY_COLUMNS, values, nulls);
}

/*
 * Of each table only the last trajectory_window searches are written: older ones
 * would be pruned at once.
 */
static void
drain(void)
{
	MemoryContext memory;
	MemoryContext row_memory;
	RvPrivileged privileged;
	List	   *records = NIL;
	char	   *buffer;
	int			bytes;
	int			written = 0;

	if (!begin_action("ruvector: storing trajectories"))
		return;
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
	row_memory = AllocSetContextCreate(memory, "ruvector trajectory", ALLOCSET_DEFAULT_SIZES);
	rv_privileged_begin(&privileged);
	for (int i = 0; i < index_count; i++)
	{
		LearnedIndex *index = &indexes[i];
		SPIPlanPtr	insert = NULL;
		int			window = 0;
		Oid			types[] = {OIDOID};
		Datum		values[] = {ObjectIdGetDatum(index->entry.relation)};

		if (rv_sql("SELECT trajectory_window FROM ruvector.learned_tables WHERE relid = $1",
				   SPI_OK_SELECT, 1, types, values, NULL) == 1)
			window = column_int(0, 1, 0);
		for (int r = list_length(records) - 1; r >= 0 && window > 0; r--)
		{
			rv_trajectory *trajectory = list_nth(records, r);
			MemoryContext old;

			if (trajectory->index != index->entry.index)
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
	end_action();
	if (written > 0)
		synchronise();
}

/* ---- label ------------------------------------------------------------------------------ */

typedef struct Candidate
{
	pg_uuid_t	query_id;
	Datum		vector;			/* real[] */
	int			k;
} Candidate;

/*
 * Query identifiers are random, so which query is labelled next has nothing to
 * do with what it asked or found.
 */
static bool
draw_candidate(const LearnedClass *class, Candidate *candidate)
{
	MemoryContext memory = CurrentMemoryContext;
	RvPrivileged privileged;
	Oid			types[] = {OIDOID, INT4OID};
	Datum		values[] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class)};
	bool		isnull;
	bool		found;

	rv_privileged_begin(&privileged);
	found = rv_sql("SELECT query_id, query_vector, k FROM ruvector.trajectories"
				   " WHERE indexid = $1 AND k_class = $2 AND label_state = 'pending' ORDER BY query_id LIMIT 1",
				   SPI_OK_SELECT, 2, types, values, NULL) == 1;
	if (found)
	{
		MemoryContext old;

		candidate->query_id = *DatumGetUUIDP(rv_sql_value(0, 1, &isnull));
		old = MemoryContextSwitchTo(memory);
		candidate->vector = PointerGetDatum(DatumGetArrayTypePCopy(rv_sql_value(0, 2, &isnull)));
		MemoryContextSwitchTo(old);
		candidate->k = column_int(0, 3, 0);
	}
	rv_privileged_end(&privileged);
	return found;
}

static void
close_candidate(const Candidate *candidate, const char *state, const char *note)
{
	Oid			types[] = {UUIDOID, TEXTOID, TEXTOID};
	Datum		values[] = {UUIDPGetDatum(&candidate->query_id), CStringGetTextDatum(state),
	note ? CStringGetTextDatum(note) : (Datum) 0};
	bool		nulls[] = {false, false, note == NULL};

	rv_sql("UPDATE ruvector.trajectories SET label_state = $2, label_note = $3 WHERE query_id = $1",
		   SPI_OK_UPDATE, 3, types, values, nulls);
}

static void
store_label(const LearnedClass *class, const Candidate *candidate, const RvLabel *label)
{
	Oid			types[] = {UUIDOID, OIDOID, INT4OID, OIDOID, INT4OID, INT4OID, FLOAT8ARRAYOID, FLOAT8OID, FLOAT8OID,
	INT4ARRAYOID, FLOAT4ARRAYOID, FLOAT4ARRAYOID, FLOAT4OID, FLOAT4OID};
	bool		unknown = isnan(label->setting_blocks);
	bool		nulls[lengthof(types)] = {[12] = unknown, [13] = unknown};
	Datum		values[] = {
		UUIDPGetDatum(&candidate->query_id), ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class),
		ObjectIdGetDatum(label->filenode), Int32GetDatum(candidate->k), Int32GetDatum(class->setting),
		make_array(label->exact, label->exact_count, FLOAT8OID),
		Float8GetDatum(label->exact_us), Float8GetDatum(label->ladder_us),
		make_array(label->values, label->rungs, INT4OID),
		make_array(label->recall, label->rungs, FLOAT4OID),
		make_array(label->blocks, label->rungs, FLOAT4OID),
		Float4GetDatum(label->setting_recall), Float4GetDatum(label->setting_blocks),
	};

	rv_sql("INSERT INTO ruvector.labels (query_id, indexid, k_class, filenode, k, setting, exact_distances,"
		   " exact_us, ladder_us, parameters, recall, blocks, setting_recall, setting_blocks)"
		   " SELECT $1, $2, $3, $4, $5, nullif($6, 0), $7, $8, $9, $10, $11, $12, $13, $14"
		   /* pruned or cleared while we measured */
		   " WHERE EXISTS (SELECT FROM ruvector.trajectories WHERE query_id = $1)",
		   SPI_OK_INSERT, lengthof(types), types, values, nulls);
}

/*
 * Labels one query of the class.  An error of the measurement (the table was
 * dropped, a cast failed) closes the candidate, so that it is not tried for ever.
 * Its text goes to the server's log and nowhere else: it could quote private data.
 */
static void
label_one(int position)
{
	LearnedClass *class = &classes[position];
	Candidate	candidate;
	bool		failed = false;
	RvPrivileged privileged;

	if (!begin_action("ruvector: measuring recall"))
		return;
	MemoryContextReset(label_memory);
	MemoryContextSwitchTo(label_memory);
	if (!draw_candidate(class, &candidate))
	{
		class_facts[position].candidates = 0;
		end_action();
		return;
	}
	PG_TRY();
	{
		RvLabel		label;
		const char *problem = rv_label_query(class->index, candidate.vector, candidate.k, class->setting, &label);

		rv_privileged_begin(&privileged);
		if (problem == NULL)
			store_label(class, &candidate, &label);
		close_candidate(&candidate, problem ? "skipped" : "labelled", problem);
		rv_privileged_end(&privileged);
		end_action();
		if (problem == NULL)
			class_facts[position].labels++;
	}
	PG_CATCH();
	{
		rv_plan_forcing = (RvPlanForcing) {InvalidOid, InvalidOid};
		HOLD_INTERRUPTS();
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
		failed = true;
	}
	PG_END_TRY();
	if (failed && begin_action("ruvector: closing a failed label"))
	{
		MemoryContextSwitchTo(label_memory);
		rv_privileged_begin(&privileged);
		close_candidate(&candidate, "failed", "the measurement raised an error, see the server's log");
		rv_privileged_end(&privileged);
		end_action();
	}
	class_facts[position].candidates--;
}

/* ---- judge ------------------------------------------------------------------------------- */

/*
 * Reads the labels that count, oldest first, as one matrix over the values that
 * the newest label measured.  Returns the number of labels.
 */
static int
read_labels(const LearnedClass *class, rv_labels *labels)
{
	Oid			types[] = {OIDOID, INT4OID, INT4OID};
	Datum		sql_values[] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class), Int32GetDatum(class->setting)};
	int			count = (int) rv_sql("SELECT b.parameters, b.recall, b.blocks,"
									 " CASE WHEN b.setting = $3 THEN b.setting_blocks END"
									 " FROM ruvector.labels b JOIN ruvector.policies p USING (indexid, k_class)"
									 " WHERE indexid = $1 AND k_class = $2 AND b.label_number >= p.evidence_from"
									 " ORDER BY b.label_number",
									 SPI_OK_SELECT, lengthof(types), types, sql_values, NULL);
	const void *values;
	int			rungs;
	float	   *recall,
			   *blocks,
			   *setting_blocks;

	memset(labels, 0, sizeof(*labels));
	if (count == 0)
		return 0;
	rungs = column_array(count - 1, 1, &values);
	recall = palloc(sizeof(float) * count * Max(rungs, 1));
	blocks = palloc(sizeof(float) * count * Max(rungs, 1));
	setting_blocks = palloc(sizeof(float) * count);
	for (int i = 0; i < count; i++)
	{
		const void *row_values,
				   *row_recall,
				   *row_blocks;
		int			row_rungs = column_array(i, 1, &row_values);
		bool		whole = column_array(i, 2, &row_recall) == row_rungs &&
			column_array(i, 3, &row_blocks) == row_rungs;
		int			at = 0;
		bool		isnull;
		Datum		at_setting = rv_sql_value(i, 4, &isnull);

		setting_blocks[i] = isnull ? get_float4_nan() : DatumGetFloat4(at_setting);
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
	return count;
}

static Datum
float_or_null(double value, bool *isnull)
{
	*isnull = isnan(value);
	return Float8GetDatum(value);
}

/* Writes the verdict, and the history if it changes anything. */
static void
store_verdict(const LearnedClass *class, const rv_goal *goal, const rv_verdict *verdict, int labels, int mode)
{
	bool		alarm = verdict->state == RV_VERDICT_ALARM;
	bool		chosen = !alarm && verdict->chosen >= 0;
	int32		values[RV_LADDER_MAX],
				counts[RV_LADDER_MAX];
	float		recall[RV_LADDER_MAX],
				bound[RV_LADDER_MAX],
				blocks[RV_LADDER_MAX];
	Oid			types[] = {OIDOID, INT4OID, TEXTOID, FLOAT8OID, INT4OID, INT4OID, INT4OID,
		FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT4OID,
	INT4ARRAYOID, INT4ARRAYOID, FLOAT4ARRAYOID, FLOAT4ARRAYOID, FLOAT4ARRAYOID, INT4OID, FLOAT8OID, FLOAT8OID, BOOLOID};
	Datum		args[lengthof(types)];
	bool		nulls[lengthof(types)] = {false};

	for (int r = 0; r < verdict->rungs; r++)
	{
		values[r] = verdict->rung[r].value;
		counts[r] = verdict->rung[r].labels;
		recall[r] = verdict->rung[r].recall;
		bound[r] = verdict->rung[r].bound;
		blocks[r] = verdict->rung[r].blocks;
	}
	args[0] = ObjectIdGetDatum(class->index);
	args[1] = Int32GetDatum(class->k_class);
	args[2] = CStringGetTextDatum(rv_verdict_name(verdict->state));
	args[3] = Float8GetDatum(goal->target);
	args[4] = Int32GetDatum(chosen ? verdict->rung[verdict->chosen].value : 0);
	args[5] = Int32GetDatum(goal->setting);
	args[6] = Int32GetDatum(labels);
	args[7] = float_or_null(verdict->cost_ratio, &nulls[7]);
	args[8] = float_or_null(verdict->cost_ratio_low, &nulls[8]);
	args[9] = float_or_null(verdict->cost_ratio_high, &nulls[9]);
	args[10] = float_or_null(verdict->watch_recall, &nulls[10]);
	args[11] = float_or_null(verdict->watch_upper, &nulls[11]);
	args[12] = Int32GetDatum(verdict->watch_labels);
	args[13] = make_array(values, verdict->rungs, INT4OID);
	args[14] = make_array(counts, verdict->rungs, INT4OID);
	args[15] = make_array(recall, verdict->rungs, FLOAT4OID);
	args[16] = make_array(bound, verdict->rungs, FLOAT4OID);
	args[17] = make_array(blocks, verdict->rungs, FLOAT4OID);
	args[18] = Int32GetDatum(goal->applied);
	args[19] = float_or_null(alarm ? verdict->watch_recall : chosen ? verdict->rung[verdict->chosen].recall : get_float8_nan(), &nulls[19]);
	args[20] = float_or_null(alarm ? verdict->watch_upper : chosen ? verdict->rung[verdict->chosen].bound : get_float8_nan(), &nulls[20]);
	args[21] = BoolGetDatum(mode == RV_MODE_APPLY);

	if (goal->applied != DatumGetInt32(args[4]))
		rv_sql("INSERT INTO ruvector.policy_history (relid, indexid, k_class, event, value_before, value_after,"
			   " target, recall, bound, labels, reason)"
			   " SELECT relid, indexid, k_class,"
			   " CASE WHEN $3 = 'stepped back' THEN 'stepped back' WHEN $5 = 0 THEN 'withdrawn'"
			   "  WHEN $22 THEN 'put in force' ELSE 'certified' END,"
			   " nullif($19, 0), nullif($5, 0), $4, $20, $21, $7,"
			   " CASE WHEN $3 = 'stepped back' THEN"
			   "   format('recall on the %s labels since it is in force is below %s with 99 %% confidence', $13, $4)"
			   " WHEN $5 = 0 THEN format('no value is certified for recall %s, or only one that is too dear', $4)"
			   " ELSE format('smallest value with recall >= %s certified with 95 %% confidence', $4) END"
			   " FROM ruvector.policies WHERE indexid = $1 AND k_class = $2",
			   SPI_OK_INSERT, lengthof(types), types, args, nulls);
	rv_sql("UPDATE ruvector.policies SET state = $3, target = $4, value = nullif($5, 0), setting = nullif($6, 0),"
		   " applied_from = CASE WHEN $5 = 0 THEN NULL WHEN value = $5 THEN applied_from"
		   "  ELSE (SELECT coalesce(max(label_number), 0) + 1 FROM ruvector.labels) END,"
		   " evidence_from = CASE WHEN $3 = 'stepped back'"
		   "  THEN (SELECT coalesce(max(label_number), 0) + 1 FROM ruvector.labels) ELSE evidence_from END,"
		   " judged_labels = CASE WHEN $3 = 'stepped back' THEN NULL ELSE $7 END, judged_at = clock_timestamp(),"
		   " cost_ratio = $8, cost_ratio_low = $9, cost_ratio_high = $10,"
		   " watch_recall = $11, watch_upper = $12, watch_labels = $13,"
		   " rung_values = $14, rung_labels = $15, rung_recall = $16, rung_bound = $17, rung_blocks = $18"
		   " WHERE indexid = $1 AND k_class = $2",
		   SPI_OK_UPDATE, lengthof(types), types, args, nulls);
}

static void
judge(int position)
{
	LearnedClass *class = &classes[position];
	LearnedIndex *index = find_index(class->index);
	Oid			types[] = {OIDOID, INT4OID};
	Datum		values[] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class)};
	RvPrivileged privileged;
	rv_labels	labels;
	rv_goal		goal = {0};
	int			count;

	if (!begin_action("ruvector: judging"))
		return;
	rv_privileged_begin(&privileged);
	if (index != NULL && rv_sql("SELECT p.value, (SELECT count(*) FROM ruvector.labels b WHERE b.indexid = p.indexid"
								" AND b.k_class = p.k_class AND b.label_number >= p.applied_from)::int"
								" FROM ruvector.policies p WHERE indexid = $1 AND k_class = $2",
								SPI_OK_SELECT, 2, types, values, NULL) == 1)
	{
		goal.applied = column_int(0, 1, 0);
		goal.applied_labels = column_int(0, 2, 0);
		goal.min_samples = index->entry.min_samples;
		goal.target = isnan(index->entry.target) ? rv_target_recall : index->entry.target;
		goal.setting = class->setting;
		count = read_labels(class, &labels);
		if (count > 0)
		{
			RvCall		call;
			const rv_host *host = rv_guard_begin(&call);
			rv_verdict *verdict = palloc0(sizeof(rv_verdict));
			rv_error	error = {0};
			rv_status	status;

			RV_SWIFT(status = rv_verdict_judge(host, &labels, &goal, verdict, &error));
			rv_guard_end(&call, status, &error);
			store_verdict(class, &goal, verdict, count, index->entry.mode);
		}
	}
	rv_privileged_end(&privileged);
	end_action();
	synchronise();
}

/* ---- prune --------------------------------------------------------------------------------- */

/*
 * Bounds: trajectory_window unlabelled and ten times as many labelled rows a
 * table, and the last 1000 events.
 */
static void
prune(void)
{
	RvPrivileged privileged;

	if (!begin_action("ruvector: pruning"))
		return;
	rv_privileged_begin(&privileged);
	rv_sql("DELETE FROM ruvector.trajectories d USING"
		   " (SELECT t.query_id, l.trajectory_window, t.label_state = 'labelled' AS labelled,"
		   "   row_number() OVER (PARTITION BY t.relid, t.label_state = 'labelled' ORDER BY t.started_at DESC) AS age"
		   "  FROM ruvector.trajectories t JOIN ruvector.learned_tables l USING (relid)) o"
		   " WHERE d.query_id = o.query_id"
		   " AND o.age > o.trajectory_window::bigint * CASE WHEN o.labelled THEN 10 ELSE 1 END",
		   SPI_OK_DELETE, 0, NULL, NULL, NULL);
	rv_sql("DELETE FROM ruvector.policy_history d USING"
		   " (SELECT event_number, row_number() OVER (PARTITION BY relid ORDER BY event_number DESC) AS age"
		   "  FROM ruvector.policy_history) o"
		   " WHERE d.event_number = o.event_number AND o.age > 1000",
		   SPI_OK_DELETE, 0, NULL, NULL, NULL);
	rv_privileged_end(&privileged);
	end_action();
	synchronise();
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int64
now_us(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

static void
act(rv_schedule *schedule)
{
	int64		started = now_us();

	switch ((rv_action) schedule->action)
	{
		case RV_ACTION_SLEEP:
			break;
		case RV_ACTION_SYNC:
			synchronise();
			break;
		case RV_ACTION_DRAIN:
			drain();
			break;
		case RV_ACTION_JUDGE:
			judge(schedule->class_index);
			break;
		case RV_ACTION_LABEL:
			label_one(schedule->class_index);
			RV_SWIFT(rv_schedule_charge(schedule, (double) (now_us() - started)));
			break;
		case RV_ACTION_PRUNE:
			prune();
			break;
	}
}

/* Defaults of the server or the database that are meant for users' transactions. */
static void
pin_settings(void)
{
	static const char *const settings[][2] = {
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"statement_timeout", "0"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	rv_pin_transaction_timeout();
}

/* Returns when this worker is not wanted any more. */
void
rv_learn_run(void)
{
	rv_schedule schedule = {0};
	bool		woken = false;

	sync_memory = AllocSetContextCreate(TopMemoryContext, "ruvector learning", ALLOCSET_DEFAULT_SIZES);
	label_memory = AllocSetContextCreate(TopMemoryContext, "ruvector label", ALLOCSET_DEFAULT_SIZES);
	pin_settings();
	while (!rv_workers_stop_requested())
	{
		rv_tick_facts facts;
		volatile bool failed = false;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		facts = (rv_tick_facts) {
			.now_us = now_us(),
			.interval_us = (int64) rv_learning_interval * USECS_PER_SEC,
			.label_budget = rv_label_budget,
			.woken = woken,
			.waiting = rv_registry_waiting(),
			.classes = class_count,
			.class_facts = class_facts,
		};
		woken = false;
		RV_SWIFT(rv_schedule_next(&schedule, &facts));
		if (schedule.action == RV_ACTION_SLEEP)
		{
			int64		sleep_ms = Max((schedule.wake_us - now_us()) / 1000, 1);
			int			events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
										   (long) sleep_ms, PG_WAIT_EXTENSION);

			woken = (events & WL_LATCH_SET) != 0;
			ResetLatch(MyLatch);
			continue;
		}
		PG_TRY();
		{
			act(&schedule);
		}
		PG_CATCH();
		{
			HOLD_INTERRUPTS();
			EmitErrorReport();
			FlushErrorState();
			AbortCurrentTransaction();
			RESUME_INTERRUPTS();
			failed = true;
		}
		PG_END_TRY();
		MemoryContextSwitchTo(TopMemoryContext);
		if (!installed)
			return;
		if (failed)
		{
			int64		resume = now_us() + (int64) rv_learning_interval * USECS_PER_SEC;

			/* leave the server time to recover from whatever it was, then start over */
			while (!rv_workers_stop_requested() && now_us() < resume)
			{
				(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 (long) Max((resume - now_us()) / 1000, 1), PG_WAIT_EXTENSION);
				ResetLatch(MyLatch);
				CHECK_FOR_INTERRUPTS();
			}
			memset(&schedule, 0, sizeof(schedule));
		}
	}
}
