#include "rules/pod_parts.h"

#include <string>

namespace oddverb {
namespace {

using Path = std::vector<PathStep>;

Path PathOf(std::string names) {
  return {{.names = std::move(names), .index = std::nullopt}};
}

struct Paths {
  Path spec = PathOf("spec");
  // Below it.
  Path templates[2] = {PathOf("template.spec"),
                       PathOf("jobTemplate.spec.template.spec")};
  Path containers[3] = {PathOf("containers"), PathOf("initContainers"),
                        PathOf("ephemeralContainers")};
};

const Paths& AllPaths() {
  static const Paths paths;
  return paths;
}

}  // namespace

void PodParts::AddObjects(RawJson below, const std::vector<PathStep>& path,
                          Arena& arena, std::vector<RawJson>& out) {
  found_.clear();
  ReadPath(below, path, arena, found_);
  for (const FieldValue& value : found_) {
    if (value.type == JsonType::kObject) out.push_back({value.text});
  }
}

void PodParts::Find(RawJson body, Arena& arena) {
  if (is_known_) return;
  is_known_ = true;
  specs_.clear();
  containers_.clear();
  const Paths& paths = AllPaths();
  AddObjects(body, paths.spec, arena, specs_);
  size_t own = specs_.size();
  for (size_t i = 0; i < own; ++i) {
    // By value: the list grows.
    RawJson spec = specs_[i];
    for (const Path& path : paths.templates) {
      AddObjects(spec, path, arena, specs_);
    }
  }
  for (const RawJson& spec : specs_) {
    for (const Path& path : paths.containers) {
      AddObjects(spec, path, arena, containers_);
    }
  }
}

}  // namespace oddverb
