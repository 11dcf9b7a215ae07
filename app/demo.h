// `oddverb demo`: the built-in log with planted attacks, judged as `scan` would
// judge it, and held against its truth.
#ifndef ODDVERB_APP_DEMO_H_
#define ODDVERB_APP_DEMO_H_

#include <atomic>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "app/scan_options.h"
#include "exporters/exporter.h"
#include "model/finding.h"

namespace oddverb {

// One staged attack of the built-in log.
struct PlantedIncident {
  std::string name;
  Severity severity = Severity::kInfo;
  std::string what;
  std::vector<std::string> audit_ids;
};

// Reads lines "NAME \t SEVERITY \t WHAT \t ID,ID,..."; '#' starts a comment,
// other lines are passed over.
std::vector<PlantedIncident> ParseIncidents(std::string_view text);

// Holds findings against planted incidents, by evidence: a finding hits an
// incident if it cites one of its requests and at most half of what it cites is
// ordinary traffic. An incident is found by a hit of at least medium severity
// (low, if that is its own). A finding of medium or more that hits nothing is
// false, unless a later state of it hits, or it is about `stager`: the account
// that staged the incidents and took them away again. One thread.
class IncidentScore final : public Exporter {
 public:
  explicit IncidentScore(std::vector<PlantedIncident> incidents,
                         std::string stager = "");

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;

  const std::vector<PlantedIncident>& incidents() const { return incidents_; }
  bool found(size_t incident) const { return found_[incident]; }
  size_t found_count() const;
  size_t false_findings() const { return false_.size(); }

 private:
  std::vector<PlantedIncident> incidents_;
  std::string stager_;                              // empty = none
  absl::flat_hash_map<std::string, size_t> owner_;  // audit ID -> incident
  std::vector<bool> found_;
  std::set<Hash128> false_;
};

// Returns the exit code.
int RunDemo(ScanOptions options, const std::atomic<bool>& stop);

}  // namespace oddverb

#endif  // ODDVERB_APP_DEMO_H_
