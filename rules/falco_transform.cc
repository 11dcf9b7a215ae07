#include "rules/falco_transform.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

enum class Function : uint8_t {
  kBase64,
  kBaseName,
  kConcat,
  kJoin,
  kLength,
  kLower,
  kUpper,
  kValue
};

struct FunctionName {
  std::string_view name;
  Function function = Function::kValue;
};
constexpr FunctionName kFunctions[] = {
    {"b64", Function::kBase64},    {"basename", Function::kBaseName},
    {"concat", Function::kConcat}, {"join", Function::kJoin},
    {"len", Function::kLength},    {"tolower", Function::kLower},
    {"toupper", Function::kUpper}, {"val", Function::kValue}};

// Reads its operands, and makes something of them.
class TransformReader : public RuleFieldReader {
 public:
  TransformReader(Function function, bool of_list,
                  std::vector<FalcoOperand> operands)
      : function_(function),
        of_list_(of_list),
        operands_(std::move(operands)) {}

  void Read(const RuleRecord& record, Arena& arena,
            std::vector<FieldValue>& out) const override {
    if (function_ == Function::kConcat) return Concat(record, arena, out);
    std::vector<FieldValue> values;
    operands_.back().field->field.Read(record, arena, values);
    if (values.empty()) return;
    if (function_ == Function::kJoin) {
      std::string joined;
      for (const FieldValue& value : values) {
        absl::StrAppend(&joined,
                        &value == values.data() ? "" : operands_[0].text,
                        A(value.text));
      }
      out.push_back({JsonType::kString, false, arena.Copy(joined)});
    } else if (function_ == Function::kLength) {
      size_t length = of_list_ ? values.size() : values[0].text.size();
      out.push_back(
          {JsonType::kNumber, false, arena.Copy(absl::StrCat(length))});
    } else {
      Map(values, arena, out);
    }
  }

  FieldSet fields() const override {
    FieldSet fields;
    for (const FalcoOperand& operand : operands_) {
      if (operand.field.has_value()) fields |= operand.field->field.fields();
    }
    return fields;
  }

 private:
  void Concat(const RuleRecord& record, Arena& arena,
              std::vector<FieldValue>& out) const {
    std::string joined;
    for (const FalcoOperand& operand : operands_) {
      if (!operand.field.has_value()) {
        joined += operand.text;
        continue;
      }
      std::vector<FieldValue> values;
      operand.field->field.Read(record, arena, values);
      if (values.empty()) return;
      joined += values[0].text;
    }
    out.push_back({JsonType::kString, false, arena.Copy(joined)});
  }

  // All of them, or, where one cannot be had, none.
  void Map(const std::vector<FieldValue>& values, Arena& arena,
           std::vector<FieldValue>& out) const {
    size_t before = out.size();
    for (const FieldValue& value : values) {
      std::string text(value.text);
      if (function_ == Function::kLower) {
        absl::AsciiStrToLower(&text);
      } else if (function_ == Function::kUpper) {
        absl::AsciiStrToUpper(&text);
      } else if (function_ == Function::kBaseName) {
        text = text.substr(text.rfind('/') + 1);
      } else {
        std::string decoded;
        if (!absl::Base64Unescape(text, &decoded)) return out.resize(before);
        text = std::move(decoded);
      }
      out.push_back({JsonType::kString, value.in_array, arena.Copy(text)});
    }
  }

  Function function_;
  bool of_list_;
  std::vector<FalcoOperand> operands_;
};

std::string NameOf(std::string_view function,
                   const std::vector<FalcoOperand>& operands) {
  std::string name = absl::StrCat(A(function), "(");
  for (const FalcoOperand& operand : operands) {
    if (&operand != operands.data()) name += ", ";
    if (operand.field.has_value()) {
      name += operand.field->name;
    } else {
      name += '"';
      AppendJsonEscaped(operand.text, name);
      name += '"';
    }
  }
  return name + ")";
}

absl::Status CheckOperands(Function function, std::string_view name,
                           const std::vector<FalcoOperand>& operands) {
  auto refuse = [name](std::string_view takes) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", A(name), "\" takes ", A(takes)));
  };
  bool has_number =
      std::any_of(operands.begin(), operands.end(), [](const FalcoOperand& o) {
        return o.field.has_value() &&
               o.field->type == FalcoField::Type::kNumber;
      });
  if (function == Function::kConcat) {
    bool all_single = std::none_of(
        operands.begin(), operands.end(), [](const FalcoOperand& o) {
          return o.field.has_value() && o.field->is_list;
        });
    bool fits = operands.size() > 1 && all_single && !has_number;
    return fits ? absl::OkStatus()
                : refuse("two or more texts, and fields that are no lists");
  }
  if (function == Function::kJoin) {
    bool fits = operands.size() == 2 && !operands[0].field.has_value() &&
                operands[1].field.has_value() && operands[1].field->is_list;
    return fits ? absl::OkStatus()
                : refuse("a text in quotes and a field that is a list");
  }
  if (operands.size() != 1 || !operands[0].field.has_value()) {
    return refuse("one field");
  }
  if (has_number && function != Function::kValue) {
    return refuse("a field with a text, not with a number");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FalcoField> TransformFalcoField(
    std::string_view function, std::vector<FalcoOperand> operands) {
  const FunctionName* known = std::find_if(
      std::begin(kFunctions), std::end(kFunctions),
      [function](const FunctionName& f) { return f.name == function; });
  if (known == std::end(kFunctions)) {
    std::vector<std::string> names;
    for (const FunctionName& f : kFunctions) names.emplace_back(f.name);
    return absl::InvalidArgumentError(
        absl::StrCat("no such function: ", QuotedName(function),
                     NearestHint(function, names)));
  }
  absl::Status status = CheckOperands(known->function, function, operands);
  if (!status.ok()) return status;
  if (known->function == Function::kValue) return *operands[0].field;
  std::string name = NameOf(function, operands);
  if (name.size() > Field::kMaxNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a field name of more than ", Field::kMaxNameBytes, " bytes"));
  }
  bool of_list =
      operands.back().field.has_value() && operands.back().field->is_list;
  bool is_map = known->function == Function::kLower ||
                known->function == Function::kUpper ||
                known->function == Function::kBaseName ||
                known->function == Function::kBase64;
  bool is_number = known->function == Function::kLength;
  return FalcoField{
      .name = name,
      .field =
          Field::Of(name, std::make_shared<TransformReader>(
                              known->function, of_list, std::move(operands))),
      .is_list = of_list && is_map,
      .type = is_number ? FalcoField::Type::kNumber : FalcoField::Type::kText};
}

}  // namespace oddverb
