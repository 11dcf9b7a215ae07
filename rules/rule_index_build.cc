// How a RuleIndex is made: what becomes a row, a column of the key, a gate.
#include <algorithm>
#include <utility>

#include "rules/canonical_number.h"
#include "rules/event_fields.h"
#include "rules/rule_index.h"

namespace oddverb {
namespace {

constexpr size_t kWordBits = 64;

}  // namespace

RuleIndex::RuleIndex(std::span<const Predicate> predicates,
                     const Program& program)
    : rules_(predicates.size()),
      words_((predicates.size() + kWordBits - 1) / kWordBits),
      program_(program),
      gate_of_rule_(predicates.size(), 0) {
  std::vector<Required> required;
  for (const Predicate& predicate : predicates) {
    required.push_back(RequiredBy(predicate));
  }
  ChooseRowFields(required);
  row_of_field_.assign(program.fields().size(), 0);
  for (size_t i = 0; i < row_fields_.size(); ++i) {
    FillRows(row_fields_[i], required);
    row_of_field_[row_fields_[i].field] = static_cast<uint8_t>(i + 1);
  }
  ChooseKeyParts();
  for (size_t rule = 0; rule < rules_; ++rule) {
    ChooseGate(static_cast<uint32_t>(rule), required[rule]);
  }
  for (auto& gate : gates_) {
    gate->literals.Finish();
    bool is_decoded = gate->few == kFewBehindDecoded;
    if (is_decoded && gate->of_literal.size() >= kManyLiterals) gate->few = 0;
  }
}

RuleIndex::~RuleIndex() = default;

std::vector<uint32_t> RuleIndex::SymbolsOf(uint32_t field,
                                           const RequiredValues& values) const {
  const ProgramField& of = program_.fields()[field];
  std::vector<uint32_t> symbols;
  for (const std::string& value : values.values) {
    symbols.push_back(of.texts.Find(value));
    if (auto number = CanonicalNumber(value)) {
      symbols.push_back(of.numbers.Find(*number));
    }
  }
  return symbols;
}

void RuleIndex::ChooseRowFields(std::span<const Required> required) {
  std::map<Field, size_t> asking;
  for (const Required& of : required) {
    for (const auto& [field, values] : of.values) {
      if (field.IsDecodedScalar()) ++asking[field];
    }
  }
  std::vector<std::pair<size_t, Field>> fields;
  for (const auto& [field, rules] : asking) {
    uint32_t number = program_.FindField(field).value_or(0);
    if (program_.fields()[number].symbols > kMaxRowSymbols) continue;
    fields.emplace_back(rules, field);
  }
  std::stable_sort(
      fields.begin(), fields.end(),
      [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [rules, field] : fields) {
    if (row_fields_.size() == kMaxRowFields) break;
    RowField& row_field = row_fields_.emplace_back();
    row_field.field = program_.FindField(field).value_or(0);
  }
}

// Not those of which rows alone tell the results: rows are found faster.
void RuleIndex::ChooseKeyParts() {
  std::vector<bool> rows_tell(program_.parts(), true);
  for (uint32_t number = 0; number < program_.tests(); ++number) {
    const CompiledTest& test = program_.test(number);
    auto part = program_.PartOf(test.field());
    if (!part.has_value()) continue;
    const Field& field = program_.fields()[test.field()].field;
    bool is_told = row_of_field_[test.field()] != 0 &&
                   field.decoded()->text != nullptr &&
                   test.MatchesSymbol(std::nullopt).has_value();
    if (!is_told) rows_tell[*part] = false;
  }
  for (uint32_t part = 0; part < program_.parts(); ++part) {
    if (!rows_tell[part]) key_parts_.push_back(part);
  }
  for (RowField& row_field : row_fields_) {
    auto part = program_.PartOf(row_field.field);
    auto it = std::find(key_parts_.begin(), key_parts_.end(), part);
    if (it == key_parts_.end()) continue;
    row_field.class_column = static_cast<size_t>(it - key_parts_.begin());
  }
}

void RuleIndex::SetBit(RowField& row_field, uint32_t row, size_t rule) {
  row_field.bits[row * words_ + rule / kWordBits] |= uint64_t{1}
                                                     << (rule % kWordBits);
}

void RuleIndex::FillRows(RowField& row_field,
                         std::span<const Required> required) {
  const ProgramField& of = program_.fields()[row_field.field];
  // Every symbol has a row of its own: the table is small.
  uint32_t rows = kOtherRow + of.symbols;
  row_field.bits.assign(rows * words_, 0);
  for (size_t rule = 0; rule < required.size(); ++rule) {
    auto it = required[rule].values.find(of.field);
    if (it == required[rule].values.end()) {
      for (uint32_t row = 0; row < rows; ++row) SetBit(row_field, row, rule);
      continue;
    }
    for (uint32_t symbol : SymbolsOf(row_field.field, it->second)) {
      SetBit(row_field, kOtherRow + symbol, rule);
    }
    if (it->second.may_be_absent) SetBit(row_field, kAbsentRow, rule);
  }
}

RuleIndex::Gate* RuleIndex::GateOf(const Field& field, uint32_t rule) {
  uint32_t number = program_.FindField(field).value_or(0);
  auto it = std::find_if(
      gates_.begin(), gates_.end(),
      [number](const auto& gate) { return gate->field == number; });
  if (it == gates_.end()) {
    if (gates_.size() == kMaxGates) return nullptr;
    gates_.push_back(std::make_unique<Gate>());
    it = gates_.end() - 1;
    (*it)->field = number;
    if (field.IsDecoded()) (*it)->few = kFewBehindDecoded;
    (*it)->repeats = EventPart::Of(field).has_value();
    (*it)->of_symbol.resize(program_.fields()[number].symbols);
  }
  gate_of_rule_[rule] = static_cast<uint8_t>(it - gates_.begin() + 1);
  return it->get();
}

void RuleIndex::FileByValues(uint32_t rule, const Field& field,
                             const RequiredValues& values) {
  Gate* gate = GateOf(field, rule);
  if (gate == nullptr) return;
  for (uint32_t symbol : SymbolsOf(gate->field, values)) {
    gate->of_symbol[symbol].push_back(rule);
  }
}

void RuleIndex::FileByLiterals(uint32_t rule, const Field& field,
                               std::span<const std::string> literals) {
  Gate* gate = GateOf(field, rule);
  if (gate == nullptr) return;
  for (const std::string& literal : literals) {
    auto next = static_cast<uint32_t>(gate->of_literal.size());
    auto [it, is_new] = gate->literal_numbers.try_emplace(literal, next);
    if (is_new) {
      gate->literals.Add(literal, next);
      gate->of_literal.emplace_back();
    }
    gate->of_literal[it->second].push_back(rule);
  }
}

// Whether classes tell what tests say of the field.
bool RuleIndex::HasClasses(const Field& field) const {
  auto part = EventPart::Of(field);
  return part.has_value() && part->Repeats() &&
         program_.PartOf(program_.FindField(field).value_or(0)).has_value();
}

bool RuleIndex::IsRow(const Field& field) const {
  uint32_t number = program_.FindField(field).value_or(0);
  return std::any_of(row_fields_.begin(), row_fields_.end(),
                     [number](const RowField& r) { return r.field == number; });
}

// The cheapest to open of those that the predicate offers; none where the class
// of a part tells the same.
void RuleIndex::ChooseGate(uint32_t rule, const Required& required) {
  auto rank = [](const Field& field) {
    return field.IsDecoded() ? 0 : field.is_everything() ? 2 : 1;
  };
  const Field* by_values = nullptr;
  for (const auto& [field, values] : required.values) {
    if (values.may_be_absent || IsRow(field) || HasClasses(field)) continue;
    if (by_values == nullptr || rank(field) < rank(*by_values)) {
      by_values = &field;
    }
  }
  const Field* by_literals = nullptr;
  for (const auto& [field, literals] : required.literals) {
    if (HasClasses(field)) continue;
    if (by_literals == nullptr || rank(field) < rank(*by_literals)) {
      by_literals = &field;
    }
  }
  bool values_are_cheaper =
      by_values != nullptr &&
      (by_literals == nullptr || rank(*by_values) <= rank(*by_literals));
  if (values_are_cheaper) {
    FileByValues(rule, *by_values, required.values.at(*by_values));
  } else if (by_literals != nullptr) {
    FileByLiterals(rule, *by_literals, required.literals.at(*by_literals));
  }
}

}  // namespace oddverb
