/* SPDX-License-Identifier: MIT */
/*
 * A huge page is resident whole. What the program never used of it is the price of fewer
 * faults, and it goes when the pages are small: the one counterfactual that the ledger has.
 */
#include "rules.h"
#include "verdict_help.h"

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct ledger *l = verdict_ledger(in, REPORT_AT_PEAK);
	const struct verdict_allocator *allocator = verdict_allocator(in);
	const struct recording_process *p = in->model->process;
	char words[VERDICT_TEXT / 2];
	if (!l || !ledger_has(l, LEDGER_T_huge_fill))
		return false;
	int64_t fill = l->bytes[LEDGER_T_huge_fill], huge = l->bytes[LEDGER_T_anon_huge_pages];
	if (!verdict_is_worth(l, fill))
		return false;
	*ret = (struct verdict_finding){ .bytes = fill, .moment = VERDICT_PEAK, .confidence = VERDICT_CERTAIN,
		.column = VERDICT_SETTING, .saves_bytes = fill };
	finding_claim(ret, "%s were never used and are resident only because huge pages back them.", BYTES_TEXT(fill));
	finding_show(ret, "huge fill %s at the resident peak; %s of %s came as huge pages", BYTES_TEXT(fill),
		     BYTES_TEXT(huge), BYTES_TEXT(verdict_resident(l)));
	if (p->minor_faults > 0)
		finding_show(ret, "%s minor faults in all: %s of the peak for each (a small page is 4 KiB)",
			     COUNT_TEXT(p->minor_faults), BYTES_TEXT(verdict_resident(l) / p->minor_faults));
	if (allocator && allocator->knobs[KNOB_HUGE])
		finding_advise(ret, "%s asks for small pages, or \"madvise\" in "
			       "/sys/kernel/mm/transparent_hugepage/enabled: it lowers the peak and the exit",
			       verdict_setting_words(in, allocator->knobs[KNOB_HUGE], words, sizeof words));
	else
		finding_advise(ret, "\"madvise\" in /sys/kernel/mm/transparent_hugepage/enabled, where the program "
			       "doesn't ask for huge pages itself: it lowers the peak and the exit");
	finding_price(ret, "up to three times the page faults, and more misses in the TLB");
	return true;
}

const struct rule rule_huge_page_fill = {
	"huge-page-fill", "how much is resident only because of huge pages?", evaluate
};
