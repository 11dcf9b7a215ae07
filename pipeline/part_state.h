// How the state of a list of parts is laid out in a checkpoint row: for each
// part its name, then its entities by kind and id, then its shared state. A
// part that the row does not know starts empty; a row's part that no longer
// exists is skipped.
#ifndef ODDVERB_PIPELINE_PART_STATE_H_
#define ODDVERB_PIPELINE_PART_STATE_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "model/identity.h"
#include "pipeline/checkpoint.h"
#include "pipeline/part_list.h"
#include "stats/entity_table.h"

namespace oddverb {

// Null if no row has this owner.
inline const StateRow* FindRow(const std::vector<StateRow>& rows,
                               std::string_view owner) {
  auto it = std::find_if(rows.begin(), rows.end(), [&](const StateRow& row) {
    return row.owner == owner;
  });
  return it == rows.end() ? nullptr : &*it;
}

// Keys in the order of their ids, so that a restored table gives out the same.
inline void SaveTable(const EntityTable& table, StateWriter& out) {
  out.PutU64(table.size());
  for (EntityId id = 0; id < table.size(); ++id) {
    out.PutFixed64(table.KeyOf(id));
  }
  table.SaveClock(out);
}

// REQUIRES: `table` is new. Failures show in in.status().
inline void LoadTable(StateReader& in, EntityTable& table) {
  for (uint64_t n = in.GetCount(sizeof(uint64_t)); n > 0; --n) {
    table.FindOrAdd(in.GetFixed64());
  }
  table.LoadClock(in);
}

// tables[k] belongs to the EntityKind of value k.
template <class T>
void SaveParts(const std::vector<NamedPart<T>>& parts,
               const std::vector<EntityTable>& tables, StateWriter& out) {
  out.PutU64(parts.size());
  for (const NamedPart<T>& named : parts) {
    StateWriter state;
    for (size_t kind = 0; kind < tables.size(); ++kind) {
      for (EntityId id = 0; id < tables[kind].size(); ++id) {
        StateWriter entity;
        named.part->Save(static_cast<EntityKind>(kind), id, entity);
        state.PutString(entity.bytes());
      }
    }
    StateWriter shared;
    named.part->SaveShared(shared);
    state.PutString(shared.bytes());
    out.PutString(named.name);
    out.PutString(state.bytes());
  }
}

template <class T>
absl::Status LoadPart(T& part, const std::vector<EntityTable>& tables,
                      StateReader& in) {
  for (size_t kind = 0; kind < tables.size(); ++kind) {
    for (EntityId id = 0; id < tables[kind].size(); ++id) {
      StateReader entity(in.GetString());
      if (entity.AtEnd()) continue;
      ODDVERB_RETURN_IF_ERROR(
          part.Load(static_cast<EntityKind>(kind), id, entity));
    }
  }
  StateReader shared(in.GetString());
  if (!shared.AtEnd()) ODDVERB_RETURN_IF_ERROR(part.LoadShared(shared));
  return in.status();
}

template <class T>
absl::Status LoadParts(std::vector<NamedPart<T>>& parts,
                       const std::vector<EntityTable>& tables,
                       StateReader& in) {
  for (uint64_t count = in.GetCount(2); count > 0; --count) {
    std::string_view name = in.GetString();
    StateReader state(in.GetString());
    for (NamedPart<T>& named : parts) {
      if (named.name == name) {
        ODDVERB_RETURN_IF_ERROR(LoadPart(*named.part, tables, state));
      }
    }
  }
  return in.status();
}

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_PART_STATE_H_
