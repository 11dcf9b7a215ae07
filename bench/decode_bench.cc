// How much of simdjson's stage 1 does the whole decoder keep?
//
// decode_bench FILE: medians of CPU time over alternating runs on one thread
// of (a) read() and a newline count over the file, (b) stage 1 alone, and
// (c) Decoder::Decode with all fields, the latter two over the same batches in
// memory; and their ratios, which compare between machines where times do not.
#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/measure.h"
#include "ingest/decoder.h"
#include "ingest/structural_index.h"

namespace oddverb {
namespace {

constexpr int kRuns = 7;
constexpr size_t kReadBytes = 1 << 20;

// Reads the file as a source would, counts its lines. -1 = cannot be read.
int64_t CountLines(const char* path, std::vector<char>& buffer) {
  int file = open(path, O_RDONLY);
  if (file < 0) return -1;
  int64_t lines = 0;
  ssize_t got;
  while ((got = read(file, buffer.data(), buffer.size())) > 0) {
    const char* at = buffer.data();
    const char* end = at + got;
    while ((at = static_cast<const char*>(std::memchr(
                at, '\n', static_cast<size_t>(end - at)))) != nullptr) {
      ++lines;
      ++at;
    }
  }
  close(file);
  return got < 0 ? -1 : lines;
}

std::vector<RawBatch> FrameFile(const char* path) {
  std::vector<RawBatch> batches(1);
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return batches;
  char* line = nullptr;
  size_t capacity = 0;
  ssize_t got;
  while ((got = getline(&line, &capacity, file)) > 0) {
    std::string_view text(line, static_cast<size_t>(got));
    RawBatch* batch = &batches.back();
    if (batch->bytes->size() + text.size() > RawBatch::kTargetBytes &&
        !batch->records.empty()) {
      batch = &batches.emplace_back();
    }
    if (text.ends_with('\n')) text.remove_suffix(1);
    batch->records.push_back({static_cast<uint32_t>(batch->bytes->size()),
                              static_cast<uint32_t>(text.size())});
    batch->positions.push_back({});
    batch->bytes->Append({line, static_cast<size_t>(got)});
    batch->source_bytes += static_cast<uint64_t>(got);
  }
  free(line);
  std::fclose(file);
  return batches;
}

struct Totals {
  uint64_t events = 0;
  uint64_t rejected = 0;
  uint64_t checksum = 0;  // of all fields' sizes: the work must be done
};

double TimeDecode(Decoder& decoder, std::vector<RawBatch>& batches,
                  Totals& totals) {
  double seconds = 0;
  totals = {};
  for (RawBatch& raw : batches) {
    double start = CpuSecondsOfThread();
    std::unique_ptr<EventBatch> batch = decoder.Decode(std::move(raw));
    seconds += CpuSecondsOfThread() - start;
    totals.events += batch->events.size();
    totals.rejected += batch->rejected.size();
    for (const AuditEvent& event : batch->events) {
      totals.checksum += event.user.name.size() + event.request_uri.size() +
                         event.authorization_reason.size() +
                         static_cast<uint64_t>(event.response_code);
    }
    raw = std::exchange(batch->raw, RawBatch());  // to decode it again
    start = CpuSecondsOfThread();
    decoder.Recycle(std::move(batch));
    seconds += CpuSecondsOfThread() - start;
  }
  return seconds;
}

double TimeStage1(StructuralIndex& index, const std::vector<RawBatch>& batches,
                  uint64_t& tokens) {
  double start = CpuSecondsOfThread();
  tokens = 0;
  for (const RawBatch& raw : batches) {
    index.Build(raw.bytes->view());
    tokens += index.size();
  }
  return CpuSecondsOfThread() - start;
}

int Run(const char* path) {
  std::vector<char> buffer(kReadBytes);
  int64_t lines = CountLines(path, buffer);
  if (lines < 0) {
    std::fprintf(stderr, "cannot read %s\n", path);
    return 1;
  }
  std::vector<RawBatch> batches = FrameFile(path);
  double bytes = 0;
  for (const RawBatch& raw : batches) {
    bytes += static_cast<double>(raw.source_bytes);
  }
  Decoder decoder({});
  StructuralIndex index;
  Totals totals;
  uint64_t tokens = 0;
  std::vector<double> reads, stages, decodes, ratios;
  for (int run = 0; run <= kRuns; ++run) {
    double start = CpuSecondsOfThread();
    CountLines(path, buffer);
    double read_seconds = CpuSecondsOfThread() - start;
    double stage_seconds = TimeStage1(index, batches, tokens);
    double decode_seconds = TimeDecode(decoder, batches, totals);
    if (run == 0) continue;  // warms caches and the allocator
    reads.push_back(read_seconds);
    stages.push_back(stage_seconds);
    decodes.push_back(decode_seconds);
    ratios.push_back(stage_seconds / decode_seconds);
  }
  double events = static_cast<double>(std::max<uint64_t>(totals.events, 1));
  auto print = [&](const char* what, double seconds) {
    std::printf("%-22s %7.3f GB/s %8.1f ns/event\n", what,
                bytes / seconds * 1e-9, seconds / events * 1e9);
  };
  std::printf(
      "simdjson %s, %.0f bytes, %lld lines, %llu events, %llu rejected,"
      " %.1f tokens/event, checksum %llu\n",
      simdjson::get_active_implementation()->name().c_str(), bytes,
      static_cast<long long>(lines),
      static_cast<unsigned long long>(totals.events),
      static_cast<unsigned long long>(totals.rejected),
      static_cast<double>(tokens) / events,
      static_cast<unsigned long long>(totals.checksum));
  print("read + newline count", Median(reads));
  print("stage 1 only", Median(stages));
  print("decode, all fields", Median(decodes));
  std::printf("decode / stage 1       %.3f (of speed; median of the runs)\n",
              Median(ratios));
  std::printf("decode / read + count  %.3f\n", Median(reads) / Median(decodes));
#ifndef NDEBUG
  std::printf("built without NDEBUG: these numbers mean nothing\n");
#endif
  return 0;
}

}  // namespace
}  // namespace oddverb

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: decode_bench FILE\n");
    return 2;
  }
  return oddverb::Run(argv[1]);
}
