// What this binary is: facts that were fixed when it was compiled.
#ifndef ODDVERB_APP_BUILD_VERSION_H_
#define ODDVERB_APP_BUILD_VERSION_H_

#include <string_view>

namespace oddverb {

// Immutable; the views are of static strings.
struct BuildVersion {
  std::string_view version;     // "0.1.0"
  std::string_view revision;    // 12 hex digits of the commit, or "unknown"
  std::string_view build_type;  // CMake's: "Release", "Debug", ...
  std::string_view compiler;    // "gcc 12.2.0"
  // True in a build without NDEBUG, which decodes at half the speed.
  bool assertions = false;
};

const BuildVersion& GetBuildVersion();

}  // namespace oddverb

#endif  // ODDVERB_APP_BUILD_VERSION_H_
