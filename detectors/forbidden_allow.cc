#include "detectors/forbidden_allow.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "detectors/tuple.h"
#include "model/audit_event.h"
#include "model/finding.h"

namespace oddverb {
namespace {

using std::string_view;

absl::StatusOr<std::string> Required(const YamlNode& entry, string_view key) {
  YamlNode node = entry.Get(key);
  ODDVERB_ASSIGN_OR_RETURN(std::string text, node.AsString());
  if (text.empty()) {
    return node.Error(absl::StrCat("an entry of allow needs \"", A(key), "\""));
  }
  return text;
}

absl::StatusOr<absl::Time> ExpiryOf(const YamlNode& entry) {
  ODDVERB_ASSIGN_OR_RETURN(std::string text, Required(entry, "expires"));
  absl::Time time;
  std::string error;
  for (const char* format : {absl::RFC3339_full, "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, &time, &error)) return time;
  }
  return entry.Get("expires").Error(
      absl::StrCat("expected a date or time such as 2027-01-31 or "
                   "2027-01-31T12:00:00Z, not \"",
                   Bounded(text, 64), "\""));
}

absl::Status ReadResource(const YamlNode& entry, AllowedRefusal& allowed) {
  YamlNode resource = entry.Get("resource");
  YamlNode path = entry.Get("path");
  ODDVERB_ASSIGN_OR_RETURN(allowed.resource, resource.AsString());
  ODDVERB_ASSIGN_OR_RETURN(allowed.path, path.AsString());
  ODDVERB_ASSIGN_OR_RETURN(allowed.group, entry.Get("group").AsString());
  ODDVERB_ASSIGN_OR_RETURN(allowed.ns, entry.Get("namespace").AsString());
  if (allowed.resource.empty() == allowed.path.empty()) {
    return entry.Error(
        "an entry of allow needs either \"resource\" or \"path\"");
  }
  if (!allowed.path.empty() && !allowed.path.starts_with('/')) {
    return path.Error("a path begins with /");
  }
  size_t slash = allowed.resource.find('/');
  if (slash != std::string::npos) {
    allowed.subresource = allowed.resource.substr(slash + 1);
    allowed.resource.resize(slash);
  }
  return absl::OkStatus();
}

absl::StatusOr<AllowedRefusal> ReadEntry(const YamlNode& entry) {
  AllowedRefusal allowed;
  ODDVERB_ASSIGN_OR_RETURN(allowed.actor, Required(entry, "actor"));
  ODDVERB_ASSIGN_OR_RETURN(allowed.verb, Required(entry, "verb"));
  ODDVERB_RETURN_IF_ERROR(ReadResource(entry, allowed));
  // For whoever reads the file later; nothing else uses it.
  ODDVERB_RETURN_IF_ERROR(Required(entry, "reason").status());
  ODDVERB_ASSIGN_OR_RETURN(allowed.expires, ExpiryOf(entry));
  ODDVERB_RETURN_IF_ERROR(entry.CheckAllKeysUsed());
  for (string_view key :
       {"actor", "verb", "resource", "group", "namespace", "path"}) {
    YamlNode value = entry.Get(key);
    if (value.text().find('*') != string_view::npos) {
      return value.Error(
          "an entry of allow is exact: no *. Leave namespace out for requests "
          "to the whole cluster, or suppress the finding");
    }
  }
  return allowed;
}

uint64_t KeyOf(const KeyedHash& hash, string_view actor, uint64_t tuple) {
  return hash.Combine(hash.Hash(actor), tuple);
}

}  // namespace

absl::StatusOr<std::vector<AllowedRefusal>> AllowedRefusal::FromYaml(
    const YamlNode& node) {
  std::vector<AllowedRefusal> entries;
  if (node.present() && node.kind() != YamlNode::Kind::kSequence) {
    return node.Error("expected a list of entries");
  }
  for (const YamlNode& item : node.Items()) {
    if (item.kind() != YamlNode::Kind::kMapping) {
      return item.Error(
          "expected an entry with actor, verb, resource, "
          "namespace, reason and expires");
    }
    if (entries.size() >= kMaxEntries) {
      return item.Error(absl::StrCat("more than ", kMaxEntries, " entries"));
    }
    ODDVERB_ASSIGN_OR_RETURN(AllowedRefusal entry, ReadEntry(item));
    entries.push_back(std::move(entry));
  }
  return entries;
}

AllowedRefusals::AllowedRefusals(const KeyedHash& hash,
                                 const std::vector<AllowedRefusal>& entries)
    : hash_(hash), count_(static_cast<uint32_t>(entries.size())) {
  HashInput scratch;
  for (uint32_t i = 0; i < count_; ++i) {
    const AllowedRefusal& entry = entries[i];
    // The tuple of a request like it.
    AuditEvent event;
    event.verb = entry.verb;
    event.request_uri = entry.path;
    event.object.present = entry.path.empty();
    event.object.api_group = entry.group;
    event.object.resource = entry.resource;
    event.object.subresource = entry.subresource;
    event.object.ns = entry.ns;
    uint64_t tuple = HashTuple(hash_, TupleOf(event), scratch);
    Entry& known = entries_[KeyOf(hash_, entry.actor, tuple)];
    if (entry.expires > known.end) known = {i, entry.expires};
  }
}

std::optional<uint32_t> AllowedRefusals::Find(string_view actor, uint64_t tuple,
                                              absl::Time time) const {
  if (entries_.empty()) return std::nullopt;
  auto found = entries_.find(KeyOf(hash_, actor, tuple));
  if (found == entries_.end() || time >= found->second.end) return std::nullopt;
  return found->second.number;
}

void AllowedRefusals::AddEntries(std::map<uint32_t, uint64_t>& counts) const {
  for (uint32_t i = 0; i < count_; ++i) counts.try_emplace(i, 0);
}

}  // namespace oddverb
