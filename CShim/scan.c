/*
 * scan.c - the custom scan over pgvector's index scan.
 *
 * One search at a time: it begins at the first fetch after (re)scan, when the
 * query vector is known whatever it came from, and ends at the next rescan or at
 * the end of the plan.  In between it either passes its child through, or, when
 * the parameter differs from pgvector's setting or a filter's pass rate is to be
 * counted, plays the child's part ("driven"): then the changed variable is in
 * force only around the access method's own call, never around user code.  With a
 * stop rule the first fetch searches in batches, and the rows found are handed out
 * by batches.c.
 *
 * The end of a search is not reached on error: nothing may depend on it.  No
 * locks are held between calls.
 */
#include "rv.h"

#include <limits.h>
#include <math.h>

#include "access/relscan.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

RvTrace    *rv_scan_trace = NULL;

/* ---- one search ------------------------------------------------------------------ */

/* LIMIT + OFFSET, -1 if it cannot be known before the search. */
int32
rv_scan_limit(RvScan *scan)
{
	ExprContext *context = scan->css.ss.ps.ps_ExprContext;
	int64		k;
	bool		isnull;
	Datum		datum;

	if (scan->limit_count == NULL)
		return -1;
	datum = ExecEvalExprSwitchContext(scan->limit_count, context, &isnull);
	if (isnull)
		return -1;				/* LIMIT ALL */
	k = DatumGetInt64(datum);
	if (scan->limit_offset)
	{
		datum = ExecEvalExprSwitchContext(scan->limit_offset, context, &isnull);
		if (!isnull && DatumGetInt64(datum) > 0 && k <= INT_MAX && DatumGetInt64(datum) <= INT_MAX)
			k += DatumGetInt64(datum);
	}
	return k > 0 && k <= INT_MAX ? (int32) k : -1;
}

/* May searches for k rows go in batches?  Who has switched iterative_scan on has his own. */
bool
rv_scan_can_batch(int kind, int32 k)
{
	return rv_batched_search && k > 0 && k <= RV_BATCHED_K_MAX && rv_pgvector_iterative_is_free(kind);
}

static bool
can_batch(const RvScan *scan, int32 k)
{
	return scan->filter_is_safe &&
		IsMVCCSnapshot(scan->css.ss.ps.state->es_snapshot) && rv_scan_can_batch(scan->kind, k);
}

/*
 * Fills in what the optimizer is to know of a search, as if its distances had a
 * known scale; returns what is published for its class, NULL if nothing is.
 */
const rv_policy *
rv_scan_facts(const RvIndexEntry *entry, int32 k, bool filtered, bool can_batch, rv_search_facts *facts)
{
	const RvParameter *parameter = rv_pgvector_parameter(entry->kind);
	int			pin = entry->kind == RV_HNSW ? rv_pin_ef_search : rv_pin_probes;
	int32		k_class;

	/* the session's own, else what the owner has said of the index */
	if (pin == 0 && rv_adaptive_search)
		pin = entry->pin;
	*facts = (rv_search_facts) {
		.kind = entry->kind,
		.mode = entry->mode,
		.k = k,
		.filtered = filtered,
		.can_batch = can_batch,
		.adaptive = rv_adaptive_search,
		.user_set = parameter->guc->source >= PGC_S_CLIENT,
		.setting = *parameter->variable,
		.pin = pin,
		.minimum = parameter->minimum,
		.maximum = parameter->maximum,
		.min_samples = entry->min_samples,
		.target = isnan(entry->target) || rv_settings_target_is_session() ? rv_target_recall : entry->target,
		.target_tail = rv_target_tail,
	};
	facts->can_follow = can_batch && facts->adaptive && !facts->user_set && facts->pin == 0;
	RV_SWIFT(k_class = rv_k_class(k, filtered));
	for (int i = 0; i < entry->classes && k <= RV_K_MAX(entry->kind); i++)
		if (entry->policy[i].k_class == k_class)
			return &entry->policy[i];
	return NULL;
}

/*
 * The scale of distances where the query lies, for a rule that reads scaled ones;
 * false where it cannot be known: such a rule is certified with it only.
 */
static bool
find_scale(RvScan *scan, const rv_policy *policy)
{
	ScanKey		key = &scan->child->iss_OrderByKeys[0];
	int64		bytes;
	const void *image;
	struct varlena *vector;
	const char *data;
	int			dims;
	MemoryContext old;

	scan->scale = 1;
	if (policy == NULL || policy->stop.regions == 0 || !scan->active || key->sk_flags & SK_ISNULL)
		return true;			/* EXPLAIN alone has no query yet */
	/* made only for pgvector's type vector: 16 bits of dimension, 16 unused, floats */
	image = rv_image_find(&(RvImageKey) {RelationGetRelid(scan->child->iss_RelationDesc), policy->k_class},
						  policy->stop.regions, &bytes);
	if (image == NULL)
		return false;
	old = MemoryContextSwitchTo(scan->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
	vector = PG_DETOAST_DATUM(key->sk_argument);
	MemoryContextSwitchTo(old);
	data = VARDATA(vector);
	dims = *(const int16 *) data;
	if (VARSIZE(vector) != VARHDRSZ + 2 * sizeof(int16) + sizeof(float) * dims)
		return false;
	RV_SWIFT(scan->scale = rv_regions_scale(image, bytes, (const float *) (data + 2 * sizeof(int16)), dims));
	return true;
}

/*
 * Asks the optimizer.  `evidence` is of what it says, `fixed` of what that is
 * compared with.  Also used by EXPLAIN without ANALYZE.  Leaves the scan's
 * own state alone but for `slot`, `learned_table`, the rule, `scale` and `target`.
 */
void
rv_scan_decide(RvScan *scan, int32 k, rv_search_plan *plan, rv_rung *evidence, rv_rung *fixed)
{
	RvIndex    *index = rv_learning_enabled ? rv_registry_find(((IndexScan *) scan->child->ss.ps.plan)->indexid) : NULL;
	RvParameter *parameter = scan->parameter;
	const rv_policy *policy;
	rv_search_facts facts;

	scan->learned_table = index != NULL;
	scan->rule_stages = 0;
	plan->parameter = parameter->variable ? *parameter->variable : 0;
	plan->source = RV_SOURCE_SWITCHED_OFF;
	plan->rung = plan->stop = -1;
	plan->filtered = false;
	*evidence = *fixed = (rv_rung) {0};
	if (index == NULL || parameter->variable == NULL)
		return;
	scan->slot = index->slot;
	policy = rv_scan_facts(&index->entry, k, scan->child->ss.ps.plan->qual != NIL, can_batch(scan, k), &facts);
	scan->target = facts.target;
	facts.can_follow = facts.can_follow && find_scale(scan, policy);
	RV_SWIFT(rv_optimizer_plan(policy, &facts, plan));
	if (policy == NULL)
		return;
	if (plan->rung >= 0 && plan->rung < policy->rungs)
		*evidence = policy->rung[plan->rung];
	if (plan->stop >= 0 && plan->stop < policy->stop.rungs)
	{
		*fixed = *evidence;
		*evidence = policy->stop.rung[plan->stop];
		scan->rule_stages = Min(policy->stop.stages, RV_STAGES_MAX);
		memcpy(scan->rule, policy->stop.stage, sizeof(rv_stop_stage) * scan->rule_stages);
		return;
	}
	for (int r = 0; r < policy->rungs && fixed->value == 0; r++)
		if (policy->rung[r].value == (float) facts.setting)
			*fixed = policy->rung[r];
}

/*
 * What the access method is to see.  In batches: its iterative scan, on hnsw at an
 * ef_search that batches.c sets, on ivfflat list by list; a filtered search heeds
 * ivfflat.max_probes, as pgvector would, but not below what it takes in any case.
 */
static void
prepare_window(RvScan *scan)
{
	RvWindow   *window = &scan->window;
	const RvParameter *parameter = scan->parameter;

	*window = (RvWindow) {1, {parameter->variable}, {scan->plan.parameter}};
	if (scan->batched)
	{
		const RvIterative *iterative = rv_pgvector_iterative(scan->kind);

		window->value[0] = parameter->minimum;
		window->variable[window->count] = iterative->mode;
		window->value[window->count++] = iterative->relaxed;
		if (iterative->most != NULL)
		{
			bool		limited = scan->plan.filtered && scan->trace == NULL;

			window->variable[window->count] = iterative->most;
			window->value[window->count++] = limited
				? Max(*iterative->most, Max(*parameter->variable, scan->plan.parameter)) : parameter->maximum;
		}
	}
}

static void
start_search(RvScan *scan)
{
	IndexScanState *child = scan->child;

	/* bring the child to where ExecProcNode and ExecIndexScan would bring it */
	if (child->ss.ps.chgParam != NULL)
		ExecReScan((PlanState *) child);
	if (child->iss_NumRuntimeKeys != 0 && !child->iss_RuntimeKeysReady)
		ExecReScan((PlanState *) child);

	scan->active = true;
	scan->k = rv_scan_limit(scan);
	rv_scan_decide(scan, scan->k, &scan->plan, &scan->evidence, &scan->fixed);
	if (rv_plan_forcing.ours && RelationGetRelid(child->iss_RelationDesc) == rv_plan_forcing.index)
	{
		scan->learned_table = false;	/* not a user's search */
		rv_plan_forcing.decided = true;
		rv_plan_forcing.plan = scan->plan;
	}
	scan->trace = NULL;
	if (rv_scan_trace != NULL && RelationGetRelid(child->iss_RelationDesc) == rv_plan_forcing.index && can_batch(scan, scan->k))
	{
		/* taken over once: functions in the index may search themselves */
		scan->trace = rv_scan_trace;
		rv_scan_trace = NULL;
		scan->rule_stages = 0;
		scan->plan.source = RV_SOURCE_SWITCHED_OFF;
		scan->plan.filtered = child->ss.ps.qual != NULL;
	}
	scan->batched = scan->rule_stages > 0 || scan->plan.filtered || scan->trace != NULL;
	scan->cut = scan->exhausted = false;
	scan->searched = false;
	scan->driven = scan->batched || scan->plan.parameter != *scan->parameter->variable ||
		(scan->learned_table && child->ss.ps.qual != NULL);
	prepare_window(scan);
	rv_capture_start(scan);

	/* ivfflat reads its parameters in ambeginscan: a new value needs a new descriptor */
	if (scan->kind == RV_IVFFLAT && child->iss_ScanDesc)
	{
		index_endscan(child->iss_ScanDesc);
		child->iss_ScanDesc = NULL;
	}
}

void
rv_scan_finish(RvScan *scan)
{
	if (!scan->active)
		return;
	scan->active = false;
	if (scan->batched && scan->batches != NULL)
		rv_batches_release(scan->batches);
	if (scan->searches++ == 0)
		scan->smallest = scan->largest = scan->plan.parameter;
	scan->smallest = Min(scan->smallest, scan->plan.parameter);
	scan->largest = Max(scan->largest, scan->plan.parameter);
	scan->blocks += scan->capture.record.blocks;
	scan->rows += scan->capture.record.rows;
	scan->rows_removed += scan->capture.record.rows_removed;
	if (scan->learned_table)
		rv_registry_count_search(scan->slot, scan->plan.source == RV_SOURCE_LEARNED);
	rv_capture_finish(scan);
}

/* ---- driven: IndexNext, with the window -------------------------------------------- */

static IndexScanDesc
open_descriptor(RvScan *scan)
{
	IndexScanState *child = scan->child;

	if (child->iss_ScanDesc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(scan->memory);

		RV_WITH(&scan->window,
				child->iss_ScanDesc =
				rv_index_beginscan(child->ss.ss_currentRelation, child->iss_RelationDesc,
								   child->ss.ps.state->es_snapshot, child));
		index_rescan(child->iss_ScanDesc, child->iss_ScanKeys, child->iss_NumScanKeys,
					 child->iss_OrderByKeys, child->iss_NumOrderByKeys);
		MemoryContextSwitchTo(old);
	}
	return child->iss_ScanDesc;
}

static TupleTableSlot *
fetch_driven(RvScan *scan)
{
	IndexScanState *child = scan->child;
	IndexScanDesc descriptor = open_descriptor(scan);
	ExprContext *context = child->ss.ps.ps_ExprContext;
	TupleTableSlot *slot = child->ss.ss_ScanTupleSlot;
	ItemPointer volatile tid = NULL;

	ResetExprContext(context);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		RV_WITH(&scan->window, tid = index_getnext_tid(descriptor, ForwardScanDirection));
		if (tid == NULL)
			return ExecClearTuple(slot);
		if (!index_fetch_heap(descriptor, slot))
			continue;
		context->ecxt_scantuple = slot;
		if (child->ss.ps.qual == NULL || ExecQual(child->ss.ps.qual, context))
			break;
		InstrCountFiltered1(child, 1);
		scan->capture.record.rows_removed++;
		ResetExprContext(context);
	}
	return child->ss.ps.ps_ProjInfo ? ExecProject(child->ss.ps.ps_ProjInfo) : slot;
}

static void
trace_stage(const RvScan *scan, int stage, const rv_stage_facts *facts, int64 blocks, double us)
{
	scan->trace->stages = stage + 1;
	scan->trace->facts[stage] = *facts;
	scan->trace->taken[stage] = rv_batches_taken(scan->batches);
	scan->trace->reach[stage] = rv_batches_reach(scan->batches);
	scan->trace->blocks[stage] = blocks;
	scan->trace->us[stage] = us;
	scan->trace->found[stage] = rv_batches_distances(scan->batches, scan->trace->distances[stage]);
}

/* Would batches up to `total` come too late, by what those so far have cost? */
static bool
too_late(RvScan *scan, int32 total, const instr_time *started)
{
	int32		taken = rv_batches_taken(scan->batches);

	if (rv_max_latency > 0 && taken > 0 && scan->trace == NULL)
		scan->cut = rv_elapsed_us(started) * total / taken > rv_max_latency * 1000;
	return scan->cut;
}

/*
 * The batch to look at, from `stage` on; those before it are taken with it.  A traced
 * search looks at all of them, and one that has to end in time.
 */
static int
next_look(const RvScan *scan, int stages, int stage)
{
	int			next = stage;

	if (scan->trace == NULL && rv_max_latency == 0 && stage < stages)
		RV_SWIFT(next = rv_stop_next(scan->rule, stages, stage, scan->evidence.value));
	return next;
}

/*
 * Batch after batch, until the rule says that it is enough.
 */
static void
search_in_batches(RvScan *scan)
{
	rv_stage_facts facts = {.last = NAN};
	int32		totals[RV_STAGES_MAX];
	int			stages;
	int64		before = rv_blocks_now();
	instr_time	started;

	INSTR_TIME_SET_CURRENT(started);
	RV_SWIFT(stages = rv_stage_totals(scan->kind, scan->k, scan->parameter->maximum, totals));
	if (scan->rule_stages > 0)
		stages = Min(stages, scan->rule_stages);
	for (int stage = next_look(scan, stages, 0);
		 stage < stages && !too_late(scan, totals[stage], &started);
		 stage = next_look(scan, stages, stage + 1))
	{
		bool		enough = false;

		rv_batches_advance(scan->batches, totals[stage], &facts);
		if (scan->trace != NULL)
			trace_stage(scan, stage, &facts, rv_blocks_now() - before, rv_elapsed_us(&started));
		else
			RV_SWIFT(enough = rv_stop_here(&scan->rule[stage], scan->evidence.value, scan->scale, &facts));
		if (enough || rv_batches_settled(scan->batches))
			break;
	}
	rv_batches_complete(scan->batches);
}

/*
 * With a filter: as much as pgvector alone would take, and on until k rows pass;
 * with a certified value, until that is enough.  pgvector's own limits
 * (hnsw.max_scan_tuples, work_mem; ivfflat.max_probes) end it as well.
 */
static void
search_filtered(RvScan *scan)
{
	int32		value = scan->trace != NULL ? scan->trace->value : scan->plan.rung >= 0 ? (int32) scan->evidence.value : 0;
	int32		least = scan->trace != NULL ? 0 : scan->plan.parameter;
	int64		before = rv_blocks_now();
	rv_stage_facts facts = {.last = NAN};
	instr_time	started;
	int			step = 0;

	INSTR_TIME_SET_CURRENT(started);
	for (;;)
	{
		int32		taken = rv_batches_taken(scan->batches);
		int32		reach = rv_batches_reach(scan->batches);
		int32		total;

		RV_SWIFT(total = rv_filtered_next(scan->kind, scan->k, value, least, taken, reach));
		if (total < 0 || rv_batches_settled(scan->batches) || (scan->trace != NULL && step == RV_TRACE_MAX))
			break;
		if (too_late(scan, total, &started))
			break;
		rv_batches_advance(scan->batches, total, &facts);
		if (scan->trace != NULL)
			trace_stage(scan, step++, &facts, rv_blocks_now() - before, rv_elapsed_us(&started));
	}
	if (scan->trace == NULL)
		rv_batches_complete(scan->batches);
}

static TupleTableSlot *
fetch_batched(RvScan *scan)
{
	IndexScanState *child = scan->child;
	ExprContext *context = child->ss.ps.ps_ExprContext;
	TupleTableSlot *slot = child->ss.ss_ScanTupleSlot;
	bool		found;

	if (!scan->searched)
	{
		scan->searched = true;
		if (scan->batches == NULL)
			scan->batches = rv_batches_create(scan->child, scan->kind, scan->memory);
		rv_batches_start(scan->batches, open_descriptor(scan), &scan->window, scan->k);
		if (scan->plan.filtered)
			search_filtered(scan);
		else
			search_in_batches(scan);
		scan->plan.parameter = rv_batches_taken(scan->batches);
		scan->exhausted = !rv_batches_full(scan->batches) && rv_batches_exhausted(scan->batches);
	}
	ResetExprContext(context);
	found = rv_batches_next(scan->batches);
	scan->capture.record.rows_removed = rv_batches_removed(scan->batches);
	if (!found)
		return slot;
	context->ecxt_scantuple = slot;
	return child->ss.ps.ps_ProjInfo ? ExecProject(child->ss.ps.ps_ProjInfo) : slot;
}

static TupleTableSlot *
fetch_driven_instrumented(RvScan *scan)
{
	Instrumentation *instrument = scan->child->ss.ps.instrument;
	TupleTableSlot *slot;

	if (instrument == NULL)
		return scan->batched ? fetch_batched(scan) : fetch_driven(scan);
	InstrStartNode(instrument);
	slot = scan->batched ? fetch_batched(scan) : fetch_driven(scan);
	InstrStopNode(instrument, TupIsNull(slot) ? 0 : 1);
	return slot;
}

/* ---- the node ------------------------------------------------------------------------ */

static CustomExecMethods exec_methods;

static Node *
create_state(CustomScan *node)
{
	RvScan	   *scan = palloc0(sizeof(RvScan));

	NodeSetTag(scan, T_CustomScanState);
	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

static void
begin_scan(CustomScanState *node, EState *estate, int flags)
{
	RvScan	   *scan = (RvScan *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	PlanState  *child = ExecInitNode(linitial(plan->custom_plans), estate, flags);
	bool		fixed;

	node->custom_ps = list_make1(child);	/* EXPLAIN and tree walkers see it */
	scan->child = castNode(IndexScanState, child);
	scan->kind = intVal(linitial(plan->custom_private));
	scan->parameter = rv_pgvector_parameter(scan->kind);
	scan->memory = estate->es_query_cxt;
	scan->filter_is_safe = !contain_volatile_functions((Node *) child->plan->qual);
	/* the child's own slots are returned: tell the parent their real type */
	node->ss.ps.resultops = ExecGetResultSlotOps(child, &fixed);
	node->ss.ps.resultopsfixed = fixed;
	node->ss.ps.resultopsset = true;
	node->ss.ss_ScanTupleSlot = scan->child->ss.ss_ScanTupleSlot;
	if (plan->custom_exprs != NIL)
	{
		scan->limit_count = ExecInitExpr(linitial(plan->custom_exprs), (PlanState *) node);
		if (list_length(plan->custom_exprs) > 1)
			scan->limit_offset = ExecInitExpr(lsecond(plan->custom_exprs), (PlanState *) node);
	}
}

static TupleTableSlot *
next_tuple(CustomScanState *node)
{
	RvScan	   *scan = (RvScan *) node;
	rv_trajectory *record = &scan->capture.record;
	TupleTableSlot *slot;
	int64		blocks;
	instr_time	started;

	/* EvalPlanQual's recheck, or pgvector's library is not there yet: the child alone */
	if (unlikely(node->ss.ps.state->es_epq_active != NULL ||
				 rv_pgvector_parameter(scan->kind)->variable == NULL))
		return ExecProcNode((PlanState *) scan->child);
	if (!scan->active)
		start_search(scan);

	blocks = rv_blocks_now();
	if (record->rows == 0)		/* the search happens in the first fetch */
		INSTR_TIME_SET_CURRENT(started);
	slot = scan->driven ? fetch_driven_instrumented(scan) : ExecProcNode((PlanState *) scan->child);
	if (record->rows == 0)
		record->latency_us += rv_elapsed_us(&started);
	record->blocks += rv_blocks_now() - blocks;
	if (TupIsNull(slot))
		return NULL;
	if (scan->capture.active)
		rv_capture_row(scan, scan->child->ss.ss_ScanTupleSlot);
	record->rows++;
	return slot;
}

static void
rescan(CustomScanState *node)
{
	RvScan	   *scan = (RvScan *) node;
	PlanState  *child = (PlanState *) scan->child;

	rv_scan_finish(scan);
	if (node->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(child, node->ss.ps.chgParam);
	if (child->chgParam == NULL)
		ExecReScan(child);		/* else start_search does it, with the new parameters */
}

static void
end_scan(CustomScanState *node)
{
	rv_scan_finish((RvScan *) node);
	ExecEndNode(linitial(node->custom_ps));
}

CustomScanMethods rv_scan_methods = {
	.CustomName = "RuVector",
	.CreateCustomScanState = create_state,
};

static CustomExecMethods exec_methods = {
	.CustomName = "RuVector",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = next_tuple,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = rv_scan_explain,
};

void
rv_scan_init(void)
{
	RegisterCustomScanMethods(&rv_scan_methods);
}
