/*
 * batches.c - one search in batches: probe, decide, resume.
 *
 * pgvector's iterative scan goes on where it stopped.  On hnsw it reads
 * hnsw.ef_search again each time: a search whose ef_search grows in steps finds what
 * one search at the sum would find, and touches the same buffers (each of them takes
 * more time).  On ivfflat it goes on by ivfflat.probes lists, here one: what a search
 * has taken is told in rows of hnsw, in lists of ivfflat.  After each step we know
 * the k best rows so far and their distances, and may stop.
 *
 * Each batch, and each list, comes in order of distance.  So after the first row that
 * is no better than the k best, the rest of it needs no visit to the table.  On hnsw
 * only the last one gets it, its distance tells how far the search has looked.  An
 * ivfflat search ends there or goes on to the next list, after all rows of this one
 * were taken: it cannot be seen from outside which row is its last, but by the
 * buffers that the next list touches.  Row identifiers that were not visited are
 * kept: a consumer that wants more than k rows gets them, again in order of distance.
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
#include "utils/memutils.h"
#include "utils/rel.h"

typedef struct Row
{
	double		distance;
	ItemPointerData tid;		/* root, as the index has it */
	int			slot;
} Row;

/* Grows; lists may hold more than an ordinary chunk of memory. */
typedef struct RvArray
{
	void	   *elements;
	Size		count;
	Size		capacity;
} RvArray;

struct RvBatches
{
	IndexScanState *child;
	ExprState  *indexed;		/* what the index holds, of the row in the scan slot */
	MemoryContext memory;
	int			kind;			/* rv_index_kind */
	RvWindow   *window;
	IndexScanDesc descriptor;

	int			k;
	int64		removed;		/* rows that the filter refused */
	int			capacity;		/* of best and slots */
	int			taken;			/* row identifiers from hnsw, lists of ivfflat */
	bool		exhausted;
	bool		improving;		/* the next row may be among the k best */
	bool		ahead;			/* the next list was begun, and does not count yet */
	double		list_nearest;	/* the first row of this list; NaN = not seen yet */
	double		beyond;			/* by how much those lay beyond the k-th best: sum, */
	int			beyond_count;	/* over so many lists */
	int			best_count;
	Row		   *best;			/* ascending */
	TupleTableSlot **slots;		/* copies of the best rows */
	int			slot_count;
	RvArray		rest;			/* ItemPointerData: not among the best */
	RvArray		refused;		/* double: distances of rows that did not pass */

	int			emitted;
	Row		   *sorted;			/* the visible ones of rest, in order; NULL until somebody asks */
	int			sorted_count;
};

/*
 * Of the order's two sides the indexed one.  The other is the query, which the scan
 * key has: computed once for each search, by whatever function.
 */
static ExprState *
indexed_side(IndexScanState *child)
{
	IndexScan  *plan = (IndexScan *) child->ss.ps.plan;
	List	   *sides = linitial_node(OpExpr, plan->indexorderbyorig)->args;
	Node	   *query = lsecond(linitial_node(OpExpr, plan->indexorderby)->args);

	return ExecInitExpr(equal(linitial(sides), query) ? lsecond(sides) : linitial(sides), &child->ss.ps);
}

/* Of an indexed value to the query, in the memory of the row; NaN if there is none. */
double
rv_batches_distance(IndexScanState *child, Datum indexed)
{
	ScanKey		key = &child->iss_OrderByKeys[0];
	MemoryContext old;
	Datum		distance;

	if (key->sk_flags & SK_ISNULL)
		return get_float8_nan();
	old = MemoryContextSwitchTo(child->ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
	distance = FunctionCall2Coll(&key->sk_func, key->sk_collation, indexed, key->sk_argument);
	MemoryContextSwitchTo(old);
	return DatumGetFloat8(distance);
}

RvBatches *
rv_batches_create(IndexScanState *child, int kind, MemoryContext memory)
{
	RvBatches  *batches = MemoryContextAllocZero(memory, sizeof(RvBatches));
	MemoryContext old = MemoryContextSwitchTo(memory);

	batches->child = child;
	batches->indexed = indexed_side(child);
	MemoryContextSwitchTo(old);
	batches->memory = memory;
	batches->kind = kind;
	return batches;
}

/* A new search; the memory of the one before is used again.  `window` begins with the variable of the parameter. */
void
rv_batches_start(RvBatches *batches, IndexScanDesc descriptor, RvWindow *window, int k)
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
	batches->window = window;
	batches->taken = batches->best_count = batches->emitted = 0;
	batches->rest.count = batches->refused.count = 0;
	batches->removed = 0;
	batches->exhausted = batches->ahead = false;
	batches->improving = true;
	batches->beyond = 0;
	batches->beyond_count = 0;
}

/* Frees the copies of the best rows, and what was put in order. */
void
rv_batches_release(RvBatches *batches)
{
	for (int i = 0; i < batches->slot_count; i++)
		ExecClearTuple(batches->slots[i]);
	batches->slot_count = 0;
	if (batches->sorted != NULL)
		pfree(batches->sorted);
	batches->sorted = NULL;
}

/* ---- taking rows from the index ---------------------------------------------------- */

/* The next row identifier.  A search of hnsw for it, if one is due, ends where `total` have been taken. */
static ItemPointer
next_tid(RvBatches *batches, int total)
{
	ItemPointer volatile tid = NULL;

	if (batches->kind == RV_HNSW)
		batches->window->value[0] = total - batches->taken;
	RV_WITH(batches->window, tid = index_getnext_tid(batches->descriptor, ForwardScanDirection));
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
	datum = ExecEvalExprSwitchContext(batches->indexed, context, &isnull);
	return isnull ? get_float8_nan() : rv_batches_distance(batches->child, datum);
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
append(RvBatches *batches, RvArray *array, const void *element, Size size)
{
	if (array->count == array->capacity)
	{
		array->capacity = Max(array->capacity * 2, 64);
		array->elements = array->elements == NULL
			? MemoryContextAllocHuge(batches->memory, size * array->capacity)
			: repalloc_huge(array->elements, size * array->capacity);
	}
	memcpy((char *) array->elements + size * array->count++, element, size);
}

static void
keep_for_later(RvBatches *batches, const ItemPointerData *tid)
{
	append(batches, &batches->rest, tid, sizeof(*tid));
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
		append(batches, &batches->refused, &distance, sizeof(distance));
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
 * Goes on until `total` have been taken in all, and the last list has nothing more
 * for the k best.  While there are not k, every row has, and where the last list
 * ends shows only after the next one was begun.  `facts` is what is known then.
 */
void
rv_batches_advance(RvBatches *batches, int total, rv_stage_facts *facts)
{
	bool		by_list = batches->kind == RV_IVFFLAT;
	int			due = 0;		/* rows that the last search of hnsw may still give */

	batches->taken += batches->ahead;
	batches->ahead = false;
	while (!batches->exhausted && (batches->taken < total || (by_list && batches->improving && !batches->ahead)))
	{
		int64		blocks = rv_blocks_now();
		bool		searched;
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
		searched = rv_blocks_now() != blocks;	/* a new batch, or list */
		if (searched)
		{
			batches->improving = true;
			batches->list_nearest = get_float8_nan();
			due = total - batches->taken;
			batches->ahead = by_list && batches->taken >= total && !rv_batches_full(batches);
		}
		else if (due <= 0 && !by_list)
			batches->improving = true;	/* at its limits hnsw gives what it had put aside, row by row */
		due--;
		batches->taken += by_list ? searched && !batches->ahead : 1;
		if (!batches->improving && (by_list || batches->taken < total))
		{
			keep_for_later(batches, &tid);
			continue;
		}
		if (!visit(batches, &tid))
			continue;
		facts->last = distance = distance_of_slot(batches);
		if (isnan(batches->list_nearest))
			batches->list_nearest = distance;
		batches->improving = keep_if_best(batches, &tid, distance);
		if (!batches->improving)
		{
			keep_for_later(batches, &tid);
			batches->beyond += batches->list_nearest - batches->best[batches->k - 1].distance;
			batches->beyond_count++;
		}
	}
	facts->nearest = batches->best_count > 0 ? batches->best[0].distance : get_float8_nan();
	facts->kth = rv_batches_full(batches) ? batches->best[batches->k - 1].distance : get_float8_nan();
	if (by_list)
		facts->last = facts->kth + batches->beyond / batches->beyond_count;
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
	for (Size i = 0; i < batches->refused.count; i++)
		reach += float8_le(((double *) batches->refused.elements)[i], batches->best[batches->k - 1].distance);
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

	if (!rv_batches_full(batches) && batches->taken < *batches->window->variable[0])
		rv_batches_advance(batches, *batches->window->variable[0], &facts);
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
	const ItemPointerData *tids = batches->rest.elements;

	batches->sorted = MemoryContextAllocHuge(batches->memory, sizeof(Row) * Max(batches->rest.count, 1));
	batches->sorted_count = 0;
	for (Size i = 0; i < batches->rest.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (visit(batches, &tids[i]) && passes(batches))
		{
			batches->sorted[batches->sorted_count].tid = tids[i];
			batches->sorted[batches->sorted_count++].distance = distance_of_slot(batches);
		}
	}
	qsort(batches->sorted, batches->sorted_count, sizeof(Row), compare_rows);
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
	if (batches->sorted == NULL)
		sort_rest(batches);
	while (batches->emitted - batches->best_count < batches->sorted_count)
		if (visit(batches, &batches->sorted[batches->emitted++ - batches->best_count].tid))
			return true;
	ExecClearTuple(slot);
	return false;
}
