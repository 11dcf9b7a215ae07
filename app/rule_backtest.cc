#include "app/rule_backtest.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "app/number_text.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "rules/live_rules.h"

namespace oddverb {
namespace {

constexpr size_t kMinNameColumns = 20;
constexpr size_t kMaxNameColumns = 60;
// Of the rules that matched nothing, so many are named.
constexpr size_t kMaxSilent = 100;

// A minute at least: of a shorter log nothing follows about a day.
constexpr double kLeastDays = 1.0 / (24 * 60);

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone());
}

// For people: of many packs the rules have no names, and their ids say
// nothing.
std::string ShownName(const Rule& rule) {
  const std::string& name = rule.name.empty() ? rule.title : rule.name;
  return VisibleText(name.empty() ? rule.id : name, Charset::kUtf8);
}

std::string ADay(double number) {
  return number < 10 ? absl::StrFormat("%.1f", number)
                     : WithCommas(static_cast<uint64_t>(number + 0.5));
}

}  // namespace

RuleBacktest::RuleBacktest(const LoadedRules& loaded) {
  for (const Rule& rule : loaded.rules->rules()) {
    if (rule.alerts) rows_[&rule].rule = &rule;
  }
  for (const Correlation& correlation : loaded.correlations->correlations()) {
    const Rule& rule = correlation.rule;
    if (rule.alerts) rows_[&rule].rule = &rule;
  }
}

void RuleBacktest::AddRecord(const InputRecord& record) {
  ++records_;
  if (record.time == absl::InfinitePast()) return;
  first_ = std::min(first_, record.time);
  last_ = std::max(last_, record.time);
}

void RuleBacktest::AddMatch(const RecordMatch& match) {
  Row& row = rows_.at(match.rule);
  ++row.matches;
  auto it = row.entities.find(match.entity);
  if (it != row.entities.end()) {
    ++it->second;
  } else if (row.entities.size() < kMaxEntities) {
    row.entities.emplace(match.entity, 1);
  } else {
    ++row.other_entities;
  }
}

std::vector<const RuleBacktest::Row*> RuleBacktest::Sorted() const {
  std::vector<const Row*> rows;
  for (const auto& [rule, row] : rows_) rows.push_back(&row);
  std::sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) {
    auto order = [](const Row* row) {
      return std::tuple(~row->matches, RuleHandle(*row->rule),
                        row->rule->place.file, row->rule->place.line);
    };
    return order(a) < order(b);
  });
  return rows;
}

RuleBacktest::Top RuleBacktest::TopEntities(const Row& row) {
  Top top(row.entities.begin(), row.entities.end());
  std::sort(top.begin(), top.end(), [](const auto& a, const auto& b) {
    return std::pair(~a.second, a.first) < std::pair(~b.second, b.first);
  });
  if (top.size() > kShownEntities) top.resize(kShownEntities);
  return top;
}

double RuleBacktest::Days() const {
  if (first_ > last_) return kLeastDays;
  return std::max(absl::ToDoubleHours(last_ - first_) / 24, kLeastDays);
}

std::string RuleBacktest::Head() const {
  std::string text = Counted(records_, "record");
  if (first_ <= last_) {
    absl::StrAppend(&text, ", ", TimeText(first_), " to ", TimeText(last_),
                    " UTC");
  }
  return text + "\n";
}

std::string RuleBacktest::Text() const {
  std::string text = Head();
  size_t columns = kMinNameColumns;
  for (const auto& [rule, row] : rows_) {
    if (row.matches == 0) continue;
    columns = std::max(columns, ShownName(*rule).size());
  }
  const int width = static_cast<int>(std::min(columns, kMaxNameColumns));
  absl::StrAppendFormat(&text, "%-*s  %-13s %9s %9s %9s  %s\n", width, "RULE",
                        "LEVEL", "MATCHES", "A DAY", "ENTITIES", "MOST BY");
  std::vector<std::string> silent;
  for (const Row* row : Sorted()) {
    if (row->matches == 0) {
      silent.push_back(ShownName(*row->rule));
      continue;
    }
    std::string name = ShownName(*row->rule);
    Top top = TopEntities(*row);
    absl::StrAppendFormat(
        &text, "%-*s  %-13s %9s %9s %9s  %s\n", width, name,
        A(RuleLevelName(row->rule->level)), WithCommas(row->matches),
        ADay(static_cast<double>(row->matches) / Days()),
        absl::StrCat(WithCommas(row->entities.size()),
                     row->other_entities > 0 ? "+" : ""),
        absl::StrJoin(top, ", ", [](std::string* out, const auto& one) {
          absl::StrAppend(
              out,
              one.first.empty() ? "-" : VisibleText(one.first, Charset::kUtf8),
              " (", WithCommas(one.second), ")");
        }));
  }
  absl::StrAppend(&text, Counted(silent.size(), "rule"), " matched nothing");
  const size_t more = silent.size() - std::min(silent.size(), kMaxSilent);
  silent.resize(silent.size() - more);
  if (!silent.empty()) {
    absl::StrAppend(&text, ": ", absl::StrJoin(silent, ", "));
  }
  if (more > 0) absl::StrAppend(&text, " and ", WithCommas(more), " more");
  return text + "\n";
}

std::string RuleBacktest::Json() const {
  JsonWriter json;
  json.BeginArray();
  for (const Row* row : Sorted()) {
    json.BeginObject();
    json.Key("rule").String(RuleHandle(*row->rule));
    json.Key("id").String(row->rule->id);
    json.Key("title").String(row->rule->title);
    json.Key("level").String(RuleLevelName(row->rule->level));
    json.Key("matches").Int(static_cast<int64_t>(row->matches));
    json.Key("matches_per_day")
        .Double(static_cast<double>(row->matches) / Days());
    json.Key("entities").Int(static_cast<int64_t>(row->entities.size()));
    json.Key("top_entities").BeginArray();
    for (const auto& [entity, matches] : TopEntities(*row)) {
      json.BeginObject();
      json.Key("entity").String(entity);
      json.Key("matches").Int(static_cast<int64_t>(matches));
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  return json.Release() + "\n";
}

}  // namespace oddverb
