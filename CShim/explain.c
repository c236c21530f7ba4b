/* explain.c - what EXPLAIN says of our scan: which value, why, and on what evidence. */
#include "rv.h"

static bool
is_constant(ExprState *expression)
{
	return expression == NULL || IsA(expression->expr, Const);
}

static void
explain_evidence(const rv_rung *evidence, double target, int32 k, ExplainState *es)
{
	int32		most;

	RV_SWIFT(most = rv_k_class(k));
	if (es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyFloat("Target Recall", NULL, target, 3, es);
		ExplainPropertyInteger("Smallest Limit", NULL, most / 2 + 1, es);
		ExplainPropertyInteger("Largest Limit", NULL, most, es);
		ExplainPropertyFloat("Recall", NULL, evidence->recall, 4, es);
		ExplainPropertyFloat("Recall Bound", NULL, evidence->bound, 4, es);
		ExplainPropertyInteger("Labels", NULL, evidence->labels, es);
		ExplainPropertyFloat("Expected Buffers", NULL, evidence->blocks, 0, es);
		return;
	}
	ExplainPropertyText("Certified",
						psprintf("recall >= %.3g for LIMIT %d to %d with 95 %% confidence (bound %.4f, mean %.4f, n = %d)",
								 target, most / 2 + 1, most, evidence->bound, evidence->recall, evidence->labels),
						es);
	ExplainPropertyFloat("Expected Buffers", NULL, evidence->blocks, 0, es);
}

void
rv_scan_explain(CustomScanState *node, List *ancestors, ExplainState *es)
{
	RvScan	   *scan = (RvScan *) node;
	const char *name = rv_parameter_name(scan->kind);
	rv_search_plan plan = {0};
	rv_rung		evidence = {0};
	int32		k;

	if (es->analyze)
	{
		rv_scan_finish(scan);	/* EXPLAIN prints before the node ends */
		if (scan->searches == 0)
			return;				/* never executed, or only in parallel workers */
		k = scan->k;
		plan = scan->plan;
		evidence = scan->evidence;
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
		rv_scan_decide(scan, k, &plan, &evidence);
		if (plan.parameter > 0 && plan.stop < 0)	/* else each query has its own */
			ExplainPropertyInteger(name, NULL, plan.parameter, es);
	}
	ExplainPropertyText("Decision",
						scan->learned_table ? rv_decision_reason(&plan)
						: "pgvector's setting: learning is off", es);
	if (plan.source == RV_SOURCE_LEARNED)
		explain_evidence(&evidence, scan->target, k, es);
	if (es->analyze)
	{
		if (scan->searches > 1)
			ExplainPropertyInteger("Searches", NULL, scan->searches, es);
		ExplainPropertyFloat("Buffers per Search", NULL, (double) scan->blocks / scan->searches, 0, es);
	}
}
