#include "app/version_text.h"

#include "app/build_version.h"
#include "base/json_writer.h"

namespace oddverb {

std::string VersionJson() {
  const BuildVersion& build = GetBuildVersion();
  JsonWriter out;
  out.BeginObject();
  out.Key("version").String(build.version);
  out.Key("revision").String(build.revision);
  out.Key("build_type").String(build.build_type);
  out.Key("compiler").String(build.compiler);
  out.Key("assertions").Bool(build.assertions);
  out.EndObject();
  return out.Release() + "\n";
}

}  // namespace oddverb
