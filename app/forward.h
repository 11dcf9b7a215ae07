// `oddverb forward`: sends the events of its sources to the receiver of another
// oddverb, which judges them: three API servers, three forwarders, one judge.
//
// What a source hands over is committed (a bookmark; 204 to an API server) only
// when the receiver has answered that it is durable there, so nothing is lost;
// what is sent twice is judged once.
#ifndef ODDVERB_APP_FORWARD_H_
#define ODDVERB_APP_FORWARD_H_

#include <string>

#include "app/config_text.h"
#include "app/service.h"

namespace oddverb {

struct ForwardOptions {
  std::string config_file;  // its sources, listeners and state directory
  std::string to;           // https://HOST:PORT/audit/CLUSTER
  std::string ca_file, certificate_file, key_file;  // empty = none
  std::string token_file;
};

// Runs until it is told to stop. Returns the exit code, as RunService() does.
int RunForward(const ForwardOptions& options, const Environment& environment,
               const ServiceSignals& signals);

}  // namespace oddverb

#endif  // ODDVERB_APP_FORWARD_H_
