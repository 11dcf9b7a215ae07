#include "bench/detection/traffic_shapes.h"

#include <array>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"

namespace oddverb {
namespace {

// As QUANTILES of measure_shapes.py, with the ends.
constexpr std::array<double, 13> kQuantiles = {0,  5,  10, 20, 30, 40, 50,
                                               60, 70, 80, 90, 95, 100};
constexpr size_t kMedian = 6;

bool ParseGaps(const std::vector<std::string>& cells, RoleShape& role) {
  if (cells.size() != kQuantiles.size()) return false;
  role.gaps = {0};
  for (size_t i = 2; i < cells.size(); ++i) {
    double gap;
    if (!absl::SimpleAtod(cells[i], &gap) || gap < role.gaps.back()) {
      return false;
    }
    role.gaps.push_back(gap);
  }
  role.gaps.push_back(2 * role.gaps.back());
  return true;
}

std::string Cell(const std::string& text) { return text == "-" ? "" : text; }

bool ParseKind(const std::vector<std::string>& cells, RoleShape& role) {
  if (cells.size() != 10) return false;
  RequestKind kind;
  if (!absl::SimpleAtod(cells[2], &kind.share)) return false;
  if (!absl::SimpleAtoi(cells[9], &kind.code)) return false;
  Question& question = kind.question;
  question.verb = cells[3];
  question.group = Cell(cells[4]);
  question.version = Cell(cells[5]);
  question.subresource = Cell(cells[7]);
  const std::string& scope = cells[8];
  (scope == "path" ? question.path : question.resource) = cells[6];
  kind.namespaced = scope.starts_with("namespace");
  kind.named = scope.ends_with("/name");
  role.total_share += kind.share;
  role.kinds.push_back(std::move(kind));
  return true;
}

}  // namespace

double RoleShape::Gap(Random& random) const {
  double at = random.Uniform() * 100;
  size_t i = 1;
  while (i + 1 < kQuantiles.size() && kQuantiles[i] < at) ++i;
  double part = (at - kQuantiles[i - 1]) / (kQuantiles[i] - kQuantiles[i - 1]);
  return gaps[i - 1] + (gaps[i] - gaps[i - 1]) * part;
}

double RoleShape::PacedGap(Random& random, double pace) const {
  double gap = Gap(random);
  if (gap <= gaps[kMedian]) return gap;
  // Half of the gaps are above the median and make up nearly all of the time.
  double mean_long = 0;
  for (size_t i = kMedian + 1; i < gaps.size(); ++i) {
    mean_long +=
        (gaps[i] + gaps[i - 1]) / 2 * (kQuantiles[i] - kQuantiles[i - 1]) / 50;
  }
  double wanted = 2 * 3600 / (requests_per_hour * pace);
  return gap * wanted / mean_long;
}

const RequestKind& RoleShape::Kind(Random& random) const {
  double at = random.Uniform() * total_share;
  for (const RequestKind& kind : kinds) {
    at -= kind.share;
    if (at < 0) return kind;
  }
  return kinds.back();
}

absl::StatusOr<TrafficShapes> TrafficShapes::Parse(std::string_view text) {
  TrafficShapes shapes;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(A(text), '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells = absl::StrSplit(line, '\t');
    bool good = cells.size() > 2;
    if (good && cells[0] == "role") {
      good = cells.size() == 5 &&
             absl::SimpleAtod(cells[4],
                              &shapes.roles_[cells[1]].requests_per_hour);
    } else if (good && cells[0] == "gap") {
      good = ParseGaps(cells, shapes.roles_[cells[1]]);
    } else {
      good = good && cells[0] == "kind" &&
             ParseKind(cells, shapes.roles_[cells[1]]);
    }
    if (!good) {
      return absl::InvalidArgumentError(
          absl::StrCat("traffic shapes, line ", number,
                       ": make the table anew with measure_shapes.py"));
    }
  }
  return shapes;
}

absl::StatusOr<TrafficShapes> TrafficShapes::Load(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::stringstream text;
  text << file.rdbuf();
  return Parse(text.str());
}

}  // namespace oddverb
