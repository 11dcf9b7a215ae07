// One connection of the server, from the accepted socket to its end: the
// protocol, on top of HttpTransport.
#ifndef ODDVERB_NET_HTTP_SESSION_H_
#define ODDVERB_NET_HTTP_SESSION_H_

#include <atomic>
#include <memory>
#include <mutex>

#include "net/byte_budget.h"
#include "net/connection_table.h"
#include "net/http_admission.h"
#include "net/http_counters.h"
#include "net/http_options.h"
#include "net/http_transport.h"

namespace oddverb {

// Handlers may answer after the server is gone: their responders pass through
// this gate, which the server shuts first.
struct ResponseGate {
  std::mutex mutex;
  bool is_open = true;  // guarded by mutex
};

// What the connections of one server share. Pinned; outlives them.
struct HttpServerState {
  explicit HttpServerState(HttpServerOptions server_options);

  const HttpServerOptions options;
  HttpCounters counters;
  const std::shared_ptr<ByteBudget> budget;
  ConnectionTable connections;
  std::atomic<bool> draining{false};
  const std::shared_ptr<ResponseGate> gate = std::make_shared<ResponseGate>();
};

// The session keeps itself alive until it ends. `admission` and `state` must
// outlive all use of `io`. May throw boost::system::system_error.
void StartHttpSession(boost::asio::io_context& io, HttpServerState& state,
                      const HttpAdmission& admission, AcceptedSocket accepted,
                      ConnectionSlot slot);

}  // namespace oddverb

#endif  // ODDVERB_NET_HTTP_SESSION_H_
