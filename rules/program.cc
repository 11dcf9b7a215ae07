#include "rules/program.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "rules/event_fields.h"

namespace oddverb {
namespace {

using Kind = Predicate::Kind;

constexpr size_t kMaxQuotedBytes = 200;

// What looking a result up costs, beside CompiledTest::cost().
constexpr int kRememberedCost = 3;

}  // namespace

class Program::Builder {
 public:
  explicit Builder(Program& program) : program_(program) {}

  // Build() follows when all are added.
  absl::Status Add(const Predicate& predicate) {
    if (predicate.depth() > Predicate::kMaxDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("nested deeper than ", Predicate::kMaxDepth, " levels"));
    }
    if (predicate.tests() > Predicate::kMaxTests) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", Predicate::kMaxTests, " tests"));
    }
    return AddTests(predicate);
  }

  void Build(std::span<const Predicate> predicates) {
    ChooseParts();
    for (const Predicate& predicate : predicates) {
      program_.starts_.push_back(Emit(predicate, kAccept, kReject));
    }
  }

 private:
  uint32_t FieldNumber(const Field& field) {
    auto next = static_cast<uint32_t>(program_.fields_.size());
    auto [it, is_new] = program_.field_numbers_.try_emplace(field, next);
    if (is_new) program_.fields_.push_back({.field = field});
    return it->second;
  }

  absl::Status AddTests(const Predicate& predicate) {
    for (const Predicate& part : predicate.parts()) {
      ODDVERB_RETURN_IF_ERROR(AddTests(part));
    }
    return predicate.kind() == Kind::kTest ? AddTest(predicate.test())
                                           : absl::OkStatus();
  }

  absl::Status AddTest(const Test& test) {
    auto number = static_cast<uint32_t>(program_.tests_.size());
    if (!test_numbers_.try_emplace(test, number).second) {
      return absl::OkStatus();
    }
    std::vector<uint32_t> others;
    if (ComparesFields(test.comparison)) {
      for (const std::string& name : test.values) {
        ODDVERB_ASSIGN_OR_RETURN(Field other, OtherField(test, name));
        others.push_back(FieldNumber(other));
      }
    }
    ODDVERB_ASSIGN_OR_RETURN(
        CompiledTest compiled,
        CompiledTest::Compile(test, FieldNumber(test.field), std::move(others),
                              program_.fields_));
    if (test.body != nullptr) {
      ODDVERB_ASSIGN_OR_RETURN(std::unique_ptr<const Program> body,
                               Program::Compile({test.body.get(), 1}));
      program_.bodies_.push_back({number, std::move(body)});
    }
    program_.tests_.push_back(std::move(compiled));
    return absl::OkStatus();
  }

  void ChooseParts() {
    std::vector<Part> parts;
    for (uint32_t test = 0; test < program_.tests_.size(); ++test) {
      const CompiledTest& of = program_.tests_[test];
      if (ComparesFields(of.comparison())) continue;
      auto part = EventPart::Of(program_.fields_[of.field()].field);
      if (!part.has_value()) continue;
      auto it = std::find_if(parts.begin(), parts.end(),
                             [&](const Part& p) { return p.of == *part; });
      if (it == parts.end()) it = parts.insert(it, {.of = *part});
      it->tests.push_back(test);
    }
    program_.part_places_.resize(program_.tests_.size());
    for (Part& part : parts) {
      if (part.of.Repeats() && part.tests.size() > kMaxTestsOfRepeatingPart) {
        continue;
      }
      if (program_.parts_.size() == kMaxParts) break;
      auto number = static_cast<uint32_t>(program_.parts_.size());
      for (uint32_t i = 0; i < part.tests.size(); ++i) {
        program_.part_places_[part.tests[i]] = {number, i};
      }
      program_.parts_.push_back(std::move(part));
    }
  }

  static absl::StatusOr<Field> OtherField(const Test& test,
                                          const std::string& name) {
    for (const Field& other : test.others) {
      if (other.name() == name) return other;
    }
    return Field::Compile(name, Field::Brackets::kLiteral);
  }

  int64_t Cost(const Predicate& predicate) const {
    if (predicate.kind() == Kind::kTest) {
      uint32_t test = test_numbers_.at(predicate.test());
      uint32_t part = program_.part_places_[test].part;
      bool is_remembered =
          part != PartPlace::kNone && program_.parts_[part].of.Repeats();
      return is_remembered ? kRememberedCost : program_.tests_[test].cost();
    }
    int64_t cost = 0;
    for (const Predicate& part : predicate.parts()) cost += Cost(part);
    return cost;
  }

  // Emits code that goes to `on_true` or `on_false`; returns where it starts.
  // From the back, so that every target is known. Depth is checked before.
  uint32_t Emit(const Predicate& predicate, uint32_t on_true,
                uint32_t on_false) {
    switch (predicate.kind()) {
      case Kind::kTrue:
        return on_true;
      case Kind::kFalse:
        return on_false;
      case Kind::kNot:
        return Emit(predicate.parts()[0], on_false, on_true);
      case Kind::kTest: {
        auto at = static_cast<uint32_t>(program_.instructions_.size());
        program_.instructions_.push_back(
            {test_numbers_.at(predicate.test()), on_true, on_false});
        return at;
      }
      case Kind::kAnd:
      case Kind::kOr:
        break;
    }
    std::vector<std::pair<int64_t, const Predicate*>> parts;
    for (const Predicate& part : predicate.parts()) {
      parts.emplace_back(Cost(part), &part);
    }
    std::stable_sort(
        parts.begin(), parts.end(),
        [](const auto& a, const auto& b) { return a.first > b.first; });
    bool is_and = predicate.kind() == Kind::kAnd;
    uint32_t next = is_and ? on_true : on_false;
    for (const auto& [cost, part] : parts) {
      next = is_and ? Emit(*part, next, on_false) : Emit(*part, on_true, next);
    }
    return next;
  }

  Program& program_;
  std::map<Test, uint32_t> test_numbers_;
};

Program::Program() = default;
Program::~Program() = default;

absl::StatusOr<std::unique_ptr<const Program>> Program::Compile(
    std::span<const Predicate> predicates) {
  std::unique_ptr<Program> program(new Program());
  Builder builder(*program);
  for (const Predicate& predicate : predicates) {
    absl::Status status = builder.Add(predicate);
    if (status.ok()) continue;
    std::string text = predicate.ToString();
    return absl::InvalidArgumentError(absl::StrCat(
        status.message(), ": ", A(Utf8Prefix(text, kMaxQuotedBytes))));
  }
  builder.Build(predicates);
  return program;
}

bool Program::MatchesFrom(Place at, ProgramState& state) const {
  while (at < kReject) {
    const Instruction& instruction = instructions_[at];
    at = Evaluate(instruction.test, state) ? instruction.on_true
                                           : instruction.on_false;
  }
  return at == kAccept;
}

bool Program::Evaluate(uint32_t test, ProgramState& state) const {
  uint64_t& result = state.results_[test];
  if (result >> 1 != state.event_) {
    std::optional<bool> known = KnownResult(test, state);
    bool matches = known.has_value() ? *known : EvaluateAnew(test, state);
    result = state.event_ << 1 | (matches ? 1 : 0);
  }
  return (result & 1) != 0;
}

bool Program::EvaluateAnew(uint32_t test, ProgramState& state) const {
  return tests_[test].comparison() == Comparison::kElement
             ? HasElement(test, state)
             : tests_[test].Matches(state.values_);
}

std::optional<bool> Program::KnownResult(uint32_t test,
                                         ProgramState& state) const {
  const PartPlace& place = part_places_[test];
  if (place.part == PartPlace::kNone) return std::nullopt;
  const PartClasses::Class* of = FindClass(place.part, state).of;
  if (of == nullptr) return std::nullopt;
  return of->results[place.test];
}

uint16_t Program::ClassOf(uint32_t part, ProgramState& state) const {
  return FindClass(part, state).number;
}

PartClasses::Found Program::FindClass(uint32_t part,
                                      ProgramState& state) const {
  ProgramState::PartState& of = state.parts_[part];
  if (of.event == state.event_) return of.found;
  of.event = state.event_;
  of.found = {};
  const AuditEvent* event = state.values_.record().event();
  if (event == nullptr) return {};
  auto key = parts_[part].of.KeyOf(*event, state.scratch_);
  if (!key.has_value()) return {};
  const uint64_t forgotten = of.classes.forgotten();
  of.found = of.classes.Find(*key, [&] {
    PartClasses::Results results;
    for (uint32_t test : parts_[part].tests) {
      results.push_back(EvaluateAnew(test, state));
    }
    return results;
  });
  state.forgotten_ += of.classes.forgotten() - forgotten;
  return of.found;
}

bool Program::HasElement(uint32_t test, ProgramState& state) const {
  auto body = std::lower_bound(
      bodies_.begin(), bodies_.end(), test,
      [](const Body& b, uint32_t number) { return b.test < number; });
  ProgramState& inner =
      *state.bodies_[static_cast<size_t>(body - bodies_.begin())];
  for (const FieldValue& value : state.values_.Values(tests_[test].field())) {
    // An empty array has no elements, nor has null in the place of one.
    if (value.type == JsonType::kArray) continue;
    if (value.type == JsonType::kNull && !value.in_array) continue;
    RuleRecord element(value);
    inner.Begin(element);
    if (body->program->Matches(0, inner)) return true;
  }
  return false;
}

std::optional<uint32_t> Program::FindField(const Field& field) const {
  auto it = field_numbers_.find(field);
  if (it == field_numbers_.end()) return std::nullopt;
  return it->second;
}

std::optional<uint32_t> Program::PartOf(uint32_t field) const {
  auto part = EventPart::Of(fields_[field].field);
  if (!part.has_value()) return std::nullopt;
  auto it = std::find_if(parts_.begin(), parts_.end(),
                         [&](const Part& p) { return p.of == *part; });
  if (it == parts_.end()) return std::nullopt;
  return static_cast<uint32_t>(it - parts_.begin());
}

FieldSet Program::DecodedFields() const {
  FieldSet fields;
  for (const ProgramField& field : fields_) fields |= field.field.fields();
  return fields;
}

ProgramState::ProgramState(const Program& program)
    : values_(program.fields_),
      results_(program.tests_.size(), 0),
      parts_(program.parts_.size()) {
  for (const Program::Body& body : program.bodies_) {
    bodies_.push_back(std::make_unique<ProgramState>(*body.program));
  }
}

ProgramState::~ProgramState() = default;

void ProgramState::Begin(const RuleRecord& record) {
  ++event_;
  values_.Begin(record);
}

}  // namespace oddverb
