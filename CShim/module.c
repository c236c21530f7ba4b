/* module.c - what happens when the library is loaded. */
#include "rv.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	rv_guard_init();
	rv_settings_init();
	rv_registry_init();
	rv_image_init();
	rv_job_init();
	rv_shared_init();
	rv_pgvector_init();
	rv_plan_init();
	rv_choice_init();
	rv_scan_init();
	rv_worker_init();
}
