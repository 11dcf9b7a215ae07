#include "rules/falco_loader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/falco_exceptions.h"
#include "rules/falco_output.h"
#include "rules/glob.h"

namespace oddverb {
namespace {

// Nothing sees a macro that is written later, but rules see all.
constexpr uint32_t kSeesAll = ~uint32_t{0};
// Among more names the nearest one is not looked for.
constexpr size_t kMaxHinted = 5000;

RuleLevel LevelOf(FalcoPriority priority) {
  switch (priority) {
    case FalcoPriority::kEmergency:
    case FalcoPriority::kAlert:
    case FalcoPriority::kCritical:
      return RuleLevel::kCritical;
    case FalcoPriority::kError:
      return RuleLevel::kHigh;
    case FalcoPriority::kWarning:
      return RuleLevel::kMedium;
    case FalcoPriority::kNotice:
      return RuleLevel::kLow;
    case FalcoPriority::kInformational:
    case FalcoPriority::kDebug:
      break;
  }
  return RuleLevel::kInformational;
}

std::string PlaceOf(const FalcoNode& node) {
  return absl::StrCat(A(node.file->text.file()), ":",
                      node.node.location().line);
}

}  // namespace

FalcoLoader::FalcoLoader(FalcoOptions options, RuleDiagnostics& diagnostics)
    : options_(std::move(options)),
      diagnostics_(diagnostics),
      definitions_(diagnostics) {}

void FalcoLoader::ErrorAt(const FalcoNode& node, std::string message) {
  YamlNode::Location at = node.node.location();
  diagnostics_.Error(node.file->text, at.line, at.column, std::move(message));
}

bool FalcoLoader::Spend(size_t amount) {
  spent_ = std::min(kMaxGrowth + 1, spent_ + std::min(amount, kMaxGrowth + 1));
  return spent_ <= kMaxGrowth;
}

const std::vector<std::string>* FalcoLoader::ItemsOf(std::string_view name) {
  const FalcoList* list = definitions_.FindList(name);
  if (list == nullptr) return nullptr;
  ListState& state = lists_[list->name];
  if (state.progress == Progress::kUntouched) ResolveList(*list, state);
  return &state.items;
}

// A list in a list stands for its items; an item twice counts once.
void FalcoLoader::ResolveList(const FalcoList& list, ListState& state) {
  state.progress = Progress::kBegun;
  ++references_;
  std::vector<std::string> items;
  for (const FalcoNode& item : list.items) {
    const FalcoList* inner = definitions_.FindList(item.node.text());
    if (inner == nullptr) {
      items.emplace_back(item.node.text());
      continue;
    }
    Progress progress = lists_[inner->name].progress;
    if (progress == Progress::kBegun) {
      ErrorAt(item, absl::StrCat("the list ", QuotedName(inner->name),
                                 " holds itself"));
    } else if (references_ > kMaxReferences) {
      ErrorAt(item, absl::StrCat("more than ", kMaxReferences,
                                 " lists within lists"));
    } else {
      const std::vector<std::string>* more = ItemsOf(inner->name);
      if (!Spend(more->size())) {
        ErrorAt(item, "too much in all: lists grow too large");
        break;
      }
      items.insert(items.end(), more->begin(), more->end());
    }
  }
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  state.items = std::move(items);
  state.progress = Progress::kGood;
  --references_;
}

FalcoScope FalcoLoader::ScopeOf(uint32_t written) {
  return {
      .list = [this](std::string_view name) { return ItemsOf(name); },
      .macro = [this, written](
                   std::string_view name) { return MacroOf(name, written); },
      .spend = [this](size_t amount) { return Spend(amount); }};
}

absl::StatusOr<Predicate> FalcoLoader::MacroOf(std::string_view name,
                                               uint32_t written) {
  auto refuse = [name](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("the macro ", QuotedName(name), " ", A(why)));
  };
  const FalcoMacro* macro = definitions_.FindMacro(name);
  if (macro == nullptr) {
    std::vector<std::string> known;
    if (definitions_.macros().size() <= kMaxHinted) {
      for (const FalcoMacro& m : definitions_.macros()) known.push_back(m.name);
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "no such macro: ", QuotedName(name), NearestHint(name, known)));
  }
  MacroState& state = macros_[macro->name];
  if (state.progress == Progress::kBegun) return refuse("refers to itself");
  if (macro->defined > written) {
    return refuse(
        absl::StrCat("is defined only later, at ", PlaceOf(macro->place)));
  }
  if (references_ >= kMaxReferences) return refuse("refers to too many others");
  if (state.progress == Progress::kUntouched) CompileMacro(*macro, state);
  if (state.progress == Progress::kBroken) {
    return refuse(absl::StrCat("is broken, at ", PlaceOf(macro->place)));
  }
  return state.predicate;
}

void FalcoLoader::CompileMacro(const FalcoMacro& macro, MacroState& state) {
  state.progress = Progress::kBegun;
  ++references_;
  FalcoCondition condition =
      ParseFalcoCondition(macro.condition.text(), ScopeOf(macro.written));
  --references_;
  for (const FalcoComplaint& complaint : condition.complaints) {
    macro.condition.Complain(complaint, diagnostics_);
  }
  if (condition.failed) ++refused_;
  state.predicate = std::move(condition.predicate);
  state.progress = condition.failed ? Progress::kBroken : Progress::kGood;
}

bool FalcoLoader::IsWanted(const FalcoRuleText& rule) const {
  bool enabled = rule.enabled;
  for (const FalcoOptions::Selection& selection : options_.selections) {
    bool is_meant = (!selection.rule.empty() &&
                     Glob::Parse(selection.rule).Matches(rule.name)) ||
                    std::find(rule.tags.begin(), rule.tags.end(),
                              selection.tag) != rule.tags.end();
    if (is_meant) enabled = selection.enable;
  }
  return enabled && rule.priority <= options_.min_priority;
}

bool FalcoLoader::AddExceptions(const FalcoRuleText& text,
                                Predicate& predicate) {
  bool good = true;
  FalcoScope scope = ScopeOf(kSeesAll);
  for (const FalcoException& exception : text.exceptions) {
    FalcoExceptionResult result = CompileFalcoException(exception, scope);
    for (auto& [node, message] : result.errors) {
      ErrorAt(node, std::move(message));
      good = false;
    }
    if (!result.errors.empty()) continue;
    predicate = Predicate::And({predicate, Predicate::Not(result.predicate)});
  }
  return good;
}

void FalcoLoader::CompileRule(const FalcoRuleText& text,
                              std::vector<Loaded>& out) {
  FalcoCondition condition =
      ParseFalcoCondition(text.condition.text(), ScopeOf(kSeesAll));
  bool is_left_out = text.skip_if_unknown_filter && condition.failed;
  for (const FalcoComplaint& complaint : condition.complaints) {
    is_left_out &=
        complaint.is_warning || complaint.message.starts_with("no such field");
  }
  for (FalcoComplaint complaint : condition.complaints) {
    complaint.is_warning |= is_left_out;
    text.condition.Complain(complaint, diagnostics_);
  }
  if (is_left_out) return;
  bool good = !condition.failed && AddExceptions(text, condition.predicate);
  FalcoComplaint complaint;
  auto output = FalcoOutput::Compile(text.output.text(), complaint);
  if (output == nullptr) text.output.Complain(complaint, diagnostics_);
  if (!good || output == nullptr) {
    ++refused_;
    return;
  }
  if (!IsWanted(text)) return;
  Loaded& loaded = out.emplace_back();
  loaded.file = text.place.file;
  Rule& rule = loaded.rule;
  rule.language = RuleLanguage::kFalco;
  rule.title = text.name;
  rule.description = text.description;
  rule.level = LevelOf(text.priority);
  rule.priority = std::string(FalcoPriorityName(text.priority));
  rule.tags = text.tags;
  rule.product = "kubernetes";
  rule.service = "audit";
  rule.place = {std::string(loaded.file->text.file()),
                text.place.node.location().line};
  rule.occasion = Occasion::kEvent;
  rule.predicate = std::move(condition.predicate);
  rule.output = std::move(output);
}

void FalcoLoader::ComplainOfMore(const FalcoRuleText& text) {
  if (!text.condition.text().empty() && !text.skip_if_unknown_filter) {
    FalcoCondition condition =
        ParseFalcoCondition(text.condition.text(), ScopeOf(kSeesAll));
    for (const FalcoComplaint& complaint : condition.complaints) {
      text.condition.Complain(complaint, diagnostics_);
    }
  }
  if (text.output.text().empty()) return;
  FalcoComplaint complaint;
  if (FalcoOutput::Compile(text.output.text(), complaint) == nullptr) {
    text.output.Complain(complaint, diagnostics_);
  }
}

std::vector<FalcoLoader::Loaded> FalcoLoader::Finish() {
  // Also what no rule uses is checked.
  for (const FalcoList& list : definitions_.lists()) ItemsOf(list.name);
  for (const FalcoMacro& macro : definitions_.macros()) {
    MacroState& state = macros_[macro.name];
    if (state.progress == Progress::kUntouched) CompileMacro(macro, state);
  }
  std::vector<Loaded> rules;
  for (const FalcoRuleText& rule : definitions_.rules()) {
    if (rule.source == kSource) {
      CompileRule(rule, rules);
      continue;
    }
    if (++other_sources_ > RuleDiagnostics::kMaxLeftOut) continue;
    YamlNode::Location at = rule.place.node.location();
    diagnostics_.Warn(
        rule.place.file->text, at.line, at.column,
        absl::StrCat("left out: a rule for the source ",
                     QuotedName(rule.source),
                     NearestHint(rule.source, {std::string(kSource)})));
  }
  for (const FalcoRuleText& rule : definitions_.broken_rules()) {
    if (rule.source == kSource) ComplainOfMore(rule);
  }
  return rules;
}

}  // namespace oddverb
