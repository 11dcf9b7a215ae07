// The connections that a server has open: their caps, and a way to reach and
// to wait for them at the end. Thread-safe.
#ifndef ODDVERB_NET_CONNECTION_TABLE_H_
#define ODDVERB_NET_CONNECTION_TABLE_H_

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/ip_address.h"
#include "net/http_counters.h"

namespace oddverb {

// A connection as its server sees it. Thread-safe.
class HttpConnection {
 public:
  virtual ~HttpConnection() = default;
  // Ends after the request under way, at once if there is none.
  virtual void Drain() = 0;
};

class ConnectionTable;

// The place of one connection; frees it at its end.
class ConnectionSlot {
 public:
  ConnectionSlot(ConnectionTable& table, const IpAddress& peer)
      : table_(&table), peer_(peer) {}
  ConnectionSlot(ConnectionSlot&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), peer_(other.peer_) {}
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  ~ConnectionSlot();

  const IpAddress& peer() const { return peer_; }

 private:
  ConnectionTable* table_;
  IpAddress peer_;
};

class ConnectionTable {
 public:
  // `counters` must outlive this.
  ConnectionTable(size_t max_connections, size_t max_per_peer,
                  HttpCounters& counters)
      : max_connections_(max_connections),
        max_per_peer_(max_per_peer),
        counters_(counters) {}

  // Nothing, and counted, where there is no room for one more.
  std::optional<ConnectionSlot> Enter(const IpAddress& peer);

  void Register(const std::shared_ptr<HttpConnection>& connection);
  void Unregister(const HttpConnection* connection);
  std::vector<std::shared_ptr<HttpConnection>> Open() const;
  bool WaitUntilEmpty(absl::Duration timeout);

 private:
  friend class ConnectionSlot;
  void Leave(const IpAddress& peer);
  // An IPv6 host has a /64 of addresses to itself.
  static IpAddress PeerKey(IpAddress peer);

  const size_t max_connections_;
  const size_t max_per_peer_;
  HttpCounters& counters_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  size_t open_ = 0;
  std::map<IpAddress, size_t> open_of_peer_;
  std::map<const HttpConnection*, std::weak_ptr<HttpConnection>> connections_;
};

}  // namespace oddverb

#endif  // ODDVERB_NET_CONNECTION_TABLE_H_
