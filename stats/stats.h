// Streaming statistics with bounded memory and no domain words. Each is
// checked against an exact oracle in tests/stats/. No clocks: time is passed
// in as event time. One thread each.
#ifndef ODDVERB_STATS_STATS_H_
#define ODDVERB_STATS_STATS_H_

#include "stats/decayed_score.h"
#include "stats/entity_table.h"
#include "stats/fingerprint_set.h"
#include "stats/recent_times.h"

#endif  // ODDVERB_STATS_STATS_H_
