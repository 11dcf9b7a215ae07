#include "exporters/alert_api.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/uri.h"
#include "exporters/alert_matcher.h"

namespace oddverb {
namespace {

// Everything goes to one receiver, which is whoever asks.
constexpr std::string_view kReceiver = "oddverb";
constexpr std::string_view kGroupBy[] = {"alertname", "cluster"};
// Read by Grafana and printed by amtool: a configuration of Alertmanager that
// says what the answers are made by.
constexpr std::string_view kConfig =
    "route:\n"
    "  receiver: oddverb\n"
    "  group_by: [alertname, cluster]\n"
    "receivers:\n"
    "- name: oddverb\n";

// What a request asks for, with Alertmanager's defaults. Alerts here are always
// active: that they may be silenced or inhibited, or must not be, leaves none
// out.
struct AlertQuery {
  std::vector<AlertMatcher> matchers;
  bool wants_active = true;
  bool wants_receiver = true;

  bool Wants(const ActiveAlert& active) const {
    return wants_active && wants_receiver &&
           std::all_of(matchers.begin(), matchers.end(),
                       [&](const AlertMatcher& matcher) {
                         return matcher.Matches(active.alert->labels);
                       });
  }
};

// As Go's swag.ConvertBool, which Alertmanager reads them with.
bool IsTrue(std::string_view value) {
  for (const char* word : {"true", "1", "yes", "ok", "y", "on", "selected",
                           "checked", "t", "enabled"}) {
    if (absl::EqualsIgnoreCase(A(value), word)) return true;
  }
  return false;
}

absl::StatusOr<AlertQuery> ParseQuery(std::string_view query) {
  AlertQuery parsed;
  QueryPairs pairs(query);
  for (QueryPair pair; pairs.Next(pair);) {
    std::string name = PercentDecode(pair.name, PlusIs::kBlank);
    std::string value = PercentDecode(pair.value, PlusIs::kBlank);
    if (name == "filter") {
      ODDVERB_ASSIGN_OR_RETURN(AlertMatcher matcher,
                               AlertMatcher::Parse(value));
      parsed.matchers.push_back(std::move(matcher));
    } else if (name == "active" && !value.empty()) {
      parsed.wants_active = IsTrue(value);
    } else if (name == "receiver" && !value.empty()) {
      absl::StatusOr<WholeMatch> receiver = WholeMatch::Parse(value);
      if (!receiver.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "failed to parse receiver param: ", receiver.status().message()));
      }
      parsed.wants_receiver = receiver->Matches(kReceiver);
    }
  }
  return parsed;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E3SZ", time,
                          absl::UTCTimeZone());
}

HttpResponse Json(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  response.body += '\n';
  return response;
}

// The body of Alertmanager's 400 is a JSON string.
HttpResponse BadRequest(const absl::Status& status) {
  JsonWriter json;
  json.String(S(status.message()));
  return Json(400, json.Release());
}

void WriteReceiver(JsonWriter& json) {
  json.BeginObject().Key("name").String(kReceiver).EndObject();
}

void WriteAlert(const ActiveAlert& active, absl::Time now, JsonWriter& json) {
  const Alert& alert = *active.alert;
  json.BeginObject();
  json.Key("annotations");
  WriteAlertTexts(alert.annotations, json);
  // One that no Alertmanager has taken has no end yet.
  absl::Time ends_at = active.ends_at == absl::InfiniteFuture()
                           ? now + absl::Hours(1)
                           : active.ends_at;
  json.Key("endsAt").String(TimeText(ends_at));
  json.Key("fingerprint")
      .String(absl::StrFormat("%016x", AlertFingerprint(alert.labels)));
  json.Key("receivers").BeginArray();
  WriteReceiver(json);
  json.EndArray();
  json.Key("startsAt").String(TimeText(active.starts_at));
  json.Key("status").BeginObject();
  json.Key("inhibitedBy").BeginArray().EndArray();
  json.Key("silencedBy").BeginArray().EndArray();
  json.Key("state").String("active").EndObject();
  json.Key("updatedAt").String(TimeText(active.updated_at));
  if (!alert.generator_url.empty()) {
    json.Key("generatorURL").String(alert.generator_url);
  }
  json.Key("labels");
  WriteAlertTexts(alert.labels, json);
  json.EndObject();
}

// In Alertmanager's order.
std::vector<ActiveAlert> Chosen(std::vector<ActiveAlert> all,
                                const AlertQuery& query) {
  std::erase_if(all, [&](const ActiveAlert& a) { return !query.Wants(a); });
  std::vector<std::pair<uint64_t, ActiveAlert>> keyed;
  for (ActiveAlert& active : all) {
    keyed.emplace_back(AlertFingerprint(active.alert->labels),
                       std::move(active));
  }
  std::stable_sort(
      keyed.begin(), keyed.end(),
      [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ActiveAlert> chosen;
  for (auto& [fingerprint, active] : keyed) chosen.push_back(std::move(active));
  return chosen;
}

AlertTexts GroupLabels(const Alert& alert) {
  AlertTexts labels;
  for (std::string_view name : kGroupBy) {
    std::string_view value = TextOf(alert.labels, name);
    if (!value.empty())
      labels.push_back({std::string(name), std::string(value)});
  }
  return labels;
}

}  // namespace

AlertApi::AlertApi(const ActiveAlerts& alerts, Build build)
    : alerts_(alerts), build_(std::move(build)) {}

HttpResponse AlertApi::Answer(std::string_view path, std::string_view query,
                              absl::Time now) const {
  std::string_view page = path;
  if (page.starts_with(kPrefix)) page.remove_prefix(kPrefix.size());
  if (page == "alerts") return Alerts(query, now);
  if (page == "alerts/groups") return Groups(query, now);
  if (page == "status") return Status();
  if (page == "silences") return Json(200, "[]");
  if (page == "receivers") {
    JsonWriter json;
    json.BeginArray();
    WriteReceiver(json);
    json.EndArray();
    return Json(200, json.Release());
  }
  JsonWriter json;
  json.BeginObject().Key("code").Int(404);
  json.Key("message").String(absl::StrCat("path ", A(path), " was not found"));
  json.EndObject();
  return Json(404, json.Release());
}

HttpResponse AlertApi::Alerts(std::string_view query, absl::Time now) const {
  absl::StatusOr<AlertQuery> parsed = ParseQuery(query);
  if (!parsed.ok()) return BadRequest(parsed.status());
  JsonWriter json;
  json.BeginArray();
  for (const ActiveAlert& active : Chosen(alerts_.FiringAt(now), *parsed)) {
    WriteAlert(active, now, json);
  }
  json.EndArray();
  return Json(200, json.Release());
}

HttpResponse AlertApi::Groups(std::string_view query, absl::Time now) const {
  absl::StatusOr<AlertQuery> parsed = ParseQuery(query);
  if (!parsed.ok()) return BadRequest(parsed.status());
  struct Group {
    AlertTexts labels;
    std::vector<ActiveAlert> alerts;
  };
  std::map<std::string, Group> groups;
  for (ActiveAlert& active : Chosen(alerts_.FiringAt(now), *parsed)) {
    AlertTexts labels = GroupLabels(*active.alert);
    std::string key;
    for (const AlertText& label : labels) {
      absl::StrAppend(&key, label.name, "\xff", label.value, "\xff");
    }
    Group& group = groups[key];
    group.labels = std::move(labels);
    group.alerts.push_back(std::move(active));
  }
  JsonWriter json;
  json.BeginArray();
  for (const auto& [key, group] : groups) {
    json.BeginObject().Key("alerts").BeginArray();
    for (const ActiveAlert& active : group.alerts) {
      WriteAlert(active, now, json);
    }
    json.EndArray().Key("labels");
    WriteAlertTexts(group.labels, json);
    json.Key("receiver");
    WriteReceiver(json);
    json.EndObject();
  }
  json.EndArray();
  return Json(200, json.Release());
}

HttpResponse AlertApi::Status() const {
  JsonWriter json;
  json.BeginObject();
  json.Key("cluster").BeginObject();
  json.Key("peers").BeginArray().EndArray();
  json.Key("status").String("disabled").EndObject();
  json.Key("config").BeginObject();
  json.Key("original").String(kConfig).EndObject();
  json.Key("uptime").String(TimeText(build_.started));  // since when, in fact
  json.Key("versionInfo").BeginObject();
  // All of them are required by Alertmanager's API.
  json.Key("branch").String("");
  json.Key("buildDate").String("");
  json.Key("buildUser").String("");
  json.Key("goVersion").String("");
  json.Key("revision").String(build_.revision);
  json.Key("version").String(build_.version).EndObject();
  json.EndObject();
  return Json(200, json.Release());
}

}  // namespace oddverb
