// The values of the fields that a program reads, for the present event: each
// field is read when it is first asked for, and once; so are its folded texts
// and the symbols of its values. All memory is reused from event to event.
// One thread.
#ifndef ODDVERB_RULES_EVENT_VALUES_H_
#define ODDVERB_RULES_EVENT_VALUES_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "rules/pod_parts.h"
#include "rules/rule_field.h"
#include "rules/symbol_table.h"

namespace oddverb {

// A field of a program, with the texts that its tests compare it with.
struct ProgramField {
  Field field;
  // Folded texts, and canonical numbers; one numbering for both.
  SymbolTable texts = {};
  SymbolTable numbers = {};
  uint32_t symbols = 1;  // next free number

  uint32_t InternText(std::string_view folded);
  uint32_t InternNumber(std::string_view canonical);
};

class EventValues {
 public:
  // `fields` outlives it.
  explicit EventValues(const std::vector<ProgramField>& fields);
  EventValues(const EventValues&) = delete;
  EventValues& operator=(const EventValues&) = delete;

  // Forgets the event before; `record` lives until the next call.
  void Begin(const RuleRecord& record);

  const RuleRecord& record() const { return *record_; }
  std::span<const FieldValue> Values(uint32_t field) {
    Slot& slot = slots_[field];
    if (slot.read_in != event_) Read(field, slot);
    return slot.values;
  }
  // By value; the text itself where the value is no string.
  std::span<const std::string_view> FoldedTexts(uint32_t field) {
    Slot& slot = slots_[field];
    if (slot.folded_in != event_) Fold(field, slot);
    return slot.folded;
  }
  // By value; SymbolTable::kUnknown for what no test names and no scalar is.
  std::span<const uint32_t> Symbols(uint32_t field) {
    Slot& slot = slots_[field];
    if (slot.symbols_in != event_) FindSymbols(field, slot);
    return slot.symbols;
  }
  // The same for a field that has at most one value, as most do, with less
  // ado.
  enum class Count : uint8_t { kNone, kOne, kMany };
  struct OneSymbol {
    Count count = Count::kNone;  // null counts as none
    uint32_t symbol = SymbolTable::kUnknown;
  };
  OneSymbol FindOneSymbol(uint32_t field);

 private:
  struct Slot {
    uint64_t read_in = 0;
    uint64_t folded_in = 0;
    uint64_t symbols_in = 0;
    std::vector<FieldValue> values;
    std::vector<std::string_view> folded;
    std::vector<uint32_t> symbols;
  };
  void Read(uint32_t field, Slot& slot);
  void Fold(uint32_t field, Slot& slot);
  void FindSymbols(uint32_t field, Slot& slot);

  const std::vector<ProgramField>& fields_;
  std::vector<const EventField*> decoded_;  // by field
  const RuleRecord* record_ = nullptr;
  uint64_t event_ = 0;
  std::vector<Slot> slots_;
  Arena arena_;
  PodParts pods_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_EVENT_VALUES_H_
