// A log that is written step by step, and what was written.
#ifndef ODDVERB_TESTS_INGEST_TAIL_FIXTURE_H_
#define ODDVERB_TESTS_INGEST_TAIL_FIXTURE_H_

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/input_files.h"
#include "tests/support/rotating_log.h"
#include "tests/support/tail_reading.h"

namespace oddverb {

class TailFixture : public ::testing::Test {
 protected:
  TailFixture() : log_(folder_.path()), options_(TailOptionsFor(path())) {}

  const std::string& path() const { return log_.path(); }
  void AppendEvents(int count) {
    for (int i = 0; i < count; ++i) written_.push_back(log_.AppendEvent());
  }
  // Without what a test wrote before it was of interest.
  std::vector<std::string> WrittenFrom(size_t first) const {
    return {written_.begin() + static_cast<ptrdiff_t>(first), written_.end()};
  }

  TempFolder folder_;
  RotatingLog log_;
  TailOptions options_;
  std::vector<std::string> written_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_INGEST_TAIL_FIXTURE_H_
