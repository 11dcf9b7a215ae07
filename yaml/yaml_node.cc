#include "yaml/yaml_node.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest_name.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "yaml/yaml_tree.h"

namespace oddverb {
namespace {

// In YamlNode::index_: absent, and the other bits name the nearest node that
// is there.
constexpr uint32_t kAbsentBit = uint32_t{1} << 31;
static_assert(YamlTree::kMaxNodes < kAbsentBit);

struct ByteUnit {
  std::string_view name;
  int64_t bytes;
};
constexpr ByteUnit kByteUnits[] = {
    {"B", 1},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000 * 1000},
    {"GB", 1000 * 1000 * 1000},
    {"TB", int64_t{1000} * 1000 * 1000 * 1000},
    {"KiB", int64_t{1} << 10},
    {"MiB", int64_t{1} << 20},
    {"GiB", int64_t{1} << 30},
    {"TiB", int64_t{1} << 40},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The whole of `text`, or nullopt.
template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  std::from_chars_result result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  // 010 is eight to one half of YAML's readers, and ten to the other.
  if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
  return ParseNumber<int64_t>(text);
}

std::optional<double> ParseDouble(std::string_view text) {
  std::optional<double> number = ParseNumber<double>(text);
  if (number.has_value() && !std::isfinite(*number)) return std::nullopt;
  return number;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

// absl::ParseDuration's form, with a unit even for zero, not negative, finite;
// and days, as in Prometheus.
std::optional<absl::Duration> ParseDuration(std::string_view text) {
  absl::Duration days;
  size_t d = text.find('d');
  if (d != text.npos) {
    std::optional<uint32_t> count = ParseNumber<uint32_t>(text.substr(0, d));
    if (!count.has_value()) return std::nullopt;
    days = absl::Hours(24) * static_cast<int64_t>(*count);
    text.remove_prefix(d + 1);
    if (text.empty()) return days;
  }
  if (text.empty() || !IsDigit(text.front()) || IsDigit(text.back())) {
    return std::nullopt;
  }
  absl::Duration duration;
  if (!absl::ParseDuration(A(text), &duration)) return std::nullopt;
  duration += days;
  if (duration == absl::InfiniteDuration()) return std::nullopt;
  return duration;
}

std::optional<int64_t> ParseBytes(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  std::optional<int64_t> count = ParseNumber<int64_t>(text.substr(0, digits));
  if (!count.has_value()) return std::nullopt;
  for (const ByteUnit& unit : kByteUnits) {
    if (unit.name != text.substr(digits)) continue;
    if (*count > INT64_MAX / unit.bytes) return std::nullopt;
    return *count * unit.bytes;
  }
  return std::nullopt;
}

const YamlTree::Node& NodeAt(const YamlTree& tree, uint32_t index) {
  return tree.nodes[index & ~kAbsentBit];
}

// "expected X, got Y"
absl::Status Mismatch(const YamlNode& node, const YamlTree::Node& found,
                      std::string_view expected) {
  std::string got;
  switch (found.kind) {
    case YamlNode::Kind::kSequence:
      got = "a list";
      break;
    case YamlNode::Kind::kMapping:
      got = "a mapping";
      break;
    case YamlNode::Kind::kScalar:
      got = Quoted(found.text);
      break;
    default:
      got = "nothing";
  }
  return node.Error(absl::StrCat("expected ", A(expected), ", got ", got));
}

// Reads a scalar with `parse`, which returns a std::optional.
template <class T, class Parser>
absl::StatusOr<T> Read(const YamlNode& node, const YamlTree::Node& found,
                       std::string_view expected, Parser parse) {
  if (found.kind == YamlNode::Kind::kScalar) {
    if (std::optional<T> value = parse(found.text)) return *std::move(value);
  }
  return Mismatch(node, found, expected);
}

}  // namespace

YamlNode::YamlNode() = default;
YamlNode::YamlNode(std::shared_ptr<const YamlTree> tree, uint32_t index)
    : tree_(std::move(tree)), index_(index) {}

absl::StatusOr<YamlNode> YamlNode::Parse(std::string_view text,
                                         std::string_view file) {
  ODDVERB_ASSIGN_OR_RETURN(std::vector<YamlNode> documents,
                           ParseAll(text, file));
  if (documents.size() > 1) {
    return documents[1].Error("a second document, where one is expected");
  }
  if (!documents.empty()) return documents[0];
  auto tree = std::make_shared<YamlTree>();
  tree->file = std::string(file);
  tree->nodes.emplace_back();
  return YamlNode(std::move(tree), 0);
}

absl::StatusOr<std::vector<YamlNode>> YamlNode::ParseAll(
    std::string_view text, std::string_view file) {
  ODDVERB_ASSIGN_OR_RETURN(std::shared_ptr<const YamlTree> tree,
                           YamlTree::Parse(text, file));
  std::vector<YamlNode> documents;
  for (uint32_t root : tree->roots) {
    YamlNode document(tree, root);
    if (document.kind() != Kind::kNull) documents.push_back(document);
  }
  return documents;
}

absl::StatusOr<YamlNode> YamlNode::ParseFrom(std::string_view text,
                                             std::string_view file,
                                             uint32_t first_line) {
  ODDVERB_ASSIGN_OR_RETURN(std::shared_ptr<const YamlTree> tree,
                           YamlTree::Parse(text, file, first_line));
  if (tree->roots.size() > 1) {
    return YamlNode(tree, tree->roots[1])
        .Error("a second document, where one is expected");
  }
  if (tree->roots.empty()) return YamlNode();
  return YamlNode(tree, tree->roots[0]);
}

absl::StatusOr<YamlNode> YamlNode::ReplaceValues(
    const Replacement& replace) const {
  if (tree_ == nullptr) return *this;
  auto copy = std::make_shared<YamlTree>();
  copy->file = tree_->file;
  copy->nodes = tree_->nodes;
  copy->roots = tree_->roots;
  std::vector<std::string> errors;
  for (uint32_t i = 0; i < copy->nodes.size(); ++i) {
    YamlTree::Node& node = copy->nodes[i];
    node.is_asked = false;
    node.key = copy->texts.Copy(node.key);
    if (node.parent != YamlTree::kNoNode &&
        copy->nodes[node.parent].kind == Kind::kMapping) {
      copy->by_key.emplace(std::pair(node.parent, node.key), i);
    }
    if (node.kind != Kind::kScalar) continue;
    absl::StatusOr<std::string> text = replace(node.text);
    if (text.ok()) {
      node.text = copy->texts.Copy(*text);
    } else {
      errors.push_back(absl::StrCat(FormatPlace(copy->file, node.place), ": ",
                                    text.status().message()));
    }
  }
  if (!errors.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  }
  return YamlNode(std::move(copy), index_);
}

YamlNode::Kind YamlNode::kind() const {
  if (tree_ == nullptr || (index_ & kAbsentBit) != 0) return Kind::kAbsent;
  return tree_->nodes[index_].kind;
}

std::string YamlNode::Place() const {
  if (tree_ == nullptr) return "(no file):1:1";
  return FormatPlace(tree_->file, NodeAt(*tree_, index_).place);
}

YamlNode::Location YamlNode::location() const {
  if (tree_ == nullptr) return {};
  const YamlTree::Place& place = NodeAt(*tree_, index_).place;
  return {place.line, place.column};
}

YamlNode::Location YamlNode::key_location() const {
  if (tree_ == nullptr) return {};
  const YamlTree::Place& place = NodeAt(*tree_, index_).key_place;
  return {place.line, place.column};
}

std::string_view YamlNode::text() const {
  return kind() == Kind::kScalar ? tree_->nodes[index_].text
                                 : std::string_view();
}

absl::Status YamlNode::Error(std::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(Place(), ": ", A(message)));
}

YamlNode YamlNode::Get(std::string_view key) const {
  if (tree_ == nullptr) return YamlNode();
  YamlNode absent(tree_, index_ | kAbsentBit);
  if (kind() != Kind::kMapping) return absent;
  uint32_t child = tree_->Child(index_, key);
  if (child == YamlTree::kNoNode) {
    tree_->asked_in_vain[index_].emplace(key);
    return absent;
  }
  tree_->nodes[child].is_asked = true;
  return YamlNode(tree_, child);
}

std::vector<std::string> YamlNode::Keys() const {
  std::vector<std::string> keys;
  if (kind() != Kind::kMapping) return keys;
  tree_->ForEachChild(index_, [&](uint32_t child) {
    keys.emplace_back(tree_->nodes[child].key);
  });
  return keys;
}

std::vector<YamlNode> YamlNode::Items() const {
  std::vector<YamlNode> items;
  if (kind() != Kind::kSequence) return items;
  tree_->ForEachChild(
      index_, [&](uint32_t child) { items.push_back(YamlNode(tree_, child)); });
  return items;
}

absl::Status YamlNode::CheckAllKeysUsed() const {
  if (kind() == Kind::kAbsent || kind() == Kind::kNull) {
    return absl::OkStatus();
  }
  if (kind() != Kind::kMapping) {
    return Mismatch(*this, tree_->nodes[index_], "a mapping");
  }
  std::vector<std::string> known;
  std::vector<const YamlTree::Node*> unknown;
  tree_->ForEachChild(index_, [&](uint32_t child) {
    const YamlTree::Node& node = tree_->nodes[child];
    if (node.is_asked) {
      known.emplace_back(node.key);
    } else {
      unknown.push_back(&node);
    }
  });
  if (unknown.empty()) return absl::OkStatus();
  // What is missing is likelier meant than what is there already.
  auto missing = tree_->asked_in_vain.find(index_);
  if (missing != tree_->asked_in_vain.end()) {
    known.insert(known.begin(), missing->second.begin(), missing->second.end());
  }
  std::vector<std::string> lines;
  for (const YamlTree::Node* node : unknown) {
    std::string_view nearest = NearestName(node->key, known);
    std::string hint;
    if (!nearest.empty()) {
      hint = absl::StrCat(" (did you mean ", Quoted(nearest), "?)");
    }
    lines.push_back(absl::StrCat(FormatPlace(tree_->file, node->key_place),
                                 ": unknown key: ", Quoted(node->key), hint));
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

absl::StatusOr<std::string> YamlNode::AsString(
    std::string_view fallback) const {
  if (!present()) return std::string(fallback);
  return Read<std::string>(
      *this, tree_->nodes[index_], "a text",
      [](std::string_view text) { return std::optional(std::string(text)); });
}

absl::StatusOr<int64_t> YamlNode::AsInt(int64_t fallback) const {
  if (!present()) return fallback;
  return Read<int64_t>(*this, tree_->nodes[index_], "a whole number", ParseInt);
}

absl::StatusOr<double> YamlNode::AsDouble(double fallback) const {
  if (!present()) return fallback;
  return Read<double>(*this, tree_->nodes[index_], "a number", ParseDouble);
}

absl::StatusOr<bool> YamlNode::AsBool(bool fallback) const {
  if (!present()) return fallback;
  return Read<bool>(*this, tree_->nodes[index_], "true or false", ParseBool);
}

absl::StatusOr<absl::Duration> YamlNode::AsDuration(
    absl::Duration fallback) const {
  if (!present()) return fallback;
  return Read<absl::Duration>(*this, tree_->nodes[index_],
                              "a duration such as 90s, 5m, 1h30m or 7d",
                              ParseDuration);
}

absl::StatusOr<int64_t> YamlNode::AsBytes(int64_t fallback) const {
  if (!present()) return fallback;
  return Read<int64_t>(*this, tree_->nodes[index_],
                       "a size such as 64KiB, 16MiB or 1MB", ParseBytes);
}

absl::StatusOr<std::vector<std::string>> YamlNode::AsStrings() const {
  std::vector<std::string> strings;
  if (!present()) return strings;
  if (kind() != Kind::kSequence) {
    if (kind() != Kind::kScalar) {
      return Mismatch(*this, tree_->nodes[index_], "a text or a list of texts");
    }
    strings.emplace_back(tree_->nodes[index_].text);
    return strings;
  }
  for (const YamlNode& item : Items()) {
    ODDVERB_ASSIGN_OR_RETURN(std::string text, item.AsString());
    strings.push_back(std::move(text));
  }
  return strings;
}

}  // namespace oddverb
