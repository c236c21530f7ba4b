/*
 * choice.c - which of several indexes answers a search.
 *
 * pgvector estimates what a search costs at its own settings; what it costs at the
 * recall that is asked for is what we learn.  Where two learned indexes or more can
 * give the same order, the one that is certified and takes least has pgvector's
 * estimate, and the estimates of the others are put in proportion to it
 * (IndexChoice.swift), so that the planner's own comparison takes the right one.  An
 * index of which nothing is certified, nor known to be bad, keeps its estimate; so do
 * all where the user has his own settings, or where the search's k is not known when
 * it is planned.
 *
 * It must happen in the estimator: the planner drops the dearer of two paths of the
 * same order before any hook on paths sees them.  Other tables pay one hash look-up
 * for each index, and none where there is one index.
 *
 * No locks, no shared state.
 */
#include "rv.h"

#include <limits.h>
#include <math.h>

#include "access/amapi.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

static get_relation_info_hook_type previous_relation_info;
static List *choices = NIL;		/* RvChoice *, of the statement that is being planned */

/* ---- what there is to choose from ------------------------------------------------- */

/* Rows that the search will hand up, as rewrite() in plan.c will see it; -1 = not known. */
static int32
known_bound(PlannerInfo *root, const IndexPath *path)
{
	if (!(root->limit_tuples >= 1 && root->limit_tuples <= INT_MAX) ||
		root->parse->limitOption != LIMIT_OPTION_COUNT || root->parse->rowMarks != NIL ||
		list_length(root->query_pathkeys) != list_length(path->indexorderbys) || /* else it is sorted further */
		path->path.param_info != NULL || bms_membership(root->all_baserels) != BMS_SINGLETON)
		return -1;
	return (int32) root->limit_tuples;
}

/* Can the index give the order "key <operator> value"? */
static bool
can_order(IndexOptInfo *index, const OpExpr *order)
{
	return index->nkeycolumns == 1 && (index->indpred == NIL || index->predOK) &&
		OidIsValid(get_op_opfamily_sortfamily(order->opno, index->opfamily[0])) &&
		match_index_to_operand(linitial(order->args), 0, index);
}

/* How a search on the index would go, as rv_scan_decide() will see it. */
static void
look_ahead(const RvIndexEntry *entry, int32 k, bool filtered, bool can_batch, rv_prospect *prospect, double *target)
{
	rv_search_facts facts;
	const rv_policy *policy = rv_scan_facts(entry, k, filtered, can_batch && rv_scan_can_batch(entry->kind, k), &facts);

	RV_SWIFT(rv_index_prospect(policy, &facts, prospect));
	*target = facts.target;
}

static void
choose(const IndexPath *path, int32 k, RvChoice *choice)
{
	const OpExpr *order = linitial(path->indexorderbys);
	ListCell   *cell;

	choice->k = k;
	choice->count = 0;
	choice->made.best = -1;
	if (!IsA(order, OpExpr) || list_length(order->args) != 2)
		return;
	foreach(cell, path->indexinfo->rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);
		RvIndex    *learned;
		List	   *filter;

		if (choice->count == RV_RIVALS_MAX || !can_order(index, order) ||
			(learned = rv_registry_find(index->indexoid)) == NULL || rv_pgvector_parameter(learned->entry.kind)->variable == NULL)
			continue;
		filter = extract_actual_clauses(index->indrestrictinfo, false);
		choice->index[choice->count] = index->indexoid;
		choice->kind[choice->count] = learned->entry.kind;
		choice->filtered[choice->count] = filter != NIL;
		look_ahead(&learned->entry, k, filter != NIL, !contain_volatile_functions((Node *) filter),
				   &choice->prospect[choice->count], &choice->target);
		choice->count++;
	}
	if (choice->count > 1)
		RV_SWIFT(rv_index_choose(choice->prospect, choice->count, &choice->made));
}

/* ---- costs ------------------------------------------------------------------------- */

/* For EXPLAIN. */
static void
remember(const RvChoice *choice)
{
	RvChoice   *copy;

	if (rv_choice_find(choice->index[0], choice->k, choice->filtered[0]) != NULL)
		return;					/* each of the indexes asks */
	copy = palloc(sizeof(RvChoice));
	*copy = *choice;
	choices = lappend(choices, copy);
}

static IndexOptInfo *
find_index(const RelOptInfo *rel, Oid oid)
{
	ListCell   *cell;

	foreach(cell, rel->indexlist)
		if (lfirst_node(IndexOptInfo, cell)->indexoid == oid)
			return lfirst(cell);
	return NULL;
}

/* An amcostestimate_function. */
static void
estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
		 Selectivity *selectivity, double *correlation, double *pages)
{
	IndexPath	asked = *path;
	RvWindow	window = {0};
	int32		k = path->indexorderbys != NIL ? known_bound(root, path) : -1;
	double		price = 1;
	amcostestimate_function pgvector;

	if (k > 0)
	{
		RvChoice	choice;
		int			best;

		choose(path, k, &choice);
		best = choice.made.best;
		if (best >= 0)
			remember(&choice);
		for (int i = 0; i < choice.count && best >= 0; i++)
			if (choice.index[i] == path->indexinfo->indexoid && !isnan(choice.prospect[i].price))
			{
				asked.indexinfo = find_index(path->indexinfo->rel, choice.index[best]);
				price = choice.prospect[i].price;
				if (choice.made.value > 0)
					window = (RvWindow) {1, {rv_pgvector_parameter(choice.kind[best])->variable}, {choice.made.value}};
			}
	}
	pgvector = GetIndexAmRoutineByAmId(asked.indexinfo->relam, false)->amcostestimate;
	RV_WITH(&window, pgvector(root, &asked, loop_count, startup, total, selectivity, correlation, pages));
	rv_copy_disabled_nodes(&path->path, &asked.path);
	*startup *= price;
	*total *= price;
}

static void
price_rivals(PlannerInfo *root, Oid relation, bool inhparent, RelOptInfo *rel)
{
	int			rivals = 0;
	ListCell   *cell;

	if (previous_relation_info)
		previous_relation_info(root, relation, inhparent, rel);
	if (!rv_index_selection || !rv_learning_enabled || !rv_adaptive_search || !rv_registry_ready() ||
		OidIsValid(rv_plan_forcing.relation) || list_length(rel->indexlist) < 2)
		return;
	foreach(cell, rel->indexlist)
		rivals += rv_registry_find(lfirst_node(IndexOptInfo, cell)->indexoid) != NULL;
	if (rivals < 2)
		return;
	foreach(cell, rel->indexlist)
		if (rv_registry_find(lfirst_node(IndexOptInfo, cell)->indexoid) != NULL)
			lfirst_node(IndexOptInfo, cell)->amcostestimate = estimate;
}

/* ---- what was chosen ------------------------------------------------------------------ */

/* Planning may plan another statement on its way: returns what rv_choice_end is to put back. */
List *
rv_choice_begin(void)
{
	List	   *outer = choices;

	choices = NIL;
	return outer;
}

void
rv_choice_end(List *outer)
{
	choices = outer;
}

/* NULL: there was none that the index, and a search like this, took part in. */
const RvChoice *
rv_choice_find(Oid index, int32 k, bool filtered)
{
	ListCell   *cell;

	foreach(cell, choices)
	{
		const RvChoice *choice = lfirst(cell);

		for (int i = 0; i < choice->count; i++)
			if (choice->k == k && choice->index[i] == index && choice->filtered[i] == filtered)
				return choice;
	}
	return NULL;
}

/* One class of k: is another index the best one, or does one begin or cease to keep its own estimate? */
static bool
differs(const RvIndexEntry *entries, int count, Oid relation, int32 k, bool filtered)
{
	rv_prospect before[RV_RIVALS_MAX];
	rv_prospect after[RV_RIVALS_MAX];
	rv_index_choice choice_before;
	rv_index_choice choice_after;
	int			rivals = 0;
	double		target;

	for (int i = 0; i < count && rivals < RV_RIVALS_MAX; i++)
	{
		const RvIndex *published;

		if (entries[i].relation != relation || (published = rv_registry_find(entries[i].index)) == NULL)
			continue;
		look_ahead(&published->entry, k, filtered, true, &before[rivals], &target);
		look_ahead(&entries[i], k, filtered, true, &after[rivals], &target);
		rivals++;
	}
	RV_SWIFT(rv_index_choose(before, rivals, &choice_before));
	RV_SWIFT(rv_index_choose(after, rivals, &choice_after));
	if (choice_before.best != choice_after.best)
		return true;
	for (int i = 0; i < rivals; i++)
		if (isnan(before[i].price) != isnan(after[i].price))
			return true;
	return false;
}

/*
 * Would searches of the relation be planned otherwise, once these are published
 * instead of what is now?  For the targets in force here; a session may have one
 * of its own.
 */
bool
rv_choice_changes(const RvIndexEntry *entries, int count, Oid relation)
{
	int			rivals = 0;

	for (int i = 0; i < count; i++)
		if (entries[i].relation == relation)
		{
			rv_pgvector_load(entries[i].kind);
			rivals++;
		}
	for (int32 k = 1; rivals > 1 && k < 2 * RV_PROBES_K_MAX; k *= 2)
		if (differs(entries, count, relation, k, false) || differs(entries, count, relation, k, true))
			return true;
	return false;
}

void
rv_choice_init(void)
{
	previous_relation_info = get_relation_info_hook;
	get_relation_info_hook = price_rivals;
}
