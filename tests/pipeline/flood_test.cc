// A flood of invented addresses, programs and impersonated names with one slow
// attack inside, through the whole pipeline with all detectors.
//
// ODDVERB_PROOF_LOAD=1 is the full size: 20 million events, 5 million invented
// addresses, some minutes; the default is what CI can bear.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/keyed_hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/identity.h"
#include "pipeline/memory_plan.h"
#include "pipeline/pipeline.h"
#include "pipeline/routed_batch.h"
#include "tests/support/generated_source.h"
#include "tests/support/pipeline_run.h"
#include "tests/support/sanitizers.h"
#include "tests/support/status_matchers.h"

namespace oddverb {
namespace {

constexpr char kProbing[] = "system:serviceaccount:shop:web";
constexpr char kStolen[] = "system:serviceaccount:shop:cart";
constexpr char kImpersonator[] = "mallory@example.com";

uint64_t FloodEvents() {
  const char* text = std::getenv("ODDVERB_PROOF_LOAD");
  double load = text == nullptr ? 0 : std::atof(text);
  return std::max<uint64_t>(600'000, static_cast<uint64_t>(20e6 * load));
}

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0;
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

struct Request {
  std::string user;    // JSON, the value of "user"
  std::string fields;  // further ones, each with a comma behind it
  std::string resource = "pods";
  std::string ns = "shop";
  std::string ip;
  std::string agent = "kubectl/v1.30.0 (linux/amd64) kubernetes/abcdef0";
  int code = 200;
};

// A service account with the token of its only pod.
std::string PodUser(const std::string& name, const std::string& ns) {
  return absl::StrCat(
      R"({"username":")", name, R"(","uid":"5a000000-0000-4000-8000-)",
      absl::Hex(name.size(), absl::kZeroPad12),
      R"(","groups":["system:serviceaccounts","system:serviceaccounts:)", ns,
      R"(","system:authenticated"],"extra":{)",
      R"("authentication.kubernetes.io/credential-id":["JTI=)", name,
      R"("],"authentication.kubernetes.io/node-name":["node-1"],)",
      R"("authentication.kubernetes.io/pod-name":["web-1"],)",
      R"("authentication.kubernetes.io/pod-uid":["90000000-0000-4000-8000-)",
      absl::Hex(name.size(), absl::kZeroPad12), R"("]}})");
}

std::string PersonUser(const std::string& name) {
  return absl::StrCat(R"({"username":")", name,
                      R"(","groups":["developers","system:authenticated"]})");
}

std::string InventedAddress(uint64_t who) {
  return absl::StrCat("2001:db8:", absl::Hex(who >> 16), ":",
                      absl::Hex(who & 0xffff), "::1");
}

// Of anonymous callers that fall on the shard of `user`.
std::vector<std::string> AddressesBeside(std::string_view user, size_t count) {
  const KeyedHash hash;
  const uint64_t shard = hash.Hash(user) % kLogicalShards;
  std::vector<std::string> addresses;
  for (uint64_t who = 0; addresses.size() < count; ++who) {
    std::string ip = InventedAddress(who);
    uint64_t key = hash.Combine(
        static_cast<uint64_t>(IdentityClass::kAnonymous), hash.Hash(ip));
    if (key % kLogicalShards == shard) addresses.push_back(std::move(ip));
  }
  return addresses;
}

// Service accounts with valid tokens that fall on the shard of `user`.
std::vector<std::string> AccountsBeside(std::string_view user, size_t count) {
  const KeyedHash hash;
  const uint64_t shard = hash.Hash(user) % kLogicalShards;
  std::vector<std::string> names;
  for (uint64_t who = 0; names.size() < count; ++who) {
    std::string name = absl::StrCat("system:serviceaccount:shop:job-", who);
    if (hash.Hash(name) % kLogicalShards == shard) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

// Twelve hours. Every fourth event of an invented address is its last.
class FloodStream {
 public:
  explicit FloodStream(uint64_t events)
      : events_(events), addresses_(events / 4) {}
  // Anonymous requests from `addresses` alone.
  static FloodStream OfAddresses(uint64_t events,
                                 std::vector<std::string> addresses) {
    FloodStream flood(events);
    flood.addresses_ = addresses.size();
    flood.anonymous_ = std::move(addresses);
    return flood;
  }
  // What `accounts` may do alone.
  static FloodStream OfAccounts(uint64_t events,
                                std::vector<std::string> accounts) {
    FloodStream flood(events);
    flood.addresses_ = accounts.size();
    flood.accounts_ = std::move(accounts);
    return flood;
  }

  bool Next(std::string& out) {
    if (serial_ == events_) return false;
    uint64_t n = serial_++;
    // The slow attack: a refusal every half hour, from what the pod never used.
    if (n == 0 || n % (events_ / kSteps) == 0) {
      uint64_t step = n / (events_ / kSteps);
      Request probe;
      probe.user = PodUser(kProbing, "shop");
      probe.ip = "10.1.2.3";
      if (step > 0) probe.resource = absl::StrCat("things", step);
      probe.code = step > 0 ? 403 : 200;
      Write(probe, out);
    } else if (n % (events_ / kSteps) == 7) {
      // Its pod uses the token all day; a thief twice, in the evening.
      uint64_t step = n / (events_ / kSteps);
      Request use;
      use.user = PodUser(kStolen, "shop");
      bool is_thief = step == 17 || step == 19;
      use.ip = is_thief ? "203.0.113.7" : "10.1.2.4";
      if (!is_thief) use.agent = "cart/v1.0.0 (linux/amd64) kubernetes/a";
      Write(use, out);
    } else {
      WriteInvented(n, out);
    }
    return true;
  }
  uint64_t written() const { return serial_; }

 private:
  static constexpr uint64_t kSteps = 25;

  // Of the events of an address, two follow each other and two come far apart.
  void WriteInvented(uint64_t n, std::string& out) {
    uint64_t who = n / 2 % addresses_;
    Request request;
    if (!accounts_.empty()) {
      request.user = PodUser(accounts_[who], "shop");
      request.ip = "10.1.2.5";
      Write(request, out);
      return;
    }
    request.ip = anonymous_.empty() ? InventedAddress(who) : anonymous_[who];
    request.agent = absl::StrCat("tool-", who, "/v", n % 100);
    switch (anonymous_.empty() ? who % 3 : 0) {
      case 0:
        request.user = R"({"username":"system:anonymous","groups":["system:)"
                       R"(unauthenticated"]})";
        request.code = 403;
        break;
      case 1:
        request.user = "{}";
        request.code = 401;
        break;
      default:
        request.user = PersonUser(kImpersonator);
        request.ip = "198.51.100.9";
        request.fields =
            absl::StrCat(R"("impersonatedUser":{"username":"invented-)", who,
                         R"(","groups":["system:authenticated"]},)");
        request.code = 403;
    }
    Write(request, out);
  }

  void Write(const Request& request, std::string& out) {
    double share = static_cast<double>(serial_) / static_cast<double>(events_);
    std::string stamp = absl::FormatTime(
        "%Y-%m-%dT%H:%M:%E6SZ",
        absl::FromUnixSeconds(1'700'000'000) + share * absl::Hours(12.5),
        absl::UTCTimeZone());
    std::string path =
        absl::StrCat("/api/v1/namespaces/", request.ns, "/", request.resource);
    absl::StrAppend(
        &out,
        R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",)",
        R"("auditID":"00000000-0000-4000-8000-)",
        absl::Hex(serial_, absl::kZeroPad12), R"(","stage":")",
        request.code == 401 ? "ResponseStarted" : "ResponseComplete",
        R"(","requestURI":")", path, R"(","verb":"list","user":)", request.user,
        ",", request.fields, R"("sourceIPs":[")", request.ip,
        R"("],"userAgent":")", request.agent, R"(","objectRef":{"resource":")",
        request.resource, R"(","namespace":")", request.ns,
        R"(","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":)",
        request.code, R"(},"requestReceivedTimestamp":")", stamp,
        R"(","stageTimestamp":")", stamp, R"(")");
    if (request.code != 401) {
      absl::StrAppend(&out,
                      R"(,"annotations":{"authorization.k8s.io/decision":")",
                      request.code == 403 ? "forbid" : "allow", R"("})");
    }
    out += '}';
  }

  uint64_t events_, addresses_;
  // One of them, or none: invented ones of all kinds.
  std::vector<std::string> anonymous_, accounts_;
  uint64_t serial_ = 0;
};

// The last state of each finding.
class LastStates final : public Exporter {
 public:
  absl::Status Export(std::span<const Finding> findings, absl::Time) override {
    for (const Finding& finding : findings) by_id_[finding.id] = finding;
    return absl::OkStatus();
  }
  const std::map<Hash128, Finding>& by_id() const { return by_id_; }

 private:
  std::map<Hash128, Finding> by_id_;
};

struct FloodOutcome {
  bool found_probing = false, found_theft = false;
  // Findings of severity medium and more beside those two, by rule.
  std::map<std::string, int> others;
  uint64_t evictions = 0, rejected = 0, resting = 0;
  // RSS half way, when every table has been filled, and at the end.
  int64_t full_bytes = 0, end_bytes = 0;
};

bool IsOf(const Finding& finding, std::string_view rule,
          std::string_view entity) {
  return finding.rule == rule && finding.entity == entity;
}

FloodOutcome Judge(FloodStream flood, uint64_t events,
                   const PipelineOptions& options) {
  FloodOutcome outcome;
  GeneratedSource source([&](std::string& out) { return flood.Next(out); });
  source.OnRead([&] {
    if (outcome.full_bytes == 0 && flood.written() > events / 2) {
      outcome.full_bytes = ResidentBytes();
    }
  });
  auto pipeline = Pipeline::Make(options, AllParts(), nullptr);
  EXPECT_THAT(pipeline.status(), IsOk());
  LastStates found;
  Delivery delivery({}, {&found});
  std::atomic<bool> stop{false};
  EXPECT_THAT((*pipeline)->Run(
                  {{"flood", &source}}, delivery,
                  [&](size_t, const Rejected&) { ++outcome.rejected; }, stop),
              IsOk());
  outcome.end_bytes = ResidentBytes();
  EXPECT_THAT(delivery.Finish(), IsOk());
  outcome.evictions = (*pipeline)->counters().evictions;
  for (const auto& resting : (*pipeline)->counters().resting) {
    outcome.resting += resting;
  }
  for (const auto& [id, finding] : found.by_id()) {
    if (IsOf(finding, "forbidden.low_and_slow", kProbing)) {
      outcome.found_probing = true;
    } else if (IsOf(finding, "token.outside_its_pod", kStolen)) {
      outcome.found_theft = true;
    } else if (finding.severity >= Severity::kMedium) {
      ++outcome.others[finding.rule];
    }
  }
  return outcome;
}

// Before the others, which leave memory behind. As much as a service of that
// budget has, and more than such a service may take: whoever rests is found all
// the same.
TEST(FloodTest, ABudgetIsKeptWhoeverComes) {
  const uint64_t events = FloodEvents();
  constexpr uint64_t kBudget = MemoryPlan::kLeastBudget;
  const MemoryPlan plan = MemoryPlan::Of(kBudget, {});
  PipelineOptions options;
  options.max_bytes_under_way = plan.in_flight;
  options.entity_budget = EntitiesIn(kBudget - plan.bytes());
  // Those of a flood have at most a quarter of the ids, which fits: few awake,
  // so that they rest, too.
  constexpr uint32_t kFewAwake = 6'000;
  for (EntityLimits& of_kind : options.entity_budget->shards) {
    of_kind.max_awake = std::min(of_kind.max_awake, kFewAwake);
  }
  FloodOutcome outcome = Judge(FloodStream(events), events, options);
  EXPECT_EQ(outcome.rejected, 0u);
  EXPECT_GT(outcome.resting, 0u);
  EXPECT_TRUE(outcome.found_probing);
  EXPECT_TRUE(outcome.found_theft);
  RecordProperty("rss_at_the_end", absl::StrCat(outcome.end_bytes));
  if (!UnderAddressSanitizer() && !UnderThreadSanitizer()) {
    EXPECT_LE(outcome.end_bytes, kBudget + kBudget / 20);
  }
}

TEST(FloodTest, InventedIdentitiesNeitherHideASlowAttackNorTakeMemory) {
  const uint64_t events = FloodEvents();
  PipelineOptions options;
  options.max_entities = static_cast<uint32_t>(events / 20);
  FloodOutcome outcome = Judge(FloodStream(events), events, options);
  EXPECT_EQ(outcome.rejected, 0u);
  EXPECT_GT(outcome.evictions, events / 20);
  EXPECT_TRUE(outcome.found_probing);
  EXPECT_TRUE(outcome.found_theft);
  int pages = 0;
  for (const auto& [rule, count] : outcome.others) {
    RecordProperty(rule, count);
    pages += count;
  }
  EXPECT_LE(pages, 10);
  RecordProperty("rss_half_way", absl::StrCat(outcome.full_bytes));
  RecordProperty("rss_at_the_end", absl::StrCat(outcome.end_bytes));
  if (!UnderAddressSanitizer() && !UnderThreadSanitizer()) {
    EXPECT_LE(outcome.end_bytes, outcome.full_bytes + outcome.full_bytes / 20);
  }
}

// Between two of its tries the table of its shard could be filled twice.
TEST(FloodTest, WhoeverHasNoCredentialDrivesNobodyElseOut) {
  constexpr uint64_t kEvents = 25 * 2 * 3000;
  PipelineOptions options;
  options.max_entities = 1;
  FloodOutcome outcome = Judge(
      FloodStream::OfAddresses(kEvents, AddressesBeside(kProbing, kEvents / 2)),
      kEvents, options);
  EXPECT_GT(outcome.evictions, kEvents / 2 - 1024);
  EXPECT_TRUE(outcome.found_probing);
}

// Likewise, by those that have a share of the table in common with it.
TEST(FloodTest, WhoeverHasACredentialDrivesNoSuspectOut) {
  constexpr uint64_t kEvents = 25 * 2 * 3000;
  PipelineOptions options;
  options.max_entities = 1;
  FloodOutcome outcome = Judge(
      FloodStream::OfAccounts(kEvents, AccountsBeside(kProbing, kEvents / 2)),
      kEvents, options);
  EXPECT_GT(outcome.evictions, kEvents / 2 - 1024);
  EXPECT_TRUE(outcome.found_probing);
}

// So many between two tries that it is forgotten each time, suspect or not.
TEST(FloodTest, WhoIsDrivenOutBetweenAllItsTriesIsFoundAllTheSame) {
  constexpr uint64_t kEvents = 25 * 2 * 15'000;
  PipelineOptions options;
  options.max_entities = 1;
  FloodOutcome outcome = Judge(
      FloodStream::OfAccounts(kEvents, AccountsBeside(kProbing, kEvents / 2)),
      kEvents, options);
  EXPECT_GT(outcome.evictions, kEvents / 2 - 1024);
  EXPECT_TRUE(outcome.found_probing);
}

}  // namespace
}  // namespace oddverb
