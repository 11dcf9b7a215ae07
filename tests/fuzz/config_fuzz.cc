// Any text as a configuration: every mistake has its place, and what loads
// shows itself as text that loads as the same configuration.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_split.h"
#include "app/config_redaction.h"
#include "app/service_config.h"

namespace oddverb {
namespace {

std::optional<std::string> TestEnvironment(std::string_view name) {
  if (name.size() > 3) return std::nullopt;
  return name.size() == 1 ? "1" : std::string(name) + "${a}: [";
}

void Run(std::string_view text) {
  // Files are not what is tested here.
  if (text.find("tokens_file") != text.npos) return;
  absl::StatusOr<ServiceConfig> config =
      ParseServiceConfig(text, "/c.yaml", &TestEnvironment);
  if (!config.ok()) {
    std::vector<std::string> lines =
        absl::StrSplit(config.status().message(), '\n');
    for (const std::string& line : lines) {
      if (line.rfind("/c.yaml:", 0) != 0) std::abort();
    }
    return;
  }
  for (ListenerConfig& listener : config->listeners) {
    if (!listener.tokens.values.empty()) return;  // shown as what is no token
  }
  for (const OutputConfig& output : config->outputs) {
    if (!output.receiver.urls.values.empty()) return;  // shown as no URL
  }
  std::string shown = RedactedConfigJson(*config);
  absl::StatusOr<ServiceConfig> again =
      ParseServiceConfig(shown, "/other/d.yaml", &TestEnvironment);
  if (!again.ok() || RedactedConfigJson(*again) != shown) std::abort();
}

}  // namespace
}  // namespace oddverb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  oddverb::Run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
