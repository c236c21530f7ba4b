/* explain.c - what EXPLAIN says of our scan: which value, why, and on what evidence. */
#include "rv.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static bool
is_constant(ExprState *expression)
{
	return expression == NULL || IsA(expression->expr, Const);
}

/* Buffers a search: how many are expected, and how they spread. */
static void
explain_buffers(const char *prefix, const rv_rung *rung, ExplainState *es)
{
	if (es->format == EXPLAIN_FORMAT_TEXT)
		ExplainPropertyText(psprintf("%sBuffers", prefix),
							psprintf("%.0f (p50 %.0f, p95 %.0f, p99 %.0f)",
									 rung->blocks, rung->blocks_p50, rung->blocks_p95, rung->blocks_p99), es);
	else
	{
		ExplainPropertyFloat(psprintf("%sBuffers", prefix), NULL, rung->blocks, 0, es);
		ExplainPropertyFloat(psprintf("%sBuffers p50", prefix), NULL, rung->blocks_p50, 0, es);
		ExplainPropertyFloat(psprintf("%sBuffers p95", prefix), NULL, rung->blocks_p95, 0, es);
		ExplainPropertyFloat(psprintf("%sBuffers p99", prefix), NULL, rung->blocks_p99, 0, es);
	}
}

static void
explain_evidence(const rv_rung *evidence, bool filtered, double target, int32 k, ExplainState *es)
{
	int32		most;

	RV_SWIFT(most = rv_k_class(k, false));
	if (es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyFloat("Target Recall", NULL, target, 3, es);
		ExplainPropertyInteger("Smallest Limit", NULL, most / 2 + 1, es);
		ExplainPropertyInteger("Largest Limit", NULL, most, es);
		ExplainPropertyFloat("Recall", NULL, evidence->recall, 4, es);
		ExplainPropertyFloat("Recall Bound", NULL, evidence->bound, 4, es);
		if (rv_target_tail > 0)
		{
			ExplainPropertyFloat("Target Tail", NULL, rv_target_tail, 3, es);
			ExplainPropertyFloat("Tail", NULL, evidence->tail, 4, es);
			ExplainPropertyFloat("Tail Bound", NULL, evidence->tail_bound, 4, es);
		}
		ExplainPropertyInteger("Labels", NULL, evidence->labels, es);
		return;
	}
	ExplainPropertyText("Certified",
						psprintf("recall >= %.3g for %sLIMIT %d to %d with 95 %% confidence (bound %.4f, mean %.4f, n = %d)",
								 target, filtered ? "filtered searches with " : "", most / 2 + 1, most, evidence->bound, evidence->recall, evidence->labels),
						es);
	if (rv_target_tail > 0)
		ExplainPropertyText("Certified Tail",
							psprintf("recall >= 0.9 for %.3g of the searches with 95 %% confidence (bound %.4f, mean %.4f)",
									 rv_target_tail, evidence->tail_bound, evidence->tail),
							es);
}

/* What the filter let through, and whether an index on it, or none, would have been cheaper. */
static void
explain_filter(const RvScan *scan, ExplainState *es)
{
	int64		asked = scan->rows + scan->rows_removed;
	double		exact = RelationGetNumberOfBlocks(scan->child->ss.ss_currentRelation);

	if (asked > 0)
		ExplainPropertyFloat("Filter Pass Rate", NULL, (double) scan->rows / asked, 4, es);
	if ((double) scan->blocks / scan->searches > exact)
		ExplainPropertyText("Exact Search",
							psprintf("about %.0f buffers without an index, less with one on the filter", exact), es);
}

static const char *
index_name(Oid index)
{
	const char *name = get_rel_name(index);

	return name ? quote_identifier(name) : "(dropped)";
}

/* Why a plan uses this index, and none of the others that were looked at. */
char *
rv_explain_choice(const RvChoice *choice, Oid index)
{
	const char *unit = choice->made.by_time ? "microseconds" : "buffers";
	Oid			best = choice->index[choice->made.best];
	double		least = choice->made.by_time ? choice->prospect[choice->made.best].us : choice->prospect[choice->made.best].blocks;
	int			others = 0;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, index_name(index));
	for (int i = 0; i < choice->count; i++)
	{
		const rv_prospect *prospect = &choice->prospect[i];

		if (best != index && choice->index[i] == index)
			appendStringInfo(&text, "%s: %s would take %.0f %s at recall %.3g",
							 prospect->standing == RV_STANDING_OPEN ? " by pgvector's estimate, nothing is certified of it" : "",
							 index_name(best), least, unit, choice->target);
		if (best != index || i == choice->made.best)
			continue;
		appendStringInfo(&text, "%s over %s", others++ > 0 ? ";" : "", index_name(choice->index[i]));
		if (prospect->standing == RV_STANDING_CERTIFIED)
			appendStringInfo(&text, ": %.0f against %.0f %s at recall %.3g", least,
							 choice->made.by_time ? prospect->us : prospect->blocks, unit, choice->target);
		else if (prospect->standing == RV_STANDING_MISSING)
			appendStringInfo(&text, ": recall %.3f at pgvector's setting misses %.3g", prospect->recall, choice->target);
		else
			appendStringInfoString(&text, ": by pgvector's estimate, nothing is certified of it");
	}
	return text.data;
}

void
rv_scan_explain(CustomScanState *node, List *ancestors, ExplainState *es)
{
	RvScan	   *scan = (RvScan *) node;
	const char *name = rv_parameter_name(scan->kind);
	const List *private = ((CustomScan *) node->ss.ps.plan)->custom_private;
	rv_search_plan plan = {0};
	rv_rung		evidence = {0};
	rv_rung		fixed = {0};
	int32		k;

	if (es->analyze)
	{
		rv_scan_finish(scan);	/* EXPLAIN prints before the node ends */
		if (scan->searches == 0)
			return;				/* never executed, or only in parallel workers */
		k = scan->k;
		plan = scan->plan;
		evidence = scan->evidence;
		fixed = scan->fixed;
		if (scan->smallest != scan->largest)
			ExplainPropertyText(name, psprintf("%d to %d", scan->smallest, scan->largest), es);
		else
			ExplainPropertyInteger(name, NULL, plan.parameter, es);
	}
	else
	{
		if (!is_constant(scan->limit_count) || !is_constant(scan->limit_offset))
			return;				/* decided when the search begins */
		k = rv_scan_limit(scan);
		rv_scan_decide(scan, k, &plan, &evidence, &fixed);
		if (plan.parameter > 0 && plan.stop < 0 && !plan.filtered)	/* else each query has its own */
			ExplainPropertyInteger(name, NULL, plan.parameter, es);
	}
	ExplainPropertyText("Decision",
						rv_decision_reason(scan->learned_table ? &plan : NULL), es);
	if (list_length(private) > 1)
		ExplainPropertyText("Index Choice", strVal(lsecond(private)), es);
	if (plan.source == RV_SOURCE_LEARNED)
	{
		if (!scan->cut)			/* labels are taken without ruvector.max_latency */
			explain_evidence(&evidence, plan.filtered, scan->target, k, es);
		explain_buffers("Expected ", &evidence, es);
		if (plan.stop >= 0 && plan.rung >= 0)
			explain_buffers(psprintf("Best Fixed %s (%.0f) ", name, fixed.value), &fixed, es);
		else if (fixed.value > 0 && !isnan(fixed.blocks) && !plan.filtered)
			explain_buffers(psprintf("Setting's %s (%.0f) ", name, fixed.value), &fixed, es);
	}
	if (es->analyze)
	{
		if (plan.stop >= 0 && scan->scale != 1)
			ExplainPropertyFloat("Distance Scale", NULL, scan->scale, 2, es);
		if (scan->cut)
			ExplainPropertyText("Ended By", "ruvector.max_latency", es);
		if (scan->exhausted)
			ExplainPropertyText("Ended By", scan->kind == RV_HNSW ? "the end of the index, hnsw.max_scan_tuples or work_mem"
								: "the end of the index or ivfflat.max_probes", es);
		if (plan.filtered)
			explain_filter(scan, es);
		if (scan->searches > 1)
			ExplainPropertyInteger("Searches", NULL, scan->searches, es);
		ExplainPropertyFloat("Buffers per Search", NULL, (double) scan->blocks / scan->searches, 0, es);
	}
}
