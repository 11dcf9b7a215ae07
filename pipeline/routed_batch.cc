#include "pipeline/routed_batch.h"

#include "model/event_key.h"

namespace oddverb {

std::unique_ptr<RoutedBatch> Route(std::unique_ptr<EventBatch> batch,
                                   const KeyedHash& hash) {
  auto routed = std::make_unique<RoutedBatch>();
  routed->keys.reserve(batch->events.size());
  routed->shards.reserve(batch->events.size());
  for (const AuditEvent& event : batch->events) {
    EntityKeys keys = KeysOf(hash, event);
    routed->keys.push_back(keys);
    routed->shards.push_back(static_cast<uint8_t>(keys.actor % kLogicalShards));
  }
  routed->batch = std::move(batch);
  return routed;
}

void AddEventKeys(const KeyedHash& hash, RoutedBatch& routed) {
  routed.event_keys.reserve(routed.batch->events.size());
  for (const AuditEvent& event : routed.batch->events) {
    routed.event_keys.push_back(EventKey(hash, /*cluster=*/"", event).low);
  }
}

}  // namespace oddverb
