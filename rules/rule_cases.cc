#include "rules/rule_cases.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/strings.h"
#include "rules/case_event.h"
#include "rules/rule_documents.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

using Kind = YamlNode::Kind;

constexpr size_t kMaxTextBytes = 16 * 1024 * 1024;
// Of all events of a file, as JSON.
constexpr size_t kMaxEventBytes = 256 * 1024 * 1024;
constexpr int64_t kMaxRepeat = 10'000;
constexpr int64_t kMaxFirings = 1'000'000;
// Within a year, so that each time can be written.
constexpr absl::Duration kMaxOffset = absl::Hours(24 * 365);
// What stands for the number of a repeated event.
constexpr std::string_view kNumber = "{n}";
constexpr std::string_view kOwnKeys[] = {"at",   "base",   "every",
                                         "json", "repeat", "why"};

// A Monday morning.
absl::Time BeginOfCases() { return absl::FromUnixSeconds(1'767'603'600); }

bool IsOwnKey(std::string_view key) {
  for (std::string_view own : kOwnKeys) {
    if (own == key) return true;
  }
  return false;
}

class CasesReader {
 public:
  CasesReader(const RuleText& text, RuleDiagnostics& diagnostics)
      : text_(text), diagnostics_(diagnostics) {}

  void ReadDocument(const YamlNode& document) {
    if (document.kind() == Kind::kNull) return;
    if (document.kind() != Kind::kMapping) {
      SigmaReporter(text_, diagnostics_)
          .Error(document, "expected a map with \"cases\"");
      return;
    }
    ReadBases(document.Get("events"));
    YamlNode cases = document.Get("cases");
    if (cases.present() && cases.kind() != Kind::kSequence) {
      SigmaReporter(text_, diagnostics_)
          .Error(cases, "\"cases\" must be a list");
    }
    for (const YamlNode& entry : cases.Items()) ReadEntry(entry);
    Report(document.CheckAllKeysUsed());
  }

  std::vector<RuleCase> Release() { return std::move(cases_); }

 private:
  // Each line of the message is an error with its place.
  void Report(const absl::Status& status) {
    std::string_view rest = S(status.message());
    while (!status.ok() && !rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      PlacedMessage placed = ParsePlaced(line, text_.file());
      diagnostics_.Error(text_, placed.line, placed.column,
                         std::move(placed.message));
    }
  }
  template <class T>
  T ValueOr(absl::StatusOr<T> value, T fallback) {
    Report(value.status());
    return value.ok() ? *std::move(value) : fallback;
  }

  void ReadBases(const YamlNode& bases) {
    if (bases.present() && bases.kind() != Kind::kMapping) {
      SigmaReporter(text_, diagnostics_)
          .Error(bases, "\"events\" must be a map of names to events");
    }
    for (const std::string& name : bases.Keys()) {
      YamlNode node = bases.Get(name);
      SigmaReporter reporter(text_, diagnostics_);
      for (std::string_view key : {"at", "every", "json", "repeat"}) {
        if (!node.Get(key).present()) continue;
        reporter.ErrorAtKey(
            node.Get(key), absl::StrCat("a base cannot have \"", A(key), "\""));
      }
      CaseValue event = ReadFields(node, reporter);
      if (!reporter.failed()) bases_.insert_or_assign(name, std::move(event));
    }
  }

  void ReadEntry(const YamlNode& entry) {
    SigmaReporter reporter(text_, diagnostics_);
    if (entry.kind() != Kind::kMapping) {
      reporter.Error(entry, "expected a map with \"rule\"");
      return;
    }
    RuleCase base;
    base.rule = ValueOr(entry.Get("rule").AsString(), std::string());
    base.place = {std::string(text_.file()), entry.location().line};
    if (base.rule.empty()) {
      reporter.Error(entry, "no \"rule\": the name or id of what is tested");
      return;
    }
    entry.Get("why");
    ReadSingles(entry.Get("match"), RuleCase::Expectation::kMatch, base);
    ReadSingles(entry.Get("no_match"), RuleCase::Expectation::kNoMatch, base);
    YamlNode events = entry.Get("events");
    if (events.present()) {
      ReadSequence(entry, events, base);
    } else if (entry.Get("firings").present()) {
      reporter.Error(entry.Get("firings"), "\"firings\" of which \"events\"?");
    } else if (!entry.Get("match").present() &&
               !entry.Get("no_match").present()) {
      reporter.Error(
          entry, "nothing to check: no \"match\", \"no_match\", \"events\"");
    }
    Report(entry.CheckAllKeysUsed());
  }

  void ReadSingles(const YamlNode& list, RuleCase::Expectation expectation,
                   const RuleCase& base) {
    if (list.present() && list.kind() != Kind::kSequence) {
      SigmaReporter(text_, diagnostics_)
          .Error(list, "expected a list of events");
    }
    for (const YamlNode& node : list.Items()) {
      // Each is judged alone, so its time starts anew.
      next_ = absl::ZeroDuration();
      std::vector<CaseEvent> events;
      if (!ReadEvent(node, events)) continue;
      for (CaseEvent& event : events) {
        RuleCase single = base;
        single.expectation = expectation;
        single.events.push_back(std::move(event));
        cases_.push_back(std::move(single));
      }
    }
  }

  void ReadSequence(const YamlNode& entry, const YamlNode& list,
                    RuleCase base) {
    base.expectation = RuleCase::Expectation::kFirings;
    YamlNode firings = entry.Get("firings");
    int64_t count = ValueOr(firings.AsInt(1), int64_t{1});
    SigmaReporter reporter(text_, diagnostics_);
    if (count < 0 || count > kMaxFirings) {
      reporter.Error(
          firings, absl::StrCat("\"firings\" must be from 0 to ", kMaxFirings));
      return;
    }
    if (list.kind() != Kind::kSequence || list.Items().empty()) {
      reporter.Error(list, "\"events\" must be a list of events");
      return;
    }
    base.firings = static_cast<uint64_t>(count);
    next_ = absl::ZeroDuration();
    bool good = true;
    for (const YamlNode& node : list.Items()) {
      good &= ReadEvent(node, base.events);
    }
    // With an event less it would test something else.
    if (good) cases_.push_back(std::move(base));
  }

  // Its own fields over those of its base.
  CaseValue ReadFields(const YamlNode& node, SigmaReporter& reporter) {
    CaseValue event = DefaultCaseEvent();
    if (node.kind() != Kind::kMapping) {
      reporter.Error(node, "expected an event: a map of fields");
      return event;
    }
    YamlNode base = node.Get("base");
    if (base.present()) {
      auto it = bases_.find(base.text());
      if (it != bases_.end()) {
        event = it->second;
      } else {
        std::vector<std::string> known;
        for (const auto& [name, value] : bases_) known.push_back(name);
        reporter.Error(base, absl::StrCat("no event of this name above: ",
                                          QuotedName(base.text()),
                                          NearestHint(base.text(), known)));
      }
    }
    for (const std::string& key : node.Keys()) {
      if (IsOwnKey(key)) continue;
      SetCaseField(text_, key, node.Get(key), reporter, event);
    }
    return event;
  }

  // Appends the event, as often as it is repeated. False after an error.
  bool ReadEvent(const YamlNode& node, std::vector<CaseEvent>& out) {
    SigmaReporter reporter(text_, diagnostics_);
    CaseValue event = ReadFields(node, reporter);
    if (reporter.failed()) return false;
    YamlNode json = node.Get("json");
    for (const std::string& key : node.Keys()) {
      if (!json.present() || key == "json" || key == "why") continue;
      reporter.ErrorAtKey(node.Get(key),
                          "\"json\" is a whole event: nothing "
                          "can be added to it");
    }
    YamlNode repeat = node.Get("repeat");
    int64_t times = ValueOr(repeat.AsInt(1), int64_t{1});
    if (times < 1 || times > kMaxRepeat) {
      reporter.Error(repeat,
                     absl::StrCat("\"repeat\" must be from 1 to ", kMaxRepeat));
    }
    absl::Duration at = ValueOr(node.Get("at").AsDuration(next_), next_);
    absl::Duration every = ValueOr(
        node.Get("every").AsDuration(absl::Seconds(1)), absl::Seconds(1));
    if (at + every * times > kMaxOffset) {
      reporter.Error(node, "later than a year after the first event");
    }
    if (reporter.failed()) return false;
    RulePlace place = {std::string(text_.file()), node.location().line};
    for (int64_t n = 1; n <= times; ++n, at += every) {
      std::string text(json.text());
      if (!json.present()) {
        CaseValue one = event;
        CompleteCaseEvent(++events_, BeginOfCases() + at, one);
        text = one.ToJson();
      } else {
        ++events_;
      }
      if (repeat.present()) {
        text = absl::StrReplaceAll(text, {{A(kNumber), absl::StrCat(n)}});
      }
      bytes_ += text.size();
      if (events_ > kMaxCaseEvents || bytes_ > kMaxEventBytes) {
        reporter.Error(node, absl::StrCat("more than ", kMaxCaseEvents,
                                          " events, or 256 MiB of them"));
        return false;
      }
      out.push_back({place, std::move(text)});
    }
    next_ = at;
    return true;
  }

  const RuleText& text_;
  RuleDiagnostics& diagnostics_;
  std::map<std::string, CaseValue, std::less<>> bases_;
  std::vector<RuleCase> cases_;
  absl::Duration next_;  // of an event that does not say when
  uint64_t events_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

std::vector<RuleCase> ReadRuleCases(std::string_view file,
                                    std::string_view text,
                                    RuleDiagnostics& diagnostics) {
  if (text.size() > kMaxTextBytes) {
    diagnostics.Error(RuleText(file, ""), 1, 1, "larger than 16 MiB: split it");
    return {};
  }
  RuleText rule_text(file, text);
  CasesReader reader(rule_text, diagnostics);
  for (const RuleDocument& document : SplitDocuments(text)) {
    absl::StatusOr<YamlNode> node =
        YamlNode::ParseFrom(document.text, file, document.first_line);
    if (node.ok()) {
      reader.ReadDocument(*node);
      continue;
    }
    PlacedMessage placed = ParsePlaced(S(node.status().message()), file);
    diagnostics.Error(rule_text, placed.line, placed.column,
                      std::move(placed.message));
  }
  return reader.Release();
}

bool HoldsRuleCases(std::string_view text) {
  constexpr std::string_view kKey = "cases:";
  return text.starts_with(kKey) ||
         text.find("\n" + std::string(kKey)) != std::string_view::npos;
}

}  // namespace oddverb
