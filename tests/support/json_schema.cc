#include "tests/support/json_schema.h"

#include <regex>

#include "nlohmann/json.hpp"

namespace oddverb {
namespace {

using nlohmann::json;

class Checker {
 public:
  explicit Checker(const json& root) : root_(root) {}

  std::string Check(const json& schema, const json& value,
                    const std::string& path) {
    for (const auto& [keyword, rule] : schema.items()) {
      std::string mismatch = CheckKeyword(schema, keyword, rule, value, path);
      if (!mismatch.empty()) return mismatch;
    }
    return "";
  }

 private:
  std::string CheckKeyword(const json& schema, const std::string& keyword,
                           const json& rule, const json& value,
                           const std::string& path) {
    auto fail = [&](const std::string& why) { return path + ": " + why; };
    if (keyword == "$ref") return CheckReference(rule, value, path);
    if (keyword == "type") {
      return HasType(rule, value) ? "" : fail("is no " + rule.dump());
    }
    if (keyword == "enum") {
      const bool listed =
          std::find(rule.begin(), rule.end(), value) != rule.end();
      return listed ? "" : fail("is none of " + rule.dump());
    }
    if (keyword == "minimum") {
      const bool fits =
          !value.is_number() || value.get<double>() >= rule.get<double>();
      return fits ? "" : fail("is below " + rule.dump());
    }
    if (keyword == "maximum") {
      const bool fits =
          !value.is_number() || value.get<double>() <= rule.get<double>();
      return fits ? "" : fail("is above " + rule.dump());
    }
    if (keyword == "pattern") {
      const bool fits = !value.is_string() ||
                        std::regex_search(value.get<std::string>(),
                                          std::regex(rule.get<std::string>()));
      return fits ? "" : fail("does not match " + rule.dump());
    }
    if (keyword == "minLength") {
      const bool fits = !value.is_string() ||
                        value.get<std::string>().size() >= rule.get<size_t>();
      return fits ? "" : fail("is shorter than " + rule.dump());
    }
    if (keyword == "required") return CheckRequired(rule, value, path);
    if (keyword == "properties") return CheckProperties(rule, value, path);
    if (keyword == "additionalProperties") {
      return rule == false ? CheckNoOthers(schema, value, path)
                           : CheckOthers(schema, value, path);
    }
    if (keyword == "maxProperties") {
      const bool fits =
          !value.is_object() || value.size() <= rule.get<size_t>();
      return fits ? "" : fail("has more members than " + rule.dump());
    }
    if (keyword == "items") return CheckItems(rule, value, path);
    if (keyword == "anyOf") return CheckAnyOf(rule, value, path);
    if (keyword == "minItems") {
      const bool fits = !value.is_array() || value.size() >= rule.get<size_t>();
      return fits ? "" : fail("has fewer items than " + rule.dump());
    }
    if (keyword == "maxItems") {
      const bool fits = !value.is_array() || value.size() <= rule.get<size_t>();
      return fits ? "" : fail("has more items than " + rule.dump());
    }
    const bool annotation = keyword == "title" || keyword == "description" ||
                            keyword == "$schema" || keyword == "$id" ||
                            keyword == "$defs" || keyword == "default";
    return annotation ? "" : fail("unknown keyword " + keyword);
  }

  std::string CheckReference(const json& rule, const json& value,
                             const std::string& path) {
    const std::string target = rule.get<std::string>();
    const json::json_pointer pointer(target.substr(1));  // without "#"
    if (target.empty() || target[0] != '#' || !root_.contains(pointer)) {
      return path + ": unknown reference " + target;
    }
    return Check(root_.at(pointer), value, path);
  }

  static bool HasType(const json& type, const json& value) {
    const std::string name = type.get<std::string>();
    if (name == "object") return value.is_object();
    if (name == "array") return value.is_array();
    if (name == "string") return value.is_string();
    if (name == "integer") return value.is_number_integer();
    if (name == "number") return value.is_number();
    if (name == "boolean") return value.is_boolean();
    return name == "null" && value.is_null();
  }

  static std::string CheckRequired(const json& rule, const json& value,
                                   const std::string& path) {
    if (!value.is_object()) return "";
    for (const auto& key : rule) {
      if (!value.contains(key.get<std::string>())) {
        return path + ": lacks " + key.dump();
      }
    }
    return "";
  }

  std::string CheckProperties(const json& rule, const json& value,
                              const std::string& path) {
    if (!value.is_object()) return "";
    for (const auto& [key, schema] : rule.items()) {
      if (!value.contains(key)) continue;
      std::string mismatch = Check(schema, value.at(key), path + "/" + key);
      if (!mismatch.empty()) return mismatch;
    }
    return "";
  }

  static std::string CheckNoOthers(const json& schema, const json& value,
                                   const std::string& path) {
    if (!value.is_object()) return "";
    for (const auto& [key, member] : value.items()) {
      if (!schema.at("properties").contains(key)) {
        return path + ": unknown key \"" + key + "\"";
      }
    }
    return "";
  }

  // Where none fits, what the last one says.
  // additionalProperties as a schema.
  std::string CheckOthers(const json& schema, const json& value,
                          const std::string& path) {
    if (!value.is_object()) return "";
    for (const auto& [key, member] : value.items()) {
      if (schema.contains("properties") && schema["properties"].contains(key)) {
        continue;
      }
      std::string mismatch =
          Check(schema["additionalProperties"], member, path + "/" + key);
      if (!mismatch.empty()) return mismatch;
    }
    return "";
  }

  std::string CheckAnyOf(const json& rule, const json& value,
                         const std::string& path) {
    std::string mismatch = path + ": anyOf without schemas";
    for (const json& schema : rule) {
      mismatch = Check(schema, value, path);
      if (mismatch.empty()) break;
    }
    return mismatch;
  }

  std::string CheckItems(const json& rule, const json& value,
                         const std::string& path) {
    if (!value.is_array()) return "";
    for (size_t i = 0; i < value.size(); ++i) {
      std::string mismatch =
          Check(rule, value[i], path + "/" + std::to_string(i));
      if (!mismatch.empty()) return mismatch;
    }
    return "";
  }

  const json& root_;
};

}  // namespace

std::string SchemaMismatch(const json& schema, const json& value) {
  return Checker(schema).Check(schema, value, "");
}

}  // namespace oddverb
