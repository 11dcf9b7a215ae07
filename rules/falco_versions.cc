#include "rules/falco_versions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "rules/rule_diagnostics.h"

namespace oddverb {
namespace {

using Version = std::array<int, 3>;

// The plugins whose fields are read here, by the version that the fields were
// taken from (Falco 0.44).
struct Plugin {
  std::string_view name;
  Version version{};
};
constexpr Plugin kPlugins[] = {
    {"json", {0, 7, 0}},         {"k8saudit", {0, 18, 0}},
    {"k8saudit-aks", {0, 6, 0}}, {"k8saudit-eks", {0, 12, 0}},
    {"k8saudit-gke", {0, 9, 0}}, {"k8saudit-ovh", {0, 6, 0}},
};

// "1", "1.2" or "1.2.3", with anything behind "-" or "+".
std::optional<Version> ParseVersion(std::string_view text) {
  text = text.substr(0, text.find_first_of("-+"));
  Version version{};
  for (size_t i = 0; i < version.size(); ++i) {
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, version[i]);
    if (error != std::errc() || version[i] < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    if (text.empty()) return version;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  return std::nullopt;
}

}  // namespace

std::string CheckFalcoEngine(std::string_view wanted, int major, int minor) {
  std::optional<Version> version = ParseVersion(wanted);
  if (!version.has_value()) {
    return absl::StrCat("not a version: ", QuotedName(wanted));
  }
  bool is_number = wanted.find('.') == wanted.npos;
  Version needed = is_number ? Version{major, (*version)[0], 0} : *version;
  bool fits = needed[0] == major && needed[1] <= minor;
  if (fits) return "";
  return absl::StrCat("needs version ", A(wanted),
                      " of Falco's rule language; here is ", major, ".", minor,
                      ", and nothing more of this file is loaded");
}

FalcoPluginCheck CheckFalcoPlugin(const YamlNode& requirement) {
  std::vector<YamlNode> choices = {requirement};
  for (const YamlNode& other : requirement.Get("alternatives").Items()) {
    choices.push_back(other);
  }
  FalcoPluginCheck check{.message = "", .missing = true};
  for (const YamlNode& choice : choices) {
    std::string_view name = choice.Get("name").text();
    std::string_view text = choice.Get("version").text();
    std::optional<Version> version = ParseVersion(text);
    if (name.empty() || !version.has_value()) {
      return {"expected the name and the version of a plugin", false};
    }
    auto known =
        std::find_if(std::begin(kPlugins), std::end(kPlugins),
                     [name](const Plugin& p) { return p.name == name; });
    if (known == std::end(kPlugins)) continue;
    check.missing = false;
    bool fits =
        known->version[0] == (*version)[0] && *version <= known->version;
    if (fits) return {"", false};
    check.message = absl::StrCat("needs version ", A(text), " of the plugin ",
                                 A(name), "; here is ", known->version[0], ".",
                                 known->version[1], ".", known->version[2],
                                 ", and nothing more of this file is loaded");
  }
  if (check.missing) {
    check.message =
        absl::StrCat("the plugin ", QuotedName(requirement.Get("name").text()),
                     " is not known here: rules for its events are left out");
  }
  return check;
}

}  // namespace oddverb
