#include "app/demo.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "app/app.h"
#include "app/number_text.h"
#include "app/scan.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/visible_text.h"

extern "C" {
extern const unsigned char oddverb_demo_log[];
extern const std::uint64_t oddverb_demo_log_size;
extern const unsigned char oddverb_demo_incidents[];
extern const std::uint64_t oddverb_demo_incidents_size;
}

namespace oddverb {
namespace {

constexpr int kColumns = 80;
constexpr size_t kMaxLines = 100;
constexpr char kStager[] = "kubernetes-super-admin";  // of the built-in log

std::string_view Embedded(const unsigned char* bytes, std::uint64_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// The built-in log as a file without a name, so that the demo takes the same
// way as any scan.
absl::StatusOr<int> OpenDemoLog() {
  int fd = memfd_create("built-in sample", MFD_CLOEXEC);
  if (fd < 0) {
    return absl::InternalError(
        absl::StrCat("cannot unpack the sample: ", std::strerror(errno)));
  }
  std::string_view rest = Embedded(oddverb_demo_log, oddverb_demo_log_size);
  while (!rest.empty()) {
    ssize_t written = write(fd, rest.data(), rest.size());
    if (written <= 0) {
      int error_number = errno;
      close(fd);
      return absl::InternalError(absl::StrCat("cannot unpack the sample: ",
                                              std::strerror(error_number)));
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  return fd;
}

void PrintVerdict(const IncidentScore& score, bool with_rules) {
  size_t planted = score.incidents().size();
  std::fprintf(stderr, "%zu of %zu planted incidents found, %s.\n",
               score.found_count(), planted,
               Counted(score.false_findings(), "false finding").c_str());
  if (score.found_count() < planted) {
    std::string missed;
    for (size_t i = 0; i < planted; ++i) {
      if (score.found(i)) continue;
      absl::StrAppend(&missed, missed.empty() ? "" : ", ",
                      score.incidents()[i].name);
    }
    std::string text =
        absl::StrCat(with_rules ? "Not found by this version: "
                                : "Left to rules (oddverb demo --builtin): ",
                     missed, ".");
    for (const std::string& line :
         WrapText(text, kColumns, kMaxLines, Charset::kAscii)) {
      std::fprintf(stderr, "%s\n", line.c_str());
    }
  }
  std::fputs(
      "\nNext:  oddverb scan /var/log/kubernetes/audit/   your own log; "
      "nothing leaves this machine\n"
      "       oddverb list detectors                    what it looks for\n"
      "       oddverb scan --builtin LOG                with rules for the "
      "rest, too\n",
      stderr);
}

}  // namespace

std::vector<PlantedIncident> ParseIncidents(std::string_view text) {
  std::vector<PlantedIncident> incidents;
  for (absl::string_view line : absl::StrSplit(A(text), '\n')) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> columns = absl::StrSplit(line, '\t');
    PlantedIncident incident;
    if (columns.size() != 4 || !ParseSeverity(columns[1], incident.severity)) {
      continue;
    }
    incident.name = columns[0];
    incident.what = columns[2];
    incident.audit_ids = absl::StrSplit(columns[3], ',');
    incidents.push_back(std::move(incident));
  }
  return incidents;
}

IncidentScore::IncidentScore(std::vector<PlantedIncident> incidents,
                             std::string stager)
    : incidents_(std::move(incidents)),
      stager_(std::move(stager)),
      found_(incidents_.size()) {
  for (size_t i = 0; i < incidents_.size(); ++i) {
    for (const std::string& id : incidents_[i].audit_ids) owner_[id] = i;
  }
}

absl::Status IncidentScore::Export(std::span<const Finding> findings,
                                   absl::Time) {
  for (const Finding& finding : findings) {
    std::set<std::string> cited;
    for (const Evidence& evidence : finding.evidence) {
      if (!evidence.audit_id.empty()) cited.insert(evidence.audit_id);
    }
    std::set<size_t> hits;
    size_t of_attacks = 0;
    for (const std::string& id : cited) {
      auto owner = owner_.find(id);
      if (owner == owner_.end()) continue;
      ++of_attacks;
      hits.insert(owner->second);
    }
    if (of_attacks * 2 < cited.size()) hits.clear();
    for (size_t hit : hits) {
      if (finding.severity >=
          std::min(Severity::kMedium, incidents_[hit].severity)) {
        found_[hit] = true;
      }
    }
    const bool is_of_stager = !stager_.empty() && finding.entity == stager_;
    if (hits.empty() && !is_of_stager &&
        finding.severity >= Severity::kMedium) {
      false_.insert(finding.id);
    } else {
      false_.erase(finding.id);
    }
  }
  return absl::OkStatus();
}

size_t IncidentScore::found_count() const {
  size_t count = 0;
  for (bool found : found_) count += found ? 1 : 0;
  return count;
}

int RunDemo(ScanOptions options, const std::atomic<bool>& stop) {
  IncidentScore score(ParseIncidents(Embedded(oddverb_demo_incidents,
                                              oddverb_demo_incidents_size)),
                      kStager);
  absl::StatusOr<int> fd = OpenDemoLog();
  if (!fd.ok()) return ReportError(fd.status());
  options.paths = {absl::StrCat("/proc/self/fd/", *fd)};
  if (options.format.empty()) options.format = "table";
  if (!options.quiet) {
    std::fprintf(stderr,
                 "Reading the built-in sample: five minutes of one cluster "
                 "with %zu planted incidents.\n\n",
                 score.incidents().size());
  }
  absl::StatusOr<ScanResult> result = Scan(options, &score, stop);
  close(*fd);
  if (!result.ok()) return ReportError(result.status());
  if (!options.quiet) {
    std::fprintf(stderr, "\n%s\n", result->Summary().c_str());
    PrintVerdict(score, options.builtin.value_or(false));
  }
  return kExitFine;
}

}  // namespace oddverb
