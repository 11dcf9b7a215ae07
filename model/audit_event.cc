#include "model/audit_event.h"

namespace oddverb {

std::string_view StageName(Stage stage) {
  switch (stage) {
    case Stage::kRequestReceived:
      return "RequestReceived";
    case Stage::kResponseStarted:
      return "ResponseStarted";
    case Stage::kResponseComplete:
      return "ResponseComplete";
    case Stage::kPanic:
      return "Panic";
    case Stage::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kNone:
      return "None";
    case Level::kMetadata:
      return "Metadata";
    case Level::kRequest:
      return "Request";
    case Level::kRequestResponse:
      return "RequestResponse";
    case Level::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace oddverb
