/*
 * batches.c - one hnsw search in batches: probe, decide, resume.
 *
 * pgvector's iterative scan goes on where it stopped, and reads hnsw.ef_search
 * again each time: a search whose ef_search grows in steps finds what one search
 * at the sum would find, and touches the same buffers (each of them takes more
 * time).  After each step we know the k best rows so far and their distances, and
 * may stop.
 *
 * Each batch comes in order of distance.  So after the first row that is no
 * better than the k best, the rest of the batch needs no visit to the table;
 * only the last one gets it, its distance tells how far the search has looked.
 * Row identifiers that were not visited are kept: a consumer that wants more
 * than k rows gets them, again in order of distance.
 *
 * With a filter the rows that pass are all that counts.  It is asked only of
 * rows that would be among the k best.
 *
 * The changed variables are in force only around the access method's own call.
 * No locks.  All memory belongs to the query.
 */
#include "rv.h"

#include <math.h>

#include "access/relscan.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/rel.h"

typedef struct Row
{
	double		distance;
	ItemPointerData tid;		/* root, as the index has it */
	int			slot;
} Row;

struct RvBatches
{
	IndexScanState *child;
	MemoryContext memory;
	RvParameter *ef_search;
	RvSwitch   *iterative_scan;
	IndexScanDesc descriptor;

	int			k;
	int64		removed;		/* rows that the filter refused */
	int			capacity;		/* of best and slots */
	int			taken;			/* row identifiers from the index */
	bool		exhausted;
	int			best_count;
	Row		   *best;			/* ascending */
	TupleTableSlot **slots;		/* copies of the best rows */
	int			slot_count;
	int			rest_count;
	int			rest_capacity;
	Row		   *rest;			/* not among the best: without a distance until somebody asks */

	int			refused_count;
	int			refused_capacity;
	double	   *refused;		/* distances of rows that did not pass */

	int			emitted;
	bool		sorted;			/* rest has its distances and is in order */
};

RvBatches *
rv_batches_create(IndexScanState *child, MemoryContext memory)
{
	RvBatches  *batches = MemoryContextAllocZero(memory, sizeof(RvBatches));

	batches->child = child;
	batches->memory = memory;
	batches->ef_search = rv_pgvector_parameter(RV_HNSW);
	batches->iterative_scan = rv_pgvector_iterative_scan();
	return batches;
}

/* A new search; the memory of the one before is used again. */
void
rv_batches_start(RvBatches *batches, IndexScanDesc descriptor, int k)
{
	rv_batches_release(batches);
	if (k > batches->capacity)
	{
		TupleTableSlot **slots = MemoryContextAllocZero(batches->memory, sizeof(TupleTableSlot *) * k);

		if (batches->capacity > 0)
			memcpy(slots, batches->slots, sizeof(TupleTableSlot *) * batches->capacity);
		batches->slots = slots;
		batches->best = MemoryContextAlloc(batches->memory, sizeof(Row) * k);
		batches->capacity = k;
	}
	batches->k = k;
	batches->descriptor = descriptor;
	batches->taken = batches->best_count = batches->rest_count = batches->emitted = 0;
	batches->removed = batches->refused_count = 0;
	batches->exhausted = batches->sorted = false;
}

/* Frees the copies of the best rows. */
void
rv_batches_release(RvBatches *batches)
{
	for (int i = 0; i < batches->slot_count; i++)
		ExecClearTuple(batches->slots[i]);
	batches->slot_count = 0;
}

/* ---- taking rows from the index ---------------------------------------------------- */

/* The next row identifier.  A search for it, if one is due, ends where `total` have been taken. */
static ItemPointer
next_tid(RvBatches *batches, int total)
{
	int		   *ef_search = batches->ef_search->variable;
	int		   *iterative_scan = batches->iterative_scan->variable;
	int			ef_search_before = *ef_search;
	int			iterative_scan_before = *iterative_scan;
	ItemPointer volatile tid = NULL;

	*ef_search = total - batches->taken;
	*iterative_scan = batches->iterative_scan->relaxed;
	PG_TRY();
	{
		tid = index_getnext_tid(batches->descriptor, ForwardScanDirection);
	}
	PG_FINALLY();
	{
		*ef_search = ef_search_before;
		*iterative_scan = iterative_scan_before;
	}
	PG_END_TRY();
	return tid;
}

/* Reads the row into the child's scan slot; false: nobody may see it. */
static bool
visit(RvBatches *batches, const ItemPointerData *tid)
{
	/* the descriptor's copy moves along the HOT chain */
	batches->descriptor->xs_heaptid = *tid;
	batches->descriptor->xs_heap_continue = false;
	return index_fetch_heap(batches->descriptor, batches->child->ss.ss_ScanTupleSlot);
}

static double
distance_of_slot(RvBatches *batches)
{
	ExprContext *context = batches->child->ss.ps.ps_ExprContext;
	bool		isnull;
	Datum		datum;

	ResetExprContext(context);
	context->ecxt_scantuple = batches->child->ss.ss_ScanTupleSlot;
	datum = ExecEvalExprSwitchContext((ExprState *) linitial(batches->child->indexorderbyorig), context, &isnull);
	return isnull ? get_float8_nan() : DatumGetFloat8(datum);
}

/* Asks the filter about the row in the scan slot. */
static bool
passes(RvBatches *batches)
{
	IndexScanState *child = batches->child;
	ExprContext *context = child->ss.ps.ps_ExprContext;

	if (child->ss.ps.qual == NULL)
		return true;
	ResetExprContext(context);
	context->ecxt_scantuple = child->ss.ss_ScanTupleSlot;
	if (ExecQual(child->ss.ps.qual, context))
		return true;
	InstrCountFiltered1(child, 1);
	batches->removed++;
	return false;
}

static void
keep_for_later(RvBatches *batches, const ItemPointerData *tid)
{
	if (batches->rest_count == batches->rest_capacity)
	{
		batches->rest_capacity = Max(batches->rest_capacity * 2, 64);
		batches->rest = batches->rest == NULL
			? MemoryContextAlloc(batches->memory, sizeof(Row) * batches->rest_capacity)
			: repalloc(batches->rest, sizeof(Row) * batches->rest_capacity);
	}
	batches->rest[batches->rest_count++].tid = *tid;
}

static void
remember_refused(RvBatches *batches, double distance)
{
	if (batches->refused_count == batches->refused_capacity)
	{
		batches->refused_capacity = Max(batches->refused_capacity * 2, 64);
		batches->refused = batches->refused == NULL
			? MemoryContextAlloc(batches->memory, sizeof(double) * batches->refused_capacity)
			: repalloc(batches->refused, sizeof(double) * batches->refused_capacity);
	}
	batches->refused[batches->refused_count++] = distance;
}

/* Keeps the row in the scan slot, if it passes the filter and is one of the k best; false if it is farther than these. */
static bool
keep_if_best(RvBatches *batches, const ItemPointerData *tid, double distance)
{
	Row		   *best = batches->best;
	int			at = batches->best_count;
	int			slot;

	if (at == batches->k && !float8_lt(distance, best[at - 1].distance))
		return false;
	if (!passes(batches))
	{
		remember_refused(batches, distance);
		return true;
	}
	if (at == batches->k)
	{
		at--;
		slot = best[at].slot;
		keep_for_later(batches, &best[at].tid);
	}
	else
	{
		slot = batches->slot_count++;
		if (batches->slots[slot] == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(batches->memory);

			batches->slots[slot] = table_slot_create(batches->child->ss.ss_currentRelation,
													 &batches->child->ss.ps.state->es_tupleTable);
			MemoryContextSwitchTo(old);
		}
		batches->best_count++;
	}
	ExecCopySlot(batches->slots[slot], batches->child->ss.ss_ScanTupleSlot);
	ExecMaterializeSlot(batches->slots[slot]);	/* a pinned page for each row could be too many */
	/* equal distances stay in the order in which the index gave them */
	for (; at > 0 && float8_gt(best[at - 1].distance, distance); at--)
		best[at] = best[at - 1];
	best[at] = (Row) {distance, *tid, slot};
	return true;
}

/*
 * Goes on until `total` row identifiers have been taken in all.  `facts` is what
 * is known then.
 */
void
rv_batches_advance(RvBatches *batches, int total, rv_stage_facts *facts)
{
	bool		improving = true;	/* the next row may be among the k best */
	int			due = 0;		/* rows that the last search of the index may still give */

	while (batches->taken < total && !batches->exhausted)
	{
		int64		blocks = rv_blocks_now();
		ItemPointer found;
		ItemPointerData tid;
		double		distance;

		CHECK_FOR_INTERRUPTS();
		found = next_tid(batches, total);
		if (found == NULL)
		{
			batches->exhausted = true;
			break;
		}
		tid = *found;
		if (rv_blocks_now() != blocks)	/* the index was searched: a new batch */
		{
			improving = true;
			due = total - batches->taken;
		}
		else if (due <= 0)
			improving = true;	/* at its limits pgvector gives what it had put aside, row by row */
		due--;
		batches->taken++;
		if (!improving && batches->taken < total)
		{
			keep_for_later(batches, &tid);
			continue;
		}
		if (!visit(batches, &tid))
			continue;
		facts->last = distance = distance_of_slot(batches);
		improving = keep_if_best(batches, &tid, distance);
		if (!improving)
			keep_for_later(batches, &tid);
	}
	facts->nearest = batches->best_count > 0 ? batches->best[0].distance : get_float8_nan();
	facts->kth = batches->best_count == batches->k ? batches->best[batches->k - 1].distance : get_float8_nan();
}

int
rv_batches_taken(const RvBatches *batches)
{
	return batches->taken;
}

int64
rv_batches_removed(const RvBatches *batches)
{
	return batches->removed;
}

bool
rv_batches_full(const RvBatches *batches)
{
	return batches->best_count == batches->k;
}

/* How many rows, whether they passed or not, are as near as the k-th best; 0 if there are not k. */
int
rv_batches_reach(const RvBatches *batches)
{
	int			reach = batches->k;

	if (!rv_batches_full(batches))
		return 0;
	for (int i = 0; i < batches->refused_count; i++)
		reach += float8_le(batches->refused[i], batches->best[batches->k - 1].distance);
	return reach;
}

bool
rv_batches_exhausted(const RvBatches *batches)
{
	return batches->exhausted;
}

/* No further batch can tell more: the index has no more, or the query has no distance to anything. */
bool
rv_batches_settled(const RvBatches *batches)
{
	return batches->exhausted ||
		(rv_batches_full(batches) && isnan(batches->best[batches->k - 1].distance));
}

/* Fewer than k rows that may be seen: as many are looked at as pgvector alone would. */
void
rv_batches_complete(RvBatches *batches)
{
	rv_stage_facts facts;

	if (!rv_batches_full(batches))
		rv_batches_advance(batches, *batches->ef_search->variable, &facts);
}

/* Of the best rows, ascending; returns how many. */
int
rv_batches_distances(const RvBatches *batches, double *distances)
{
	for (int i = 0; i < batches->best_count; i++)
		distances[i] = batches->best[i].distance;
	return batches->best_count;
}

/* ---- giving them out -------------------------------------------------------------------- */

static int
compare_rows(const void *a, const void *b)
{
	return float8_cmp_internal(((const Row *) a)->distance, ((const Row *) b)->distance);
}

/* The consumer wants more than the k best: what else was taken, in order of distance. */
static void
sort_rest(RvBatches *batches)
{
	int			visible = 0;

	for (int i = 0; i < batches->rest_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (visit(batches, &batches->rest[i].tid) && passes(batches))
		{
			batches->rest[visible].tid = batches->rest[i].tid;
			batches->rest[visible++].distance = distance_of_slot(batches);
		}
	}
	batches->rest_count = visible;
	qsort(batches->rest, visible, sizeof(Row), compare_rows);
	batches->sorted = true;
}

/* The next row, in the child's scan slot; false at the end. */
bool
rv_batches_next(RvBatches *batches)
{
	TupleTableSlot *slot = batches->child->ss.ss_ScanTupleSlot;

	if (batches->emitted < batches->best_count)
	{
		Row		   *row = &batches->best[batches->emitted++];

		ExecCopySlot(slot, batches->slots[row->slot]);
		slot->tts_tid = batches->slots[row->slot]->tts_tid;
		slot->tts_tableOid = RelationGetRelid(batches->child->ss.ss_currentRelation);
		return true;
	}
	if (!batches->sorted)
		sort_rest(batches);
	while (batches->emitted - batches->best_count < batches->rest_count)
		if (visit(batches, &batches->rest[batches->emitted++ - batches->best_count].tid))
			return true;
	ExecClearTuple(slot);
	return false;
}
