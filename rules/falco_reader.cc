#include "rules/falco_reader.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/strings.h"
#include "base/uri.h"
#include "rules/falco_json.h"

namespace oddverb {
namespace {

using Shape = FalcoRow::Shape;
using Parts = std::span<const std::string>;

// More elements than that are read of no list: a body can be large.
constexpr size_t kMaxItems = 10'000;

std::string_view UpTo(std::string_view text, char end) {
  return text.substr(0, text.find(end));
}
std::string_view RepositoryOf(std::string_view image) {
  return UpTo(UpTo(image, ':'), '@');
}

// One reading of one field.
class Reading {
 public:
  Reading(const FalcoReader::Source& source, const RuleRecord& record,
          Arena& arena, std::vector<FieldValue>& out)
      : source_(source), record_(record), arena_(arena), out_(out) {}

  void Run();

 private:
  void Emit(std::string_view text) {
    JsonType type =
        source_.row->IsNumber() ? JsonType::kNumber : JsonType::kString;
    if (out_.size() < kMaxItems) {
      out_.push_back({type, source_.row->IsList(), text});
    }
  }
  void EmitCopy(std::string_view text) { Emit(arena_.Copy(text)); }
  bool EmitText(RawJson value) {
    std::optional<std::string_view> text = FalcoTextOf(value, arena_);
    if (text.has_value()) Emit(*text);
    return text.has_value();
  }

  // Calls visit(value) for what lies at `parts` below `root`, with an absent
  // value for each element that has nothing there. Recursion is bounded by the
  // number of parts.
  using Visit = std::function<void(RawJson)>;
  void ForEach(RawJson root, Parts parts, const Visit& visit) {
    if (parts.empty() || !root.present()) return visit(root);
    if (TypeOf(root) != JsonType::kArray) {
      return ForEach(FindMember(root, parts[0]), parts.subspan(1), visit);
    }
    int position = 0;
    JsonElements elements(root);
    for (RawJson element; elements.Next(element); ++position) {
      if (source_.index != FalcoReader::kAll && position != source_.index) {
        continue;
      }
      ForEach(FindMember(element, parts[0]), parts.subspan(1), visit);
    }
  }
  void ForEach(const Visit& visit) {
    // What stands before the first array never is one.
    ForEach(ValueAt(record_, Parts(source_.parts).first(1)),
            Parts(source_.parts).subspan(1), visit);
  }

  void ReadText();
  void ReadItems();
  void ReadLists();
  void ReadStrictList();
  void ReadHostPorts(RawJson ports);
  void ReadEffective();
  void ReadVolumeTypes();
  void ReadSubjects();
  void ReadParameter();
  void ReadFlags();
  void ReadTime();

  const FalcoReader::Source& source_;
  const RuleRecord& record_;
  Arena& arena_;
  std::vector<FieldValue>& out_;
};

void Reading::ReadText() {
  if (source_.row->shape == Shape::kPodName) {
    std::string scratch;
    auto text_at = [&](std::string_view key) {
      std::vector<std::string> parts = {"objectRef", std::string(key)};
      return std::string(
          StringOf(ValueAt(record_, parts), scratch).value_or(""));
    };
    if (text_at("resource") != "pods" || !text_at("subresource").empty()) {
      return;
    }
  }
  EmitText(ValueAt(record_, source_.parts));
}

void Reading::ReadItems() {
  int position = 0;
  JsonElements elements(ValueAt(record_, source_.parts));
  for (RawJson element; elements.Next(element); ++position) {
    if (source_.index == FalcoReader::kAll || position == source_.index) {
      EmitText(element);
    }
  }
}

void Reading::ReadLists() {
  ForEach([this](RawJson value) {
    switch (source_.row->shape) {
      case Shape::kEach:
        EmitText(value);
        break;
      case Shape::kHostPorts:
        ReadHostPorts(value);
        break;
      default: {  // kFlat, kEachJoined
        std::string joined;
        bool joins = source_.row->shape == Shape::kEachJoined;
        JsonElements elements(value);
        for (RawJson element; elements.Next(element);) {
          if (!joins) {
            EmitText(element);
          } else {
            absl::StrAppend(&joined, joined.empty() ? "" : " ",
                            A(FalcoTextOf(element, arena_).value_or("")));
          }
        }
        if (joins && value.present()) EmitCopy(joined);
      }
    }
  });
}

// Images and names: incomplete is absent.
void Reading::ReadStrictList() {
  size_t before = out_.size();
  bool is_complete = true;
  ForEach([&](RawJson value) {
    if (!EmitText(value)) is_complete = false;
  });
  if (!is_complete) out_.resize(before);
  Shape shape = source_.row->shape;
  if (shape == Shape::kRepositories || shape == Shape::kFirstRepository) {
    for (size_t i = before; i < out_.size(); ++i) {
      out_[i].text = RepositoryOf(out_[i].text);
    }
  }
  bool only_first =
      shape == Shape::kFirstImage || shape == Shape::kFirstRepository;
  if (only_first && out_.size() > before) out_.resize(before + 1);
}

void Reading::ReadHostPorts(RawJson ports) {
  JsonElements elements(ports);
  for (RawJson port; elements.Next(port);) {
    RawJson of_host = FindMember(port, "hostPort");
    EmitText(of_host.present() ? of_host : FindMember(port, "containerPort"));
  }
}

void Reading::ReadEffective() {
  // ".../spec/LIST/securityContext/WHO" -> ".../spec/securityContext/WHO".
  std::vector<std::string> parts = source_.parts;
  RawJson list = ValueAt(record_, Parts(parts).first(parts.size() - 2));
  if (TypeOf(list) != JsonType::kArray) return;
  parts.erase(parts.end() - 3);
  std::optional<std::string_view> of_pod =
      FalcoTextOf(ValueAt(record_, parts), arena_);
  ForEach([&](RawJson value) {
    if (!EmitText(value)) Emit(of_pod.value_or("0"));
  });
}

void Reading::ReadVolumeTypes() {
  int position = 0;
  JsonElements volumes(ValueAt(record_, source_.parts));
  for (RawJson volume; volumes.Next(volume); ++position) {
    if (source_.index != FalcoReader::kAll && position != source_.index) {
      continue;
    }
    JsonMembers members(volume);
    for (JsonMember member; members.Next(member);) {
      if (!member.KeyIs("name")) Emit(Unescaped(member.raw_key, arena_));
    }
  }
}

void Reading::ReadSubjects() {
  const std::vector<std::string> path = {"requestObject", "subjects"};
  std::string scratch;
  JsonElements subjects(ValueAt(record_, path));
  for (RawJson subject; subjects.Next(subject);) {
    auto kind = StringOf(FindMember(subject, "kind"), scratch);
    if (kind != source_.row->path) continue;
    auto name = FalcoTextOf(FindMember(subject, "name"), arena_);
    if (!name.has_value()) continue;
    if (source_.row->shape == Shape::kSubjects) {
      Emit(*name);
      continue;
    }
    auto ns = FalcoTextOf(FindMember(subject, "namespace"), arena_);
    if (ns.has_value()) EmitCopy(absl::StrCat(A(*ns), ":", A(*name)));
  }
}

void Reading::ReadParameter() {
  auto uri = FalcoTextOf(ValueAt(record_, source_.parts), arena_);
  if (!uri.has_value()) return;
  QueryPairs pairs(SplitUri(*uri).query);
  for (QueryPair pair; pairs.Next(pair);) {
    if (PercentDecode(pair.name, PlusIs::kBlank) != source_.key) continue;
    return EmitCopy(PercentDecode(pair.value, PlusIs::kBlank));
  }
}

void Reading::ReadFlags() {
  bool any = false, found = false;
  std::string_view prefix = source_.key;
  bool is_prefix = prefix.ends_with('*');
  if (is_prefix) prefix.remove_suffix(1);
  bool is_privileged = source_.row->shape == Shape::kAnyPrivileged;
  const std::vector<std::string> below = {"securityContext", "privileged"};
  // Whether there is a list at all.
  size_t list = is_privileged ? source_.parts.size() : source_.parts.size() - 2;
  RawJson items = ValueAt(record_, Parts(source_.parts).first(list));
  any = TypeOf(items) == JsonType::kArray;
  JsonElements elements(items);
  for (RawJson element; elements.Next(element);) {
    if (is_privileged) {
      found |= BoolOf(ValueBelow(element, below)).value_or(false);
      continue;
    }
    auto path = FalcoTextOf(
        ValueBelow(element, Parts(source_.parts).subspan(list)), arena_);
    if (!path.has_value()) continue;
    found |= *path == source_.key || (is_prefix && path->starts_with(prefix));
  }
  if (any) Emit(found ? "true" : "false");
}

void Reading::ReadTime() {
  absl::Time time = absl::InfinitePast();
  if (record_.event() != nullptr) {
    time = record_.event()->stage_time;
  } else {
    std::string scratch, error;
    auto text = StringOf(FindMember(record_.root(), "stageTimestamp"), scratch);
    if (text.has_value() &&
        !absl::ParseTime(absl::RFC3339_full, A(*text), &time, &error)) {
      time = absl::InfinitePast();
    }
  }
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return;
  auto formatted = [&](const char* form) {
    EmitCopy(absl::FormatTime(form, time, absl::UTCTimeZone()));
  };
  int64_t nanoseconds = absl::ToUnixNanos(time);
  constexpr int64_t kSecond = 1'000'000'000;
  switch (source_.row->shape) {
    case Shape::kTime:
      return formatted("%H:%M:%E9S");
    case Shape::kTimeSeconds:
      return formatted("%H:%M:%S");
    case Shape::kIso8601:
      return formatted("%Y-%m-%dT%H:%M:%E9S%Ez");
    case Shape::kDateTime:
      return formatted("%Y-%m-%d %H:%M:%E9S");
    case Shape::kDateTimeSeconds:
      return formatted("%Y-%m-%d %H:%M:%S");
    case Shape::kRawTimeSeconds:
      return EmitCopy(absl::StrCat(nanoseconds / kSecond));
    case Shape::kRawTimeRest:
      return EmitCopy(absl::StrCat(nanoseconds % kSecond));
    default:
      return EmitCopy(absl::StrCat(nanoseconds));
  }
}

void Reading::Run() {
  switch (source_.row->shape) {
    case Shape::kText:
    case Shape::kPointer:
    case Shape::kPodName:
      return ReadText();
    case Shape::kParameter:
      return ReadParameter();
    case Shape::kAnyPrivileged:
    case Shape::kHasHostPath:
      return ReadFlags();
    case Shape::kHasName:
      return Emit("true");
    case Shape::kConstant:
      return Emit(source_.row->path);
    case Shape::kWhole:
      return EmitCopy(IndentedJson(record_.root().text));
    case Shape::kItems:
      return ReadItems();
    case Shape::kEach:
    case Shape::kEachJoined:
    case Shape::kFlat:
    case Shape::kHostPorts:
      return ReadLists();
    case Shape::kEachOrNone:
    case Shape::kRepositories:
    case Shape::kFirstImage:
    case Shape::kFirstRepository:
      return ReadStrictList();
    case Shape::kEffective:
      return ReadEffective();
    case Shape::kVolumeTypes:
      return ReadVolumeTypes();
    case Shape::kSubjects:
    case Shape::kSubjectsWithNamespace:
      return ReadSubjects();
    default:
      return ReadTime();
  }
}

}  // namespace

void FalcoReader::Read(const RuleRecord& record, Arena& arena,
                       std::vector<FieldValue>& out) const {
  if (source_.place == nullptr || record.event() == nullptr) {
    return Reading(source_, record, arena, out).Run();
  }
  size_t before = out.size();
  source_.place->read(*record.event(), arena, out);
  // Numbers are compared as they are written.
  for (size_t i = before; i < out.size(); ++i) {
    out[i].type = JsonType::kString;
  }
}

FieldSet FalcoReader::fields() const {
  FieldSet fields;
  if (source_.place != nullptr) {
    fields.set(static_cast<size_t>(source_.place->id));
    return fields;
  }
  switch (source_.row->shape) {
    case Shape::kSubjects:
    case Shape::kSubjectsWithNamespace:
      fields.set(static_cast<size_t>(FieldId::kRequestObject));
      return fields;
    case Shape::kRawTime:
    case Shape::kRawTimeNumber:
    case Shape::kRawTimeSeconds:
    case Shape::kRawTimeRest:
    case Shape::kTime:
    case Shape::kTimeSeconds:
    case Shape::kIso8601:
    case Shape::kDateTime:
    case Shape::kDateTimeSeconds:
      fields.set(static_cast<size_t>(FieldId::kStageTimestamp));
      return fields;
    default:
      return FieldsOfPointer(source_.parts);
  }
}

}  // namespace oddverb
