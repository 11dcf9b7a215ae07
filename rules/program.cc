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

// Fields of few values: users, programs and addresses, not names and URIs.
constexpr std::string_view kRepeatingFields[] = {
    "user.username", "userAgent", "sourceIPs", "impersonatedUser.username",
    "objectRef.namespace"};

// Whether finding the result again is cheaper than the test.
bool IsWorthRemembering(Comparison comparison) {
  switch (comparison) {
    case Comparison::kContains:
    case Comparison::kStartsWith:
    case Comparison::kEndsWith:
    case Comparison::kGlob:
    case Comparison::kRegex:
    case Comparison::kCidr:
      return true;
    default:
      return false;
  }
}

}  // namespace

class Program::Builder {
 public:
  explicit Builder(Program& program) : program_(program) {}

  absl::Status Add(const Predicate& predicate) {
    if (predicate.depth() > Predicate::kMaxDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("nested deeper than ", Predicate::kMaxDepth, " levels"));
    }
    if (predicate.tests() > Predicate::kMaxTests) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", Predicate::kMaxTests, " tests"));
    }
    ODDVERB_RETURN_IF_ERROR(AddTests(predicate));
    program_.starts_.push_back(Emit(predicate, kAccept, kReject));
    return absl::OkStatus();
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
    program_.memo_places_.push_back(MemoPlaceOf(test, compiled.field()));
    program_.tests_.push_back(std::move(compiled));
    return absl::OkStatus();
  }

  MemoPlace MemoPlaceOf(const Test& test, uint32_t field) {
    const EventField* decoded = test.field.decoded();
    if (decoded == nullptr || !IsWorthRemembering(test.comparison) ||
        std::find(std::begin(kRepeatingFields), std::end(kRepeatingFields),
                  decoded->name) == std::end(kRepeatingFields)) {
      return {};
    }
    auto memo =
        std::find_if(program_.memos_.begin(), program_.memos_.end(),
                     [field](const Memo& of) { return of.field == field; });
    if (memo == program_.memos_.end()) {
      memo = program_.memos_.insert(memo, {.field = field});
    }
    return {static_cast<uint32_t>(memo - program_.memos_.begin()),
            memo->tests++};
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
      return program_.tests_[test_numbers_.at(predicate.test())].cost();
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

inline bool Program::Evaluate(uint32_t test, ProgramState& state) const {
  uint64_t& result = state.results_[test];
  if (result >> 1 != state.event_) {
    bool matches = memo_places_[test].memo != MemoPlace::kNone
                       ? EvaluateByMemo(test, state)
                   : tests_[test].comparison() == Comparison::kElement
                       ? HasElement(test, state)
                       : tests_[test].Matches(state.values_);
    result = state.event_ << 1 | (matches ? 1 : 0);
  }
  return (result & 1) != 0;
}

bool Program::EvaluateByMemo(uint32_t test, ProgramState& state) const {
  const MemoPlace& place = memo_places_[test];
  ProgramState::MemoOfField& of = state.memos_[place.memo];
  if (of.event != state.event_) {
    of.event = state.event_;
    std::span<const FieldValue> values =
        state.values_.Values(memos_[place.memo].field);
    bool is_one_text =
        values.size() == 1 && values[0].type == JsonType::kString;
    of.results = is_one_text ? of.memo.Find(values[0].text) : nullptr;
  }
  if (of.results == nullptr) return tests_[test].Matches(state.values_);
  TextMemo::Result& result = of.results[place.test];
  if (result == TextMemo::Result::kUnknown) {
    result = tests_[test].Matches(state.values_) ? TextMemo::Result::kTrue
                                                 : TextMemo::Result::kFalse;
  }
  return result == TextMemo::Result::kTrue;
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

FieldSet Program::DecodedFields() const {
  FieldSet fields;
  for (const ProgramField& field : fields_) fields |= field.field.fields();
  return fields;
}

ProgramState::ProgramState(const Program& program)
    : values_(program.fields_), results_(program.tests_.size(), 0) {
  for (const Program::Memo& memo : program.memos_) {
    memos_.push_back({.memo = TextMemo(memo.tests)});
  }
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
