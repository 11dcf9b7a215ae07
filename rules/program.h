// Predicates compiled together for evaluation: every distinct test exists once
// and is evaluated at most once for an event, whichever predicates share it.
// Each predicate is a short list of "evaluate test T, then go to A or to B",
// cheap tests first; no recursion, and no allocation once the state's memory
// has grown to what the events need.
//
// Immutable after Compile(); thread-safe, with a ProgramState for each thread.
#ifndef ODDVERB_RULES_PROGRAM_H_
#define ODDVERB_RULES_PROGRAM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/compiled_test.h"
#include "rules/event_values.h"
#include "rules/predicate.h"
#include "rules/text_memo.h"

namespace oddverb {

class ProgramState;

class Program {
 public:
  // InvalidArgument for a predicate that is too deep or too large, and for a
  // value that cannot be compiled; names the predicate's text.
  static absl::StatusOr<std::unique_ptr<const Program>> Compile(
      std::span<const Predicate> predicates);
  ~Program();

  // Whether predicate number `index` holds for the event that `state` began.
  bool Matches(size_t index, ProgramState& state) const {
    return MatchesFrom(starts_[index], state);
  }

  // A place in a predicate: what is before it is decided.
  using Place = uint32_t;
  // Where predicate number `index` goes on when `known`, called with tests
  // (CompiledTest), tells the results of some of them, else nullopt.
  template <class Known>
  Place PlaceBehind(size_t index, Known known) const {
    Place at = starts_[index];
    while (at < kReject) {
      const Instruction& instruction = instructions_[at];
      std::optional<bool> result = known(tests_[instruction.test]);
      if (!result.has_value()) break;
      at = *result ? instruction.on_true : instruction.on_false;
    }
    return at;
  }
  static bool Holds(Place place) { return place == kAccept; }
  static bool Fails(Place place) { return place == kReject; }
  bool MatchesFrom(Place place, ProgramState& state) const;

  size_t size() const { return starts_.size(); }
  // Distinct tests, without those of element bodies.
  size_t tests() const { return tests_.size(); }
  const std::vector<ProgramField>& fields() const { return fields_; }
  // The number of the field of this name; nullopt if no test reads it.
  std::optional<uint32_t> FindField(const Field& field) const;
  // What the decoder has to read.
  FieldSet DecodedFields() const;

 private:
  friend class ProgramState;
  class Builder;
  // Where to go: an instruction, or one of these.
  static constexpr uint32_t kAccept = ~uint32_t{0};
  static constexpr uint32_t kReject = kAccept - 1;
  struct Instruction {
    uint32_t test = 0;
    uint32_t on_true = kAccept;
    uint32_t on_false = kReject;
  };
  // Test number `test` looks for an element for which `program` holds.
  struct Body {
    uint32_t test = 0;
    std::unique_ptr<const Program> program;
  };

  // Where the results of a test are remembered by text.
  struct MemoPlace {
    static constexpr uint32_t kNone = ~uint32_t{0};
    uint32_t memo = kNone;
    uint32_t test = 0;  // in the memo
  };
  // A field whose texts come again and again.
  struct Memo {
    uint32_t field = 0;
    uint32_t tests = 0;
  };

  Program();
  bool Evaluate(uint32_t test, ProgramState& state) const;
  bool EvaluateByMemo(uint32_t test, ProgramState& state) const;
  bool HasElement(uint32_t test, ProgramState& state) const;

  std::vector<ProgramField> fields_;
  std::map<Field, uint32_t> field_numbers_;
  std::vector<CompiledTest> tests_;
  std::vector<Body> bodies_;            // by test
  std::vector<MemoPlace> memo_places_;  // by test
  std::vector<Memo> memos_;
  std::vector<Instruction> instructions_;
  std::vector<uint32_t> starts_;
};

// What one thread remembers of the event that it judges.
class ProgramState {
 public:
  // `program` outlives it.
  explicit ProgramState(const Program& program);
  ~ProgramState();

  // `record` lives until the next call.
  void Begin(const RuleRecord& record);
  EventValues& values() { return values_; }

 private:
  friend class Program;
  EventValues values_;
  uint64_t event_ = 0;
  std::vector<uint64_t> results_;  // by test: event * 2 + result
  struct MemoOfField {
    TextMemo memo;
    uint64_t event = 0;                   // that `results` is of
    TextMemo::Result* results = nullptr;  // nullptr: not remembered
  };
  std::vector<MemoOfField> memos_;  // by memo
  std::vector<std::unique_ptr<ProgramState>> bodies_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_PROGRAM_H_
