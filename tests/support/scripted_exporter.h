// An exporter that fails as a test says, and remembers what it was given.
#ifndef ODDVERB_TESTS_SUPPORT_SCRIPTED_EXPORTER_H_
#define ODDVERB_TESTS_SUPPORT_SCRIPTED_EXPORTER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "exporters/exporter.h"

namespace oddverb {

// What a receiver holds; outlives the exporters that fill it, as a restart
// does not touch it. A finding is known by its count.
struct Receiver {
  std::vector<int64_t> taken;     // in order, repeats too
  std::vector<size_t> asked;      // findings of each attempt
  std::vector<absl::Time> tried;  // deadline of each attempt
  int works = 0;
  int finishes = 0;
  std::string loaded;  // state that Load() got
};

class ScriptedExporter final : public Exporter {
 public:
  using Script = std::function<absl::Status(std::span<const Finding>)>;

  // `script` says how each attempt ends; empty = always well.
  explicit ScriptedExporter(Receiver& receiver, Script script = {})
      : receiver_(receiver), script_(std::move(script)) {}

  absl::Status Export(std::span<const Finding> findings,
                      absl::Time deadline) override {
    receiver_.asked.push_back(findings.size());
    receiver_.tried.push_back(deadline);
    absl::Status status = script_ ? script_(findings) : absl::OkStatus();
    if (!status.ok()) return status;
    for (const Finding& finding : findings) {
      receiver_.taken.push_back(finding.count);
    }
    return status;
  }
  absl::Status Finish() override {
    ++receiver_.finishes;
    return absl::OkStatus();
  }

  absl::Time next_work() const override { return next_work_; }
  absl::Status Work(absl::Time now, absl::Time) override {
    ++receiver_.works;
    if (work_status.ok()) next_work_ = now + work_period;
    return work_status;
  }
  void Save(StateWriter& out) const override { out.PutString(state); }
  absl::Status Load(StateReader& in) override {
    receiver_.loaded = std::string(in.GetString());
    return in.status();
  }

  void WorkFrom(absl::Time time) { next_work_ = time; }

  absl::Duration work_period = absl::InfiniteDuration();
  absl::Status work_status;
  std::string state;

 private:
  Receiver& receiver_;
  Script script_;
  absl::Time next_work_ = absl::InfiniteFuture();
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_SCRIPTED_EXPORTER_H_
