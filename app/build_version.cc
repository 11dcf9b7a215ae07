#include "app/build_version.h"

// The three ODDVERB_ strings come from cmake/Version.cmake, for this file only.
namespace oddverb {
namespace {

#ifdef NDEBUG
constexpr bool kAssertions = false;
#else
constexpr bool kAssertions = true;
#endif

#ifdef __clang__
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

constexpr BuildVersion kBuildVersion = {
    .version = ODDVERB_VERSION,
    .revision = ODDVERB_REVISION,
    .build_type = ODDVERB_BUILD_TYPE,
    .compiler = kCompiler,
    .assertions = kAssertions,
};

}  // namespace

const BuildVersion& GetBuildVersion() { return kBuildVersion; }

}  // namespace oddverb
