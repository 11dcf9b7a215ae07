#include "detectors/forbidden_state.h"

#include <algorithm>
#include <cmath>

#include "model/finding_state.h"

namespace oddverb {
namespace {

// 5 wrote each number, however near to others or often 0 it is.
constexpr uint64_t kWideFormat = 5, kFormat = RefusalRecord::kFormat;
// What there is besides, in kFormat.
constexpr uint64_t kHasSuccesses = 1, kHasFailures = 2, kHasRefused = 4;
constexpr size_t kMaxExampleBytes = 256;
// A slow attacker that fails all day must not thereby become an actor that
// fails normally.
constexpr uint16_t kMaxSettledFailuresPerDay = 3;
// Below, a score is forgotten with all its evidence.
constexpr double kForgotten = 0.25;
// Events may be this late (webhook batches wait 30 s); later ones weigh as if
// they had decayed.
constexpr absl::Duration kAllowedLateness = absl::Minutes(10);
constexpr size_t kMaxPartBytes = 64;  // of a name
constexpr double kScoreUnits = 256;   // of Remains::score

uint16_t AddCapped(uint16_t a, uint32_t b) {
  return static_cast<uint16_t>(std::min<uint32_t>(a + b, UINT16_MAX));
}

// What leaves the unsettled hours after `hours` have passed.
uint32_t Settle(SettledCount& count, uint32_t hours) {
  uint32_t ripe = count.previous;
  count.previous = count.current;
  count.current = 0;
  if (hours > 1) {
    ripe += count.previous;
    count.previous = 0;
  }
  return ripe;
}

void SaveCount(const SettledCount& count, StateWriter& out) {
  out.PutNumbers({count.settled, count.previous, count.current});
}

uint16_t GetU16(StateReader& in) { return static_cast<uint16_t>(in.GetU64()); }
uint32_t GetU32(StateReader& in) { return static_cast<uint32_t>(in.GetU64()); }

uint64_t GetAtMost(StateReader& in, uint64_t most) {
  uint64_t value = in.GetU64();
  if (value <= most) return value;
  in.Fail();
  return 0;
}

void LoadCount(StateReader& in, SettledCount& count) {
  const auto [settled, previous, current] = in.GetNumbers<3>();
  count.settled = static_cast<uint16_t>(settled);
  count.previous = static_cast<uint16_t>(previous);
  count.current = static_cast<uint16_t>(current);
}

void SaveScore(const DecayedScore& score, StateWriter& out) {
  out.PutDouble(score.raw_value());
  out.PutTime(score.updated());
}

void LoadScore(StateReader& in, DecayedScore& score) {
  double value = in.GetDouble();
  score.Restore(value, in.GetTime());
}

RefusedKind NewKind(const RefusedAttempt& attempt) {
  RefusedKind::Texts texts;
  texts.verb = Bounded(attempt.event.verb, kMaxPartBytes);
  texts.resource = ResourceText(attempt.tuple);
  if (attempt.tuple.scope != "*") {
    texts.ns = Bounded(attempt.tuple.scope, kMaxPartBytes);
  }
  texts.name = Bounded(attempt.event.object.name, kMaxPartBytes);
  texts.text = TupleText(attempt.tuple, attempt.event.verb);
  // Why it weighs more than others of its kind.
  if (attempt.novelty > 1) texts.text += ", from a new place";
  RefusedKind kind;
  kind.tuple = attempt.hash;
  kind.SetTexts(texts);
  kind.first = attempt.time;
  kind.last = attempt.time;
  return kind;
}

}  // namespace

bool RefusalScore::Add(const RefusedAttempt& attempt, absl::Duration half_life,
                       bool may_restart) {
  absl::Time time = attempt.time;
  bool restarted = may_restart && score.ValueAt(time, half_life) < kForgotten;
  if (restarted) *this = RefusalScore();
  double weight = attempt.weight;
  absl::Duration late = score.updated() - time;
  if (late > kAllowedLateness) {
    weight *= std::exp2(-absl::FDivDuration(late, half_life));
  }
  peak = std::max(peak, score.Add(time, half_life, weight));
  added += weight;
  first = refusals == 0 ? time : std::min(first, time);
  last = refusals == 0 ? time : std::max(last, time);
  ++refusals;
  if (attempt.first_contact) ++kinds;
  return restarted;
}

void RefusalScore::TakeBack(double weight, absl::Duration half_life,
                            absl::Time now) {
  score.Add(now, half_life, -weight);
  peak = std::max(score.raw_value(), peak - weight);
  added = std::max(0.0, added - weight);
}

void RefusalScore::Save(StateWriter& out) const {
  SaveScore(score, out);
  out.PutDouble(peak);
  out.PutDouble(added);
  out.PutTime(first);
  out.PutTime(last);
  out.PutU64(kinds);
  out.PutU64(refusals);
  out.PutU64(repeats);
  out.PutU64(lost);
}

void RefusalScore::Load(StateReader& in) {
  LoadScore(in, score);
  peak = in.GetDouble();
  added = in.GetDouble();
  first = in.GetTime();
  last = in.GetTime();
  kinds = GetU32(in);
  refusals = GetU32(in);
  repeats = GetU32(in);
  lost = GetU32(in);
}

void OpenRefusal::Save(StateWriter& out) const {
  out.PutU64((slow ? 1U : 0U) | successes.size() << 1);
  out.PutDouble(reported_score);
  out.PutTime(deadline);
  SaveFinding(base, out);
  for (const std::string& success : successes) out.PutString(success);
}

void OpenRefusal::Load(StateReader& in) {
  uint64_t flags = in.GetU64();
  slow = (flags & 1) != 0;
  reported_score = in.GetDouble();
  deadline = in.GetTime();
  base = LoadFinding(in);
  successes.clear();
  uint64_t count = flags >> 1;
  if (count > kMaxSuccesses) in.Fail();
  for (; count > 0 && in.status().ok(); --count) {
    successes.emplace_back(in.GetString());
  }
}

bool RefusalRecord::RememberRequest(uint64_t key) {
  if (std::find(requests.begin(), requests.end(), key) != requests.end()) {
    return false;
  }
  requests[next_request] = key;
  next_request = (next_request + 1) % kRecentRequests;
  return true;
}

void RefusalRecord::Add(const RefusedAttempt& attempt) {
  // What is reported keeps its evidence until it is finished.
  bool fast_is_free = open == nullptr || open->slow;
  fast.Add(attempt, kFastHalfLife, fast_is_free);
  if (slow.Add(attempt, kSlowHalfLife, open == nullptr)) {
    kinds.clear();
    evidence.clear();
  }
  AddKind(attempt);
}

void RefusalRecord::TakeBack(std::string_view ns, absl::Time since,
                             absl::Time now, double part) {
  if (open != nullptr) return;
  for (RefusedKind& kind : kinds) {
    if (kind.first < since || kind.texts().ns != ns) continue;
    const double weight = part * kind.weight;
    kind.weight -= weight;
    fast.TakeBack(weight, kFastHalfLife, now);
    slow.TakeBack(weight, kSlowHalfLife, now);
  }
}

void RefusalRecord::AddKind(const RefusedAttempt& attempt) {
  const uint64_t tuple =
      attempt.further_of != 0 ? attempt.further_of : attempt.hash;
  auto kind =
      std::find_if(kinds.begin(), kinds.end(),
                   [&](const RefusedKind& k) { return k.tuple == tuple; });
  if (kind == kinds.end()) {
    if (kinds.size() >= RefusedKind::kMaxKinds) {
      // What a present burst has nothing to do with makes room.
      if (open != nullptr || kinds.front().last >= fast.first) return;
      kinds.erase(kinds.begin());
    }
    kind = kinds.insert(kinds.end(), NewKind(attempt));
  }
  kind->weight += attempt.weight;
  ++kind->count;
  kind->first = std::min(kind->first, attempt.time);
  kind->last = std::max(kind->last, attempt.time);
}

std::optional<Remains> RefusalRecord::Left(absl::Time first_seen) const {
  const double value = slow.score.raw_value();
  // Once told, it begins anew. One refusal adds about two.
  if (open != nullptr || value < 1) return std::nullopt;
  Remains left{
      .digest = refused_before,
      .first_second = SecondOf(first_seen),
      .last_second = SecondOf(slow.score.updated()),
      .score = static_cast<uint16_t>(
          std::min<double>(value * kScoreUnits, UINT16_MAX)),
      .count = static_cast<uint16_t>(std::min<uint32_t>(slow.kinds, 0xffff))};
  for (const RefusedKind& kind : kinds) left.digest |= DigestOf(kind.tuple);
  return left;
}

RefusalRecord RefusalRecord::Of(const Remains& remains) {
  RefusalRecord record;
  RefusalScore& slow = record.slow;
  slow.peak = slow.added = remains.score / kScoreUnits;
  slow.first = slow.last = absl::FromUnixSeconds(remains.last_second);
  slow.score.Restore(slow.added, slow.last);
  slow.kinds = slow.refusals = remains.count;
  record.refused_before = remains.digest;
  return record;
}

void RefusalRecord::Save(StateWriter& out) const {
  fast.Save(out);
  slow.Save(out);
  failed.Save(out);
  for (uint64_t key : requests) out.PutFixed64(key);
  out.PutU64(next_request);
  out.PutU64(kinds.size());
  for (const RefusedKind& kind : kinds) kind.Save(out);
  out.PutU64(evidence.size());
  for (const PackedEvidence& item : evidence) item.Save(out);
  out.PutU64((open != nullptr ? 1U : 0U) | (refused_before != 0 ? 2U : 0U));
  if (open != nullptr) open->Save(out);
  if (refused_before != 0) out.PutFixed64(refused_before);
  out.PutU64(lost.scope);
  out.PutU64(lost.second);
  out.PutU64(lost.kind);
  out.PutU64(lost.is_sure ? 1 : 0);
}

void RefusalRecord::Load(StateReader& in, uint64_t format) {
  fast.Load(in);
  slow.Load(in);
  failed.Load(in);
  for (uint64_t& key : requests) key = in.GetFixed64();
  next_request = static_cast<uint32_t>(in.GetU64() % kRecentRequests);
  kinds.resize(GetAtMost(in, RefusedKind::kMaxKinds));
  for (RefusedKind& kind : kinds) kind.Load(in);
  evidence.resize(GetAtMost(in, Finding::kMaxEvidence));
  for (PackedEvidence& item : evidence) item.Load(in);
  const uint64_t has = GetAtMost(in, 3);
  if ((has & 1) != 0) {
    open = std::make_unique<OpenRefusal>();
    open->Load(in);
  }
  if ((has & 2) != 0) refused_before = in.GetFixed64();
  if (format < kFormat) return;
  lost.scope = GetU32(in);
  lost.second = GetU32(in);
  lost.kind = GetU32(in);
  lost.is_sure = in.GetU64() != 0;
}

void ForbiddenActor::See(const KnownPlaces::Place& place, absl::Time now) {
  const int64_t second = absl::ToUnixSeconds(now);
  const int64_t micros = absl::ToUnixMicros(now);
  if (!seen() || micros < first_seen_micros) first_seen_micros = micros;
  slots.See(now);
  places.See(place, now);
  quiet = {};
  if (place == KnownPlaces::Place()) return;
  // Until its slot ends.
  const int64_t begin = std::max(second, absl::ToUnixSeconds(first_seen()));
  const int64_t end = WorkSlots::EndOf(second);
  if (begin < 1 || end > UINT32_MAX) return;
  quiet = {place, static_cast<uint32_t>(begin),
           static_cast<uint32_t>(end - begin)};
}

void ForbiddenActor::SettleCounts(absl::Time now) {
  int64_t seconds = std::max<int64_t>(absl::ToUnixSeconds(now), 0);
  uint32_t new_hour =
      static_cast<uint32_t>(std::min<int64_t>(seconds / 3600, UINT32_MAX));
  if (new_hour <= hour) return;
  uint32_t hours = new_hour - hour;
  uint16_t day = static_cast<uint16_t>(hour / 24);
  hour = new_hour;
  successes.settled = AddCapped(successes.settled, Settle(successes, hours));
  uint32_t ripe = Settle(failures, hours);
  if (ripe == 0) return;
  if (day != failures_day) {
    failures_day = day;
    failures_today = 0;
  }
  uint32_t room = kMaxSettledFailuresPerDay -
                  std::min(failures_today, kMaxSettledFailuresPerDay);
  ripe = std::min(ripe, room);
  failures_today = AddCapped(failures_today, ripe);
  failures.settled = AddCapped(failures.settled, ripe);
}

void ForbiddenActor::Save(StateWriter& out) const {
  const bool has_failures =
      failures.any() || failures_day != 0 || failures_today != 0;
  out.PutVersion(kFormat);
  out.PutU64((successes.any() ? kHasSuccesses : 0) |
             (has_failures ? kHasFailures : 0) |
             (refused != nullptr ? kHasRefused : 0));
  out.PutMicros(first_seen_micros);
  const uint32_t born = SecondOf(first_seen());
  places.SaveNear(born, out);
  allowed.Save(out);
  examples.Save(out);
  out.PutI64(int64_t{hour} - born / 3600);
  if (successes.any()) SaveCount(successes, out);
  if (has_failures) {
    SaveCount(failures, out);
    out.PutU64(failures_day);
    out.PutU64(failures_today);
  }
  slots.Save(out);
  if (refused != nullptr) refused->Save(out);
}

void ForbiddenActor::Load(StateReader& in) {
  const uint64_t format = in.GetVersion(kFormat);
  if (format != kWideFormat && format != kFormat) return in.Fail();
  const bool is_wide = format == kWideFormat;
  const uint64_t has = is_wide ? kHasSuccesses | kHasFailures : in.GetU64();
  first_seen_micros = in.GetMicros();
  const uint32_t born = SecondOf(first_seen());
  is_wide ? places.Load(in) : places.LoadNear(born, in);
  allowed.Load(in);
  examples.Load(in, kMaxExampleBytes);
  hour =
      is_wide ? GetU32(in) : born / 3600 + static_cast<uint32_t>(in.GetI64());
  if ((has & kHasSuccesses) != 0) LoadCount(in, successes);
  if ((has & kHasFailures) != 0) {
    LoadCount(in, failures);
    failures_day = GetU16(in);
    failures_today = GetU16(in);
  }
  slots.Load(in);
  const bool was_refused =
      is_wide ? in.GetU64() != 0 : (has & kHasRefused) != 0;
  if (!was_refused) return;
  refused = std::make_unique<RefusalRecord>();
  refused->Load(in, format);
}

}  // namespace oddverb
