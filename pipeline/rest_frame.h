// How the parts' states of an entity that rests stand in one string: a number,
// then what each part has to say, one after the other.
//
// The number says which parts those are, as the difference from which they were
// of the first one of the kind, and whether the times start near that of who
// rested first: in most strings it takes one byte.
//
// One thread.
#ifndef ODDVERB_PIPELINE_REST_FRAME_H_
#define ODDVERB_PIPELINE_REST_FRAME_H_

#include <cassert>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/common_values.h"
#include "base/state_io.h"
#include "model/identity.h"
#include "pipeline/part_list.h"
#include "stats/entity_table.h"

namespace oddverb {

template <class Part>
class RestFrame {
 public:
  // `values` must outlive it.
  RestFrame(size_t kinds, RestValues* values)
      : usual_parts_(kinds), values_(values) {}

  // Of `parts`, always the same ones, the states of who is at `place`, which
  // they give up. Valid until the next Rest(). REQUIRES: all CanRest().
  std::string_view Rest(const std::vector<NamedPart<Part>>& parts,
                        EntityKind kind, EntityId place) {
    assert(parts.size() < 63);
    uint64_t which = 0;
    states_.BeginRest({.near_micros = near_micros_, .values = values_});
    for (size_t i = 0; i < parts.size(); ++i) {
      const size_t before = states_.bytes().size();
      parts[i].part->Rest(kind, place, states_);
      if (states_.bytes().size() > before) which |= BitOf(i, parts.size());
    }
    const bool is_near = near_micros_ != 0;
    if (!is_near) near_micros_ = states_.near_micros();
    uint64_t& usual = usual_parts_[static_cast<size_t>(kind)];
    if (usual == 0) usual = which;
    framed_.Clear();
    if (which == 0) return {};
    framed_.PutU64((which ^ usual) << 1 | (is_near ? 1 : 0));
    framed_.PutRaw(states_.bytes());
    return framed_.bytes();
  }

  // `bytes` are of Rest(), or a copy.
  void Wake(const std::vector<NamedPart<Part>>& parts, EntityKind kind,
            EntityId place, std::string_view bytes) const {
    if (bytes.empty()) return;
    StateReader head_in(bytes);
    const uint64_t head = head_in.GetU64();
    const uint64_t which = head >> 1 ^ usual_parts_[static_cast<size_t>(kind)];
    const int64_t near = (head & 1) != 0 ? near_micros_ : 0;
    StateReader in(head_in.rest(), {.near_micros = near, .values = values_});
    absl::Status status;
    for (size_t i = 0; i < parts.size(); ++i) {
      if ((which & BitOf(i, parts.size())) == 0) continue;
      status.Update(parts[i].part->Wake(kind, place, in));
    }
    // Who cannot read what he wrote himself begins anew.
    assert(status.ok() && in.AtEnd());
    if (status.ok()) return;
    for (const auto& [name, part] : parts) part->Forget(kind, place);
  }

 private:
  // The last part has the lowest bit, as it alone has something to say of most
  // kinds.
  static uint64_t BitOf(size_t part, size_t parts) {
    return uint64_t{1} << (parts - 1 - part);
  }

  StateWriter states_, framed_;
  std::vector<uint64_t> usual_parts_;  // by EntityKind; 0 = none rested
  int64_t near_micros_ = 0;            // 0 = likewise
  RestValues* values_;
};

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_REST_FRAME_H_
