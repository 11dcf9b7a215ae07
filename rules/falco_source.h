// Texts of Falco rules on their way to conditions: pieces of several scalars
// (appended ones) that know where each byte stands in which file. One thread.
#ifndef ODDVERB_RULES_FALCO_SOURCE_H_
#define ODDVERB_RULES_FALCO_SOURCE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/falco_expression.h"
#include "rules/rule_diagnostics.h"
#include "yaml/yaml_node.h"

namespace oddverb {

// A file of rules; owns its text.
struct FalcoFile {
  FalcoFile(std::string_view name, std::string_view bytes)
      : content(bytes), text(name, content) {}
  FalcoFile(const FalcoFile&) = delete;
  FalcoFile& operator=(const FalcoFile&) = delete;

  const std::string content;
  const RuleText text;
};

// A node of a file.
struct FalcoNode {
  std::shared_ptr<const FalcoFile> file;
  YamlNode node;
};

// Where byte `offset` of the scalar's text stands: in a plain, quoted, folded
// or literal one, over several lines too. The scalar's own place where that is
// not to be found out.
YamlNode::Location PlaceInScalar(const RuleText& text, const YamlNode& scalar,
                                 size_t offset);

// Text that one scalar or several make up.
class FalcoText {
 public:
  const std::string& text() const { return text_; }
  bool empty() const { return pieces_.empty(); }
  void Set(const FalcoNode& piece);
  // With a blank between.
  void Append(const FalcoNode& piece);

  // Tells the diagnostics, at the place that the complaint is about.
  void Complain(const FalcoComplaint& complaint,
                RuleDiagnostics& diagnostics) const;

 private:
  struct Piece {
    size_t start = 0;
    FalcoNode node;
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_SOURCE_H_
