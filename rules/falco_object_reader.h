// Reads one object of a file of Falco rules into the definitions. Used by
// falco_definitions.cc alone. One thread.
#ifndef ODDVERB_RULES_FALCO_OBJECT_READER_H_
#define ODDVERB_RULES_FALCO_OBJECT_READER_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/falco_definitions.h"

namespace oddverb {

class FalcoObjectReader {
 public:
  FalcoObjectReader(FalcoDefinitions& all, FalcoNode object)
      : all_(all), object_(std::move(object)) {}

  // False where the rest of the file is not to be read.
  bool Read();
  bool failed() const { return failed_; }

  // Whether a node has a key that only objects of Falco's files have.
  static bool IsObject(const YamlNode& node);

 private:
  using Names = std::vector<std::string>;
  using Index = std::map<std::string, size_t, std::less<>>;
  // Among more names the nearest one is not looked for.
  static constexpr size_t kMaxHinted = 5000;
  enum class Change : uint8_t { kNew, kAppend, kReplace };

  void Error(const YamlNode& node, std::string message) {
    failed_ = true;
    YamlNode::Location at = node.location();
    all_.diagnostics_.Error(object_.file->text, at.line, at.column,
                            std::move(message));
  }
  void Warn(YamlNode::Location at, std::string message) {
    all_.diagnostics_.Warn(object_.file->text, at.line, at.column,
                           std::move(message));
  }
  YamlNode Get(std::string_view key) const { return object_.node.Get(key); }
  bool Has(std::string_view key) const { return Get(key).present(); }
  FalcoNode At(YamlNode node) const { return {object_.file, std::move(node)}; }

  std::string TextOf(const YamlNode& node, std::string_view key) {
    if (node.kind() != YamlNode::Kind::kScalar) {
      Error(node.present() ? node : object_.node,
            absl::StrCat("\"", A(key), "\" must be a text"));
    }
    return std::string(node.text());
  }
  bool BoolOf(const YamlNode& node, std::string_view key) {
    std::string word = absl::AsciiStrToLower(A(node.text()));
    bool is_true = word == "true" || word == "yes" || word == "on";
    if (!is_true && word != "false" && word != "no" && word != "off") {
      Error(node, absl::StrCat("\"", A(key), "\" must be true or false"));
    }
    return is_true;
  }
  void CheckKeys(std::string_view object);
  // What "append" and "override" say of the key.
  Change ChangeOf(std::string_view key, const Names& appendable,
                  const Names& replaceable);
  // The definition to change; nullptr with an error if there is none.
  template <class Definition>
  Definition* Find(std::vector<Definition>& all, const Index& numbers,
                   const std::string& name, std::string_view what);

  void ReadList();
  void ReadMacro();
  void ReadRule();
  void ReadNewRule(const std::string& name);
  void ReadRuleKeys(FalcoRuleText& rule, bool is_new);
  void ReadTags(FalcoRuleText& rule, Change change);
  void ReadExceptions(FalcoRuleText& rule, Change change);
  void ReadException(const YamlNode& node, FalcoRuleText& rule, bool appends);
  void ChangeText(FalcoText& text, std::string_view key, Change change);

  FalcoDefinitions& all_;
  FalcoNode object_;
  bool failed_ = false;
};

template <class Definition>
Definition* FalcoObjectReader::Find(std::vector<Definition>& all,
                                    const Index& numbers,
                                    const std::string& name,
                                    std::string_view what) {
  auto it = numbers.find(name);
  if (it != numbers.end()) return &all[it->second];
  Names known;
  if (numbers.size() <= kMaxHinted) {
    for (const auto& [other, number] : numbers) known.push_back(other);
  }
  Error(Get(what), absl::StrCat("there is no ", A(what), " ", QuotedName(name),
                                " before to change", NearestHint(name, known)));
  return nullptr;
}

}  // namespace oddverb

#endif  // ODDVERB_RULES_FALCO_OBJECT_READER_H_
