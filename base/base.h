// The ground: buffers, arena, keyed hash, addresses, URIs, text and JSON
// writing, the binary form of state, and the seam to Abseil. Knows nothing of
// Kubernetes; the other floors stand on it.
#ifndef ODDVERB_BASE_BASE_H_
#define ODDVERB_BASE_BASE_H_

#include "base/arena.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "base/json_writer.h"
#include "base/keyed_hash.h"
#include "base/padded_buffer.h"
#include "base/state_io.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/uri.h"

#endif  // ODDVERB_BASE_BASE_H_
