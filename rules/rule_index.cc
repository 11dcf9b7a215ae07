#include "rules/rule_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "rules/canonical_number.h"

namespace oddverb {
namespace {

constexpr size_t kWordBits = 64;

uint64_t HashOf(std::span<const uint16_t> rows) {
  uint64_t hash = 0;
  for (uint16_t row : rows) hash = (hash ^ row) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

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
  for (size_t rule = 0; rule < rules_; ++rule) {
    ChooseGate(static_cast<uint32_t>(rule), required[rule]);
  }
  for (auto& gate : gates_) gate->literals.Finish();
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

// The cheapest to open of those that the predicate offers.
void RuleIndex::ChooseGate(uint32_t rule, const Required& required) {
  auto is_row = [this](const Field& field) {
    uint32_t number = program_.FindField(field).value_or(0);
    return std::any_of(
        row_fields_.begin(), row_fields_.end(),
        [number](const RowField& r) { return r.field == number; });
  };
  auto rank = [](const Field& field) {
    return field.IsDecoded() ? 0 : field.is_everything() ? 2 : 1;
  };
  const Field* by_values = nullptr;
  for (const auto& [field, values] : required.values) {
    if (is_row(field) || values.may_be_absent) continue;
    if (by_values == nullptr || rank(field) < rank(*by_values)) {
      by_values = &field;
    }
  }
  const Field* by_literals = nullptr;
  for (const auto& [field, literals] : required.literals) {
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

// False where a field has several values, as other JSON text can.
bool RuleIndex::FindRows(EventValues& event, Rows& rows) const {
  rows.fill(0);
  for (size_t i = 0; i < row_fields_.size(); ++i) {
    EventValues::OneSymbol one = event.FindOneSymbol(row_fields_[i].field);
    if (one.count == EventValues::Count::kMany) return false;
    uint32_t row = one.count == EventValues::Count::kNone
                       ? kAbsentRow
                       : kOtherRow + one.symbol;
    rows[i] = static_cast<uint16_t>(row);
  }
  return true;
}

bool RuleIndex::IsCandidate(const Rows& rows, uint32_t rule) const {
  for (size_t i = 0; i < row_fields_.size(); ++i) {
    uint64_t word = row_fields_[i].bits[rows[i] * words_ + rule / kWordBits];
    if ((word >> (rule % kWordBits) & 1) == 0) return false;
  }
  return true;
}

// Behind all that the rows tell.
Program::Place RuleIndex::PlaceOf(const Rows& rows, uint32_t rule) const {
  auto known = [&](const CompiledTest& test) -> std::optional<bool> {
    uint8_t number = row_of_field_[test.field()];
    if (number == 0) return std::nullopt;
    uint16_t row = rows[number - 1];
    if (row == kAbsentRow) return test.MatchesSymbol(std::nullopt);
    return test.MatchesSymbol(row - kOtherRow);
  };
  return program_.PlaceBehind(rule, known);
}

void RuleIndex::FindCandidates(const Rows& rows, RuleIndexState& state,
                               Combination& found) const {
  std::vector<uint64_t>& bits = state.bits_;
  bits.assign(words_, ~uint64_t{0});
  if (rules_ % kWordBits != 0) {
    bits.back() = (uint64_t{1} << (rules_ % kWordBits)) - 1;
  }
  for (size_t i = 0; i < row_fields_.size(); ++i) {
    const uint64_t* row = row_fields_[i].bits.data() + rows[i] * words_;
    for (size_t word = 0; word < words_; ++word) bits[word] &= row[word];
  }
  auto for_each = [&bits](auto visit) {
    for (size_t word = 0; word < bits.size(); ++word) {
      for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
        visit(static_cast<uint32_t>(word * kWordBits) +
              static_cast<uint32_t>(std::countr_zero(left)));
      }
    }
  };
  std::array<uint32_t, kMaxGates + 1> counts{};
  for_each([&](uint32_t rule) { ++counts[gate_of_rule_[rule]]; });
  found = {.rows = rows, .is_known = true};
  auto is_open = [&](size_t gate) {
    return counts[gate] > gates_[gate - 1]->few;
  };
  for (size_t gate = 1; gate <= gates_.size(); ++gate) {
    if (is_open(gate)) found.gates |= uint64_t{1} << (gate - 1);
  }
  for_each([&](uint32_t rule) {
    uint8_t gate = gate_of_rule_[rule];
    if (gate != 0 && is_open(gate)) return;
    Program::Place place = PlaceOf(rows, rule);
    if (Program::Holds(place)) {
      found.sure.push_back(rule);
    } else if (!Program::Fails(place)) {
      found.open.push_back({rule, place});
    }
  });
}

const RuleIndex::Combination& RuleIndex::Combine(const Rows& rows,
                                                 RuleIndexState& state) const {
  Combination& known =
      state.combinations_[HashOf(rows) % RuleIndexState::kCombinations];
  if (known.is_known && known.rows == rows) return known;
  state.remembered_ -= known.size();
  FindCandidates(rows, state, known);
  if (state.remembered_ + known.size() > RuleIndexState::kMaxRemembered) {
    for (Combination& other : state.combinations_) {
      if (&other != &known) other = {};
    }
    state.remembered_ = 0;
  }
  state.remembered_ += known.size();
  return known;
}

// Those that come up for a value of the gate's field.
const std::vector<uint32_t>& RuleIndex::RulesBehind(
    const Gate& gate, size_t value, EventValues& event,
    RuleIndexState& state) const {
  const FieldValue& of = event.Values(gate.field)[value];
  bool repeats = of.type == JsonType::kString &&
                 of.text.size() <= RuleIndexState::kMaxOpeningText;
  Opening* opening = &state.unremembered_;
  if (repeats) {
    opening = &state.openings_[(QuickHash(of.text) ^ gate.field) %
                               RuleIndexState::kOpenings];
    if (opening->gate == &gate && opening->text == of.text) {
      return opening->rules;
    }
  }
  opening->gate = &gate;
  opening->text = of.text;
  opening->rules.clear();
  auto add = [&](const std::vector<uint32_t>& rules) {
    opening->rules.insert(opening->rules.end(), rules.begin(), rules.end());
  };
  uint32_t symbol = event.Symbols(gate.field)[value];
  if (symbol != SymbolTable::kUnknown) add(gate.of_symbol[symbol]);
  if (!gate.of_literal.empty() && of.IsScalar()) {
    gate.literals.Find(event.FoldedTexts(gate.field)[value],
                       [&](uint32_t id) { add(gate.of_literal[id]); });
  }
  if (opening->rules.size() <= RuleIndexState::kMaxOpeningRules) {
    return opening->rules;
  }
  std::swap(*opening, state.unremembered_);
  opening->gate = nullptr;
  return state.unremembered_.rules;
}

void RuleIndex::OpenGate(const Gate& gate, EventValues& event, const Rows& rows,
                         RuleIndexState& state) const {
  size_t values = event.Values(gate.field).size();
  for (size_t value = 0; value < values; ++value) {
    for (uint32_t rule : RulesBehind(gate, value, event, state)) {
      if (state.found_in_[rule] == state.event_) continue;
      state.found_in_[rule] = state.event_;
      if (IsCandidate(rows, rule)) state.found_.push_back(rule);
    }
  }
}

RuleIndex::Found RuleIndex::Find(EventValues& event,
                                 RuleIndexState& state) const {
  if (rules_ == 0) return {};
  ++state.event_;
  state.found_.clear();
  Rows rows;
  if (!FindRows(event, rows)) {
    for (uint32_t rule = 0; rule < rules_; ++rule) state.found_.push_back(rule);
    return {.whole = state.found_};
  }
  const Combination& combination = Combine(rows, state);
  for (uint64_t left = combination.gates; left != 0; left &= left - 1) {
    OpenGate(*gates_[static_cast<size_t>(std::countr_zero(left))], event, rows,
             state);
  }
  return {combination.sure, combination.open, state.found_};
}

RuleIndexState::RuleIndexState(const RuleIndex& index)
    : combinations_(kCombinations),
      openings_(index.gates_.empty() ? 0 : kOpenings),
      found_in_(index.rules_, 0) {}

RuleIndexState::~RuleIndexState() = default;

}  // namespace oddverb
