// The audit back ends of a real kube-apiserver, as a process: the program
// tests/peers/auditgen. What it writes or posts follows from an AuditStory
// alone, whichever back end it goes through.
#ifndef ODDVERB_TESTS_SUPPORT_API_SERVER_H_
#define ODDVERB_TESTS_SUPPORT_API_SERVER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/child_process.h"

namespace oddverb {

// Harmless events, and in between attackers one after the other, each of whom
// tries what it may not: one finding each.
struct AuditStory {
  int events = 10'000;
  int attackers = 24;
  int attempts = 20;  // of each attacker
  // Events from one attempt of an attacker to the next.
  int attempt_spacing = 2;
  absl::Duration step = absl::Milliseconds(1);  // event time between two events

  // Whether an attack has begun and not ended after so many events.
  bool AttackGoesOnAfter(uint64_t events_judged) const;
};

class ApiServer {
 public:
  // False where this build has no Go, which auditgen is written in.
  static bool IsBuilt(const std::string& program);

  struct Log {
    std::string path;
    int max_size_mib = 1;
  };
  struct Webhook {
    std::string kubeconfig;  // path; see KubeconfigOf()
    // Events of a batch; only a full one is sent before the end. 0: mode
    // "blocking", each event alone, and the next one after the answer.
    int batch_size = 400;
    // Five tries in all, which last eight times as long as this. The default is
    // that of kube-apiserver, and outlasts all restarts of a test.
    absl::Duration initial_backoff = absl::Seconds(10);
  };
  // `rate` in events a second; 0 = as fast as it goes.
  static ChildSetup SetupOf(const std::string& program, const AuditStory& story,
                            const Log& log, int rate);
  static ChildSetup SetupOf(const std::string& program, const AuditStory& story,
                            const Webhook& webhook, int rate);
  // Fails the test unless all events were handed over; what the back ends say
  // when they drop some is in the message.
  static void ExpectHandedOverAll(ChildProcess& server,
                                  absl::Duration patience);
};

// Content of the file for --audit-webhook-config-file.
struct WebhookClient {
  std::string url;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};
std::string KubeconfigOf(const WebhookClient& client);

// All lines that a log holds, rotated files first.
std::string ContentOfLog(const std::string& folder);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_API_SERVER_H_
