// Tables of what RunLab() measured: CSV for each seed and each kind of attack,
// and the short ones for people. Pure functions.
#ifndef ODDVERB_BENCH_DETECTION_REPORT_H_
#define ODDVERB_BENCH_DETECTION_REPORT_H_

#include <string>
#include <vector>

#include "bench/detection/detection_lab.h"

namespace oddverb {

// All seeds together, of one system.
struct Total {
  size_t attacks = 0, found = 0;
  size_t false_findings = 0;
  double honest_events = 0;
  std::vector<double> requests, seconds;  // until found
  double precision_at_20 = 0;             // mean over the seeds

  double recall() const;
  double false_per_10m() const;
};
// `kind`: all kinds whose names begin so; empty = those that show by refusals.
Total TotalOf(const std::vector<LabResult>& results, const std::string& system,
              std::string_view kind = {});

// Ours first, then the peers' by name.
std::vector<std::string> SystemNames(const std::vector<LabResult>& results);

std::string SeedsCsv(const std::vector<LabResult>& results);
std::string KindsCsv(const std::vector<LabResult>& results);
// What we said about honest identities, from severity medium on.
std::string FalseFindingsCsv(const std::vector<LabResult>& results);
// The attacks that all detectors together missed.
std::string MissedCsv(const std::vector<LabResult>& results);
std::string Markdown(const std::vector<LabResult>& results);

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_REPORT_H_
