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

void PodParts::AddBegun(RawJson object, std::span<const Path> paths,
                        Arena& arena, std::vector<RawJson>& out) {
  unsigned begun = 0;  // by path
  JsonMembers members(object);
  for (JsonMember member; members.Next(member);) {
    std::string_view key = Unescaped(member.raw_key, arena);
    for (size_t i = 0; i < paths.size(); ++i) {
      if (paths[i][0].names.starts_with(key)) begun |= 1U << i;
    }
  }
  for (size_t i = 0; i < paths.size(); ++i) {
    if ((begun >> i & 1) != 0) AddObjects(object, paths[i], arena, out);
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
    AddBegun(spec, paths.templates, arena, specs_);
  }
  for (const RawJson& spec : specs_) {
    AddBegun(spec, paths.containers, arena, containers_);
  }
}

}  // namespace oddverb
