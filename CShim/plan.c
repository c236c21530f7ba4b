/*
 * plan.c - planner hooks.
 *
 * After the standard planner has finished, every index scan of pgvector's that
 * is ordered by a distance, on an index that learns, becomes the child of our
 * custom scan.  The index scan itself stays untouched; unknown plan nodes merely
 * stay unwrapped.  On other indexes the cost is one hash look-up a scan.
 *
 * A second hook, used only by the worker while it measures, hides indexes from
 * the planner, so that a label is measured on the index it is about.
 *
 * No locks, no shared state.
 */
#include "rv.h"

#include <limits.h>

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"

RvPlanForcing rv_plan_forcing = {InvalidOid, InvalidOid};

static planner_hook_type previous_planner;
static get_relation_info_hook_type previous_relation_info;

/* What a LIMIT may hold so that our node can evaluate it by itself. */
static bool
depends_on_plan(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) ||
		(IsA(node, Param) && ((Param *) node)->paramkind != PARAM_EXTERN))
		return true;
	return expression_tree_walker(node, depends_on_plan, context);
}

static bool
limit_is_known(Node *expression)
{
	return !depends_on_plan(expression, NULL) && !contain_volatile_functions(expression);
}

/* LIMIT + OFFSET where they are constants, else -1. */
static int32
constant_limit(const Limit *limit)
{
	const Const *count = (const Const *) limit->limitCount;
	const Const *offset = (const Const *) limit->limitOffset;
	double		k;

	if (!IsA(count, Const) || count->constisnull || (offset != NULL && !IsA(offset, Const)))
		return -1;
	k = DatumGetInt64(count->constvalue);
	if (offset != NULL && !offset->constisnull)
		k += DatumGetInt64(offset->constvalue);
	return k >= 1 && k <= INT_MAX ? (int32) k : -1;
}

static Plan *
wrap(IndexScan *child, int kind, Limit *limit, int *next_id)
{
	CustomScan *scan = makeNode(CustomScan);
	Plan	   *inner = &child->scan.plan;
	Plan	   *plan = &scan->scan.plan;
	const RvChoice *choice;
	ListCell   *cell;

	plan->startup_cost = inner->startup_cost;
	plan->total_cost = inner->total_cost;
	plan->plan_rows = inner->plan_rows;
	plan->plan_width = inner->plan_width;
	rv_copy_disabled_nodes(plan, inner);
	plan->parallel_safe = inner->parallel_safe;
	plan->extParam = bms_copy(inner->extParam); /* SS_finalize_plan has already run */
	plan->allParam = bms_copy(inner->allParam);
	plan->plan_node_id = ++(*next_id);
	scan->scan.scanrelid = child->scan.scanrelid;	/* EXPLAIN "on t", WHERE CURRENT OF */
	scan->custom_relids = bms_make_singleton(child->scan.scanrelid);
	foreach(cell, inner->targetlist)
	{
		TargetEntry *entry = flatCopyTargetEntry(lfirst_node(TargetEntry, cell));

		entry->expr = (Expr *) makeVar(INDEX_VAR, entry->resno, exprType((Node *) entry->expr),
									   exprTypmod((Node *) entry->expr),
									   exprCollation((Node *) entry->expr), 0);
		plan->targetlist = lappend(plan->targetlist, entry);
	}
	scan->custom_scan_tlist = inner->targetlist;
	scan->custom_plans = list_make1(child);
	scan->custom_private = list_make1(makeInteger(kind));
	/* WITH TIES asks for more rows than its count */
	if (limit && limit->limitOption == LIMIT_OPTION_COUNT && limit->limitCount && limit_is_known(limit->limitCount) && limit_is_known(limit->limitOffset))
	{
		scan->custom_exprs = list_make1(limit->limitCount);
		if (limit->limitOffset)
			scan->custom_exprs = lappend(scan->custom_exprs, limit->limitOffset);
		choice = rv_choice_find(child->indexid, constant_limit(limit), inner->qual != NIL);
		if (choice != NULL)
			scan->custom_private = lappend(scan->custom_private, makeString(rv_explain_choice(choice, child->indexid)));
	}
	scan->methods = &rv_scan_methods;
	return (Plan *) scan;
}

/* `limit` is the Limit whose bound reaches this node unchanged, if any. */
static Plan *
rewrite(Plan *plan, Limit *limit, int *next_id)
{
	List	   *kids = NIL;
	ListCell   *cell;

	if (plan == NULL)
		return NULL;
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			{
				IndexScan  *scan = (IndexScan *) plan;
				int			kind;

				if (scan->indexorderby != NIL && rv_registry_find(scan->indexid) != NULL &&
					(kind = rv_pgvector_index_kind(scan->indexid)) >= 0)
					return wrap(scan, kind, limit, next_id);
				return plan;
			}
		case T_Limit:
			limit = (Limit *) plan;
			break;
			/* the nodes through which ExecSetTupleBound() passes a bound */
		case T_Append:
			kids = ((Append *) plan)->appendplans;
			break;
		case T_MergeAppend:
			kids = ((MergeAppend *) plan)->mergeplans;
			break;
		case T_SubqueryScan:
			((SubqueryScan *) plan)->subplan =
				rewrite(((SubqueryScan *) plan)->subplan, plan->qual == NIL ? limit : NULL, next_id);
			break;
		case T_Result:
		case T_Gather:
		case T_GatherMerge:
			break;
		case T_LockRows:		/* may skip rows and ask for more than the limit */
			limit = NULL;
			break;
		default:				/* also other extensions' custom scans: not entered */
			kids = rv_modify_table_plans(plan);
			limit = NULL;
			break;
	}
	foreach(cell, kids)
		lfirst(cell) = rewrite(lfirst(cell), limit, next_id);
	plan->lefttree = rewrite(plan->lefttree, limit, next_id);
	plan->righttree = rewrite(plan->righttree, NULL, next_id);
	return plan;
}

static PlannedStmt *
planner_with_learning(Query *parse, const char *query_string, int options, ParamListInfo params)
{
	List	   *outer = rv_choice_begin();
	PlannedStmt *volatile statement = NULL;

	PG_TRY();
	{
		statement = previous_planner
			? previous_planner(parse, query_string, options, params)
			: standard_planner(parse, query_string, options, params);
		if (rv_learning_enabled && rv_registry_ready() &&
			(rv_plan_forcing.ours || !OidIsValid(rv_plan_forcing.relation)) &&
			statement->commandType != CMD_UTILITY)
		{
			int			next_id = 1 << 20;	/* plan_node_id must be unique, need not be dense */
			ListCell   *cell;

			statement->planTree = rewrite(statement->planTree, NULL, &next_id);
			foreach(cell, statement->subplans)
				lfirst(cell) = rewrite(lfirst(cell), NULL, &next_id);
		}
	}
	PG_FINALLY();
	{
		rv_choice_end(outer);
	}
	PG_END_TRY();
	return statement;
}

static void
hide_other_indexes(PlannerInfo *root, Oid relation, bool inhparent, RelOptInfo *rel)
{
	if (previous_relation_info)
		previous_relation_info(root, relation, inhparent, rel);
	if (OidIsValid(rv_plan_forcing.relation) && relation == rv_plan_forcing.relation)
	{
		ListCell   *cell;

		foreach(cell, rel->indexlist)
			if (lfirst_node(IndexOptInfo, cell)->indexoid != rv_plan_forcing.index)
				rel->indexlist = foreach_delete_current(rel->indexlist, cell);
	}
}

void
rv_plan_init(void)
{
	previous_planner = planner_hook;
	planner_hook = planner_with_learning;
	previous_relation_info = get_relation_info_hook;
	get_relation_info_hook = hide_other_indexes;
}
