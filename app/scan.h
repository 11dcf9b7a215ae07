// `oddverb scan`: judges files or a stream once, and writes the findings.
#ifndef ODDVERB_APP_SCAN_H_
#define ODDVERB_APP_SCAN_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "app/scan_options.h"
#include "exporters/exporter.h"

namespace oddverb {

// What a scan did, in numbers.
struct ScanResult {
  uint64_t events = 0;
  uint64_t bytes = 0;  // decompressed
  uint64_t rejected = 0;
  uint64_t salvaged = 0;
  uint64_t repaired = 0;
  uint64_t eventless = 0;              // envelopes that rightly hold no event
  std::array<uint64_t, 5> findings{};  // by severity
  uint64_t suppressed = 0;             // findings, by the configuration
  absl::Duration elapsed;

  uint64_t all_findings() const;
  bool has_at_least(Severity severity) const;
  // "19,271 events (27.7 MB) in 0.03 s, 2 records rejected; 12 findings: ...".
  std::string Summary() const;
  // What is odd about the input as a whole, e.g. that none of it is an audit
  // log; empty = nothing.
  std::string InputHint() const;
};

// Scans and writes. InvalidArgument and NotFound, PermissionDenied: the request
// cannot be met (exit 2); anything else failed while running (exit 1).
// `extra` (may be null) is given every finding as well.
absl::StatusOr<ScanResult> Scan(const ScanOptions& options, Exporter* extra,
                                const std::atomic<bool>& stop);

// The command: Scan, summary and messages on stderr. Returns the exit code.
int RunScan(const ScanOptions& options, const std::atomic<bool>& stop);

// Prints "oddverb: LINE" for each line of the message, on stderr. A file name
// in it cannot steer the terminal.
void Tell(std::string_view message);

// Tells the message and says which exit code the error means.
int ReportError(const absl::Status& status);

}  // namespace oddverb

#endif  // ODDVERB_APP_SCAN_H_
