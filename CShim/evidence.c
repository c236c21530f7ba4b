/*
 * evidence.c - one query drawn, measured and written down as a row of ruvector.labels.
 *
 * Locks: those of ordinary statements on our own tables; label.c says what it
 * takes on a user's.
 */
#include "rv.h"

#include <math.h>

#include "access/relation.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

static MemoryContext label_memory = NULL;	/* outlives the transaction of a label that failed */

typedef struct Candidate
{
	pg_uuid_t	query_id;
	RvQuery		query;
} Candidate;

/*
 * False: somebody holds the table against readers, or one of its indexes, all of which
 * the planner looks at.  What is gone is found to be gone later.
 */
static bool
can_be_read(Oid index)
{
	Oid			relation = IndexGetRelation(index, true);
	Relation	table;
	ListCell   *cell;
	bool		can = true;

	if (!OidIsValid(relation))
		return true;
	if (!ConditionalLockRelationOid(relation, AccessShareLock))
		return false;
	table = try_relation_open(relation, NoLock);
	if (table == NULL)
		return true;
	foreach(cell, RelationGetIndexList(table))
		can = can && ConditionalLockRelationOid(lfirst_oid(cell), AccessShareLock);
	relation_close(table, NoLock);
	return can;
}

/*
 * Query identifiers are random, so which query is labelled next has nothing to
 * do with what it asked or found.  Own rows only where nothing was asked.
 */
static bool
draw_candidate(const RvLearnedClass *class, bool own_rows, Candidate *candidate)
{
	MemoryContext memory = CurrentMemoryContext;
	RvPrivileged privileged;
	Oid			types[] = {OIDOID, INT4OID, BOOLOID};
	Datum		values[] = {ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class), BoolGetDatum(own_rows)};
	bool		isnull;
	bool		found;

	rv_privileged_begin(&privileged);
	found = rv_sql("SELECT query_id, query_vector, k, filter, source = 'own row' FROM ruvector.trajectories"
				   " WHERE indexid = $1 AND k_class = $2 AND label_state = 'pending' AND (source <> 'own row' OR $3)"
				   " ORDER BY source = 'own row', query_id LIMIT 1",
				   SPI_OK_SELECT, 3, types, values, NULL) == 1;
	if (found)
	{
		MemoryContext old;

		candidate->query_id = *DatumGetUUIDP(rv_sql_value(0, 1, &isnull));
		old = MemoryContextSwitchTo(memory);
		candidate->query.vector = PointerGetDatum(DatumGetArrayTypePCopy(rv_sql_value(0, 2, &isnull)));
		MemoryContextSwitchTo(old);
		candidate->query.k = rv_column_int(0, 3, 0);
		candidate->query.filter = rv_column_text(0, 4, memory);
		candidate->query.own_row = DatumGetBool(rv_sql_value(0, 5, &isnull));
	}
	rv_privileged_end(&privileged);
	return found;
}

/* False: somebody's open transaction holds the row, or it is gone. */
static bool
close_candidate(const Candidate *candidate, const char *state, const char *note)
{
	Oid			types[] = {UUIDOID, TEXTOID, TEXTOID};
	Datum		values[] = {UUIDPGetDatum(&candidate->query_id), CStringGetTextDatum(state),
	note ? CStringGetTextDatum(note) : (Datum) 0};
	bool		nulls[] = {false, false, note == NULL};

	if (rv_sql("UPDATE ruvector.trajectories SET label_state = $2, label_note = $3 WHERE query_id ="
			   " (SELECT query_id FROM ruvector.trajectories WHERE query_id = $1 FOR NO KEY UPDATE SKIP LOCKED)",
			   SPI_OK_UPDATE, 3, types, values, nulls) == 0)
		return false;
	rv_sql("SELECT ruvector.anonymize($1)", SPI_OK_SELECT, 1, types, values, NULL);
	return true;
}

/* False as above. */
static bool
store_label(const RvLearnedClass *class, const Candidate *candidate, const RvLabel *label)
{
	Oid			types[] = {UUIDOID, OIDOID, INT4OID, OIDOID, INT4OID, INT4OID, FLOAT8ARRAYOID, FLOAT8OID, FLOAT8OID,
	INT4ARRAYOID, FLOAT4ARRAYOID, FLOAT4ARRAYOID, FLOAT4OID, FLOAT4OID, INT4ARRAYOID, FLOAT4ARRAYOID, FLOAT4OID, FLOAT4OID, TEXTARRAYOID, BOOLOID};
	bool		unknown = isnan(label->setting_blocks);
	bool		whole = label->stages == 0;
	bool		nulls[lengthof(types)] = {[12] = unknown, [13] = unknown, [14] = whole, [15] = whole,
		[16] = isnan(label->timed_us), [17] = isnan(label->timed_us),
		[18] = label->exact_ids == (Datum) 0};
	Datum		values[] = {
		UUIDPGetDatum(&candidate->query_id), ObjectIdGetDatum(class->index), Int32GetDatum(class->k_class),
		ObjectIdGetDatum(label->filenode), Int32GetDatum(candidate->query.k), Int32GetDatum(class->setting),
		rv_make_array(label->exact, label->exact_count, FLOAT8OID),
		Float8GetDatum(label->exact_us), Float8GetDatum(label->ladder_us),
		rv_make_array(label->values, label->rungs, INT4OID),
		rv_make_array(label->recall, label->rungs, FLOAT4OID),
		rv_make_array(label->blocks, label->rungs, FLOAT4OID),
		Float4GetDatum(label->setting_recall), Float4GetDatum(label->setting_blocks),
		rv_make_array(label->totals, label->stages, INT4OID),
		rv_make_array(label->stage, label->stages * RV_STAGE_COLUMNS, FLOAT4OID),
		Float4GetDatum(label->timed_blocks), Float4GetDatum(label->timed_us), label->exact_ids,
		BoolGetDatum(candidate->query.own_row),
	};

	return rv_sql("INSERT INTO ruvector.labels (query_id, indexid, k_class, filenode, k, setting, exact_distances,"
				  " exact_us, ladder_us, parameters, recall, blocks, setting_recall, setting_blocks, stage_totals, stages, timed_blocks, timed_us,"
				  " exact_ids, own_row)"
				  " SELECT $1, $2, $3, $4, $5, nullif($6, 0), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20"
				  /* pruned or cleared while we measured, or just now: locked, or the foreign key finds it gone */
				  " FROM ruvector.trajectories WHERE query_id = $1 FOR NO KEY UPDATE SKIP LOCKED",
				  SPI_OK_INSERT, lengthof(types), types, values, nulls) == 1;
}

/*
 * Labels one query of the class.  An error of the measurement (the table was
 * dropped, a cast failed) closes the candidate, so that it is not tried for ever.
 * Its text goes to the server's log and nowhere else: it could quote private data.
 * With a filter, which was not asked of all rows before, it goes nowhere at all.
 * What a user's open transaction holds, by clearing the table, say, or altering it,
 * is left to a later time, and its class with it.
 */
void
rv_evidence_label(RvLearnedClass *class, rv_class_facts *facts)
{
	Candidate	candidate;
	volatile bool failed = false;
	volatile bool closed = false;
	RvPrivileged privileged;

	if (!rv_learn_begin("ruvector: measuring recall"))
		return;
	if (label_memory == NULL)
		label_memory = AllocSetContextCreate(TopMemoryContext, "ruvector label", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(label_memory);
	MemoryContextSwitchTo(label_memory);
	class->held = !can_be_read(class->index);
	if (class->held)
	{
		facts->candidates = 0;
		rv_learn_end();
		return;
	}
	if (!draw_candidate(class, facts->urgent > 0, &candidate))
	{
		facts->candidates = class->own_rows = 0;
		rv_learn_end();
		return;
	}
	PG_TRY();
	{
		RvLabel		label;
		const char *problem = rv_label_query(class, &candidate.query, &label);

		rv_privileged_begin(&privileged);
		closed = (problem != NULL || store_label(class, &candidate, &label)) &&
			close_candidate(&candidate, problem ? "skipped" : "labelled", problem);
		rv_privileged_end(&privileged);
		rv_learn_end();
		if (closed && problem == NULL)
		{
			class->measured++;
			facts->labels += !candidate.query.own_row;	/* whether these count is known at the next synchronisation */
		}
	}
	PG_CATCH();
	{
		rv_label_reset();
		rv_learn_abort(candidate.query.filter != NULL);
		failed = true;
	}
	PG_END_TRY();
	if (failed && rv_learn_begin("ruvector: closing a failed label"))
	{
		MemoryContextSwitchTo(label_memory);
		rv_privileged_begin(&privileged);
		closed = close_candidate(&candidate, "failed", "the measurement raised an error, see the server's log");
		rv_privileged_end(&privileged);
		rv_learn_end();
	}
	if (!closed)
		facts->candidates = class->own_rows = 0;	/* until the next synchronisation */
	else if (candidate.query.own_row)
		class->own_rows--;
	else
		facts->candidates--;
}

/* At a time: of any dimension they fit into memory. */
#define OWN_ROWS_MAX 1000

/*
 * Rows of the table as queries, each once, for whoever needs more labels than queries
 * were asked.  Returns how many were taken; negative: they cannot be read now.
 */
int
rv_evidence_add_own_rows(const RvLearnedIndex *index, int k, int k_class, int count)
{
	Datum		vectors[OWN_ROWS_MAX];
	RvPrivileged privileged;
	SPIPlanPtr	insert;
	Oid			types[] = {UUIDOID, OIDOID, OIDOID, OIDOID, FLOAT4ARRAYOID, INT4OID, INT4OID, INT4OID, TIMESTAMPTZOID};
	RvParameter *parameter;
	TimestampTz started = GetCurrentTimestamp();
	Oid			owner = InvalidOid;

	if (!rv_learn_begin("ruvector: taking rows as queries"))
		return 0;
	if (!can_be_read(index->entry.index))
	{
		rv_learn_end();
		return -1;
	}
	count = rv_label_own_rows(index->entry.index, Min(count, OWN_ROWS_MAX), vectors, &owner);
	parameter = rv_pgvector_parameter(index->entry.kind);	/* pgvector's library is loaded now */
	rv_privileged_begin(&privileged);
	insert = rv_sql_prepare("INSERT INTO ruvector.trajectories (query_id, relid, indexid, started_at, role_id, query_vector, k, k_class,"
							" setting, rows_returned, filtered, source, parameterized, label_state)"
							" SELECT $1, $2, $3, clock_timestamp(), $4, $5, $6, $7, nullif($8, 0), 0, false, 'own row', false, 'pending'"
							" WHERE EXISTS (SELECT FROM ruvector.learned_tables WHERE relid = $2)"
							/* of an earlier time */
							" AND NOT EXISTS (SELECT FROM ruvector.trajectories t WHERE t.relid = $2 AND t.indexid = $3 AND t.k_class = $7"
							"  AND t.source = 'own row' AND t.started_at < $9 AND t.query_vector = $5)",
							lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		pg_uuid_t	id;
		Datum		values[] = {
			UUIDPGetDatum(&id), ObjectIdGetDatum(index->entry.relation), ObjectIdGetDatum(index->entry.index),
			ObjectIdGetDatum(owner), vectors[i], Int32GetDatum(k), Int32GetDatum(k_class),
			Int32GetDatum(parameter->variable ? *parameter->variable : 0), TimestampTzGetDatum(started),
		};

		if (!rv_capture_new_query_id(id.data))
			elog(ERROR, "could not generate random values");
		rv_sql_execute(insert, SPI_OK_INSERT, lengthof(types), values, NULL);
	}
	rv_privileged_end(&privileged);
	rv_learn_end();
	return count;
}
