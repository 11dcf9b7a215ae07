#include "rules/falco_exceptions.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/falco_check.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;

class ExceptionCompiler {
 public:
  ExceptionCompiler(const FalcoException& exception, const FalcoScope& scope)
      : exception_(exception), scope_(scope) {}

  FalcoExceptionResult Compile() {
    bool is_tuple = exception_.fields.node.kind() == Kind::kSequence;
    ReadFields(is_tuple);
    ReadComps(is_tuple);
    if (!result_.errors.empty()) return std::move(result_);
    std::vector<Predicate> any;
    if (is_tuple) {
      for (const FalcoNode& value : exception_.values) {
        any.push_back(OfTuple(value));
      }
    } else if (!exception_.values.empty()) {
      std::vector<std::string> values;
      for (const FalcoNode& value : exception_.values) {
        if (value.node.kind() != Kind::kScalar) {
          Fail(value.node, "expected a text: \"fields\" is one field");
        }
        AppendFalcoValue(value.node.text(), scope_, values);
      }
      any.push_back(Check(exception_.place.node, 0, values));
    }
    if (result_.errors.empty()) {
      result_.predicate = Predicate::Or(std::move(any));
    }
    return std::move(result_);
  }

 private:
  void Fail(const YamlNode& node, std::string message) {
    result_.errors.emplace_back(FalcoNode{exception_.place.file, node},
                                std::move(message));
  }

  static std::vector<YamlNode> ItemsOf(const YamlNode& node) {
    if (node.kind() == Kind::kSequence) return node.Items();
    return {node};
  }

  void ReadFields(bool is_tuple) {
    for (const YamlNode& node : ItemsOf(exception_.fields.node)) {
      FalcoCursor cursor(node.text());
      FalcoFieldParser parser(cursor);
      std::optional<FalcoField> field = parser.Parse();
      if (!field.has_value()) {
        Fail(node, parser.complaint().message);
      } else if (!cursor.AtEnd()) {
        Fail(node, absl::StrCat("not a field: ", QuotedName(node.text())));
      } else {
        fields_.push_back(*std::move(field));
      }
    }
    if (is_tuple && exception_.fields.node.Items().empty()) {
      Fail(exception_.fields.node, "\"fields\" names no field");
    }
  }

  void ReadComps(bool is_tuple) {
    const YamlNode& node = exception_.comps.node;
    if (!node.present() || node.kind() == Kind::kNull) {
      ops_.assign(fields_.size(), {is_tuple ? FalcoOperator::Kind::kEqual
                                            : FalcoOperator::Kind::kIn});
      return;
    }
    for (const YamlNode& comp : ItemsOf(node)) {
      absl::StatusOr<FalcoOperator> op = FindFalcoOperator(comp.text());
      if (!op.ok()) {
        Fail(comp, std::string(op.status().message()));
      } else if (!is_tuple && !op->TakesList()) {
        Fail(comp,
             "with one field, \"comps\" must be in, intersects or "
             "pmatch, or have oneof, anyof or allof behind it");
      } else {
        ops_.push_back(*op);
      }
    }
    bool is_list = node.kind() == Kind::kSequence;
    if (is_list != is_tuple || ops_.size() != fields_.size()) {
      Fail(node, "\"comps\" must be of the same form and length as \"fields\"");
    }
  }

  Predicate Check(const YamlNode& at, size_t i,
                  const std::vector<std::string>& values) {
    absl::StatusOr<Predicate> predicate = Predicate::False();
    if (!scope_.spend(values.size() + 1)) {
      predicate = absl::InvalidArgumentError(
          "too much in all: macros or lists grow too large");
    } else if (!ops_[i].TakesList() && values.size() != 1) {
      predicate = absl::InvalidArgumentError(
          absl::StrCat("one value is expected, and there are ", values.size()));
    } else {
      predicate = MakeFalcoCheck(fields_[i], ops_[i], values);
    }
    if (predicate.ok()) return *std::move(predicate);
    Fail(at, std::string(predicate.status().message()));
    return Predicate::False();
  }

  Predicate OfTuple(const FalcoNode& tuple) {
    std::vector<YamlNode> items = tuple.node.Items();
    if (items.size() != fields_.size()) {
      Fail(tuple.node, absl::StrCat("expected a list of ", fields_.size(),
                                    " values, one for each field"));
      return Predicate::False();
    }
    std::vector<Predicate> all;
    for (size_t i = 0; i < items.size(); ++i) {
      std::vector<std::string> values;
      for (const YamlNode& item : ItemsOf(items[i])) {
        // "(a, b)" as a text is a list as well.
        std::string_view text = item.text();
        bool is_list =
            ops_[i].TakesList() && text.starts_with('(') && text.ends_with(')');
        if (!is_list) {
          AppendFalcoValue(text, scope_, values);
          continue;
        }
        text = text.substr(1, text.size() - 2);
        while (!text.empty()) {
          std::string_view part = text.substr(0, text.find(','));
          text.remove_prefix(std::min(text.size(), part.size() + 1));
          size_t from = part.find_first_not_of(' ');
          if (from == part.npos) continue;
          part = part.substr(from, part.find_last_not_of(' ') - from + 1);
          AppendFalcoValue(part, scope_, values);
        }
      }
      all.push_back(Check(items[i], i, values));
    }
    return Predicate::And(std::move(all));
  }

  const FalcoException& exception_;
  const FalcoScope& scope_;
  std::vector<FalcoField> fields_;
  std::vector<FalcoOperator> ops_;
  FalcoExceptionResult result_;
};

}  // namespace

FalcoExceptionResult CompileFalcoException(const FalcoException& exception,
                                           const FalcoScope& scope) {
  return ExceptionCompiler(exception, scope).Compile();
}

}  // namespace oddverb
