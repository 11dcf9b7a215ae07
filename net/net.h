// HTTP for the rest of the house: a server that survives hostile clients
// (http_server.h, on Boost.Asio and Beast's parser), a client for deliveries
// (http_client.h, on libcurl), TLS for both (tls_options.h), and how long a
// receiver asks to wait (retry_after.h). Knows nothing of Kubernetes.
#ifndef ODDVERB_NET_NET_H_
#define ODDVERB_NET_NET_H_

#include "net/http_client.h"
#include "net/http_counters.h"
#include "net/http_handler.h"
#include "net/http_message.h"
#include "net/http_options.h"
#include "net/http_server.h"
#include "net/retry_after.h"
#include "net/tls_options.h"

#endif  // ODDVERB_NET_NET_H_
