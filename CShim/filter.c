/*
 * filter.c - the filter of a search as SQL that its label may repeat.
 *
 * A label runs with the rights of the table's owner, in another session.  So a
 * filter is kept only where nothing in it could be a stranger's code, answer
 * differently later, or be read differently there: columns of the table, values
 * of plain types, and functions and operators that are built in and immutable.
 * Everything else is refused by not being listed.  (An operator is as good as its
 * name: whoever owns one may drop it and give the name to another.)
 *
 * A search must not fail, nor be slow, for what is noted about it: parameters are
 * only asked for, never computed, and values are measured before they are written.
 *
 * The text holds the query's constants; like the query vector it goes into our
 * own table and nowhere else.  No locks.  Memory is the caller's.
 */
#include "rv.h"

#include "access/detoast.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

typedef struct Restatement
{
	Index		relation;		/* of the scan */
	ExprContext *context;
	ParamListInfo params;
	int64		bytes;			/* of values so far */
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

/* Values of these are read by the worker as they are written in this session: see pin_spelling() in label.c. */
static bool
is_plain(Oid type)
{
	Oid			element = get_element_type(type);

	switch (OidIsValid(element) ? element : type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case OIDOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case BYTEAOID:
		case UUIDOID:
		case JSONBOID:
		case INETOID:
		case CIDROID:
			return true;
		case FLOAT4OID:
		case FLOAT8OID:
			return extra_float_digits >= 1;
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return DateStyle == USE_ISO_DATES;
		case INTERVALOID:
			return IntervalStyle == INTSTYLE_POSTGRES;
		default:
			return false;
	}
}

/* May this value be written down?  Its collation is not: only that of its type will do. */
static bool
is_writable(Restatement *restatement, Oid type, Oid collation, Datum value, bool isnull)
{
	if (!is_plain(type) || (OidIsValid(collation) && collation != get_typcollation(type)))
		return false;
	if (!isnull)
		restatement->bytes += get_typlen(type) == -1 ? (int64) toast_raw_datum_size(value) : get_typlen(type);
	return restatement->bytes <= RV_FILTER_BYTES;
}

/* The value of a parameter, if it is there already. */
static Node *
value_of(const Param *param, Restatement *restatement)
{
	Datum		value;
	bool		isnull;

	if (!is_plain(param->paramtype))
		return NULL;
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
			data = restatement->params->paramFetch(restatement->params, param->paramid, true, &workspace);
		if (data->ptype != param->paramtype)
			return NULL;
		value = data->value;
		isnull = data->isnull;
	}
	else
		return NULL;
	if (!is_writable(restatement, param->paramtype, param->paramcollid, value, isnull))
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

				if (value == NULL)
					break;
				return value;
			}
		case T_Const:
			{
				Const	   *value = (Const *) node;

				if (!is_writable(restatement, value->consttype, value->constcollid, value->constvalue, value->constisnull))
					break;
				return node;
			}
		case T_OpExpr:
		case T_DistinctExpr:	/* these three are alike */
		case T_NullIfExpr:
			if (!is_built_in(((OpExpr *) node)->opno) ||
				check_functions_in_node(node, function_is_unsafe, NULL) || !is_built_in(exprType(node)))
				break;
			return expression_tree_mutator(node, restate, restatement);
		case T_ScalarArrayOpExpr:
			if (!is_built_in(((ScalarArrayOpExpr *) node)->opno) ||
				check_functions_in_node(node, function_is_unsafe, NULL))
				break;
			return expression_tree_mutator(node, restate, restatement);
		case T_FuncExpr:
		case T_CoerceViaIO:
			if (check_functions_in_node(node, function_is_unsafe, NULL) || !is_built_in(exprType(node)))
				break;
			return expression_tree_mutator(node, restate, restatement);
		case T_RelabelType:		/* also what COLLATE became, which would not be written */
			if (!is_built_in(exprType(node)) ||
				((RelabelType *) node)->resultcollid != exprCollation((Node *) ((RelabelType *) node)->arg))
				break;
			return expression_tree_mutator(node, restate, restatement);
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
	Node	   *filter;
	char	   *text;

	if (!standard_conforming_strings)
		return NULL;
	filter = restate((Node *) plan->scan.plan.qual, &restatement);
	if (restatement.unsafe)
		return NULL;
	text = deparse_expression((Node *) make_ands_explicit((List *) filter),
							  deparse_context_for(RelationGetRelationName(table), RelationGetRelid(table)),
							  false, false);
	return strlen(text) <= RV_FILTER_BYTES ? text : NULL;
}
