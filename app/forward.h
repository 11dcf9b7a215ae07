// `oddverb forward`: sends the events of its sources to the receiver of another
// oddverb, which judges them (three API servers, three forwarders, one judge),
// or to a topic, keyed by actor.
//
// What a source hands over is committed (a bookmark; 204 to an API server) only
// when the receiver, or the broker, has answered that it is durable there, so
// nothing is lost; what is sent twice is judged once.
#ifndef ODDVERB_APP_FORWARD_H_
#define ODDVERB_APP_FORWARD_H_

#include <string>
#include <vector>

#include "app/config_text.h"
#include "app/service.h"
#include "kafka/kafka_options.h"

namespace oddverb {

struct ForwardOptions {
  std::string config_file;  // its sources, listeners and state directory
  // https://HOST:PORT/audit/CLUSTER, or kafka://HOST:PORT[,...][/TOPIC]
  std::string to;
  std::string ca_file, certificate_file, key_file;  // empty = none
  std::string token_file;
  // Of a topic only.
  bool tls = false;  // follows from ca_file and certificate_file, too
  KafkaSasl sasl = KafkaSasl::kNone;
  std::string username, password_file;
  std::string dead_letter_topic;        // empty = none
  std::vector<std::string> properties;  // NAME=VALUE of librdkafka
};

// Runs until it is told to stop. Returns the exit code, as RunService() does.
int RunForward(const ForwardOptions& options, const Environment& environment,
               const ServiceSignals& signals);

}  // namespace oddverb

#endif  // ODDVERB_APP_FORWARD_H_
