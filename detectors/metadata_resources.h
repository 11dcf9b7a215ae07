// Which resources can lead to the metadata service by what is written into
// them, and a first look at a text. Pure functions; thread-safe.
#ifndef ODDVERB_DETECTORS_METADATA_RESOURCES_H_
#define ODDVERB_DETECTORS_METADATA_RESOURCES_H_

#include <cstdint>
#include <string_view>

namespace oddverb {

// What a resource can do with a target.
enum class ResourceKind : uint8_t {
  kNone,
  kWorkload,  // runs containers
  kRouting,   // leads names and addresses somewhere
  kNode,      // is itself an address
  kWebhook,   // is called by the API server
  kPolicy,    // lets through
  kIngress,   // annotations that proxies obey
  kStorage,   // parameters that controllers call
  kConfig,    // texts that programs read
  kEvent,     // says what others met with
};

struct ResourceRow {
  std::string_view resource;
  ResourceKind kind = ResourceKind::kNone;
  std::string_view owner;  // singular, for people
};

// Of a kind as an involvedObject has it ("Pod"): the row's owner; "object" for
// others.
std::string_view OwnerOfKind(std::string_view kind);

// Null for one that can do nothing.
const ResourceRow* MetadataResource(std::string_view resource);

// Whether `text` has anything that a target, in any spelling or encoding, is
// made of. Linear.
bool MayNameTarget(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_METADATA_RESOURCES_H_
