#include "rules/falco_definitions.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "base/strings.h"
#include "rules/falco_object_reader.h"

namespace oddverb {
namespace {

constexpr std::string_view kPriorities[] = {
    "EMERGENCY", "ALERT",  "CRITICAL",      "ERROR",
    "WARNING",   "NOTICE", "INFORMATIONAL", "DEBUG"};

}  // namespace

std::string_view FalcoPriorityName(FalcoPriority priority) {
  return kPriorities[static_cast<size_t>(priority)];
}

std::optional<FalcoPriority> ParseFalcoPriority(std::string_view word) {
  std::string upper = absl::AsciiStrToUpper(A(word));
  if (upper == "INFO") return FalcoPriority::kInformational;
  for (size_t i = 0; i < std::size(kPriorities); ++i) {
    if (kPriorities[i] == upper) return static_cast<FalcoPriority>(i);
  }
  return std::nullopt;
}

std::vector<std::string> FalcoPriorityNames() {
  return {std::begin(kPriorities), std::end(kPriorities)};
}

bool FalcoDefinitions::IsFalco(const YamlNode& list) {
  std::vector<YamlNode> items = list.Items();
  return std::any_of(items.begin(), items.end(), [](const YamlNode& item) {
    return FalcoObjectReader::IsObject(item);
  });
}

void FalcoDefinitions::Read(const FalcoNode& list) {
  for (const YamlNode& item : list.node.Items()) {
    FalcoObjectReader reader(*this, {list.file, item});
    bool goes_on = reader.Read();
    if (reader.failed()) ++refused_;
    if (!goes_on) return;
  }
}

const FalcoList* FalcoDefinitions::FindList(std::string_view name) const {
  auto it = list_numbers_.find(name);
  return it == list_numbers_.end() ? nullptr : &lists_[it->second];
}

const FalcoMacro* FalcoDefinitions::FindMacro(std::string_view name) const {
  auto it = macro_numbers_.find(name);
  return it == macro_numbers_.end() ? nullptr : &macros_[it->second];
}

}  // namespace oddverb
