// Distributions that measure_shapes.py took from a real audit log: how often a
// role asks, in which rhythm, and for what. Immutable once loaded.
#ifndef ODDVERB_BENCH_DETECTION_TRAFFIC_SHAPES_H_
#define ODDVERB_BENCH_DETECTION_TRAFFIC_SHAPES_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/detection/audit_text.h"
#include "bench/detection/random.h"

namespace oddverb {

struct RequestKind {
  double share = 0;
  Question question;  // without namespace and name
  bool namespaced = false;
  bool named = false;
  int code = 200;
};

struct RoleShape {
  double requests_per_hour = 0;  // of one actor while it is active
  std::vector<double> gaps;      // seconds, at kQuantiles
  std::vector<RequestKind> kinds;
  double total_share = 0;  // of all kinds; rare ones are not in the table

  // A gap as measured.
  double Gap(Random& random) const;
  // The same rhythm of bursts with longer pauses between them, so that an actor
  // makes `pace` times the measured number of requests. 0 < pace <= 1.
  double PacedGap(Random& random, double pace) const;
  // By share.
  const RequestKind& Kind(Random& random) const;
};

class TrafficShapes {
 public:
  // Of the table's text. InvalidArgument names the line.
  static absl::StatusOr<TrafficShapes> Parse(std::string_view text);
  static absl::StatusOr<TrafficShapes> Load(const std::string& path);

  // REQUIRES: the table has the role.
  const RoleShape& Of(const std::string& role) const { return roles_.at(role); }

 private:
  std::map<std::string, RoleShape> roles_;
};

}  // namespace oddverb

#endif  // ODDVERB_BENCH_DETECTION_TRAFFIC_SHAPES_H_
