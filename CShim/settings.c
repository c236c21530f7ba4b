/* settings.c - the GUCs.  Defaults are those of docs/settings.md. */
#include "rv.h"

#include <limits.h>

#include "miscadmin.h"

bool		rv_learning_enabled = true;
bool		rv_adaptive_search = true;
bool		rv_batched_search = true;
bool		rv_index_selection = true;
double		rv_target_recall = 0.95;
double		rv_target_tail = 0.0;
double		rv_max_latency = 0.0;
int			rv_pin_ef_search = 0;
int			rv_pin_probes = 0;
int			rv_trajectory_buffer_size = 10000;
int			rv_learning_interval = 10;
int			rv_pattern_consolidation_interval = 3600;
int			rv_bank_memory = 65536;
double		rv_label_budget = 0.01;
double		rv_sample_rate = 1.0;

static struct config_generic *target_guc;

void
rv_settings_init(void)
{
	DefineCustomBoolVariable("ruvector.learning_enabled",
							 "Lets ruvector see searches on tables that learn.",
							 "Off: searches of this session run as if ruvector were not there.",
							 &rv_learning_enabled, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ruvector.adaptive_search",
							 "Applies learned search parameters.",
							 "Off: searches are recorded but run with pgvector's own settings.",
							 &rv_adaptive_search, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ruvector.batched_search",
							 "Lets searches go in batches, so that easy queries stop early.",
							 "Off: every search of one LIMIT runs at one value.  On: fewer buffers on average, more for hard queries.",
							 &rv_batched_search, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ruvector.index_selection",
							 "Lets learned costs decide which of several vector indexes of a table is used.",
							 "Off: the planner compares them by pgvector's estimates alone.",
							 &rv_index_selection, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("ruvector.target_recall",
							 "Mean recall that learned search parameters must be certified to reach.",
							 "A table's own target_recall goes before this, unless this is set in the session.",
							 &rv_target_recall, 0.95, 0.01, 0.999, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("ruvector.target_tail",
							 "Share of searches that must be certified to find at least 0.9 of their neighbours.",
							 "0: only the mean recall counts.  A mean can hide searches that find next to nothing.",
							 &rv_target_tail, 0.0, 0.0, 0.999, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("ruvector.max_latency",
							 "A search in batches takes no further batch that would end later than this.",
							 "0: no limit.  Recall under a limit is not certified.",
							 &rv_max_latency, 0.0, 0.0, 86400000.0, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ruvector.ef_search",
							"Pins hnsw.ef_search for searches on tables that learn; 0 means learned.",
							NULL, &rv_pin_ef_search, 0, 0, RV_EF_SEARCH_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ruvector.probes",
							"Pins ivfflat.probes for searches on tables that learn; 0 means learned.",
							NULL, &rv_pin_probes, 0, 0, 32768, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("ruvector.sample_rate",
							 "Share of the searches that are recorded.",
							 NULL, &rv_sample_rate, 1.0, 0.0, 1.0, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ruvector.learning_interval",
							"Time between two rounds of the learning worker.",
							NULL, &rv_learning_interval, 10, 1, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("ruvector.pattern_consolidation_interval",
							"Time between two rounds in which what was learned is distilled into patterns.",
							NULL, &rv_pattern_consolidation_interval, 3600, 1, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("ruvector.bank_memory",
							"Shared memory that the patterns of all databases may take.",
							"Beyond it they are read from their tables; a stop rule that needs them is not applied.",
							&rv_bank_memory, 65536, 1024, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomRealVariable("ruvector.label_budget",
							 "Share of one processor core that measuring true recall may use in each database.",
							 "0 stops the measuring.",
							 &rv_label_budget, 0.01, 0.0, 1.0, PGC_SIGHUP, 0, NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("ruvector.trajectory_buffer_size",
								"Recorded searches that fit between two rounds of the worker.",
								"Counted at 2 kB each; larger vectors take the room of several.",
								&rv_trajectory_buffer_size, 10000, 64, 1000000, PGC_POSTMASTER, 0,
								NULL, NULL, NULL);
	rv_reserve_guc_prefix("ruvector");
}

/* Did somebody say SET ruvector.target_recall in this session or connection? */
bool
rv_settings_target_is_session(void)
{
	if (target_guc == NULL)
		target_guc = rv_find_guc("ruvector.target_recall");
	return target_guc != NULL && target_guc->source >= PGC_S_CLIENT;
}

/* What ruvector.target_tail is without a SET in this session: policies are judged for all. */
double
rv_settings_configured_tail(void)
{
	const struct config_generic *guc = rv_find_guc("ruvector.target_tail");

	return guc != NULL ? ((const struct config_real *) guc)->reset_val : rv_target_tail;
}
