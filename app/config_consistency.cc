#include "app/config_consistency.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_values.h"
#include "app/kafka_client.h"
#include "app/outputs.h"
#include "base/nearest_name.h"
#include "base/strings.h"
#include "net/listen_socket.h"

namespace oddverb {
namespace {

using SourceType = SourceConfig::Type;

// "line 12" of "file:12:5".
std::string LineOf(const std::string& place) {
  size_t column = place.rfind(':');
  size_t line = place.rfind(':', column - 1);
  return absl::StrCat("line ", place.substr(line + 1, column - line - 1));
}

bool IsUnspecified(const IpAddress& host) {
  return host == IpAddress() || (host.is_v4() && host.v4() == 0);
}

// Whether the kernel would refuse the second of them.
bool AreInConflict(const ListenAddress& a, const ListenAddress& b) {
  if (a.port != b.port || a.port == 0) return false;
  if (a.every_host || b.every_host || a.host == b.host) return true;
  return a.host.is_v4() == b.host.is_v4() &&
         (IsUnspecified(a.host) || IsUnspecified(b.host));
}

class RuleCheck {
 public:
  RuleCheck(const YamlNode& root, const ServiceConfig& config,
            Mistakes& mistakes)
      : root_(root),
        config_(config),
        mistakes_(mistakes),
        sources_(NodesOf(root.Get("sources"), config.sources.size())),
        listeners_(NodesOf(root.Get("listeners"), config.listeners.size())),
        outputs_(NodesOf(root.Get("outputs"), config.outputs.size())) {}

  void Run() {
    CheckNames("source", config_.sources, sources_);
    CheckNames("listener", config_.listeners, listeners_);
    CheckNames("output", config_.outputs, outputs_);
    CheckSources();
    CheckKafkaCheckpoint(root_, config_, mistakes_);
    for (size_t i = 0; i < config_.listeners.size(); ++i) {
      CheckAddress(i);
      CheckAccess(config_.listeners[i], listeners_[i]);
    }
    CheckOutputs();
    CheckSizes();
    CheckSuppressions(root_.Get("suppress"), config_.suppress, mistakes_);
  }

 private:
  // One for each item, or none: a list that was too long has no items, and the
  // default list of outputs has no nodes.
  static std::vector<YamlNode> NodesOf(const YamlNode& list, size_t items) {
    std::vector<YamlNode> nodes = list.Items();
    if (nodes.size() != items) nodes.clear();
    return nodes;
  }

  template <class T>
  void CheckNames(std::string_view what, const std::vector<T>& items,
                  const std::vector<YamlNode>& nodes) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (items[i].name.empty()) continue;
      for (size_t j = 0; j < i; ++j) {
        if (items[i].name != items[j].name) continue;
        Tell(nodes[i].Get("name"),
             absl::StrCat("the name \"", items[i].name, "\" is taken by the ",
                          A(what), " of ", LineOf(items[j].place),
                          "; give this one another with name:"));
        break;
      }
    }
  }

  void CheckSources();
  void CheckTail(size_t index);
  void CheckWebhook(size_t index);
  void CheckTopic(size_t index);
  void CheckAddress(size_t index);
  void CheckAccess(const ListenerConfig& listener, const YamlNode& node);
  void CheckOutputs();
  void CheckSizes();

  void Tell(const YamlNode& node, std::string_view message) {
    mistakes_.Add(node.Error(message));
  }

  const YamlNode& root_;
  const ServiceConfig& config_;
  Mistakes& mistakes_;
  const std::vector<YamlNode> sources_, listeners_, outputs_;
};

void RuleCheck::CheckSources() {
  YamlNode list = root_.Get("sources");
  bool is_empty =
      list.kind() == YamlNode::Kind::kNull ||
      (list.kind() == YamlNode::Kind::kSequence && list.Items().empty());
  if (is_empty) {
    Tell(list,
         "no source, so there is nothing to judge; for example sources: "
         "[{type: tail, path: /var/log/kubernetes/audit/audit.log}]");
  }
  std::optional<size_t> reads_stdin;
  for (size_t i = 0; i < config_.sources.size(); ++i) {
    const SourceConfig& source = config_.sources[i];
    if (source.name.empty()) continue;  // its type is wrong
    if (source.type == SourceType::kTail) CheckTail(i);
    if (source.type == SourceType::kWebhook) CheckWebhook(i);
    if (source.type == SourceType::kKafka) CheckTopic(i);
    if (source.type == SourceType::kFiles) {
      for (const std::string& path : source.paths) {
        if (path == "-") {
          Tell(sources_[i].Get("paths"),
               "\"-\" is no file; for standard input write type: stdin");
        }
      }
    }
    if (source.type != SourceType::kStdin) continue;
    if (reads_stdin.has_value()) {
      Tell(sources_[i],
           absl::StrCat("standard input is read already by the source of ",
                        LineOf(config_.sources[*reads_stdin].place)));
    }
    reads_stdin = reads_stdin.value_or(i);
  }
}

void RuleCheck::CheckTail(size_t index) {
  const SourceConfig& source = config_.sources[index];
  YamlNode node = sources_[index].Get("path");
  if (source.path.empty()) return;
  if (source.path == "-") {
    Tell(node, "\"-\" is no file; for standard input write type: stdin");
  }
  if (source.path.ends_with('/') ||
      source.path.find('*') != std::string::npos) {
    Tell(node,
         "a tail follows one file and finds its rotated ones by itself; write "
         "the path of the file that the API server writes");
  }
  for (size_t i = 0; i < index; ++i) {
    const SourceConfig& other = config_.sources[i];
    if (other.type == SourceType::kTail && other.path == source.path) {
      Tell(node, absl::StrCat("this file is read already by the source \"",
                              other.name, "\""));
      return;
    }
  }
}

void RuleCheck::CheckTopic(size_t index) {
  const SourceConfig& source = config_.sources[index];
  absl::Status status = CheckKafkaClient(source.kafka);
  if (!status.ok()) Tell(sources_[index], S(status.message()));
  if (source.group.empty()) {
    Tell(sources_[index].Get("group"),
         "a group needs a name; default: oddverb");
  }
  for (size_t i = 0; i < index; ++i) {
    const SourceConfig& other = config_.sources[i];
    if (other.type != SourceType::kKafka || other.name.empty() ||
        other.kafka.topic != source.kafka.topic ||
        other.kafka.brokers != source.kafka.brokers) {
      continue;
    }
    Tell(sources_[index].Get("topic"),
         absl::StrCat("this topic is read already by the source \"", other.name,
                      "\""));
    return;
  }
}

void RuleCheck::CheckWebhook(size_t index) {
  const SourceConfig& source = config_.sources[index];
  if (config_.cluster.empty()) {
    Tell(sources_[index],
         "a webhook needs the key cluster: the API server posts to "
         "/audit/CLUSTER");
  } else if (!IsPathSegment(config_.cluster)) {
    Tell(root_.Get("cluster"),
         "with a webhook the cluster is part of a URL: only letters, digits "
         "and -._~ are possible");
  }
  if (source.listener.empty()) return;
  YamlNode node = sources_[index].Get("listener");
  std::vector<std::string> names;
  for (const ListenerConfig& listener : config_.listeners) {
    if (listener.name == source.listener) {
      if (!listener.serve.empty() && !listener.serves(Served::kAudit)) {
        Tell(node, absl::StrCat("the listener \"", listener.name,
                                "\" does not serve audit; add audit to its "
                                "serve list"));
      }
      break;
    }
    names.push_back(listener.name);
  }
  if (names.size() == config_.listeners.size()) {
    std::string_view nearest = NearestName(source.listener, names);
    std::string cure =
        names.empty() ? "there is none; add listeners:"
        : nearest.empty()
            ? absl::StrCat("there are ", absl::StrJoin(names, ", "))
            : absl::StrCat("did you mean \"", A(nearest), "\"?");
    Tell(node, absl::StrCat("no listener has the name \"", source.listener,
                            "\"; ", cure));
  }
  for (size_t i = 0; i < index; ++i) {
    const SourceConfig& other = config_.sources[i];
    if (other.type == SourceType::kWebhook &&
        other.listener == source.listener) {
      Tell(node, absl::StrCat("the source \"", other.name,
                              "\" has this listener already, and the same "
                              "path /audit/CLUSTER"));
    }
  }
}

void RuleCheck::CheckAddress(size_t index) {
  const std::string& text = config_.listeners[index].address;
  if (text.empty()) return;
  YamlNode node = listeners_[index].Get("address");
  absl::StatusOr<ListenAddress> address = ListenAddress::Parse(text);
  if (!address.ok()) {
    Tell(node, S(address.status().message()));
    return;
  }
  for (size_t i = 0; i < index; ++i) {
    absl::StatusOr<ListenAddress> other =
        ListenAddress::Parse(config_.listeners[i].address);
    if (other.ok() && AreInConflict(*address, *other)) {
      Tell(node, absl::StrCat("the listener \"", config_.listeners[i].name,
                              "\" has this port already, at ",
                              config_.listeners[i].address));
      return;
    }
  }
}

void RuleCheck::CheckAccess(const ListenerConfig& listener,
                            const YamlNode& node) {
  bool serves_audit = listener.serves(Served::kAudit);
  if (!serves_audit && !listener.serves(Served::kApi)) return;
  if (!ListenAddress::Parse(listener.address).ok()) return;
  std::string_view what = serves_audit ? "audit" : "api";
  std::string_view why =
      serves_audit ? "whoever can post events can forge and hide findings"
                   : "findings name credentials and who holds them";
  bool has_tokens =
      node.Get("tokens").present() || node.Get("tokens_file").present();
  bool has_client_ca = node.Get("tls").Get("client_ca_file").present();
  if (!listener.tls.has_value() && has_tokens && serves_audit) {
    Tell(node,
         "audit with tokens needs tls: the API server sends a bearer token "
         "only over https");
    return;
  }
  if (IsLoopback(listener.address)) return;
  if (!listener.tls.has_value()) {
    Tell(node, absl::StrCat(
                   "serving ", A(what),
                   " on an address that is not loopback needs tls, and in "
                   "it client_ca_file, or else tokens or tokens_file: ",
                   A(why), ", and a bearer token is a secret only over https"));
  } else if (!has_client_ca && !has_tokens) {
    Tell(node, absl::StrCat("serving ", A(what),
                            " on an address that is not loopback needs "
                            "client_ca_file in tls, or tokens or tokens_file: ",
                            A(why)));
  }
}

void RuleCheck::CheckOutputs() {
  using Type = OutputConfig::Type;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const OutputConfig& output = config_.outputs[i];
    if (output.name.empty()) continue;  // its type is wrong
    absl::Status status = CheckOutputOptions(config_, output);
    if (!status.ok()) Tell(outputs_[i], S(status.message()));
    for (size_t j = 0; j < i; ++j) {
      const OutputConfig& other = config_.outputs[j];
      if (output.type != Type::kNdjson || other.type != Type::kNdjson ||
          output.path != other.path || other.name.empty()) {
        continue;
      }
      Tell(outputs_[i].Get("path"),
           absl::StrCat("the output of ", LineOf(other.place),
                        " writes there already"));
      break;
    }
  }
}

// What takes all bodies must take the largest one, or its sender comes for
// ever.
void RuleCheck::CheckSizes() {
  const std::string body = SizeValue(config_.http_body);
  if (config_.http_bodies < config_.http_body) {
    Tell(root_.Get("memory"),
         absl::StrCat("http_bodies (", SizeValue(config_.http_bodies),
                      ") must be at least http_body (", body, ")"));
  }
  if (config_.max_spool < 2 * config_.http_body) {
    Tell(root_.Get("state"),
         absl::StrCat("max_spool (", SizeValue(config_.max_spool),
                      ") must be at least twice http_body of memory (", body,
                      "), so that one body can wait while another is judged"));
  }
}

}  // namespace

void CheckSuppressions(const YamlNode& list,
                       const std::vector<SuppressConfig>& entries,
                       Mistakes& mistakes) {
  std::vector<YamlNode> nodes = list.Items();
  if (nodes.size() != entries.size()) return;  // it was too long
  for (size_t i = 0; i < nodes.size(); ++i) {
    const SuppressConfig& entry = entries[i];
    YamlNode matchers = nodes[i].Get("matchers");
    if (!matchers.present()) {
      mistakes.Add(nodes[i].Error(
          "missing key: \"matchers\"; for example matchers: {rule: "
          "forbidden.*}"));
      continue;
    }
    // A value that is wrong by itself is told already.
    std::vector<std::string> keys = matchers.Keys();
    bool names_nothing =
        std::all_of(keys.begin(), keys.end(), [&](const std::string& key) {
          return matchers.Get(key).AsString().value_or("?").empty();
        });
    if (names_nothing) {
      mistakes.Add(matchers.Error(
          "an entry without matchers would suppress every finding; for example "
          "matchers: {rule: forbidden.*}"));
    }
    const std::string& address =
        entry.patterns[static_cast<size_t>(SuppressedBy::kSourceIp)];
    if (address.find('/') != std::string::npos &&
        !IpNetwork::Parse(address).has_value()) {
      mistakes.Add(matchers.Get("source_ip")
                       .Error(absl::StrCat(
                           "\"", address,
                           "\" is no network; write one such as 10.0.0.0/8")));
    }
    for (size_t j = 0; j < i; ++j) {
      if (entry.name.empty() || entries[j].name != entry.name) continue;
      mistakes.Add(nodes[i].Get("name").Error(absl::StrCat(
          "the name \"", entry.name, "\" is taken by the entry of ",
          LineOf(entries[j].place))));
      break;
    }
  }
}

bool IsLoopback(std::string_view address) {
  absl::StatusOr<ListenAddress> parsed = ListenAddress::Parse(address);
  if (!parsed.ok() || parsed->every_host) return false;
  constexpr uint32_t kLoopbackNet = 127;  // RFC 1122 3.2.1.3
  if (parsed->host.is_v4()) return parsed->host.v4() >> 24 == kLoopbackNet;
  return parsed->host == IpAddress::Parse("::1");
}

bool IsPathSegment(std::string_view text) {
  // RFC 3986 2.3: unreserved.
  return !text.empty() && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  std::string_view("-._~").find(c) != std::string_view::npos;
         });
}

void CheckConfigConsistency(const YamlNode& root, const ServiceConfig& config,
                            Mistakes& mistakes) {
  RuleCheck(root, config, mistakes).Run();
}

}  // namespace oddverb
