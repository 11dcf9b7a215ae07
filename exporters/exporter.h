// Where findings go. An exporter sends or fails; queues, retries and dead
// letters are Delivery's. One thread each.
#ifndef ODDVERB_EXPORTERS_EXPORTER_H_
#define ODDVERB_EXPORTERS_EXPORTER_H_

#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/finding.h"

namespace oddverb {

class Exporter {
 public:
  virtual ~Exporter() = default;

  // Sends all or fails. Unavailable, DeadlineExceeded and ResourceExhausted
  // mean "try again"; any other error means that trying again is useless.
  virtual absl::Status Export(std::span<const Finding> findings,
                              absl::Time deadline) = 0;
  // No more findings will come: a table is printed now, a file closed.
  virtual absl::Status Finish() { return absl::OkStatus(); }
};

}  // namespace oddverb

#endif  // ODDVERB_EXPORTERS_EXPORTER_H_
