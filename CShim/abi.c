/* abi.c - layout of the structures that cross the border, checked on every build. */
#include "ruvector_abi.h"

_Static_assert(sizeof(rv_error) == 24, "rv_error layout");
_Static_assert(sizeof(rv_trajectory) == 104, "rv_trajectory layout");
_Static_assert(sizeof(rv_rung) == 4 * RV_RUNG_COLUMNS, "rv_rung layout");
_Static_assert(sizeof(rv_stage_facts) == 24, "rv_stage_facts layout");
_Static_assert(sizeof(rv_stop_stage) == 20, "rv_stop_stage layout");
_Static_assert(sizeof(rv_stop_rule) == 16 + 20 * RV_STAGES_MAX + 44 * RV_MULTIPLIERS_MAX, "rv_stop_rule layout");
_Static_assert(sizeof(rv_goal) == 48, "rv_goal layout");
_Static_assert(sizeof(rv_policy) == 8 + 44 * RV_LADDER_MAX + sizeof(rv_stop_rule), "rv_policy layout");
_Static_assert(sizeof(rv_verdict) == 88 + 44 * RV_LADDER_MAX + sizeof(rv_stop_rule), "rv_verdict layout");
_Static_assert(sizeof(rv_search_plan) == 20, "rv_search_plan layout");
_Static_assert(sizeof(rv_class_facts) == 16, "rv_class_facts layout");
_Static_assert(sizeof(rv_schedule) == 64, "rv_schedule layout");
_Static_assert(RV_RECORD_MAX % RV_RING_CELL == 0, "a record is a whole number of cells");
