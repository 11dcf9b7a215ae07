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
#include "rules/event_part.h"
#include "rules/event_values.h"
#include "rules/part_classes.h"
#include "rules/predicate.h"

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
  // Where predicate number `index` goes on when `known`, called with numbers of
  // tests, tells the results of some of them, else nullopt.
  template <class Known>
  Place PlaceBehind(size_t index, Known known) const {
    Place at = starts_[index];
    while (at < kReject) {
      const Instruction& instruction = instructions_[at];
      std::optional<bool> result = known(instruction.test);
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
  const CompiledTest& test(uint32_t number) const { return tests_[number]; }

  // Parts of events that hold all that some tests ask for. The audit format has
  // fewer.
  static constexpr size_t kMaxParts = 24;
  size_t parts() const { return parts_.size(); }
  // That of a field; nullopt if there is none.
  std::optional<uint32_t> PartOf(uint32_t field) const;
  // What the tests of a part say of the event that `state` began: 0 where that
  // is not remembered, else a number that stands for their results until
  // ProgramState::forgotten() changes.
  uint16_t ClassOf(uint32_t part, ProgramState& state) const;
  // The result of a test by the class of its part; nullopt without one.
  std::optional<bool> KnownResult(uint32_t test, ProgramState& state) const;
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

  // Of a part that repeats; with more, few texts would have them all judged.
  static constexpr size_t kMaxTestsOfRepeatingPart = 64;
  struct Part {
    EventPart of;
    std::vector<uint32_t> tests = {};
  };
  // Where the result of a test is in the class of its part.
  struct PartPlace {
    static constexpr uint32_t kNone = ~uint32_t{0};
    uint32_t part = kNone;
    uint32_t test = 0;  // in the part
  };

  Program();
  bool Evaluate(uint32_t test, ProgramState& state) const;
  bool EvaluateAnew(uint32_t test, ProgramState& state) const;
  PartClasses::Found FindClass(uint32_t part, ProgramState& state) const;
  bool HasElement(uint32_t test, ProgramState& state) const;

  std::vector<ProgramField> fields_;
  std::map<Field, uint32_t> field_numbers_;
  std::vector<CompiledTest> tests_;
  std::vector<Body> bodies_;            // by test
  std::vector<PartPlace> part_places_;  // by test
  std::vector<Part> parts_;
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
  // How often numbers of classes lost their meaning.
  uint64_t forgotten() const { return forgotten_; }

 private:
  friend class Program;
  EventValues values_;
  uint64_t event_ = 0;
  std::vector<uint64_t> results_;  // by test: event * 2 + result
  struct PartState {
    PartClasses classes;
    uint64_t event = 0;        // that `found` is of
    PartClasses::Found found;  // none: not remembered
  };
  std::vector<PartState> parts_;  // by part
  std::string scratch_;
  uint64_t forgotten_ = 0;
  std::vector<std::unique_ptr<ProgramState>> bodies_;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_PROGRAM_H_
