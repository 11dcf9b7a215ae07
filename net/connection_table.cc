#include "net/connection_table.h"

#include <algorithm>
#include <utility>

namespace oddverb {

IpAddress ConnectionTable::PeerKey(IpAddress peer) {
  if (!peer.is_v4()) std::fill_n(&peer.bytes[8], 8, uint8_t{0});
  return peer;
}

std::optional<ConnectionSlot> ConnectionTable::Enter(const IpAddress& peer) {
  std::lock_guard lock(mutex_);
  if (open_ >= max_connections_) {
    counters_.Count(HttpRefusal::kConnections);
    return std::nullopt;
  }
  size_t& of_peer = open_of_peer_[PeerKey(peer)];
  if (of_peer >= max_per_peer_) {
    counters_.Count(HttpRefusal::kPeerConnections);
    return std::nullopt;
  }
  ++of_peer;
  ++open_;
  ++counters_.connections_open;
  ++counters_.connections_total;
  return ConnectionSlot(*this, peer);
}

void ConnectionTable::Leave(const IpAddress& peer) {
  std::lock_guard lock(mutex_);
  auto of_peer = open_of_peer_.find(PeerKey(peer));
  if (--of_peer->second == 0) open_of_peer_.erase(of_peer);
  --open_;
  --counters_.connections_open;
  changed_.notify_all();
}

ConnectionSlot::~ConnectionSlot() {
  if (table_ != nullptr) table_->Leave(peer_);
}

void ConnectionTable::Register(
    const std::shared_ptr<HttpConnection>& connection) {
  std::lock_guard lock(mutex_);
  connections_.emplace(connection.get(), connection);
}

void ConnectionTable::Unregister(const HttpConnection* connection) {
  std::lock_guard lock(mutex_);
  connections_.erase(connection);
}

std::vector<std::shared_ptr<HttpConnection>> ConnectionTable::Open() const {
  // Not released under the lock: a session's end calls Unregister().
  std::vector<std::shared_ptr<HttpConnection>> open;
  std::lock_guard lock(mutex_);
  open.reserve(connections_.size());
  for (const auto& [unused, connection] : connections_) {
    if (auto alive = connection.lock()) open.push_back(std::move(alive));
  }
  return open;
}

bool ConnectionTable::WaitUntilEmpty(absl::Duration timeout) {
  // The clock's end must not be passed.
  timeout = std::min(timeout, absl::Hours(24));
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                           [this] { return open_ == 0; });
}

}  // namespace oddverb
