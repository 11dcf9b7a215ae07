#include "yaml/yaml_tree.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;
using Node = YamlTree::Node;
using Place = YamlTree::Place;

constexpr uint32_t kNoNode = YamlTree::kNoNode;
constexpr size_t kMaxQuotedBytes = 80;

// Thrown by the builder through yaml-cpp, and caught in Parse().
struct Refusal {
  Place place;
  std::string message;
};

Place PlaceOf(const YAML::Mark& mark) {
  return {static_cast<uint32_t>(std::max(mark.line, 0)) + 1,
          static_cast<uint32_t>(std::max(mark.column, 0)) + 1};
}

// Builds a tree from yaml-cpp's events. yaml-cpp's own nodes are not used: they
// would be built in full before any limit could be checked.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(YamlTree& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark&) override { anchors_.clear(); }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Open(mark, anchor, Kind::kNull);
  }
  void OnScalar(const YAML::Mark& mark, const std::string&,
                YAML::anchor_t anchor, const std::string& value) override {
    std::string_view text = tree_.texts.Copy(value);
    if (ExpectsKey()) {
      SetKey(PlaceOf(mark), text);
    } else {
      tree_.nodes[Open(mark, anchor, Kind::kScalar)].text = text;
    }
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;

  void OnSequenceStart(const YAML::Mark& mark, const std::string&,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Push(Open(mark, anchor, Kind::kSequence));
  }
  void OnSequenceEnd() override { Pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Push(Open(mark, anchor, Kind::kMapping));
  }
  void OnMapEnd() override { Pop(); }

 private:
  // A sequence or mapping whose end has not come yet.
  struct Frame {
    uint32_t node = 0;
    bool has_key = false;
    std::string_view key = {};
    Place key_place = {0, 0};
  };

  bool ExpectsKey() const {
    return !frames_.empty() && !frames_.back().has_key &&
           tree_.nodes[frames_.back().node].kind == Kind::kMapping;
  }
  void SetKey(Place place, std::string_view text);
  uint32_t Open(const YAML::Mark& mark, YAML::anchor_t anchor, Kind kind);
  Node NextNode(Place place);
  void Append(const Node& node);
  void Push(uint32_t node) { frames_.push_back({.node = node}); }
  void Pop();

  YamlTree& tree_;
  std::vector<Frame> frames_;
  std::vector<uint32_t> anchors_;  // node by yaml-cpp's number
};

void TreeBuilder::SetKey(Place place, std::string_view text) {
  Frame& frame = frames_.back();
  uint32_t earlier = tree_.Child(frame.node, text);
  if (earlier != kNoNode) {
    throw Refusal{
        place, absl::StrCat("duplicate key: ", Quoted(text), " (first in line ",
                            tree_.nodes[earlier].key_place.line, ")")};
  }
  frame.has_key = true;
  frame.key = text;
  frame.key_place = place;
}

// The node that comes next, placed in what is open.
Node TreeBuilder::NextNode(Place place) {
  if (ExpectsKey()) throw Refusal{place, "a key must be a plain text"};
  Node node;
  node.place = place;
  if (frames_.empty()) return node;
  Frame& frame = frames_.back();
  node.parent = frame.node;
  node.depth = static_cast<uint8_t>(tree_.nodes[frame.node].depth + 1);
  node.key = frame.key;
  node.key_place = frame.key_place;
  frame.has_key = false;
  return node;
}

void TreeBuilder::Append(const Node& node) {
  if (node.depth > YamlTree::kMaxDepth) {
    throw Refusal{node.place,
                  absl::StrCat("deeper than ", YamlTree::kMaxDepth, " levels")};
  }
  if (tree_.nodes.size() >= YamlTree::kMaxNodes) {
    throw Refusal{node.place,
                  absl::StrCat("more than ", YamlTree::kMaxNodes, " nodes")};
  }
  uint32_t index = static_cast<uint32_t>(tree_.nodes.size());
  if (node.parent == kNoNode) {
    tree_.roots.push_back(index);
  } else if (tree_.nodes[node.parent].kind == Kind::kMapping) {
    tree_.by_key.emplace(std::pair(node.parent, node.key), index);
  }
  tree_.nodes.push_back(node);
}

uint32_t TreeBuilder::Open(const YAML::Mark& mark, YAML::anchor_t anchor,
                           Kind kind) {
  Node node = NextNode(PlaceOf(mark));
  node.kind = kind;
  // yaml-cpp places a value that is left out where the next token starts, which
  // may be lines below.
  bool is_value = node.key_place.line > 0;
  if (kind == Kind::kNull && is_value) node.place = node.key_place;
  uint32_t index = static_cast<uint32_t>(tree_.nodes.size());
  Append(node);
  if (anchor != 0) {
    if (anchors_.size() <= anchor) anchors_.resize(anchor + 1, kNoNode);
    anchors_[anchor] = index;
  }
  return index;
}

// Copies what the alias names, so that each use has its own marks; the texts
// are shared, and the nodes count, so that a "billion laughs" text stays small.
void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  Place place = PlaceOf(mark);
  uint32_t from = anchor < anchors_.size() ? anchors_[anchor] : kNoNode;
  if (from == kNoNode) throw Refusal{place, "an alias cannot name a key"};
  for (const Frame& frame : frames_) {
    if (frame.node == from) {
      throw Refusal{place, "an alias inside of what it names"};
    }
  }
  Node root = NextNode(place);
  const Node named = tree_.nodes[from];
  root.kind = named.kind;
  root.size = named.size;
  root.text = named.text;
  uint32_t to = static_cast<uint32_t>(tree_.nodes.size());
  Append(root);
  for (uint32_t i = 1; i < named.size; ++i) {
    Node copy = tree_.nodes[from + i];
    copy.parent = copy.parent - from + to;
    copy.depth = static_cast<uint8_t>(copy.depth - named.depth + root.depth);
    Append(copy);
  }
}

void TreeBuilder::Pop() {
  uint32_t node = frames_.back().node;
  tree_.nodes[node].size = static_cast<uint32_t>(tree_.nodes.size()) - node;
  frames_.pop_back();
}

// Refuses what YAML does not allow but yaml-cpp lets pass: it even ends the
// text silently at a byte 0x04.
void CheckCharacters(std::string_view text) {
  Place place;
  while (!text.empty()) {
    CodePoint c = DecodeUtf8(text);
    if (!c.valid) throw Refusal{place, "not valid UTF-8"};
    bool is_blank = c.value == '\t' || c.value == '\n' || c.value == '\r';
    if ((c.value < 0x20 && !is_blank) || c.value == 0x7f) {
      throw Refusal{place, "a control character"};
    }
    if (c.value == '\n') {
      ++place.line;
      place.column = 0;
    }
    place.column += static_cast<uint32_t>(c.bytes);  // as yaml-cpp counts
    text.remove_prefix(c.bytes);
  }
}

void ParseInto(std::string_view text, YamlTree& tree) {
  if (text.size() > YamlTree::kMaxTextBytes) {
    throw Refusal{{}, "larger than 64 MiB"};
  }
  CheckCharacters(text);
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  TreeBuilder builder(tree);
  while (parser.HandleNextDocument(builder)) {
  }
}

// A frequent slip, of which the parser says something else.
bool IsIndentedByTab(std::string_view text, uint32_t line) {
  for (; line > 1; --line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  const size_t first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t';
}

absl::Status ErrorAt(std::string_view file, Place place,
                     std::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat(FormatPlace(file, place), ": ", A(message)));
}

}  // namespace

std::string FormatPlace(std::string_view file, Place place) {
  return absl::StrCat(A(file), ":", place.line, ":", place.column);
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  std::string_view shown = Utf8Prefix(text, kMaxQuotedBytes);
  AppendJsonEscaped(shown, quoted);
  if (shown.size() < text.size()) quoted += "...";
  quoted += '"';
  return quoted;
}

absl::StatusOr<std::shared_ptr<const YamlTree>> YamlTree::Parse(
    std::string_view text, std::string_view file, uint32_t first_line) {
  auto tree = std::make_shared<YamlTree>();
  tree->file = std::string(file);
  auto in_file = [first_line](Place place) {
    return Place{place.line + first_line - 1, place.column};
  };
  try {
    ParseInto(text, *tree);
  } catch (const Refusal& refusal) {
    return ErrorAt(file, in_file(refusal.place), refusal.message);
  } catch (const YAML::Exception& error) {
    const Place place = PlaceOf(error.mark);
    std::string message = "not YAML: ";
    if (IsIndentedByTab(text, place.line)) {
      message += "the line is indented by a tab; write blanks";
    } else {
      AppendJsonEscaped(error.msg, message);
    }
    return ErrorAt(file, in_file(place), message);
  } catch (const std::exception& error) {
    return ErrorAt(file, in_file({}), error.what());
  }
  for (Node& node : tree->nodes) {
    node.place = in_file(node.place);
    if (node.key_place.line > 0) node.key_place = in_file(node.key_place);
  }
  return tree;
}

uint32_t YamlTree::Child(uint32_t mapping, std::string_view key) const {
  auto it = by_key.find(std::pair(mapping, key));
  return it == by_key.end() ? kNoNode : it->second;
}

}  // namespace oddverb
