/*
 * filter.c - the filter of a search as SQL that its label may repeat.
 *
 * A label runs with the rights of the table's owner.  So a filter is kept only
 * where nothing in it could be a stranger's code, or could answer differently
 * later: columns of the table, values, and functions and operators that are built
 * in and immutable.  Everything else is told apart by not being listed.
 *
 * The text holds the query's constants; like the query vector it goes into our
 * own table and nowhere else.  No locks.  Memory is the caller's.
 */
#include "rv.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

typedef struct Restatement
{
	Index		relation;		/* of the scan */
	ExprContext *context;
	ParamListInfo params;
	bool		unsafe;
} Restatement;

static bool
is_built_in(Oid object)
{
	return object < FirstNormalObjectId;
}

static bool
function_is_unsafe(Oid function, void *unused)
{
	return !is_built_in(function) || func_volatile(function) != PROVOLATILE_IMMUTABLE;
}

/* The value of a parameter, if it is there already. */
static Node *
value_of(const Param *param, Restatement *restatement)
{
	Datum		value;
	bool		isnull;

	if (param->paramkind == PARAM_EXEC)
	{
		ParamExecData *data = &restatement->context->ecxt_param_exec_vals[param->paramid];

		if (data->execPlan != NULL)
			return NULL;
		value = data->value;
		isnull = data->isnull;
	}
	else if (param->paramkind == PARAM_EXTERN && restatement->params != NULL &&
			 param->paramid > 0 && param->paramid <= restatement->params->numParams)
	{
		ParamExternData *data = &restatement->params->params[param->paramid - 1];
		ParamExternData workspace;

		if (restatement->params->paramFetch != NULL)
			data = restatement->params->paramFetch(restatement->params, param->paramid, false, &workspace);
		if (data->ptype != param->paramtype)
			return NULL;
		value = data->value;
		isnull = data->isnull;
	}
	else
		return NULL;
	return (Node *) makeConst(param->paramtype, param->paramtypmod, param->paramcollid,
							  get_typlen(param->paramtype), value, isnull, get_typbyval(param->paramtype));
}

/* The expression over relation 1, its parameters replaced by their values. */
static Node *
restate(Node *node, Restatement *restatement)
{
	if (node == NULL || restatement->unsafe)
		return node;
	switch (nodeTag(node))
	{
		case T_Var:
			{
				Var		   *var = copyObject((Var *) node);

				if (var->varno != (int) restatement->relation || var->varlevelsup != 0 || var->varattno <= 0)
					break;
				var->varno = 1;
				var->varnosyn = 0;
				return (Node *) var;
			}
		case T_Param:
			{
				Node	   *value = value_of((Param *) node, restatement);

				if (value == NULL || !is_built_in(((Param *) node)->paramtype))
					break;
				return value;
			}
		case T_Const:
			if (!is_built_in(((Const *) node)->consttype))
				break;
			return node;
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_CoerceViaIO:
			if (check_functions_in_node(node, function_is_unsafe, NULL) || !is_built_in(exprType(node)))
				break;
			return expression_tree_mutator(node, restate, restatement);
		case T_RelabelType:
		case T_ArrayExpr:
			if (!is_built_in(exprType(node)))
				break;
			return expression_tree_mutator(node, restate, restatement);
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_List:
			return expression_tree_mutator(node, restate, restatement);
		default:
			break;
	}
	restatement->unsafe = true;
	return node;
}

/* NULL: it cannot be repeated. */
char *
rv_filter_text(RvScan *scan)
{
	IndexScanState *child = scan->child;
	IndexScan  *plan = (IndexScan *) child->ss.ps.plan;
	Relation	table = child->ss.ss_currentRelation;
	Restatement restatement = {
		.relation = plan->scan.scanrelid,
		.context = child->ss.ps.ps_ExprContext,
		.params = child->ss.ps.state->es_param_list_info,
	};
	Node	   *filter = restate((Node *) plan->scan.plan.qual, &restatement);

	if (restatement.unsafe)
		return NULL;
	return deparse_expression((Node *) make_ands_explicit((List *) filter),
							  deparse_context_for(RelationGetRelationName(table), RelationGetRelid(table)),
							  false, false);
}
