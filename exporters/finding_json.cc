#include "exporters/finding_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/time/time.h"
#include "base/json_writer.h"
#include "exporters/format_text.h"

namespace oddverb {
namespace {

// Moves rounded `units` by `missing` units in all: one each to the values that
// rounding moved the furthest the other way, and round again if need be.
void Distribute(int64_t missing, const std::vector<double>& exact,
                std::vector<int64_t>& units) {
  const int64_t step = missing < 0 ? -1 : 1;
  auto loss = [&](size_t i) {
    const double moved = exact[i] - static_cast<double>(units[i]);
    return moved * static_cast<double>(step);
  };
  std::vector<size_t> order(units.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return loss(a) > loss(b); });
  for (size_t i = 0; missing != 0; i = (i + 1) % order.size()) {
    units[order[i]] += step;
    missing -= step;
  }
}

std::vector<int64_t> ContributionUnits(const Finding& finding) {
  std::vector<double> exact;
  std::vector<int64_t> units;
  double exact_sum = 0;
  int64_t sum = 0;
  for (const FindingReason& reason : finding.why) {
    exact.push_back(FiniteNumber(reason.contribution) *
                    static_cast<double>(kDecimalUnit));
    units.push_back(DecimalUnits(reason.contribution));
    exact_sum += exact.back();
    sum += units.back();
  }
  const double exact_score =
      FiniteNumber(finding.score) * static_cast<double>(kDecimalUnit);
  // One unit, and what adding doubles may lose.
  const double tolerance = 1 + 1e-12 * std::abs(exact_score);
  const bool sums_up = std::abs(exact_sum - exact_score) <= tolerance;
  if (sums_up && !units.empty()) {
    Distribute(DecimalUnits(finding.score) - sum, exact, units);
  }
  return units;
}

// The members of the object, in their order.
class FindingWriter {
 public:
  explicit FindingWriter(const Finding& finding) : finding_(finding) {}

  std::string Write() {
    json_.BeginObject();
    WriteDecision();
    WriteStory();
    WriteSubject();
    WriteReasons();
    WriteEvidence();
    json_.EndObject();
    return json_.Release();
  }

 private:
  void Text(std::string_view key, std::string_view value) {
    json_.Key(key).String(value);
  }
  void Number(std::string_view key, int64_t units) {
    json_.Key(key).Raw(DecimalText(units));
  }
  void Time(std::string_view key, absl::Time time) {
    json_.Key(key).String(TimeText(time));
  }
  void Texts(std::string_view key, const std::vector<std::string>& values) {
    json_.Key(key).BeginArray();
    for (const std::string& value : values) json_.String(value);
    json_.EndArray();
  }

  void WriteDecision() {
    Text("schema", "oddverb.finding/v1");
    Text("id", finding_.id.ToHex());
    Text("cluster", finding_.cluster);
    Text("rule", finding_.rule);
    Text("detector", finding_.detector);
    Text("source", finding_.source);
    json_.Key("rule_version").Int(finding_.rule_version);
    Text("severity", SeverityName(finding_.severity));
    Number("confidence",
           DecimalUnits(std::clamp(FiniteNumber(finding_.confidence), 0., 1.)));
    Number("score", DecimalUnits(finding_.score));
    Number("threshold", DecimalUnits(finding_.threshold));
    Text("state", FindingStateName(finding_.state));
    json_.Key("warming").Bool(finding_.warming);
  }

  void WriteStory() {
    Text("title", finding_.title);
    Text("summary", finding_.summary);
    Time("time", finding_.time);
    Time("first_seen", finding_.first_seen);
    Time("last_seen", finding_.last_seen);
    json_.Key("count").Int(finding_.count);
  }

  void WriteSubject() {
    Text("entity", finding_.entity);
    Text("entity_kind", finding_.entity_kind);
    json_.Key("who").BeginObject();
    Text("user", finding_.who.user);
    Texts("groups", finding_.who.groups);
    Text("credential_id", finding_.who.credential_id);
    Text("impersonated", finding_.who.impersonated);
    Text("pod", finding_.who.pod);
    Text("node", finding_.who.node);
    json_.EndObject();
    json_.Key("where").BeginObject();
    Text("source_ip", finding_.where.source_ip);
    Texts("claimed_ips", finding_.where.claimed_ips);
    Text("user_agent", finding_.where.user_agent);
    json_.EndObject();
    json_.Key("what").BeginObject();
    Texts("verbs", finding_.what.verbs);
    Texts("resources", finding_.what.resources);
    Texts("namespaces", finding_.what.namespaces);
    Texts("names", finding_.what.names);
    json_.EndObject();
  }

  void WriteReasons() {
    const std::vector<int64_t> contributions = ContributionUnits(finding_);
    json_.Key("why").BeginArray();
    for (size_t i = 0; i < finding_.why.size(); ++i) {
      json_.BeginObject();
      Text("feature", finding_.why[i].feature);
      Text("value", finding_.why[i].value);
      Number("contribution", contributions[i]);
      json_.EndObject();
    }
    json_.EndArray();
    Text("normal", finding_.normal);
    Texts("next", finding_.next);
    Texts("benign_checks", finding_.benign_checks);
  }

  void WriteEvidence() {
    json_.Key("decoded").BeginArray();
    for (const DecodedLayer& layer : finding_.decoded) {
      json_.BeginObject();
      Text("layer", layer.layer);
      Text("text", layer.text);
      json_.EndObject();
    }
    json_.EndArray();
    json_.Key("evidence").BeginArray();
    for (const Evidence& event : finding_.evidence) {
      json_.BeginObject();
      Text("audit_id", event.audit_id);
      Time("time", event.time);
      Text("verb", event.verb);
      Text("uri", event.uri);
      json_.Key("code").Int(event.code);
      json_.EndObject();
    }
    json_.EndArray();
    Texts("attack", finding_.attack);
    json_.Key("practice").BeginArray();
    for (int practice : finding_.practice) json_.Int(practice);
    json_.EndArray();
  }

  const Finding& finding_;
  JsonWriter json_;
};

}  // namespace

void AppendFindingJson(const Finding& finding, std::string& out) {
  out += FindingWriter(finding).Write();
}

}  // namespace oddverb
