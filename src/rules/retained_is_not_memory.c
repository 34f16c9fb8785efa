/* SPDX-License-Identifier: MIT */
/*
 * Address space is no memory. Said where VmSize or jemalloc's `retained` is so far above what
 * is resident that somebody may take it for the size; explains no byte of it.
 */
#include "rules.h"
#include "verdict_help.h"

#define TIMES_RESIDENT 8
#define FAR_BYTES (INT64_C(512) << 20)
#define RETAINED_MIN (INT64_C(64) << 20)
/* What is normal: a thread's stack of 8 MiB and glibc's arena of up to 128; mimalloc's first 1 GiB. */
#define THREAD_BYTES (INT64_C(136) << 20)
#define MIMALLOC_BYTES (INT64_C(1) << 30)

static int64_t usual(const struct verdict_input *in)
{
	int64_t bytes = verdict_threads(in) * THREAD_BYTES;
	return verdict_is_allocator(in, "mimalloc") ? bytes + MIMALLOC_BYTES : bytes;
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	int64_t retained = 0, after = 0;
	if (!l)
		return false;
	int64_t resident = verdict_resident(l), mapped = l->bytes[LEDGER_T_mapped];
	verdict_figure(in, REPORT_AT_PEAK, WIRE_FIGURE_retained, &retained);
	if (verdict_figure(in, REPORT_AT_EXIT, WIRE_FIGURE_retained, &after) && after > retained)
		retained = after;
	bool far = mapped - usual(in) > resident * TIMES_RESIDENT && mapped - usual(in) > FAR_BYTES;
	if (!far && (retained < RETAINED_MIN || retained < resident))
		return false;
	*ret = (struct verdict_finding){ .bytes = 0, .moment = VERDICT_PEAK, .confidence = VERDICT_CERTAIN,
		.column = VERDICT_NOBODY, .saves_bytes = 0 };
	finding_claim(ret, "%s of address space, of which %s are resident: the rest is no memory, and costs none.",
		      BYTES_TEXT(mapped), BYTES_TEXT(resident));
	finding_show(ret, "mapped (VmSize) %s, resident %s", BYTES_TEXT(mapped), BYTES_TEXT(resident));
	if (retained > 0)
		finding_show(ret, "retained by the allocator: %s, given back to the kernel, the addresses kept",
			     BYTES_TEXT(retained));
	finding_advise(ret, "nothing to do: look at resident memory");
	return true;
}

const struct rule rule_retained_is_not_memory = {
	"retained-is-not-memory", "is address space taken for memory?", evaluate
};
