// How events of several live sources are put in order.
#ifndef ODDVERB_PIPELINE_EVENT_ORDER_H_
#define ODDVERB_PIPELINE_EVENT_ORDER_H_

#include <cstdint>

namespace oddverb {

enum class EventOrder : uint8_t {
  kArrival,    // as they come
  kEventTime,  // see event_reorder.h
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_EVENT_ORDER_H_
