#include "rules/sigma_modifiers.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ip_address.h"
#include "base/strings.h"
#include "rules/canonical_number.h"
#include "rules/compiled_test.h"
#include "rules/glob.h"
#include "rules/rule_diagnostics.h"
#include "rules/sigma_encoding.h"
#include "rules/sigma_modifier_table.h"

namespace oddverb {
namespace {

using Modifier = SigmaModifier;

// A value on its way through the modifiers.
struct Value {
  size_t index = 0;  // of the written value
  std::string raw;   // as written, for what is taken literally
  Glob glob;
};

// What the values are, once a modifier has said so.
enum class Type : uint8_t { kText, kRegex, kCidr, kNumber, kField, kExists };

class Builder {
 public:
  Builder(const SigmaItem& item, const SigmaPlaceholders& placeholders,
          std::vector<SigmaItemError>& errors)
      : item_(item),
        placeholders_(placeholders),
        errors_(errors),
        errors_before_(CountErrors()) {}

  Predicate Build() {
    for (size_t i = 0; i < item_.values.size(); ++i) TakeValue(i);
    for (modifier_ = 0; modifier_ < item_.modifiers.size(); ++modifier_) {
      std::string_view name = item_.modifiers[modifier_];
      const SigmaModifierRow* row = FindSigmaModifier(name);
      if (row == nullptr) {
        FailModifier(absl::StrCat("unknown modifier: ", QuotedName(name),
                                  NearestHint(name, SigmaModifierNames())));
      } else {
        Apply(*row);
      }
      if (values_.size() > kMaxItemValues) {
        FailModifier(absl::StrCat("more than ", kMaxItemValues, " values"));
        break;
      }
    }
    if (Failed()) return Predicate::False();
    Predicate predicate = Join();
    if (Failed()) return Predicate::False();
    return negated_ ? Predicate::Not(predicate) : predicate;
  }

 private:
  void TakeValue(size_t index) {
    const std::optional<std::string_view>& written = item_.values[index];
    if (written.has_value()) {
      values_.push_back({index, std::string(*written), Glob::Parse(*written)});
      return;
    }
    has_null_ = true;
    if (item_.values.size() > 1) {
      FailValue(index,
                "null is not allowed in a list: write \"FIELD: null\" "
                "as a selection of its own");
    } else if (item_.field.is_everything()) {
      FailValue(index, "a keyword cannot be null");
    }
  }

  size_t CountErrors() const {
    return static_cast<size_t>(
        std::count_if(errors_.begin(), errors_.end(),
                      [](const SigmaItemError& e) { return !e.is_warning; }));
  }
  bool Failed() const { return CountErrors() > errors_before_; }
  void FailModifier(std::string message) {
    errors_.push_back({modifier_, SigmaItemError::kNone, std::move(message)});
  }
  void FailValue(size_t value, std::string message) {
    errors_.push_back({SigmaItemError::kNone, value, std::move(message)});
  }
  void FailCombination() {
    FailModifier(absl::StrCat("\"", A(item_.modifiers[modifier_]),
                              "\" cannot follow the modifiers before it"));
  }

  void Apply(const SigmaModifierRow& row) {
    if (has_null_ && row.modifier != Modifier::kNeq) {
      return FailModifier("null goes with no modifier but \"neq\"");
    }
    switch (row.modifier) {
      case Modifier::kAll:
        return ApplyAll();
      case Modifier::kNeq:
        negated_ = !negated_;
        return;
      case Modifier::kCased:
        cased_ = true;
        if (type_ != Type::kText && type_ != Type::kField) FailCombination();
        return;
      case Modifier::kContains:
      case Modifier::kStartsWith:
      case Modifier::kEndsWith:
        return ApplyPosition(row.modifier);
      case Modifier::kExpand:
        return ApplyExpand();
      case Modifier::kBase64:
      case Modifier::kBase64Offset:
      case Modifier::kUtf16:
        return ApplyEncoding(row);
      case Modifier::kWindash:
        return ApplyWindash();
      case Modifier::kIgnoreCase:
        return ApplyFlag('i');
      case Modifier::kMultiline:
        return ApplyFlag('m');
      case Modifier::kDotAll:
        return ApplyFlag('s');
      case Modifier::kRe:
        return SetType(Type::kRegex);
      case Modifier::kCidr:
        return SetType(Type::kCidr);
      case Modifier::kFieldRef:
        return SetType(Type::kField);
      case Modifier::kExists:
        return SetType(Type::kExists);
      case Modifier::kNumber:
        if (type_ == Type::kNumber && comparison_ != Comparison::kEquals) {
          return FailCombination();
        }
        comparison_ = row.comparison;
        if (type_ != Type::kNumber) SetType(Type::kNumber);
        return;
      case Modifier::kTimePart:
        part_ = row.part;
        return SetType(Type::kNumber);
    }
  }

  // Says what the values are; only once, and only of values as written.
  void SetType(Type type) {
    if (type_ != Type::kText || is_rewritten_ || is_placed_) {
      return FailCombination();
    }
    if (item_.field.is_everything() && type != Type::kRegex &&
        type != Type::kCidr) {
      return FailModifier("this modifier needs a field");
    }
    type_ = type;
  }

  void ApplyAll() {
    all_ = true;
    if (type_ == Type::kExists) return FailCombination();
    if (item_.values.size() == 1) {
      errors_.push_back({modifier_, SigmaItemError::kNone,
                         "\"all\" of a single value says nothing", true});
    }
  }

  void ApplyFlag(char flag) {
    if (type_ != Type::kRegex) {
      return FailModifier("this modifier belongs behind \"re\"");
    }
    if (flags_.find(flag) == std::string::npos) flags_ += flag;
  }

  void ApplyPosition(Modifier position) {
    bool before = position != Modifier::kStartsWith;
    bool after = position != Modifier::kEndsWith;
    if (type_ == Type::kField) {
      comparison_ = before && after ? Comparison::kFieldContains
                    : after         ? Comparison::kFieldStartsWith
                                    : Comparison::kFieldEndsWith;
    } else if (type_ == Type::kRegex) {
      // It is searched for anywhere as it is; only the ends can be bound.
      for (Value& value : values_) {
        if (!before) value.raw = "\\A(?:" + value.raw + ")";
        if (!after) value.raw = "(?:" + value.raw + ")\\z";
      }
    } else if (type_ == Type::kText) {
      before_ |= before;
      after_ |= after;
      for (Value& value : values_) {
        value.glob = value.glob.Surrounded(before, after);
      }
    } else {
      FailCombination();
    }
    is_placed_ = true;
  }

  // The text of a value that is to be encoded; nullopt after an error.
  std::optional<std::string> PlainText(const Value& value) {
    if (!value.glob.HasWildcards()) return value.glob.Text();
    FailValue(value.index, "a value with wildcards cannot be encoded");
    return std::nullopt;
  }

  void ApplyEncoding(const SigmaModifierRow& row) {
    if (type_ != Type::kText) return FailCombination();
    is_rewritten_ = true;
    std::vector<Value> encoded;
    for (const Value& value : values_) {
      std::optional<std::string> text = PlainText(value);
      if (!text.has_value()) continue;
      auto add = [&](std::string bytes) {
        encoded.push_back({value.index, bytes, Glob::Literal(bytes)});
      };
      if (row.modifier == Modifier::kBase64) {
        add(Base64Of(*text));
      } else if (row.modifier == Modifier::kUtf16) {
        add(Utf16Of(*text, row.form));
      } else {
        for (std::string& variant : Base64AtOffsets(*text)) {
          if (variant.empty()) {
            FailValue(value.index, "too short to be told from other text");
            break;
          }
          add(std::move(variant));
        }
      }
    }
    values_ = std::move(encoded);
  }

  void ApplyWindash() {
    if (type_ != Type::kText) return FailCombination();
    is_rewritten_ = true;
    std::vector<Value> all;
    for (const Value& value : values_) {
      std::optional<std::vector<Glob>> variants = DashVariants(value.glob);
      if (!variants.has_value()) {
        FailValue(value.index, absl::StrCat("more than ", kMaxDashVariants,
                                            " forms of its dashes"));
        continue;
      }
      for (Glob& glob : *variants) {
        all.push_back({value.index, glob.ToString(), std::move(glob)});
      }
    }
    values_ = std::move(all);
  }

  // Also behind "contains" and its like: many write it so.
  void ApplyExpand() {
    if (type_ != Type::kText || is_rewritten_) return FailCombination();
    std::vector<Value> all;
    for (const Value& value : values_) {
      SigmaExpansion expansion = ExpandPlaceholders(
          value.raw, placeholders_,
          kMaxItemValues - std::min(all.size(), kMaxItemValues));
      if (!expansion.error.empty()) FailValue(value.index, expansion.error);
      for (std::string& text : expansion.texts) {
        Glob glob = Glob::Parse(text).Surrounded(before_, after_);
        all.push_back({value.index, std::move(text), std::move(glob)});
      }
    }
    values_ = std::move(all);
  }

  Predicate Join() {
    if (has_null_) return Predicate::Of(MakeTest(Comparison::kNull));
    if (type_ == Type::kExists) return JoinExists();
    // The forms of one written value are alternatives, even under "all".
    std::map<size_t, std::vector<Predicate>> forms;
    for (const Value& value : values_) {
      forms[value.index].push_back(OfValue(value));
    }
    std::vector<Predicate> parts;
    for (auto& [index, of] : forms) {
      parts.push_back(Predicate::Or(std::move(of)));
    }
    return all_ ? Predicate::And(std::move(parts))
                : Predicate::Or(std::move(parts));
  }

  Predicate JoinExists() {
    std::optional<bool> yes;
    if (values_.size() == 1) yes = ParseSigmaBool(values_[0].raw);
    if (!yes.has_value()) FailValue(0, "\"exists\" takes true or false");
    Predicate exists = Predicate::Of(MakeTest(Comparison::kExists));
    return yes.value_or(false) ? exists : Predicate::Not(exists);
  }

  Test MakeTest(Comparison c) const {
    return Test{.field = item_.field, .comparison = c};
  }
  Predicate TestOf(Comparison comparison, std::string value) const {
    Test test = MakeTest(comparison);
    test.cased = cased_;
    test.part = part_;
    test.values.push_back(std::move(value));
    return Predicate::Of(std::move(test));
  }

  Predicate OfValue(const Value& value) {
    switch (type_) {
      case Type::kRegex: {
        std::string regex =
            flags_.empty() ? value.raw : "(?" + flags_ + ")" + value.raw;
        if (absl::Status status = CheckRegex(regex); !status.ok()) {
          FailValue(value.index, std::string(status.message()));
        }
        return TestOf(Comparison::kRegex, std::move(regex));
      }
      case Type::kCidr:
        if (!IpNetwork::Parse(value.raw).has_value()) {
          FailValue(value.index, absl::StrCat("not an address or a network: ",
                                              QuotedName(value.raw)));
        }
        return TestOf(Comparison::kCidr, value.raw);
      case Type::kNumber:
        return OfNumber(value);
      case Type::kField:
        return OfField(value);
      case Type::kText:
      case Type::kExists:
        break;
    }
    return OfText(value);
  }

  Predicate OfNumber(const Value& value) {
    std::optional<std::string> number = CanonicalNumber(value.raw);
    if (!number.has_value()) {
      FailValue(value.index,
                absl::StrCat("not a number: ", QuotedName(value.raw)));
      return Predicate::False();
    }
    Comparison comparison = comparison_ == Comparison::kEquals
                                ? Comparison::kNumberEquals
                                : comparison_;
    return TestOf(comparison, *std::move(number));
  }

  Predicate OfField(const Value& value) {
    if (!Field::Compile(value.raw, Field::Brackets::kLiteral).ok()) {
      FailValue(value.index,
                absl::StrCat("not a field name: ", QuotedName(value.raw)));
    }
    Comparison comparison = comparison_ == Comparison::kEquals
                                ? Comparison::kFieldEquals
                                : comparison_;
    return TestOf(comparison, value.raw);
  }

  Predicate OfText(const Value& value) {
    // A keyword may stand anywhere in a text.
    Glob glob = item_.field.is_everything() ? value.glob.Surrounded(true, true)
                                            : value.glob;
    TextComparison text = SimplestComparison(glob);
    bool is_empty =
        text.comparison == Comparison::kEquals && text.value.empty();
    Predicate test = TestOf(text.comparison, std::move(text.value));
    if (!is_empty || !item_.empty_matches_absent) return test;
    return Predicate::Or({test, Predicate::Of(MakeTest(Comparison::kNull))});
  }

  const SigmaItem& item_;
  const SigmaPlaceholders& placeholders_;
  std::vector<SigmaItemError>& errors_;
  size_t errors_before_;
  size_t modifier_ = 0;
  std::vector<Value> values_;
  Type type_ = Type::kText;
  Comparison comparison_ = Comparison::kEquals;  // kEquals: not said
  TimePart part_ = TimePart::kNone;
  std::string flags_;
  bool has_null_ = false;
  bool is_rewritten_ = false;            // encoded
  bool is_placed_ = false;               // contains, startswith, endswith
  bool before_ = false, after_ = false;  // where a text so goes on
  bool cased_ = false;
  bool all_ = false;
  bool negated_ = false;
};

}  // namespace

Predicate BuildSigmaItem(const SigmaItem& item,
                         const SigmaPlaceholders& placeholders,
                         std::vector<SigmaItemError>& errors) {
  return Builder(item, placeholders, errors).Build();
}

}  // namespace oddverb
