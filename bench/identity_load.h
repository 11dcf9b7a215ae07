// Made-up audit events of many identities, for memory_bench: how many there
// are, in which order they come, and what each asks for. One thread.
#ifndef ODDVERB_BENCH_IDENTITY_LOAD_H_
#define ODDVERB_BENCH_IDENTITY_LOAD_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "stats/rest_table.h"

namespace oddverb {

// Whom many are compared with. Identities whose numbers differ by a multiple of
// it are of one kind and ask alike.
inline constexpr uint32_t kFewIdentities = 1000;

enum class Order : uint8_t {
  kInTurns,   // all, without locality
  kSessions,  // 1,000 at a time, which do not come again
  kZipf,      // at random, the one of rank r as often as 1 / r
};

struct Load {
  uint32_t identities = 0;
  uint32_t events_each = 0;
  uint32_t kinds = 0;           // of requests, for each identity
  uint32_t one_refused_in = 0;  // identities
  Order order = Order::kInTurns;
  // Of each kind; in the correlator alone as many as in all shards.
  uint32_t max_awake = RestTable::kAllAwake;
  // kFewIdentities of them take the turns of all: the same is asked, in the
  // same order.
  bool is_by_few = false;
};

// Whose the events are. The same each time.
class Turns {
 public:
  explicit Turns(const Load& load)
      : load_(load), order_(load.identities), times_(load.identities) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  struct Turn {
    uint32_t who = 0;
    uint32_t n = 0;  // the identity's how manieth event
  };
  Turn Next() {
    uint32_t who = order_[Place(next_++)];
    if (load_.is_by_few) who %= kFewIdentities;
    return {who, times_[who]++};
  }

  // That had a turn.
  uint64_t identities() const {
    return static_cast<uint64_t>(
        std::count_if(times_.begin(), times_.end(),
                      [](uint32_t times) { return times > 0; }));
  }

 private:
  uint64_t Place(uint64_t n) {
    const uint64_t all = load_.identities;
    switch (load_.order) {
      case Order::kInTurns:
        // Another order in each round, as in a fixed one the state of those who
        // follow each other would lie together.
        if (n % all == 0) std::shuffle(order_.begin(), order_.end(), random_);
        return n % all;
      case Order::kSessions: {
        constexpr uint64_t kAtOnce = 1000;
        if (n == 0) std::shuffle(order_.begin(), order_.end(), random_);
        const uint64_t each = kAtOnce * load_.events_each;
        return n / each * kAtOnce + n % kAtOnce;
      }
      case Order::kZipf: {
        // The distribution of rank r is ln(r + 1) / ln(all + 1).
        const double share = std::uniform_real_distribution<>()(random_);
        const double rank = std::pow(static_cast<double>(all) + 1, share) - 1;
        return std::min(static_cast<uint64_t>(rank), all - 1);
      }
    }
    return 0;
  }

  Load load_;
  std::mt19937_64 random_{1};
  std::vector<uint32_t> order_;
  std::vector<uint32_t> times_;  // by identity
  uint64_t next_ = 0;
};

// Of ten identities six are service accounts with a token of a pod, three
// people with certificates, one an address without credentials.
enum class Cast : uint8_t { kServiceAccount, kPerson, kAnonymous };

inline Cast CastOf(uint32_t who) {
  const uint32_t one_of_ten = who % 10;
  return one_of_ten < 6   ? Cast::kServiceAccount
         : one_of_ten < 9 ? Cast::kPerson
                          : Cast::kAnonymous;
}

inline std::string NamespaceOf(uint32_t who) {
  return absl::StrCat("team-", who % 500);
}

// What differs between an identity's events that ask the same; a millisecond
// lies between one event of all and the next.
struct EventText {
  EventText(uint64_t serial, uint32_t who) : ns(NamespaceOf(who)) {
    std::snprintf(id, sizeof(id), "%08x-0000-4000-8000-%012llx", who,
                  static_cast<unsigned long long>(serial));
    stamp =
        absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ",
                         absl::FromUnixSeconds(1'700'000'000) +
                             absl::Milliseconds(static_cast<int64_t>(serial)),
                         absl::UTCTimeZone());
    address = absl::StrCat("10.", who >> 16 & 255, ".", who >> 8 & 255, ".",
                           who & 255);
  }

  char id[40];
  std::string stamp, address, ns;
};

// The value of "user".
inline void AppendUser(uint32_t who, const std::string& ns, std::string& out) {
  // Each has 256 addresses for its pods.
  const std::string node = absl::StrCat("node-", who >> 8);
  switch (CastOf(who)) {
    case Cast::kServiceAccount:
      absl::StrAppend(
          &out, R"({"username":"system:serviceaccount:)", ns, ":app-", who,
          R"(","uid":"5a000000-0000-4000-8000-)",
          absl::Hex(who, absl::kZeroPad12),
          R"(","groups":["system:serviceaccounts","system:serviceaccounts:)",
          ns, R"(","system:authenticated"],"extra":{)",
          R"("authentication.kubernetes.io/credential-id":["JTI=7e000000-)",
          R"(0000-4000-8000-)", absl::Hex(who, absl::kZeroPad12),
          R"("],"authentication.kubernetes.io/node-name":[")", node,
          R"("],"authentication.kubernetes.io/pod-name":["app-)", who,
          R"("],"authentication.kubernetes.io/pod-uid":["90000000-0000-4000-)",
          "8000-", absl::Hex(who, absl::kZeroPad12), R"("]}})");
      return;
    case Cast::kPerson:
      absl::StrAppend(
          &out, R"({"username":"person-)", who,
          R"(@example.com","groups":["developers","system:authenticated"],)",
          R"("extra":{"authentication.kubernetes.io/credential-id":)",
          R"(["X509SHA256=)", absl::Hex(uint64_t{who} + 1, absl::kZeroPad16),
          R"("]}})");
      return;
    case Cast::kAnonymous:
      absl::StrAppend(&out, R"({"username":"system:anonymous",)",
                      R"("groups":["system:unauthenticated"]})");
  }
}

// Once in its life, if it is one of those.
inline bool IsRefused(const Load& load, uint32_t who, uint64_t n) {
  return who % load.one_refused_in == 0 && n == load.events_each / 2;
}

// Event `n` of identity `who`, the `serial`th of all.
inline void WriteEvent(const Load& load, uint64_t serial, uint32_t who,
                       uint64_t n, std::string& out) {
  static constexpr const char* kResources[] = {
      "pods",       "services",    "configmaps", "endpoints", "events",
      "leases",     "deployments", "jobs",       "nodes",     "ingresses",
      "namespaces", "replicasets", "cronjobs"};
  static constexpr const char* kVerbs[] = {"get", "list", "watch"};
  const uint64_t kind = (n + who) % load.kinds;
  const char* resource = kResources[kind % std::size(kResources)];
  const bool is_refused = IsRefused(load, who, n);
  const Cast cast = CastOf(who);
  // Whoever has no credential asks for its health alone, as load balancers do.
  const bool has_name = cast != Cast::kAnonymous;
  const EventText text(serial, who);
  absl::StrAppend(
      &out,
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",)",
      R"("auditID":")", text.id,
      R"(","stage":"ResponseComplete","requestURI":")",
      has_name ? absl::StrCat("/api/v1/namespaces/", text.ns, "/", resource)
               : "/healthz",
      R"(","verb":")", has_name ? kVerbs[kind % 3] : "get", R"(","user":)");
  AppendUser(who, text.ns, out);
  absl::StrAppend(&out, R"(,"sourceIPs":[")", text.address,
                  R"("],"userAgent":")",
                  cast == Cast::kServiceAccount
                      ? "app/v1.2.3 (linux/amd64) kubernetes/abcdef0"
                      : "kubectl/v1.30.0 (linux/amd64) kubernetes/abcdef0",
                  R"(",)");
  if (has_name) {
    absl::StrAppend(&out, R"("objectRef":{"resource":")", resource,
                    R"(","namespace":")", text.ns, R"(","apiVersion":"v1"},)");
  }
  absl::StrAppend(&out, R"("responseStatus":{"metadata":{},"code":)",
                  is_refused ? 403 : 200, R"(},"requestReceivedTimestamp":")",
                  text.stamp, R"(","stageTimestamp":")", text.stamp,
                  R"(","annotations":{"authorization.k8s.io/decision":")",
                  is_refused ? "forbid" : "allow", R"("}})");
}

}  // namespace oddverb

#endif  // ODDVERB_BENCH_IDENTITY_LOAD_H_
