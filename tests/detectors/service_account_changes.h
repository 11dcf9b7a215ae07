// How requests of a service account differ from those of its own program:
// changes of the event that a test starts from.
#ifndef ODDVERB_TESTS_DETECTORS_SERVICE_ACCOUNT_CHANGES_H_
#define ODDVERB_TESTS_DETECTORS_SERVICE_ACCOUNT_CHANGES_H_

#include <functional>

#include "tests/support/event_builder.h"

namespace oddverb {

using EventChange = std::function<void(EventBuilder&)>;

inline const EventChange kByKubectl = [](EventBuilder& b) {
  b.UserAgent("kubectl/v1.30.0 (linux/amd64) kubernetes/abcdef0");
};
inline const EventChange kFromOutside = [](EventBuilder& b) {
  b.SourceIp("203.0.113.9");
};
inline const EventChange kUnbound = [](EventBuilder& b) { b.Pod("", ""); };
inline const EventChange kAsksRights = [](EventBuilder& b) {
  b.Verb("create").Resource("selfsubjectrulesreviews", "authorization.k8s.io");
  b.Ns("").Name("").Code(201);
};
inline const EventChange kReadsSecrets = [](EventBuilder& b) {
  b.Verb("list").Resource("secrets").Name("");
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_DETECTORS_SERVICE_ACCOUNT_CHANGES_H_
