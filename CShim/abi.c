/* abi.c - layout of the structures that cross the border, checked on every build. */
#include "ruvector_abi.h"

_Static_assert(sizeof(rv_error) == 24, "rv_error layout");
_Static_assert(sizeof(rv_trajectory) == 104, "rv_trajectory layout");
_Static_assert(sizeof(rv_rung) == 4 * RV_RUNG_COLUMNS, "rv_rung layout");
_Static_assert(sizeof(rv_stage_facts) == 24, "rv_stage_facts layout");
_Static_assert(sizeof(rv_stop_stage) == 20, "rv_stop_stage layout");
_Static_assert(sizeof(rv_stop_rule) == 24 + 20 * RV_STAGES_MAX + 44 * RV_MULTIPLIERS_MAX, "rv_stop_rule layout");
_Static_assert(sizeof(rv_goal) == 48, "rv_goal layout");
_Static_assert(sizeof(rv_watch) == 8 * RV_WATCH_COLUMNS, "rv_watch layout");
_Static_assert(sizeof(rv_budget) == 16, "rv_budget layout");
_Static_assert(sizeof(rv_policy) == 8 + 44 * RV_LADDER_MAX + sizeof(rv_stop_rule), "rv_policy layout");
_Static_assert(sizeof(rv_verdict) == 88 + 44 * RV_LADDER_MAX + sizeof(rv_stop_rule), "rv_verdict layout");
_Static_assert(sizeof(rv_search_plan) == 20, "rv_search_plan layout");
_Static_assert(sizeof(rv_prospect) == 24, "rv_prospect layout");
_Static_assert(sizeof(rv_index_choice) == 12, "rv_index_choice layout");
_Static_assert(sizeof(rv_parameter) == 24, "rv_parameter layout");
_Static_assert(sizeof(rv_pattern) == 64, "rv_pattern layout");
_Static_assert(sizeof(rv_bank) == 72, "rv_bank layout");
_Static_assert(sizeof(rv_experience) == 48, "rv_experience layout");
_Static_assert(sizeof(rv_distillation) == 24, "rv_distillation layout");
_Static_assert(sizeof(rv_suggestion) == 16 + 16 * RV_NEAREST_MAX + 8 * RV_PARAMETERS_MAX, "rv_suggestion layout");
_Static_assert(sizeof(rv_bank_statistics) == 40, "rv_bank_statistics layout");
_Static_assert(sizeof(rv_route) == 24 + 8 * RV_PARAMETERS_MAX, "rv_route layout");
_Static_assert(sizeof(rv_pattern_verdict) == 96 + 8 * RV_PARAMETERS_MAX, "rv_pattern_verdict layout");
_Static_assert(sizeof(rv_search_outcome) == 88, "rv_search_outcome layout");
_Static_assert(sizeof(rv_search_verdict) == 56, "rv_search_verdict layout");
_Static_assert(sizeof(rv_interval) == 24, "rv_interval layout");
_Static_assert(sizeof(rv_observation) == 24, "rv_observation layout");
_Static_assert(sizeof(rv_analysis) == 96 + 64 * RV_MIX_MAX, "rv_analysis layout");
_Static_assert(sizeof(rv_class_facts) == 20, "rv_class_facts layout");
_Static_assert(sizeof(rv_schedule) == 72, "rv_schedule layout");
_Static_assert(RV_RECORD_MAX % RV_RING_CELL == 0, "a record is a whole number of cells");
