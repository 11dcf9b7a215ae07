#include "rules/event_values.h"

#include "base/case_fold.h"
#include "rules/event_fields.h"

namespace oddverb {

uint32_t ProgramField::InternText(std::string_view folded) {
  uint32_t symbol = texts.Intern(folded, symbols);
  if (symbol == symbols) ++symbols;
  return symbol;
}

uint32_t ProgramField::InternNumber(std::string_view canonical) {
  uint32_t symbol = numbers.Intern(canonical, symbols);
  if (symbol == symbols) ++symbols;
  return symbol;
}

EventValues::EventValues(const std::vector<ProgramField>& fields)
    : fields_(fields), slots_(fields.size()) {
  for (const ProgramField& of : fields) decoded_.push_back(of.field.decoded());
}

void EventValues::Begin(const RuleRecord& record) {
  record_ = &record;
  ++event_;
  arena_.Clear();
  pods_.Clear();
}

void EventValues::Read(uint32_t field, Slot& slot) {
  slot.values.clear();
  fields_[field].field.Read(*record_, arena_, slot.values, &pods_);
  slot.read_in = event_;
}

void EventValues::Fold(uint32_t field, Slot& slot) {
  slot.folded.clear();
  for (const FieldValue& value : Values(field)) {
    bool is_string = value.type == JsonType::kString;
    slot.folded.push_back(is_string ? Folded(value.text, arena_) : value.text);
  }
  slot.folded_in = event_;
}

void EventValues::FindSymbols(uint32_t field, Slot& slot) {
  const ProgramField& of = fields_[field];
  std::span<const FieldValue> values = Values(field);
  slot.symbols.clear();
  for (const FieldValue& value : values) {
    uint32_t symbol = SymbolTable::kUnknown;
    if (value.type == JsonType::kNumber) {
      symbol = of.numbers.Find(value.text);
    } else if (value.IsScalar() && !of.texts.empty()) {
      symbol = of.texts.Find(Folded(value.text, arena_));
    }
    slot.symbols.push_back(symbol);
  }
  slot.symbols_in = event_;
}

EventValues::OneSymbol EventValues::FindOneSymbol(uint32_t field) {
  const EventField* decoded = decoded_[field];
  const AuditEvent* event = record_->event();
  if (event != nullptr && decoded != nullptr && decoded->text != nullptr) {
    std::string_view text = decoded->text(*event);
    if (text.empty()) return {};
    return {Count::kOne, fields_[field].texts.Find(Folded(text, arena_))};
  }
  std::span<const FieldValue> values = Values(field);
  if (values.size() > 1) return {.count = Count::kMany};
  if (values.empty() || values[0].type == JsonType::kNull) return {};
  return {Count::kOne, Symbols(field)[0]};
}

}  // namespace oddverb
