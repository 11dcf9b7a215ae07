// Findings for a person on a terminal: a table, most severe first, and below it
// for each that matters a block that says why, what is normal, what to do now,
// and where to look it up.
//
// One thread. Nothing is printed before Finish(). Holds the newest state of at
// most Options::max_findings findings; when full, the least severe (of these
// the latest) goes, and the end says how many went.
#ifndef ODDVERB_EXPORTERS_TABLE_EXPORTER_H_
#define ODDVERB_EXPORTERS_TABLE_EXPORTER_H_

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "exporters/exporter.h"
#include "exporters/exporters.h"

namespace oddverb {

class TableExporter final : public Exporter {
 public:
  struct Options {
    Terminal terminal;
    size_t max_findings = 10'000;  // a few KiB each
    size_t max_blocks = 20;  // what a person reads; the table has the rest
  };

  TableExporter(std::unique_ptr<OutputFile> output, const Options& options);

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override;
  absl::Status Finish() override;

 private:
  // Position in the table: most severe first, then by time.
  struct Rank {
    Severity severity = Severity::kInfo;
    absl::Time time;
    Hash128 id;
    bool operator<(const Rank& other) const;
  };
  static Rank RankOf(const Finding& finding);

  void Keep(const Finding& finding);
  void CountLeftOut(const Hash128& id);
  // The findings in the order of the table.
  std::vector<const Finding*> Ranked() const;
  std::string CountsLine() const;
  std::string LeftOutLine() const;

  std::unique_ptr<OutputFile> output_;
  Options options_;
  std::map<Hash128, Finding> findings_;
  std::set<Rank> ranks_;
  // Ids that did not fit, by their low half: they are hashes already.
  absl::flat_hash_set<uint64_t> left_out_;
};

absl::StatusOr<std::unique_ptr<Exporter>> MakeTableExporter(
    ExporterSetup setup);

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_TABLE_EXPORTER_H_
