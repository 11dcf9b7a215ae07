#include "tests/support/input_files.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace oddverb {

TempFolder::TempFolder() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "oddverb_test_XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string TempFolder::path(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

std::string TempFolder::Write(std::string_view name,
                              std::string_view content) const {
  std::string file = path(name);
  std::filesystem::create_directories(
      std::filesystem::path(file).parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  EXPECT_TRUE(out.good());
  return file;
}

std::string GzipOf(std::string_view content) {
  z_stream deflater = {};
  deflateInit2(&deflater, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&deflater, content.size()) + 64, '\0');
  deflater.next_in =
      reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  deflater.avail_in = static_cast<uInt>(content.size());
  deflater.next_out = reinterpret_cast<Bytef*>(out.data());
  deflater.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&deflater, Z_FINISH), Z_STREAM_END);
  out.resize(deflater.total_out);
  deflateEnd(&deflater);
  return out;
}

std::string ZstdOf(std::string_view content) {
  std::string out(ZSTD_compressBound(content.size()), '\0');
  size_t size =
      ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3);
  EXPECT_FALSE(ZSTD_isError(size));
  out.resize(size);
  return out;
}

std::string EventLine(absl::Time stage_time, std::string_view id) {
  return absl::StrCat(
      R"({"kind":"Event","auditID":")", std::string(id),
      R"(","verb":"get","stageTimestamp":")",
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", stage_time, absl::UTCTimeZone()),
      R"(","annotations":{"authorization.k8s.io/decision":"allow"}})");
}

SourceOutput ReadAll(Source& source) {
  SourceOutput output;
  RawBatch batch;
  do {
    output.end = source.Read(absl::InfiniteFuture(), batch);
    ++output.batches;
    output.source_bytes += batch.source_bytes;
    EXPECT_EQ(batch.records.size(), batch.positions.size());
    // The contract with the decoder: white space between records.
    size_t framed = 0;
    for (size_t i = 0; i < batch.records.size(); ++i) {
      const RecordSpan& span = batch.records[i];
      std::string_view gap =
          batch.bytes->view().substr(framed, span.offset - framed);
      EXPECT_TRUE(
          std::all_of(gap.begin(), gap.end(),
                      [](unsigned char c) { return std::isspace(c) != 0; }))
          << "before " << span.offset;
      framed = span.offset + span.length;
      output.records.emplace_back(
          batch.bytes->view().substr(span.offset, span.length));
      output.positions.push_back(batch.positions[i]);
    }
    for (Rejected& rejected : batch.rejected) {
      output.rejected.push_back(std::move(rejected));
    }
  } while (output.end.ok());
  return output;
}

std::vector<std::string> Summary(const SourceOutput& output) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < output.records.size(); ++i) {
    lines.push_back(absl::StrCat(output.positions[i].offset, ":",
                                 output.positions[i].line, ":",
                                 output.records[i]));
  }
  for (const Rejected& rejected : output.rejected) {
    lines.push_back(absl::StrCat("!", RejectReasonName(rejected.reason), ":",
                                 rejected.position.offset, ":",
                                 rejected.position.line, ":",
                                 rejected.record_bytes, ":", rejected.sample));
  }
  return lines;
}

}  // namespace oddverb
