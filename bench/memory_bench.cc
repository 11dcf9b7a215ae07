// Question: what does an identity cost in memory, and what do many of them cost
// in time?
//
//   memory_bench [LOG] [IDENTITIES] [ROUNDS] [COMPARISON]
//
// Runs made-up events through the whole pipeline with every detector (mode
// single), side by side with the same requests, in the same order, of 1,000
// identities:
//   - each identity seen 10 times (goal: at most 300 bytes of RSS each);
//   - each identity active: 60 requests of 20 kinds (goal: at most 1.5 KiB).
// Once with all awake, and with few awake (2,000 of a kind), the others at rest
// as they are when the budget is used up: with all in turns, so that each event
// wakes one, and one after another (1,000 at a time). Then as often as Zipf's
// law has it, as identities of real clusters come: 10 times on average, few of
// them far more often, most of them less. Of the identities 6 in 10 are service
// accounts with a token of a pod, 3 people with certificates, 1 an address
// without credentials that asks for the API server's health. One in 50 is
// refused once; one in 5, if it is active.
//
// What they ask for is made up: short events of the cheapest kinds. With the
// LOG of a real API server (plain, a line an event) it is what its users ask
// for, with its paths, bodies and User-Agents.
//
// Bytes are the growth of RSS after a warm-up, divided by the identities; each
// measurement is a process of its own. CPU time leaves the making of the events
// out (goal: at most 1.5 times that of 1,000). Medians of the rounds. Then the
// bytes with no detector, and what each adds by itself. Of a COMPARISON, named
// as its line of the output begins, there is nothing else.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "app/build.h"
#include "base/status_macros.h"
#include "bench/identity_load.h"
#include "bench/measure.h"
#include "bench/recorded_requests.h"
#include "detectors/detectors.h"
#include "pipeline/pipeline.h"
#include "tests/support/generated_source.h"

namespace oddverb {
namespace {

constexpr uint32_t kFewAwake = 2000;
// What it takes until buffers, tables of kinds and the like have their size.
constexpr uint64_t kWarmUpEvents = 200'000;

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "memory_bench: %s\n", message.c_str());
  std::exit(1);
}

double ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) Die("/proc/self/statm cannot be read");
  long long pages = 0;
  if (std::fscanf(file, "%*d %lld", &pages) != 1) Die("/proc/self/statm");
  std::fclose(file);
  return static_cast<double>(pages) *
         static_cast<double>(sysconf(_SC_PAGESIZE));
}

class CountingExporter final : public Exporter {
 public:
  absl::Status Export(std::span<const Finding> findings, absl::Time) override {
    count += findings.size();
    return absl::OkStatus();
  }
  uint64_t count = 0;
};

constexpr std::string_view kAll = "all", kNone = "none";  // beside detectors

template <class List>
List Only(std::string_view name, List parts) {
  List kept;
  for (auto& part : parts) {
    if (part.name == name) kept.push_back(std::move(part));
  }
  return kept;
}

PartFactory OnlyOne(std::string_view name, PartFactory all) {
  PartFactory one;
  one.make_detectors =
      [name, make = all.make_detectors]() -> absl::StatusOr<DetectorList> {
    ODDVERB_ASSIGN_OR_RETURN(DetectorList parts, make());
    return Only(name, std::move(parts));
  };
  one.make_cross_detectors =
      [name,
       make = all.make_cross_detectors]() -> absl::StatusOr<CrossDetectorList> {
    ODDVERB_ASSIGN_OR_RETURN(CrossDetectorList parts, make());
    return Only(name, std::move(parts));
  };
  return one;
}

// Makes the events, and knows what that cost. To read the clock of CPU time is
// a system call, which takes half as long as an event is judged: once a batch.
class TimedSource final : public Source {
 public:
  explicit TimedSource(GeneratedSource::Next next) : made_(std::move(next)) {}

  absl::Status Read(absl::Time deadline, RawBatch& out) override {
    const double start = CpuSecondsOfThread();
    absl::Status status = made_.Read(deadline, out);
    making_seconds_ += CpuSecondsOfThread() - start;
    return status;
  }
  absl::Status Accepted(const Position&) override { return absl::OkStatus(); }
  absl::Status Commit(const Position&) override { return absl::OkStatus(); }
  std::string Describe(const Position& position) const override {
    return made_.Describe(position);
  }
  Progress progress() const override { return made_.progress(); }

  // Called before each batch; everything read before it has been judged.
  void OnRead(std::function<void()> call) { made_.OnRead(std::move(call)); }
  double making_seconds() const { return making_seconds_; }

 private:
  GeneratedSource made_;
  double making_seconds_ = 0;
};

struct Measured {
  double ns_per_event = 0, bytes = 0, packed_bytes = 0;
  uint64_t identities = 0, events = 0, findings = 0, evictions = 0,
           rejected = 0;
};

// First the warm-up by identities of its own, then `load` by identities that
// take turns in an order without locality, until there were `events`.
class Measurement {
 public:
  // Asks for the requests of a log, if there is one.
  Measurement(const Load& load, const RecordedRequests* log, uint64_t events,
              std::string_view only)
      : load_(load), log_(log), events_(events), only_(only), turns_(load) {}

  Measured Run() {
    TimedSource source([this](std::string& out) { return Next(out); });
    source.OnRead([&] { NoteStart(source.making_seconds()); });
    absl::StatusOr<PartFactory> parts = MakePartFactory(Settings());
    if (!parts.ok()) Die(parts.status().ToString());
    if (only_ != kAll) *parts = OnlyOne(only_, *std::move(parts));
    PipelineOptions options;
    // None is forgotten, though shards' shares differ.
    const LimitsByKind limits = SameForEachKind(
        {.max_entities = load_.identities + load_.identities / 5,
         .max_awake = load_.max_awake});
    options.entity_budget = EntityBudget{limits, limits};
    // In the correlator a token and its pod are one each; they do not rest
    // (pipeline/memory_plan.cc).
    options.entity_budget
        ->correlator[static_cast<size_t>(EntityKind::kCredential)] = {
        .max_entities = 2 * limits[0].max_entities};
    auto pipeline = Pipeline::Make(options, *parts, nullptr);
    CountingExporter exporter;
    Delivery delivery({}, {&exporter});
    std::atomic<bool> stop{false};
    absl::Status status = (*pipeline)->Run(
        {{"bench", &source}}, delivery, [](size_t, const Rejected&) {}, stop);
    const double spent =
        CpuSecondsOfThread() - start_cpu_ - source.making_seconds();
    double bytes = ResidentBytes() - start_bytes_;
    if (status.ok()) status = delivery.Finish();
    if (!status.ok()) Die(status.ToString());
    Measured measured;
    measured.bytes = bytes;
    measured.identities = turns_.identities();
    measured.events = events_;
    measured.ns_per_event = spent / static_cast<double>(events_) * 1e9;
    measured.findings = exporter.count;
    measured.evictions = (*pipeline)->counters().evictions;
    for (const auto& packed : (*pipeline)->counters().packed_bytes) {
      measured.packed_bytes += static_cast<double>(packed);
    }
    for (const auto& n : (*pipeline)->counters().rejected) {
      measured.rejected += n;
    }
    return measured;
  }

 private:
  static constexpr uint32_t kFirstOfWarmUp = 1 << 23;

  bool Next(std::string& out) {
    const bool is_there = serial_ < kWarmUpEvents + events_;
    if (serial_ < kWarmUpEvents) {
      Load warm = load_;
      warm.events_each = 0;
      Write(warm, kFirstOfWarmUp + static_cast<uint32_t>(serial_ % 1000),
            serial_ / 1000, out);
    } else if (is_there) {
      const Turns::Turn turn = turns_.Next();
      Write(load_, turn.who, turn.n, out);
    }
    ++serial_;
    return is_there;
  }

  void Write(const Load& load, uint32_t who, uint64_t n,
             std::string& out) const {
    if (log_ != nullptr) {
      log_->Write(load, serial_, who, n, out);
    } else {
      WriteEvent(load, serial_, who, n, out);
    }
  }

  // From here on all counts but what was made before.
  void NoteStart(double making_seconds) {
    if (start_bytes_ != 0 || serial_ < kWarmUpEvents) return;
    start_bytes_ = ResidentBytes();
    start_cpu_ = CpuSecondsOfThread() - making_seconds;
  }

  Load load_;
  const RecordedRequests* log_;
  uint64_t events_;
  std::string_view only_;
  Turns turns_;
  uint64_t serial_ = 0;
  double start_bytes_ = 0, start_cpu_ = 0;
};

// In a child, whose heap is as a new process has it.
Measured MeasureApart(const Load& load, const RecordedRequests* log,
                      uint64_t events, std::string_view only = kAll) {
  int ends[2];
  if (pipe(ends) != 0) Die("pipe");
  pid_t child = fork();
  if (child < 0) Die("fork");
  if (child == 0) {
    Measured measured = Measurement(load, log, events, only).Run();
    const ssize_t sent = write(ends[1], &measured, sizeof(measured));
    _exit(sent == sizeof(measured) ? 0 : 1);
  }
  close(ends[1]);
  Measured measured;
  const ssize_t read_bytes = read(ends[0], &measured, sizeof(measured));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  if (read_bytes != sizeof(measured)) Die("a measurement failed");
  return measured;
}

void Compare(std::string_view what, const Load& load,
             const RecordedRequests* log, int rounds) {
  Load few = load;
  few.is_by_few = true;
  few.max_awake = RestTable::kAllAwake;
  uint64_t events = uint64_t{load.identities} * load.events_each;
  std::vector<double> few_ns, many_ns, bytes;
  Measured last;
  for (int round = 0; round < rounds; ++round) {
    few_ns.push_back(MeasureApart(few, log, events).ns_per_event);
    last = MeasureApart(load, log, events);
    many_ns.push_back(last.ns_per_event);
    bytes.push_back(last.bytes / static_cast<double>(last.identities));
  }
  absl::PrintF(
      "%s: %d identities, %d events, %d findings, %d evictions, %d rejected\n",
      what, last.identities, last.events, last.findings, last.evictions,
      last.rejected);
  std::printf("  RSS an identity       %8.0f B, packed %.0f B\n", Median(bytes),
              last.packed_bytes / static_cast<double>(last.identities));
  std::printf("  CPU an event          %8.0f ns\n", Median(many_ns));
  std::printf("  of 1,000 identities   %8.0f ns, ratio %.2f\n", Median(few_ns),
              Median(many_ns) / Median(few_ns));
  std::fflush(stdout);
}

void TellEach(const char* what, const Load& load, const RecordedRequests* log) {
  const uint64_t events = uint64_t{load.identities} * load.events_each;
  auto bytes = [&](std::string_view only) {
    return MeasureApart(load, log, events, only).bytes / load.identities;
  };
  const double none = bytes(kNone);
  std::printf("%s, RSS an identity without detectors %8.0f B\n", what, none);
  for (const DetectorEntry& entry : AllDetectors()) {
    std::printf("  %-22s %+8.0f B\n", std::string(entry.name).c_str(),
                bytes(entry.name) - none);
    std::fflush(stdout);
  }
}

bool IsNumber(std::string_view text) {
  int number = 0;
  return absl::SimpleAtoi(std::string(text), &number);
}

// Of no number -1.
int NumberOr(int otherwise, std::string_view text) {
  if (text.empty()) return otherwise;
  int number = 0;
  return absl::SimpleAtoi(std::string(text), &number) ? number : -1;
}

int Main(int argc, char** argv) {
  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  absl::StatusOr<RecordedRequests> recorded;
  const RecordedRequests* log = nullptr;
  if (!arguments.empty() && !IsNumber(arguments.front())) {
    recorded = RecordedRequests::Load(std::string(arguments.front()));
    if (!recorded.ok()) Die(std::string(recorded.status().message()));
    log = &*recorded;
    arguments.erase(arguments.begin());
  }
  arguments.resize(3);
  const int identities = NumberOr(40'000, arguments[0]);
  const int rounds = NumberOr(3, arguments[1]);
  const std::string_view only = arguments[2];
  if (identities < 1000 || identities > 8'000'000 || rounds < 1) {
    Die("usage: memory_bench [LOG] [IDENTITIES (1000 to 8000000)] [ROUNDS] "
        "[COMPARISON]");
  }
#ifndef NDEBUG
  std::printf("built without NDEBUG: these numbers mean nothing\n");
#endif
  const auto many = static_cast<uint32_t>(identities);
  const Load seldom = {many, 10, 5, 50}, active = {many, 60, 20, 5};
  auto in_order = [](Load load, Order order) {
    load.order = order;
    return load;
  };
  auto few_awake = [&](Load load, Order order) {
    load.max_awake = kFewAwake;
    return in_order(load, order);
  };
  const std::pair<std::string_view, Load> comparisons[] = {
      {"seen 10 times", seldom},
      {"active", active},
      {"seen 10 times, few awake, in turns",
       few_awake(seldom, Order::kInTurns)},
      {"seen 10 times, few awake, one after another",
       few_awake(seldom, Order::kSessions)},
      {"active, few awake, one after another",
       few_awake(active, Order::kSessions)},
      {"by Zipf's law", in_order(seldom, Order::kZipf)},
      {"by Zipf's law, few awake", few_awake(seldom, Order::kZipf)}};
  bool is_known = only.empty();
  std::string names;
  for (const auto& [what, load] : comparisons) {
    names.append("\n  ").append(what);
    if (!only.empty() && only != what) continue;
    is_known = true;
    Compare(what, load, log, rounds);
  }
  if (!is_known) {
    Die("no comparison is called \"" + std::string(only) + "\"; there are" +
        names);
  }
  if (only.empty()) {
    TellEach("seen 10 times", seldom, log);
    TellEach("active", active, log);
  }
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) { return oddverb::Main(argc, argv); }
