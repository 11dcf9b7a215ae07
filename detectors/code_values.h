// Constants of scripting languages, and what their usual functions make of
// them. Bounded by the budget. Pure; thread-safe.
#ifndef ODDVERB_DETECTORS_CODE_VALUES_H_
#define ODDVERB_DETECTORS_CODE_VALUES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "detectors/fold_budget.h"

namespace oddverb {

struct CodeValue {
  enum class Kind : uint8_t { kText, kNumber, kList };
  Kind kind = Kind::kText;
  std::string text;  // bytes or characters (UTF-8)
  int64_t number = 0;
  std::vector<CodeValue> items;

  static CodeValue Text(std::string text);
  static CodeValue Number(int64_t number);
  static CodeValue List(std::vector<CodeValue> items);
  bool is_text() const { return kind == Kind::kText; }
  bool is_number() const { return kind == Kind::kNumber; }
  bool is_list() const { return kind == Kind::kList; }
  // As the language would print it; of a list, its items in a row.
  std::string AsText() const;
  // Of text: what it begins with; 0 if nothing.
  int64_t AsNumber() const;
};

using CodeArguments = std::span<const CodeValue>;

// A function by its last name ("b64decode", "fromCharCode"); nullopt if it is
// unknown or takes no such arguments.
std::optional<CodeValue> CallFunction(std::string_view name,
                                      CodeArguments arguments,
                                      FoldBudget& budget);
// "value.name(arguments)".
std::optional<CodeValue> CallMethod(std::string_view name,
                                    const CodeValue& value,
                                    CodeArguments arguments,
                                    FoldBudget& budget);
// printf's and Python's %: "%d.%s"; nullopt for other conversions.
std::optional<std::string> FormatValues(std::string_view format,
                                        CodeArguments values);
// value[begin:end:step]; absent parts are nullopt.
struct CodeSlice {
  std::optional<int64_t> begin;
  std::optional<int64_t> end;
  int64_t step = 1;
};
CodeValue Sliced(const CodeValue& value, const CodeSlice& slice);
std::optional<CodeValue> ItemAt(const CodeValue& value, int64_t index);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_CODE_VALUES_H_
