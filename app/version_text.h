// The version as JSON, for `oddverb version --json` and GET /version.
#ifndef ODDVERB_APP_VERSION_TEXT_H_
#define ODDVERB_APP_VERSION_TEXT_H_

#include <string>

namespace oddverb {

// One object, with a line end.
std::string VersionJson();

}  // namespace oddverb

#endif  // ODDVERB_APP_VERSION_TEXT_H_
