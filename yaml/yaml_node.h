// YAML text as a tree of nodes that know their file, line and column, so that
// every configuration error names its place. Never throws. Cheap to copy
// (shares the tree). Immutable once parsed but for the marks of used keys, so
// the copies belong to one thread.
//
// Reading is checked: a mapping remembers which keys were asked for, and
// CheckAllKeysUsed() names the ones nobody knows, with the nearest known one.
#ifndef ODDVERB_YAML_YAML_NODE_H_
#define ODDVERB_YAML_YAML_NODE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace oddverb {

struct YamlTree;

class YamlNode {
 public:
  enum class Kind : uint8_t { kAbsent, kNull, kScalar, kSequence, kMapping };

  YamlNode();  // absent
  // InvalidArgument "file:line:column: ..." for text that is not YAML, for
  // duplicate keys, for a second document, and beyond 64 levels of depth,
  // 1,000,000 nodes (aliases counted each time they are used) or 64 MiB. An
  // empty text is a null node.
  static absl::StatusOr<YamlNode> Parse(std::string_view text,
                                        std::string_view file);
  // The same for any number of documents, separated by "---"; leaves out empty
  // ones. The limits hold for all of them together.
  static absl::StatusOr<std::vector<YamlNode>> ParseAll(std::string_view text,
                                                        std::string_view file);
  // One document that begins in line `first_line` of its file: for files whose
  // other documents must survive a broken one.
  static absl::StatusOr<YamlNode> ParseFrom(std::string_view text,
                                            std::string_view file,
                                            uint32_t first_line);

  // A copy of the whole text in which every scalar but the keys reads as what
  // `replace` makes of it; places stay, and no key is marked. All errors of
  // `replace`, each with its place, in one status.
  using Replacement =
      std::function<absl::StatusOr<std::string>(std::string_view)>;
  absl::StatusOr<YamlNode> ReplaceValues(const Replacement& replace) const;

  Kind kind() const;
  bool present() const { return kind() != Kind::kAbsent; }
  // "file:line:column", both from 1, the column in bytes. A value that is left
  // out has the place of its key (or of what follows), an alias its own.
  std::string Place() const;
  // The same as numbers; and those of the key that names this node in a
  // mapping (line 0: none).
  struct Location {
    uint32_t line = 0;
    uint32_t column = 0;
  };
  Location location() const;
  Location key_location() const;
  // The text of a scalar, empty for any other node. Lives as long as a node of
  // this tree.
  std::string_view text() const;
  // InvalidArgument "file:line:column: MESSAGE".
  absl::Status Error(std::string_view message) const;

  // Mapping: the value, or an absent node that still knows the place of this
  // one. Marks the key as known.
  YamlNode Get(std::string_view key) const;
  // Keys in the order of the text.
  std::vector<std::string> Keys() const;
  // The items of a sequence (empty for anything else).
  std::vector<YamlNode> Items() const;
  // Error for every key of this mapping (not of those inside of it) that Get()
  // was not called with, all in one status, each on its own line with its place
  // and "did you mean". A scalar or a sequence is an error, too.
  absl::Status CheckAllKeysUsed() const;

  // Each returns `fallback` for an absent node, and an error naming the place
  // and what was expected for one that does not fit.
  absl::StatusOr<std::string> AsString(std::string_view fallback = "") const;
  absl::StatusOr<int64_t> AsInt(int64_t fallback) const;
  absl::StatusOr<double> AsDouble(double fallback) const;
  absl::StatusOr<bool> AsBool(bool fallback) const;  // true/false only
  // "90s", "5m", "1h30m", "7d"; bare and negative numbers are refused.
  absl::StatusOr<absl::Duration> AsDuration(absl::Duration fallback) const;
  // "64KiB", "16MiB", "1MB"; bare numbers are refused.
  absl::StatusOr<int64_t> AsBytes(int64_t fallback) const;
  // A sequence of scalars, or one scalar.
  absl::StatusOr<std::vector<std::string>> AsStrings() const;

 private:
  YamlNode(std::shared_ptr<const YamlTree> tree, uint32_t index);

  std::shared_ptr<const YamlTree> tree_;
  uint32_t index_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_YAML_YAML_NODE_H_
