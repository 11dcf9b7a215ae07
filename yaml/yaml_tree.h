// What a YamlNode points into: all nodes of a text, flat, in the order of the
// text. Private to this folder.
//
// Immutable but for the marks of keys that were asked for; so one thread.
#ifndef ODDVERB_YAML_YAML_TREE_H_
#define ODDVERB_YAML_YAML_TREE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/arena.h"
#include "yaml/yaml_node.h"

namespace oddverb {

struct YamlTree {
  static constexpr int kMaxDepth = 64;
  static constexpr size_t kMaxNodes = 1'000'000;
  static constexpr size_t kMaxTextBytes = 64 * 1024 * 1024;
  static constexpr uint32_t kNoNode = ~uint32_t{0};

  struct Place {  // both 1-based
    uint32_t line = 1;
    uint32_t column = 1;
  };

  struct Node {
    YamlNode::Kind kind = YamlNode::Kind::kNull;
    uint8_t depth = 1;              // of a root: 1
    mutable bool is_asked = false;  // as the value of a key
    uint32_t parent = kNoNode;
    uint32_t size = 1;  // nodes of the subtree, with this one
    Place place;
    Place key_place = {0, 0};  // for `key`
    std::string_view key;      // where the parent is a mapping
    std::string_view text;     // of a scalar
  };

  // InvalidArgument "file:line:column: ...", as YamlNode::Parse() says.
  // `first_line` is the line of the file in which the text begins.
  static absl::StatusOr<std::shared_ptr<const YamlTree>> Parse(
      std::string_view text, std::string_view file, uint32_t first_line = 1);

  // kNoNode if `mapping` lacks `key`.
  uint32_t Child(uint32_t mapping, std::string_view key) const;
  // Calls `visit(index)` for each child of `parent` in order.
  template <class Visitor>
  void ForEachChild(uint32_t parent, Visitor visit) const {
    uint32_t end = parent + nodes[parent].size;
    for (uint32_t i = parent + 1; i < end; i += nodes[i].size) visit(i);
  }

  std::string file;
  std::vector<Node> nodes;
  std::vector<uint32_t> roots;  // one for each document
  Arena texts;
  absl::flat_hash_map<std::pair<uint32_t, std::string_view>, uint32_t> by_key;
  // By mapping: the keys that were asked for in vain; good for a suggestion.
  mutable absl::flat_hash_map<uint32_t, std::set<std::string, std::less<>>>
      asked_in_vain;
};

// "file:line:column"
std::string FormatPlace(std::string_view file, YamlTree::Place place);
// In double quotes, escaped and bounded.
std::string Quoted(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_YAML_YAML_TREE_H_
