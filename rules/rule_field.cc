#include "rules/rule_field.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/uri.h"
#include "rules/event_fields.h"
#include "rules/short_names.h"

namespace oddverb {
namespace {

// The name that prints for all texts of the event; no path can have it.
constexpr std::string_view kEverythingName = "(any text)";
constexpr std::string_view kElasticPrefix = "kubernetes.audit.";

enum class Derived : uint8_t { kNone, kCommand, kPath, kQuery };

void AppendDerived(std::string_view text, Arena& arena,
                   std::vector<FieldValue>& out) {
  out.push_back({JsonType::kString, false, arena.Copy(text)});
}

// Whether the name as it is written can be `parameter`.
bool MayBe(std::string_view raw_name, std::string_view parameter) {
  return raw_name == parameter || raw_name.find_first_of("%+") != raw_name.npos;
}

void ReadDerived(Derived what, std::string_view parameter, std::string_view uri,
                 Arena& arena, std::vector<FieldValue>& out) {
  UriParts parts = SplitUri(uri);
  if (what == Derived::kPath) {
    return AppendDerived(PercentDecode(parts.path, PlusIs::kPlus), arena, out);
  }
  if (parts.query.empty()) return;
  std::string command;
  bool found = false;
  QueryPairs pairs(parts.query);
  for (QueryPair pair; pairs.Next(pair);) {
    if (!MayBe(pair.name, parameter)) continue;
    std::string name = PercentDecode(pair.name, PlusIs::kBlank);
    if (name != parameter) continue;
    std::string value = PercentDecode(pair.value, PlusIs::kBlank);
    if (what == Derived::kQuery) {
      AppendDerived(value, arena, out);
    } else {
      if (found) command += ' ';
      command += value;
    }
    found = true;
  }
  if (what == Derived::kCommand && found) AppendDerived(command, arena, out);
}

// A name without "\[" and "[N]" as steps of a path.
class NameParser {
 public:
  NameParser(std::string_view name, Field::Brackets brackets)
      : rest_(name), brackets_(brackets) {}

  absl::StatusOr<std::vector<PathStep>> Parse() {
    if (rest_ == ".") return std::vector<PathStep>{PathStep{}};
    std::vector<PathStep> steps(1);
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (brackets_ == Field::Brackets::kLiteral) {
        steps.back().names += c;
      } else if (c == '\\' && !rest_.empty() &&
                 (rest_.front() == '[' || rest_.front() == ']')) {
        steps.back().names += rest_.front();
        rest_.remove_prefix(1);
      } else if (c == '[') {
        ODDVERB_RETURN_IF_ERROR(TakePosition(steps));
      } else {
        steps.back().names += c;
      }
    }
    if (steps.size() > 1 && steps.back() == PathStep{}) steps.pop_back();
    ODDVERB_RETURN_IF_ERROR(Check(steps));
    return steps;
  }

 private:
  absl::Status TakePosition(std::vector<PathStep>& steps) {
    size_t close = rest_.find(']');
    if (close == std::string_view::npos) {
      return absl::InvalidArgumentError("a \"[\" without \"]\"");
    }
    std::string_view digits = rest_.substr(0, close);
    int index = 0;
    const char* end = digits.data() + digits.size();
    auto [stop, error] = std::from_chars(digits.data(), end, index);
    if (error != std::errc() || stop != end) {
      return absl::InvalidArgumentError(
          absl::StrCat("not a position in an array: [", A(digits), "]"));
    }
    rest_.remove_prefix(close + 1);
    steps.back().index = index;
    if (rest_.starts_with('.')) {
      rest_.remove_prefix(1);
    } else if (!rest_.empty() && rest_.front() != '[') {
      return absl::InvalidArgumentError("expected \".\" behind \"]\"");
    }
    steps.emplace_back();
    return absl::OkStatus();
  }

  static absl::Status Check(const std::vector<PathStep>& steps) {
    size_t parts = steps.size() - 1;
    for (const PathStep& step : steps) {
      parts += 1 + static_cast<size_t>(
                       std::count(step.names.begin(), step.names.end(), '.'));
      if (step.names.starts_with('.') || step.names.ends_with('.') ||
          step.names.find("..") != std::string::npos) {
        return absl::InvalidArgumentError("an empty part between dots");
      }
    }
    if (parts > kMaxPathParts) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", kMaxPathParts, " parts"));
    }
    return absl::OkStatus();
  }

  std::string_view rest_;
  Field::Brackets brackets_;
};

}  // namespace

struct Field::Compiled {
  std::string name;
  bool everything = false;
  std::shared_ptr<const RuleFieldReader> reader;  // of another language
  std::vector<PathStep> path;  // in the JSON text of the whole event
  // How a decoded event is read: one of these, else the path.
  const EventField* event_field = nullptr;
  const EventBody* event_body = nullptr;
  std::vector<PathStep> body_path;
  Derived derived = Derived::kNone;
  std::string parameter;       // of the query
  std::vector<Field> aliases;  // what a short name stands for
  // Of those for pods: the same as one path below each of them.
  PodPlace pod_place = PodPlace::kNone;
  std::vector<PathStep> pod_path;

  void ReadEvent(const AuditEvent& event, Arena& arena,
                 std::vector<FieldValue>& out) const;
  void ReadPods(const AuditEvent& event, Arena& arena, PodParts& pods,
                std::vector<FieldValue>& out) const;
  void ReadJson(RawJson root, Arena& arena, std::vector<FieldValue>& out) const;
};

Field::Field(std::shared_ptr<const Compiled> compiled)
    : compiled_(std::move(compiled)) {}

absl::StatusOr<Field> Field::Compile(std::string_view name, Brackets brackets) {
  if (name.empty()) return absl::InvalidArgumentError("an empty field name");
  if (name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a field name of more than ", kMaxNameBytes, " bytes"));
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->name = std::string(name);
  ODDVERB_ASSIGN_OR_RETURN(compiled->path, NameParser(name, brackets).Parse());
  ShortNameMeaning meaning = MeaningOfShortName(name);
  for (const std::string& path : meaning.paths) {
    ODDVERB_ASSIGN_OR_RETURN(Field field, Compile(path, Brackets::kLiteral));
    compiled->aliases.push_back(std::move(field));
  }
  if (meaning.pod_place != PodPlace::kNone) {
    compiled->pod_place = meaning.pod_place;
    compiled->pod_path = {{.names = std::string(meaning.below)}};
  }
  if (name.starts_with(kElasticPrefix)) {
    ODDVERB_ASSIGN_OR_RETURN(
        Field field, Compile(name.substr(kElasticPrefix.size()), brackets));
    compiled->aliases.push_back(std::move(field));
  }
  if (name == "derived.command") {
    compiled->derived = Derived::kCommand;
    compiled->parameter = "command";
  } else if (name == "derived.path") {
    compiled->derived = Derived::kPath;
  } else if (constexpr std::string_view kQuery = "derived.query.";
             name.starts_with(kQuery)) {
    compiled->derived = Derived::kQuery;
    compiled->parameter = std::string(name.substr(kQuery.size()));
  }
  // Positions are only looked up in JSON text.
  const std::vector<PathStep>& path = compiled->path;
  if (path.size() == 1 && !path[0].index.has_value()) {
    compiled->event_field = FindEventField(path[0].names);
  }
  std::string_view rest;
  compiled->event_body = FindEventBody(path[0].names, rest);
  if (compiled->event_body != nullptr) {
    compiled->body_path = path;
    compiled->body_path[0].names = std::string(rest);
  }
  return Field(std::move(compiled));
}

Field Field::Everything() {
  auto compiled = std::make_shared<Compiled>();
  compiled->name = std::string(kEverythingName);
  compiled->everything = true;
  return Field(std::move(compiled));
}

Field Field::Of(std::string name,
                std::shared_ptr<const RuleFieldReader> reader) {
  auto compiled = std::make_shared<Compiled>();
  compiled->name = std::move(name);
  compiled->reader = std::move(reader);
  return Field(std::move(compiled));
}

const std::string& Field::name() const { return compiled_->name; }
bool Field::is_everything() const { return compiled_->everything; }

void Field::Compiled::ReadEvent(const AuditEvent& event, Arena& arena,
                                std::vector<FieldValue>& out) const {
  if (event_field != nullptr) {
    if (event_field->text == nullptr) {
      return event_field->read(event, arena, out);
    }
    std::string_view text = event_field->text(event);
    if (!text.empty()) out.push_back({JsonType::kString, false, text});
    return;
  }
  if (derived != Derived::kNone) {
    if (event.request_uri.empty()) return;
    return ReadDerived(derived, parameter, event.request_uri, arena, out);
  }
  if (!aliases.empty()) {
    for (const Field& alias : aliases) {
      alias.compiled_->ReadEvent(event, arena, out);
    }
    return;
  }
  if (event_body != nullptr) {
    return ReadPath(event.*event_body->json, body_path, arena, out);
  }
  ReadPath(event.raw, path, arena, out);
}

void Field::Compiled::ReadPods(const AuditEvent& event, Arena& arena,
                               PodParts& pods,
                               std::vector<FieldValue>& out) const {
  RawJson body = event.request_object;
  if (!body.present()) return;
  if (pod_place == PodPlace::kPod) {
    for (RawJson spec : pods.Specs(body, arena)) {
      ReadPath(spec, pod_path, arena, out);
    }
    return;
  }
  size_t before = out.size();
  for (RawJson container : pods.Containers(body, arena)) {
    ReadPath(container, pod_path, arena, out);
  }
  for (size_t i = before; i < out.size(); ++i) out[i].in_array = true;
}

void Field::Compiled::ReadJson(RawJson root, Arena& arena,
                               std::vector<FieldValue>& out) const {
  size_t before = out.size();
  ReadPath(root, path, arena, out);
  if (out.size() > before) return;
  if (derived != Derived::kNone) {
    RawJson uri = FindMember(root, "requestURI");
    std::string scratch;
    if (auto text = StringOf(uri, scratch)) {
      ReadDerived(derived, parameter, *text, arena, out);
    }
  }
  for (const Field& alias : aliases) {
    alias.compiled_->ReadJson(root, arena, out);
  }
}

void Field::Read(const RuleRecord& record, Arena& arena,
                 std::vector<FieldValue>& out, PodParts* pods) const {
  if (record.scalar() != nullptr) {
    bool is_itself = compiled_->path == std::vector<PathStep>{PathStep{}};
    if (compiled_->everything || is_itself) out.push_back(*record.scalar());
    return;
  }
  if (compiled_->everything) return ReadAllTexts(record.root(), arena, out);
  if (compiled_->reader != nullptr) {
    return compiled_->reader->Read(record, arena, out);
  }
  if (record.event() != nullptr) {
    if (pods != nullptr && compiled_->pod_place != PodPlace::kNone) {
      return compiled_->ReadPods(*record.event(), arena, *pods, out);
    }
    return compiled_->ReadEvent(*record.event(), arena, out);
  }
  compiled_->ReadJson(record.root(), arena, out);
}

FieldSet Field::fields() const {
  if (compiled_->reader != nullptr) return compiled_->reader->fields();
  FieldSet fields;
  if (compiled_->event_field != nullptr) {
    fields.set(static_cast<size_t>(compiled_->event_field->id));
  } else if (compiled_->derived != Derived::kNone) {
    fields.set(static_cast<size_t>(FieldId::kRequestUri));
  } else if (compiled_->event_body != nullptr) {
    fields.set(static_cast<size_t>(compiled_->event_body->id));
  }
  for (const Field& alias : compiled_->aliases) fields |= alias.fields();
  return fields;
}

const EventField* Field::decoded() const {
  if (compiled_->reader != nullptr) return compiled_->reader->decoded();
  if (compiled_->event_field != nullptr) return compiled_->event_field;
  const std::vector<Field>& aliases = compiled_->aliases;
  return aliases.size() == 1 ? aliases[0].decoded() : nullptr;
}

const EventBody* Field::body() const {
  if (compiled_->reader != nullptr || compiled_->event_field != nullptr ||
      compiled_->derived != Derived::kNone || compiled_->everything) {
    return nullptr;
  }
  const std::vector<Field>& aliases = compiled_->aliases;
  if (aliases.empty()) return compiled_->event_body;
  const EventBody* first = aliases[0].body();
  bool is_one =
      std::all_of(aliases.begin(), aliases.end(),
                  [first](const Field& of) { return of.body() == first; });
  return is_one ? first : nullptr;
}

bool Field::IsDecodedScalar() const {
  return IsDecoded() && !decoded()->is_list;
}

bool Field::IsOfAuditEvent() const {
  if (compiled_->everything || compiled_->reader != nullptr ||
      compiled_->derived != Derived::kNone) {
    return true;
  }
  for (const Field& alias : compiled_->aliases) {
    if (alias.IsOfAuditEvent()) return true;
  }
  return IsAuditField(compiled_->path[0].names);
}

std::vector<std::string> KnownFieldNames() {
  std::vector<std::string> names = {"derived.command", "derived.path",
                                    "requestObject",   "responseObject",
                                    "annotations",     "user.extra"};
  for (const EventField& field : EventFields()) names.emplace_back(field.name);
  for (std::string_view name : ShortNames()) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace oddverb
