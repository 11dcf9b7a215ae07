// What rests of all tables that one thread uses: their bytes, and the values
// that many of them have in common. Of the 64 shards each would otherwise begin
// a slab of its own for every size, and learn every value anew, which takes
// more than what rests where that are a few thousand entities.
//
// One thread at a time.
#ifndef ODDVERB_PIPELINE_REST_STORE_H_
#define ODDVERB_PIPELINE_REST_STORE_H_

#include "base/common_values.h"
#include "stats/packed_bytes.h"

namespace oddverb {

struct RestStore {
  PackedBytes packed;
  RestValues values;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_REST_STORE_H_
