#include "rules/rule_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace oddverb {
namespace {

constexpr size_t kWordBits = 64;

// Of the first `columns`; behind them are zeros.
template <class Key>
uint64_t HashOf(const Key& key, size_t columns) {
  uint64_t hash = 0;
  constexpr size_t kColumns = sizeof(uint64_t) / sizeof(key[0]);
  for (size_t at = 0; at < columns; at += kColumns) {
    uint64_t word;
    std::memcpy(&word, &key[at], sizeof(word));
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

RuleIndex::Row RuleIndex::FindRow(const RowField& of,
                                  EventValues& event) const {
  EventValues::OneSymbol one = event.FindOneSymbol(of.field);
  if (one.count == EventValues::Count::kMany) return {.is_known = false};
  uint32_t row = one.count == EventValues::Count::kNone
                     ? kAbsentRow
                     : kOtherRow + one.symbol;
  return {.row = static_cast<uint16_t>(row)};
}

// False where a field has several values, as other JSON text can.
bool RuleIndex::FindKey(ProgramState& program_state, Key& key) const {
  key.fill(0);
  size_t column = 0;
  for (uint32_t part : key_parts_) {
    key[column++] = program_.ClassOf(part, program_state);
  }
  for (const RowField& of : row_fields_) {
    uint16_t& place = key[column++];
    if (of.class_column.has_value() && key[*of.class_column] != 0) continue;
    Row row = FindRow(of, program_state.values());
    if (!row.is_known) return false;
    place = row.row;
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

// Behind all that the classes and rows tell.
Program::Place RuleIndex::PlaceOf(const Rows& rows, uint32_t rule,
                                  ProgramState& program_state) const {
  auto known = [&](uint32_t number) -> std::optional<bool> {
    const CompiledTest& test = program_.test(number);
    auto result = program_.KnownResult(number, program_state);
    if (result.has_value()) return result;
    uint8_t row_field = row_of_field_[test.field()];
    if (row_field == 0) return std::nullopt;
    uint16_t row = rows[row_field - 1];
    if (row == kAbsentRow) return test.MatchesSymbol(std::nullopt);
    return test.MatchesSymbol(row - kOtherRow);
  };
  return program_.PlaceBehind(rule, known);
}

void RuleIndex::FindCandidates(ProgramState& program_state,
                               RuleIndexState& state,
                               Combination& found) const {
  const Rows& rows = found.rows;
  std::vector<uint64_t>& bits = state.bits_;
  bits.assign(words_, ~uint64_t{0});
  if (rules_ % kWordBits != 0) {
    bits.back() = (uint64_t{1} << (rules_ % kWordBits)) - 1;
  }
  for (size_t i = 0; i < row_fields_.size(); ++i) {
    const uint64_t* row = row_fields_[i].bits.data() + rows[i] * words_;
    for (size_t word = 0; word < words_; ++word) bits[word] &= row[word];
  }
  std::vector<Candidate>& candidates = state.candidates_;
  candidates.clear();
  std::array<uint32_t, kMaxGates + 1> counts{};
  for (size_t word = 0; word < words_; ++word) {
    for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
      auto rule = static_cast<uint32_t>(
          word * kWordBits + static_cast<size_t>(std::countr_zero(left)));
      Program::Place place = PlaceOf(rows, rule, program_state);
      if (Program::Fails(place)) continue;
      candidates.push_back({rule, place});
      ++counts[gate_of_rule_[rule]];
    }
  }
  auto is_open = [&](size_t gate) {
    return counts[gate] > gates_[gate - 1]->few;
  };
  for (size_t gate = 1; gate <= gates_.size(); ++gate) {
    if (is_open(gate)) found.gates |= uint64_t{1} << (gate - 1);
  }
  for (const Candidate& candidate : candidates) {
    uint8_t gate = gate_of_rule_[candidate.rule];
    if (gate != 0 && is_open(gate)) continue;
    if (Program::Holds(candidate.place)) {
      found.sure.push_back(candidate.rule);
    } else {
      found.open.push_back(candidate);
    }
  }
}

const RuleIndex::Combination& RuleIndex::Combine(const Key& key,
                                                 ProgramState& program_state,
                                                 RuleIndexState& state) const {
  if (state.forgotten_ != program_state.forgotten()) {
    state.forgotten_ = program_state.forgotten();
    for (Combination& known : state.combinations_) known = {};
    state.remembered_ = 0;
  }
  Combination& known =
      state.combinations_[HashOf(key, key_parts_.size() + row_fields_.size()) %
                          RuleIndexState::kCombinations];
  if (known.is_known && known.key == key) return known;
  state.remembered_ -= known.size();
  known = {.key = key, .is_known = true};
  for (size_t i = 0; i < row_fields_.size(); ++i) {
    known.rows[i] = FindRow(row_fields_[i], program_state.values()).row;
  }
  FindCandidates(program_state, state, known);
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
  bool repeats = gate.repeats && of.type == JsonType::kString &&
                 of.text.size() <= RuleIndexState::kMaxOpeningText;
  Opening* opening = &state.unremembered_;
  if (repeats) {
    opening = &state.openings_[(QuickHash(of.text) ^ gate.field) %
                               RuleIndexState::kOpenings];
    if (opening->gate == &gate && opening->text == of.text) {
      return opening->rules;
    }
  }
  opening->rules.clear();
  if (repeats) {
    opening->gate = &gate;
    opening->text = of.text;
  }
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

RuleIndex::Found RuleIndex::Find(ProgramState& program_state,
                                 RuleIndexState& state) const {
  if (rules_ == 0) return {};
  ++state.event_;
  state.found_.clear();
  Key key;
  if (!FindKey(program_state, key)) {
    for (uint32_t rule = 0; rule < rules_; ++rule) state.found_.push_back(rule);
    return {.whole = state.found_};
  }
  const Combination& combination = Combine(key, program_state, state);
  for (uint64_t left = combination.gates; left != 0; left &= left - 1) {
    OpenGate(*gates_[static_cast<size_t>(std::countr_zero(left))],
             program_state.values(), combination.rows, state);
  }
  return {combination.sure, combination.open, state.found_};
}

RuleIndexState::RuleIndexState(const RuleIndex& index)
    : combinations_(kCombinations),
      openings_(index.gates_.empty() ? 0 : kOpenings),
      found_in_(index.rules_, 0) {}

RuleIndexState::~RuleIndexState() = default;

}  // namespace oddverb
