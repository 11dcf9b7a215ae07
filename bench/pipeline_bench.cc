// Question: how far is the whole pipeline from the floor, which is reading the
// bytes and counting the newlines?
//
//   pipeline_bench FILE [ROUNDS]
//
// Alternates, in one process and on one thread, `read() + newline count` and
// the whole pipeline with every detector (mode single) over FILE (plain NDJSON
// in the page cache), and prints medians of CPU time and their ratio.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "app/build.h"
#include "bench/measure.h"
#include "ingest/merged_source.h"
#include "pipeline/pipeline.h"

namespace oddverb {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "pipeline_bench: %s\n", message.c_str());
  std::exit(1);
}

struct Floor {
  uint64_t bytes = 0;
  uint64_t lines = 0;
};

Floor ReadAndCountNewlines(const char* path) {
  Floor floor;
  int fd = open(path, O_RDONLY);
  if (fd < 0) Die(std::string(path) + ": " + std::strerror(errno));
  // The buffer size that read fastest here (256 KiB to 1 MiB are alike).
  static char buffer[1 << 20];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
    floor.bytes += static_cast<uint64_t>(got);
    const char* end = buffer + got;
    for (const char* p = buffer;
         (p = static_cast<const char*>(
              std::memchr(p, '\n', static_cast<size_t>(end - p)))) != nullptr;
         ++p) {
      ++floor.lines;
    }
  }
  close(fd);
  return floor;
}

class CountingExporter final : public Exporter {
 public:
  absl::Status Export(std::span<const Finding> findings, absl::Time) override {
    count += findings.size();
    return absl::OkStatus();
  }
  uint64_t count = 0;
};

struct Judged {
  uint64_t events = 0;
  uint64_t rejected = 0;
  uint64_t findings = 0;
};

Judged RunPipeline(const char* path) {
  auto parts = MakePartFactory(Settings());
  auto source = OpenFiles({path}, FileSourceOptions());
  if (!source.ok()) Die(source.status().ToString());
  auto pipeline = Pipeline::Make(PipelineOptions(), *parts, nullptr);
  CountingExporter exporter;
  Delivery delivery({}, {&exporter});
  std::atomic<bool> stop{false};
  absl::Status status = (*pipeline)->Run(
      {{"bench", source->get()}}, delivery, [](size_t, const Rejected&) {},
      stop);
  if (status.ok()) status = delivery.Finish();
  if (!status.ok()) Die(status.ToString());
  Judged judged;
  judged.events = (*pipeline)->counters().events;
  for (const auto& n : (*pipeline)->counters().rejected) judged.rejected += n;
  judged.findings = exporter.count;
  return judged;
}

int Main(int argc, char** argv) {
  if (argc < 2) Die("usage: pipeline_bench FILE [ROUNDS]");
  int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
#ifndef NDEBUG
  std::printf("warning: built with assertions\n");
#endif
  std::vector<double> floor_seconds, pipeline_seconds;
  Floor floor;
  Judged judged;
  for (int round = 0; round <= rounds; ++round) {
    double start = CpuSecondsOfProcess();
    floor = ReadAndCountNewlines(argv[1]);
    double middle = CpuSecondsOfProcess();
    judged = RunPipeline(argv[1]);
    double end = CpuSecondsOfProcess();
    if (round == 0) continue;  // warms the page cache
    floor_seconds.push_back(middle - start);
    pipeline_seconds.push_back(end - middle);
  }
  double floor_s = Median(floor_seconds);
  double pipeline_s = Median(pipeline_seconds);
  auto events = static_cast<double>(judged.events);
  auto bytes = static_cast<double>(floor.bytes);
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%s: %.0f bytes, %llu lines, %.0f events, mean %.0f B\n", argv[1],
              bytes, static_cast<unsigned long long>(floor.lines), events,
              bytes / events);
  std::printf("read + newline count  %7.3f s CPU  %6.2f GB/s\n", floor_s,
              bytes / floor_s * 1e-9);
  std::printf(
      "whole pipeline        %7.3f s CPU  %6.2f GB/s  %.0f ns/event  %.2f M "
      "events/s\n",
      pipeline_s, bytes / pipeline_s * 1e-9, pipeline_s / events * 1e9,
      events / pipeline_s * 1e-6);
  std::printf("ratio                 %7.3f\n", floor_s / pipeline_s);
  std::printf("findings %llu, rejected %llu, peak RSS %.1f MB\n",
              static_cast<unsigned long long>(judged.findings),
              static_cast<unsigned long long>(judged.rejected),
              static_cast<double>(usage.ru_maxrss) / 1000);
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) { return oddverb::Main(argc, argv); }
