// What `oddverb scan` is asked to do.
#ifndef ODDVERB_APP_SCAN_OPTIONS_H_
#define ODDVERB_APP_SCAN_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "model/finding.h"
#include "telemetry/logging.h"

namespace oddverb {

struct ScanOptions {
  std::vector<std::string> paths;
  std::string format;  // exporter name; empty = by the terminal
  std::string output = "-";
  std::string config_file;         // empty = none
  std::vector<std::string> rules;  // files and folders
  std::optional<bool> builtin;     // the program's own rules, too
  std::string cluster;
  std::vector<std::string> trusted_proxies;  // CIDRs
  std::string metrics_file;                  // empty = none
  std::string dead_letter_file;              // empty = none
  Severity min_severity = Severity::kInfo;
  std::optional<Severity> fail_on;
  bool strict = false;
  bool quiet = false;
  int threads = 0;      // 0 = one a core
  uint64_t memory = 0;  // bytes; 0 = no budget
  LogOptions log;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_SCAN_OPTIONS_H_
