// Which of many predicates can hold for an event at all, told from few of its
// fields, so that thousands of rules cost about as much as those that remain.
//
// From each predicate follows what the event must have: "verb is create or
// update", "userAgent holds curl". Fields that the decoder has read anyway and
// that many rules ask for are rows of bits: one row for each text that rules
// name, one for all other texts, one for "absent"; what remains of all rows is
// a candidate. Of parts that repeat, the program knows what all tests say, as a
// class. Combinations of classes, and of rows where there is no class, repeat
// (few hundred make up a log), so their candidates are remembered in the state,
// each with the place in its program behind all that they decide: most have
// failed or are sure matches by then.
// Predicates that ask a field for
// one of very many texts, or a text for literals, are filed under those (a
// gate) and come up only where the event has them.
//
// Immutable after construction; thread-safe, with a state for each thread.
#ifndef ODDVERB_RULES_RULE_INDEX_H_
#define ODDVERB_RULES_RULE_INDEX_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rules/literal_set.h"
#include "rules/predicate.h"
#include "rules/program.h"
#include "rules/required.h"

namespace oddverb {

class RuleIndexState;

class RuleIndex {
 public:
  // `predicates` in the order of `program`, which outlives the index.
  RuleIndex(std::span<const Predicate> predicates, const Program& program);
  ~RuleIndex();

  // A predicate that may hold.
  struct Candidate {
    uint32_t rule = 0;
    Program::Place place = 0;  // where it is to be judged from
  };
  // What of the predicates is left for an event; each is there once.
  struct Found {
    std::span<const uint32_t> sure = {};  // they hold; in their order
    std::span<const Candidate> open =
        {};  // those that may hold, and few others
    std::span<const uint32_t> whole = {};  // the same, to be judged as a whole
  };
  // Lives until the next call.
  // `program_state` is of the event.
  Found Find(ProgramState& program_state, RuleIndexState& state) const;

 private:
  friend class RuleIndexState;
  static constexpr size_t kMaxRowFields = 8;
  static constexpr size_t kMaxGates = 64;
  // So few candidates are evaluated at once instead of opening their gate,
  // which costs little where the decoder has read its field.
  static constexpr uint32_t kFewCandidates = 8;
  static constexpr uint32_t kFewBehindDecoded = 1;
  // So many literals cost one candidate more than the gate, which seeks all in
  // one pass.
  static constexpr size_t kManyLiterals = 4;
  // A row costs a bit for each rule; fields with more texts get a gate.
  static constexpr uint32_t kMaxRowSymbols = 512;
  static constexpr uint32_t kAbsentRow = 0;
  static constexpr uint32_t kOtherRow = 1;  // and behind it one for each symbol

  struct RowField {
    uint32_t field = 0;
    std::optional<size_t> class_column = {};  // of its part in the key
    std::vector<uint32_t> row_of_symbol;
    std::vector<uint64_t> bits;  // rows of words_ words
  };
  // Predicates that come up only by what a field holds.
  struct Gate {
    uint32_t field = 0;
    uint32_t few = kFewCandidates;
    bool repeats = false;  // its texts come again: what they open is remembered
    std::vector<std::vector<uint32_t>> of_symbol;
    std::map<std::string, uint32_t> literal_numbers;
    LiteralSet literals;
    std::vector<std::vector<uint32_t>> of_literal;
  };
  using Rows = std::array<uint16_t, kMaxRowFields>;
  // Classes of key_parts_, then rows of row_fields_ that have no class; zeros.
  using Key = std::array<uint16_t, Program::kMaxParts + kMaxRowFields>;
  // What is remembered of all events with one key.
  struct Combination {
    Key key{};
    // Of one of the events. What they exclude holds for all: who has other
    // texts of the same classes matches the same.
    Rows rows{};
    bool is_known = false;
    uint64_t gates = 0;  // that some candidate lies behind
    std::vector<uint32_t> sure = {};
    std::vector<Candidate> open = {};

    size_t size() const { return sure.size() + open.size(); }
  };
  // What of a gate comes up for a text.
  struct Opening {
    const Gate* gate = nullptr;
    std::string text = {};
    std::vector<uint32_t> rules = {};
  };

  void ChooseRowFields(std::span<const Required> required);
  bool HasClasses(const Field& field) const;
  bool IsRow(const Field& field) const;
  void ChooseKeyParts();
  void FillRows(RowField& row_field, std::span<const Required> required);
  void SetBit(RowField& row_field, uint32_t row, size_t rule);
  void ChooseGate(uint32_t rule, const Required& required);
  void FileByValues(uint32_t rule, const Field& field,
                    const RequiredValues& values);
  void FileByLiterals(uint32_t rule, const Field& field,
                      std::span<const std::string> literals);
  Gate* GateOf(const Field& field, uint32_t rule);
  std::vector<uint32_t> SymbolsOf(uint32_t field,
                                  const RequiredValues& values) const;

  struct Row {
    bool is_known = true;  // false: the field has several values
    uint16_t row = 0;
  };
  Row FindRow(const RowField& of, EventValues& event) const;
  bool FindKey(ProgramState& program_state, Key& key) const;
  const Combination& Combine(const Key& key, ProgramState& program_state,
                             RuleIndexState& state) const;
  void FindCandidates(ProgramState& program_state, RuleIndexState& state,
                      Combination& found) const;
  bool IsCandidate(const Rows& rows, uint32_t rule) const;
  Program::Place PlaceOf(const Rows& rows, uint32_t rule,
                         ProgramState& program_state) const;
  const std::vector<uint32_t>& RulesBehind(const Gate& gate, size_t value,
                                           EventValues& event,
                                           RuleIndexState& state) const;
  void OpenGate(const Gate& gate, EventValues& event, const Rows& rows,
                RuleIndexState& state) const;

  size_t rules_ = 0;
  size_t words_ = 0;
  const Program& program_;
  std::vector<RowField> row_fields_;
  std::vector<uint32_t> key_parts_;  // of the program
  std::vector<std::unique_ptr<Gate>> gates_;
  std::vector<uint8_t> gate_of_rule_;  // number + 1; 0 = none
  std::vector<uint8_t> row_of_field_;  // of the program: number + 1; 0 = none
};

class RuleIndexState {
 public:
  explicit RuleIndexState(const RuleIndex& index);
  ~RuleIndexState();

 private:
  friend class RuleIndex;
  static constexpr size_t kCombinations = 1024;
  // Of all combinations: a MiB for each shard. Beyond, all are forgotten.
  static constexpr size_t kMaxRemembered = 128 * 1024;
  // Users, agents and names repeat.
  static constexpr size_t kOpenings = 256;
  static constexpr size_t kMaxOpeningText = 256;
  static constexpr size_t kMaxOpeningRules = 64;

  std::vector<RuleIndex::Combination> combinations_;
  size_t remembered_ = 0;
  uint64_t forgotten_ = 0;  // of the program's state
  std::vector<RuleIndex::Opening> openings_;
  RuleIndex::Opening unremembered_;
  std::vector<uint64_t> bits_;
  std::vector<uint32_t> found_;
  std::vector<RuleIndex::Candidate> candidates_;
  uint64_t event_ = 0;
  std::vector<uint64_t> found_in_;  // by rule
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_RULE_INDEX_H_
