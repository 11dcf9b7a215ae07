// The inputs of tests/ingest/envelopes/, each of one shape of envelope.
#ifndef ODDVERB_TESTS_SUPPORT_ENVELOPE_INPUTS_H_
#define ODDVERB_TESTS_SUPPORT_ENVELOPE_INPUTS_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace oddverb {

inline std::string EnvelopePath(std::string_view name) {
  return ODDVERB_SOURCE_DIR "/tests/ingest/envelopes/" + std::string(name);
}

inline std::string EnvelopeText(std::string_view name) {
  std::ifstream file(EnvelopePath(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

// SHAPE.in.TYPE, sorted.
inline std::vector<std::string> EnvelopeInputNames() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(EnvelopePath(""))) {
    std::string name = entry.path().filename().string();
    if (name.find(".in.") != name.npos) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

// In .ndjson each line is a record, every other file is one.
inline std::vector<std::string> EnvelopeRecords(std::string_view name) {
  std::string text = EnvelopeText(name);
  if (!name.ends_with(".ndjson")) return {text};
  std::vector<std::string> records;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    records.emplace_back(line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return records;
}

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_ENVELOPE_INPUTS_H_
