// Takes the bodies of secrets out of audit events before these go to disk. An
// audit policy should log secrets at level Metadata, so that there are none;
// this is for those that do not. Pure functions.
#ifndef ODDVERB_PIPELINE_SECRET_BODIES_H_
#define ODDVERB_PIPELINE_SECRET_BODIES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace oddverb {

// What of the bodies of secrets may be written to the state directory.
enum class SecretBodies : uint8_t { kKeep, kStrip };

// `posted` is one audit event, an EventList, or an array of these. The result
// has null for each requestObject and responseObject of an event whose object
// is a secret, a token request of a service account, a token review, or not
// told; all its other bytes are the same. Values that are no event are written
// as {} or null, since nobody knows what they hold. Of what is no whole JSON
// only "{" is left, which is judged as a torn record.
//
// Config maps stay as they are: they are not meant for secrets, and rules look
// into them.
std::string WithoutSecretBodies(std::string_view posted);

}  // namespace oddverb

#endif  // ODDVERB_PIPELINE_SECRET_BODIES_H_
