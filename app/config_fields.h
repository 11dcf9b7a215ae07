// The keys of the configuration, each named once. VisitConfig() goes over all
// of them with a ConfigFields: one loads them from YAML (config_loader.h), one
// writes their JSON Schema (config_schema.h), one writes their values
// (config_redaction.h). So no key is loaded that the schema does not know, and
// no secret is written out.
#ifndef ODDVERB_APP_CONFIG_FIELDS_H_
#define ODDVERB_APP_CONFIG_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "app/config_secrets.h"
#include "app/service_config.h"
#include "base/ip_address.h"
#include "yaml/yaml_node.h"

namespace oddverb {

struct ConfigKey {
  enum class Need : uint8_t { kOptional, kRequired };

  std::string_view name;
  std::string_view about;    // for the schema: one or two sentences
  std::string_view example;  // a value, as YAML; shown where one is missing
  Need need = Need::kOptional;
  std::string_view hint = {};  // told with a wrong value
};

template <class T>
struct Range {
  T low, high;
};

// What a text may be.
enum class TextKind : uint8_t {
  kFree,  // visible characters, at most 253 bytes
  kName,  // letters, digits, '.', '_', '-'; at most 63
  kPath,  // of a file; "-" stays as it is
};

// What the values of a mapping from names to texts are.
enum class PairKind : uint8_t { kPlain, kSecret };

class ConfigFields {
 public:
  using Names = std::span<const std::string_view>;
  using Visit = std::function<void(ConfigFields&)>;

  // Lists of mappings, as a ConfigFields sees them.
  struct Items {
    size_t size = 0;  // at the start
    std::function<void()> clear;
    std::function<void()> append;
    std::function<void(size_t, ConfigFields&)> visit;
  };

  // Of any list.
  static constexpr size_t kMaxItems = 256;

  virtual ~ConfigFields() = default;

  virtual void Text(const ConfigKey& key, TextKind kind,
                    std::string& value) = 0;
  virtual void Texts(const ConfigKey& key, TextKind kind,
                     std::vector<std::string>& values) = 0;
  virtual void Count(const ConfigKey& key, Range<int64_t> range,
                     int64_t& value) = 0;
  virtual void Bytes(const ConfigKey& key, Range<int64_t> range,
                     int64_t& value) = 0;
  virtual void Length(const ConfigKey& key, Range<absl::Duration> range,
                      absl::Duration& value) = 0;
  virtual void Flag(const ConfigKey& key, bool& value) = 0;
  // A date (its first moment, UTC) or a time of RFC 3339.
  virtual void Moment(const ConfigKey& key, absl::Time& value) = 0;
  virtual void Networks(const ConfigKey& key,
                        std::vector<IpNetwork>& values) = 0;
  // Secrets, in the configuration or in a file of their own.
  virtual void Secrets(SecretKind kind, const ConfigKey& key,
                       const ConfigKey& file_key, ConfigSecrets& secrets) = 0;
  // A mapping from names to texts, in the order in which it is written.
  virtual void Pairs(PairKind kind, const ConfigKey& key,
                     ConfigPairs& pairs) = 0;
  // A mapping with keys that others know.
  virtual void Mapping(const ConfigKey& key, Names known, YamlNode& value) = 0;

  // `names` in the order of the enumeration, from 0 on.
  template <class E>
  void Choice(const ConfigKey& key, Names names, E& value) {
    size_t index = static_cast<size_t>(value);
    ChooseOne(key, names, index);
    value = static_cast<E>(index);
  }
  template <class E>
  void Choices(const ConfigKey& key, Names names, std::vector<E>& values) {
    std::vector<size_t> indexes;
    for (E value : values) indexes.push_back(static_cast<size_t>(value));
    ChooseSome(key, names, indexes);
    values.clear();
    for (size_t index : indexes) values.push_back(static_cast<E>(index));
  }
  // The key that says which other keys the mapping has; one visit sees those
  // of one kind. False: the kind is not known, so nothing more can be visited.
  template <class E>
  [[nodiscard]] bool Kind(const ConfigKey& key, Names names, E& value) {
    size_t index = static_cast<size_t>(value);
    bool known = ChooseKind(key, names, index);
    value = static_cast<E>(index);
    return known;
  }

  virtual void Section(const ConfigKey& key, const Visit& visit) = 0;
  template <class T>
  void Section(const ConfigKey& key, std::optional<T>& value,
               void (*visit)(ConfigFields&, T&)) {
    bool present = value.has_value();
    T fields = value.value_or(T());
    OptionalSection(key, present,
                    [&](ConfigFields& inner) { visit(inner, fields); });
    if (present) value = std::move(fields);
  }
  template <class T>
  void List(const ConfigKey& key, std::vector<T>& items,
            void (*visit)(ConfigFields&, T&)) {
    Mappings(key, {.size = items.size(),
                   .clear = [&items] { items.clear(); },
                   .append = [&items] { items.emplace_back(); },
                   .visit =
                       [&items, visit](size_t i, ConfigFields& inner) {
                         visit(inner, items[i]);
                       }});
  }

  // "file:line:column" of the mapping being visited; empty where it has none.
  virtual std::string Place() const { return ""; }

 protected:
  virtual void ChooseOne(const ConfigKey& key, Names names, size_t& index) = 0;
  virtual void ChooseSome(const ConfigKey& key, Names names,
                          std::vector<size_t>& indexes) = 0;
  virtual bool ChooseKind(const ConfigKey& key, Names names, size_t& index) = 0;
  virtual void OptionalSection(const ConfigKey& key, bool& present,
                               const Visit& visit) = 0;
  virtual void Mappings(const ConfigKey& key, const Items& items) = 0;
};

// Goes over every key, in the order in which a person writes them.
void VisitConfig(ConfigFields& fields, ServiceConfig& config);
// The key rules alone, which a scan has, too.
void VisitRulesSection(ConfigFields& fields, RulesConfig& rules);
// The key suppress alone, which a scan has, too.
void VisitSuppressions(ConfigFields& fields,
                       std::vector<SuppressConfig>& entries);

// Of the section checkpoint.
void VisitCheckpoint(ConfigFields& fields, ServiceConfig& config);
// Of a client of Kafka.
void VisitKafkaClient(ConfigFields& fields, KafkaConfig& kafka);
// Of one output; those of its type follow.
void VisitOutput(ConfigFields& fields, OutputConfig& output);

std::string_view SourceTypeName(SourceConfig::Type type);
std::string_view OutputTypeName(OutputConfig::Type type);
std::string_view ServedName(Served what);

}  // namespace oddverb

#endif  // ODDVERB_APP_CONFIG_FIELDS_H_
