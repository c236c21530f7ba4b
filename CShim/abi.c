/* abi.c - layout of the structures that cross the border, checked on every build. */
#include "ruvector_abi.h"

_Static_assert(sizeof(rv_error) == 24, "rv_error layout");
_Static_assert(sizeof(rv_trajectory) == 96, "rv_trajectory layout");
_Static_assert(sizeof(rv_rung) == 20, "rv_rung layout");
_Static_assert(sizeof(rv_policy) == 8 + 20 * RV_LADDER_MAX, "rv_policy layout");
_Static_assert(sizeof(rv_verdict) == 56 + 20 * RV_LADDER_MAX, "rv_verdict layout");
_Static_assert(sizeof(rv_class_facts) == 16, "rv_class_facts layout");
_Static_assert(sizeof(rv_schedule) == 64, "rv_schedule layout");
_Static_assert(RV_RECORD_MAX % RV_RING_CELL == 0, "a record is a whole number of cells");
