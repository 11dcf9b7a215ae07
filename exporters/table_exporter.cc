#include "exporters/table_exporter.h"

#include <array>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "exporters/table_text.h"

namespace oddverb {
namespace {

constexpr Severity kFirstWithBlock = Severity::kMedium;
// 24 MB of ids at most; beyond, the end says "more than".
constexpr size_t kMaxCounted = 1'000'000;

}  // namespace

bool TableExporter::Rank::operator<(const Rank& other) const {
  return std::tie(other.severity, time, id) <
         std::tie(severity, other.time, other.id);
}

TableExporter::TableExporter(std::unique_ptr<OutputFile> output,
                             const Options& options)
    : output_(std::move(output)), options_(options) {}

TableExporter::Rank TableExporter::RankOf(const Finding& finding) {
  return {finding.severity, finding.time, finding.id};
}

absl::Status TableExporter::Export(std::span<const Finding> findings,
                                   absl::Time /*deadline*/) {
  for (const Finding& finding : findings) Keep(finding);
  return absl::OkStatus();
}

void TableExporter::Keep(const Finding& finding) {
  const auto known = findings_.find(finding.id);
  if (known != findings_.end()) {
    ranks_.erase(RankOf(known->second));
    ranks_.insert(RankOf(finding));
    known->second = finding;
    return;
  }
  // A flood of harmless findings must not push out the one that matters.
  if (findings_.size() >= options_.max_findings) {
    if (ranks_.empty() || *ranks_.rbegin() < RankOf(finding)) {
      CountLeftOut(finding.id);
      return;
    }
    const Hash128 last = ranks_.rbegin()->id;
    ranks_.erase(std::prev(ranks_.end()));
    findings_.erase(last);
    CountLeftOut(last);
  }
  left_out_.erase(finding.id.low);
  ranks_.insert(RankOf(finding));
  findings_.emplace(finding.id, finding);
}

void TableExporter::CountLeftOut(const Hash128& id) {
  if (left_out_.size() < kMaxCounted) left_out_.insert(id.low);
}

std::vector<const Finding*> TableExporter::Ranked() const {
  std::vector<const Finding*> ranked;
  ranked.reserve(ranks_.size());
  for (const Rank& rank : ranks_) ranked.push_back(&findings_.at(rank.id));
  return ranked;
}

// "1 critical, 2 high in 5 findings": the counts of those that have a block.
std::string TableExporter::CountsLine() const {
  std::array<size_t, 5> counts{};
  for (const auto& [id, finding] : findings_) {
    ++counts[static_cast<size_t>(finding.severity)];
  }
  std::string line;
  for (size_t i = counts.size(); i-- > 0;) {
    if (counts[i] == 0) continue;
    absl::StrAppend(&line, line.empty() ? "" : ", ", counts[i], " ",
                    A(SeverityName(static_cast<Severity>(i))));
  }
  absl::StrAppend(&line, " in ", findings_.size(),
                  findings_.size() == 1 ? " finding\n" : " findings\n");
  return line;
}

std::string TableExporter::LeftOutLine() const {
  if (left_out_.empty()) return "";
  return absl::StrCat(left_out_.size() < kMaxCounted ? "" : "more than ",
                      left_out_.size(),
                      " more, none more severe: see --format ndjson\n");
}

absl::Status TableExporter::Finish() {
  std::string text;
  const std::vector<const Finding*> ranked = Ranked();
  if (ranked.empty()) {
    text = "No findings.\n";
  } else {
    text = FindingsTable(ranked, options_.terminal);
    absl::StrAppend(&text, CountsLine());
  }
  absl::StrAppend(&text, LeftOutLine());
  size_t blocks = 0;
  size_t without_block = 0;
  for (const Finding* finding : ranked) {
    if (finding->severity < kFirstWithBlock) break;
    if (blocks == options_.max_blocks) {
      ++without_block;
      continue;
    }
    ++blocks;
    absl::StrAppend(&text, "\n", FindingBlock(*finding, options_.terminal));
  }
  if (without_block > 0) {
    absl::StrAppend(&text, "\n", without_block,
                    " more without details here: see --format ndjson\n");
  }
  absl::Status written = output_->Write(text);
  absl::Status closed = output_->Close();
  return written.ok() ? closed : written;
}

absl::StatusOr<std::unique_ptr<Exporter>> MakeTableExporter(
    ExporterSetup setup) {
  return std::make_unique<TableExporter>(
      std::move(setup.output), TableExporter::Options{setup.terminal});
}

}  // namespace oddverb
