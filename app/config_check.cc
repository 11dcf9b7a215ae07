// Long because: one class of many small checks, each of which is read alone.
#include "app/config_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "app/app.h"
#include "app/config_consistency.h"
#include "app/config_fields.h"
#include "app/config_values.h"
#include "app/expired_allowances.h"
#include "app/kafka_client.h"
#include "app/kafka_topics_check.h"
#include "app/number_text.h"
#include "app/outputs.h"
#include "app/rule_files.h"
#include "app/scan.h"
#include "base/clock.h"
#include "base/strings.h"
#include "base/visible_text.h"
#include "detectors/detectors.h"
#include "exporters/output_file.h"
#include "ingest/paths.h"
#include "ingest/stored_file.h"
#include "net/tls_context.h"

namespace oddverb {
namespace {

constexpr size_t kShortTokenBytes = 20;
constexpr absl::Duration kTopicsPatience = absl::Seconds(5);
constexpr mode_t kOthersMayRead = S_IROTH;
constexpr mode_t kAnybodyElse = S_IRWXG | S_IRWXO;

std::optional<struct stat> StatOf(const std::string& path) {
  struct stat facts;
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return facts;
}

// May this process do so, with the rights that it opens files with?
bool MayAccess(const std::string& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

std::string ParentOf(const std::string& path) {
  std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Without the program's name before it: editors jump to "file:line:column: ".
void TellPlain(std::string_view message) {
  for (absl::string_view line : absl::StrSplit(A(message), '\n')) {
    std::fprintf(stderr, "%s\n", VisibleText(S(line), Charset::kUtf8).c_str());
  }
}

class FileCheck {
 public:
  FileCheck(const ServiceConfig& config, absl::Time now)
      : config_(config), logger_(config.log, clock_), now_(now) {}

  ConfigReport Run() {
    CheckStateDir();
    CheckCheckpoint();
    for (const SourceConfig& source : config_.sources) CheckSource(source);
    for (const ListenerConfig& listener : config_.listeners) {
      CheckTls(listener);
      WarnOfListener(listener);
    }
    for (const OutputConfig& output : config_.outputs) CheckOutput(output);
    CheckRules();
    WarnOfSettings();
    WarnOfExpired();
    return std::move(report_);
  }

 private:
  void Problem(std::string_view place, std::string_view message) {
    for (absl::string_view line : absl::StrSplit(A(message), '\n')) {
      report_.problems.Add(
          absl::InvalidArgumentError(absl::StrCat(A(place), ": ", line)));
    }
  }
  void Warn(std::string_view place, std::string_view message) {
    report_.warnings.Add(absl::InvalidArgumentError(
        absl::StrCat(A(place), ": warning: ", A(message))));
  }

  void CheckStateDir();
  void CheckCheckpoint();
  void CheckSource(const SourceConfig& source);
  void CheckTail(const SourceConfig& source);
  void CheckTopic(const SourceConfig& source);
  void CheckTls(const ListenerConfig& listener);
  void CheckOutput(const OutputConfig& output);
  void CheckReceiver(const OutputConfig& output);
  void CheckRules();
  void WarnOfListener(const ListenerConfig& listener);
  void WarnOfSettings();
  void WarnOfExpired();
  void WarnIfOthersMayRead(std::string_view place, std::string_view what,
                           const std::string& path);

  const ServiceConfig& config_;
  SystemClock clock_;
  Logger logger_;
  const absl::Time now_;
  ConfigReport report_;
};

void FileCheck::CheckStateDir() {
  if (config_.checkpoint_kafka.has_value()) return;
  const std::string& folder = config_.state_dir;
  std::string place = absl::StrCat(config_.file, ": state_dir");
  std::optional<struct stat> facts = StatOf(folder);
  if (!facts.has_value() && errno != ENOENT) {
    Problem(place, absl::StrCat(folder, ": ", std::strerror(errno)));
    return;
  }
  if (!facts.has_value()) {
    // The service makes the folder itself, but none above it.
    std::string parent = ParentOf(folder);
    if (!MayAccess(parent, W_OK | X_OK)) {
      Problem(place,
              absl::StrCat(folder,
                           " is not there, and this process may not "
                           "make it in ",
                           parent, "; make it: install -d -m 0700 -o oddverb ",
                           folder,
                           " (or StateDirectory=oddverb in the systemd unit)"));
    }
    return;
  }
  if (!S_ISDIR(facts->st_mode)) {
    Problem(place, absl::StrCat(folder, " is not a folder"));
    return;
  }
  if (!MayAccess(folder, R_OK | W_OK | X_OK)) {
    Problem(place, absl::StrCat(folder,
                                ": this process may not write there; "
                                "give it the folder: chown oddverb ",
                                folder));
  }
  if ((facts->st_mode & kAnybodyElse) != 0) {
    Warn(place, absl::StrCat(folder,
                             " can be entered by others; it holds "
                             "events not yet judged, with all that clients "
                             "sent: chmod 0700 ",
                             folder));
  }
}

// The one check that asks somebody: only the brokers know.
void FileCheck::CheckCheckpoint() {
  if (!config_.checkpoint_kafka.has_value()) return;
  const std::string place = absl::StrCat(config_.file, ": checkpoint.kafka");
  absl::StatusOr<KafkaTopicsReport> report =
      CheckCheckpointTopics(config_, MissingTopics::kTold, kTopicsPatience);
  if (absl::IsUnavailable(report.status())) {
    Warn(place, absl::StrCat("the topics could not be checked: ",
                             report.status().message()));
    return;
  }
  // What the source names cannot be used either, which is told there.
  if (!report.ok()) return;
  for (const std::string& problem : report->problems) Problem(place, problem);
  for (const std::string& warning : report->warnings) Warn(place, warning);
}

void FileCheck::CheckSource(const SourceConfig& source) {
  switch (source.type) {
    case SourceConfig::Type::kTail:
      CheckTail(source);
      break;
    case SourceConfig::Type::kFiles: {
      absl::StatusOr<std::vector<std::string>> paths =
          ExpandPaths(source.paths);
      if (!paths.ok()) {
        Problem(source.place, S(paths.status().message()));
        break;
      }
      for (const std::string& path : *paths) {
        absl::StatusOr<StoredFile> file = InspectFile(path);
        absl::Status status = file.ok() ? CheckReadable(*file) : file.status();
        if (!status.ok()) Problem(source.place, S(status.message()));
      }
      break;
    }
    case SourceConfig::Type::kWebhook:
      if (config_.allowed_lateness < ServiceConfig::kWebhookLateness) {
        Warn(
            absl::StrCat(config_.file, ": allowed_lateness"),
            "below 2m, but what the API server sends a second time comes later "
            "than that");
      }
      break;
    case SourceConfig::Type::kStdin:
      break;
    case SourceConfig::Type::kKafka:
      CheckTopic(source);
      break;
  }
}

// Reads its certificates; connects to nobody.
void FileCheck::CheckTopic(const SourceConfig& source) {
  absl::Status status = KafkaConsumer::Make(KafkaConsumerOf(source)).status();
  if (!status.ok()) {
    Problem(source.place,
            absl::StrCat("source ", source.name, ": ", status.message()));
  }
  const KafkaConfig& kafka = source.kafka;
  WarnIfOthersMayRead(source.place, "a password", kafka.password.file);
  if (kafka.tls.has_value()) {
    WarnIfOthersMayRead(source.place, "a private key", kafka.tls->key_file);
  } else if (kafka.sasl != KafkaSasl::kNone) {
    Warn(source.place,
         "sasl without tls: the password can be read on the network; add tls");
  }
}

void FileCheck::CheckTail(const SourceConfig& source) {
  std::string folder = ParentOf(source.path);
  std::optional<struct stat> facts = StatOf(folder);
  if (!facts.has_value() || !S_ISDIR(facts->st_mode)) {
    absl::Status error = FileError(folder, facts.has_value() ? ENOTDIR : errno);
    Problem(source.place,
            absl::StrCat(error.message(),
                         "; it is the folder of --audit-log-path, which must "
                         "be there (in a container: mounted as a folder)"));
    return;
  }
  if (!MayAccess(folder, R_OK | X_OK)) {
    Problem(source.place, S(FileError(folder, EACCES).message()));
    return;
  }
  absl::StatusOr<StoredFile> file = InspectFile(source.path);
  if (!file.ok() && file.status().code() == absl::StatusCode::kNotFound) {
    Warn(source.place,
         absl::StrCat(source.path,
                      " is not there yet; it is read as soon as "
                      "the API server writes it (--audit-log-path)"));
    return;
  }
  absl::Status status = file.ok() ? CheckReadable(*file) : file.status();
  if (!status.ok()) Problem(source.place, S(status.message()));
}

void FileCheck::CheckTls(const ListenerConfig& listener) {
  if (!listener.tls.has_value()) return;
  absl::Status status = MakeTlsContext(*listener.tls).status();
  if (!status.ok()) {
    Problem(listener.place,
            absl::StrCat("listener ", listener.name, ": ", status.message()));
  }
  WarnIfOthersMayRead(listener.place, "a private key", listener.tls->key_file);
}

void FileCheck::CheckOutput(const OutputConfig& output) {
  if (output.type != OutputConfig::Type::kNdjson) {
    return CheckReceiver(output);
  }
  const std::string& path = output.path;
  if (path == "-") return;
  std::optional<struct stat> facts = StatOf(path);
  if (facts.has_value()) {
    if (S_ISDIR(facts->st_mode)) {
      Problem(output.place, absl::StrCat(path, " is a folder; name a file"));
    } else if (!MayAccess(path, W_OK)) {
      Problem(output.place,
              absl::StrCat(path,
                           ": this process may not write to it; give it "
                           "the file: chown oddverb ",
                           path));
    }
    WarnIfOthersMayRead(output.place, "findings, which name credentials,",
                        path);
    return;
  }
  std::string folder = ParentOf(path);
  if (!StatOf(folder).has_value()) {
    Problem(output.place, absl::StrCat("the folder ", folder,
                                       " is not there; make it: "
                                       "install -d -m 0750 -o oddverb ",
                                       folder));
  } else if (!MayAccess(folder, W_OK | X_OK)) {
    Problem(output.place,
            absl::StrCat("this process may not make a file in ", folder,
                         "; give it the folder: chown oddverb ", folder));
  }
}

void FileCheck::CheckReceiver(const OutputConfig& output) {
  // Reads its certificates and template; connects to nobody.
  report_.problems.Add(MakeOutput(config_, output, {clock_, logger_}).status());
  const ReceiverConfig& receiver = output.receiver;
  WarnIfOthersMayRead(output.place, "a secret URL", receiver.urls.file);
  WarnIfOthersMayRead(output.place, "headers", receiver.headers.file);
  WarnIfOthersMayRead(output.place, "a token", receiver.token.file);
  if (receiver.tls.has_value()) {
    WarnIfOthersMayRead(output.place, "a private key", receiver.tls->key_file);
  }
}

// Also without `strict`: what is refused here would be left out.
void FileCheck::CheckRules() {
  RuleFiles files = LoadRules(config_.rules);
  report_.problems.AddTexts(RuleErrors(files));
  report_.warnings.AddTexts(RuleWarnings(files));
}

void FileCheck::WarnIfOthersMayRead(std::string_view place,
                                    std::string_view what,
                                    const std::string& path) {
  std::optional<struct stat> facts = StatOf(path);
  if (!facts.has_value() || (facts->st_mode & kOthersMayRead) == 0 ||
      !S_ISREG(facts->st_mode)) {
    return;
  }
  Warn(place,
       absl::StrCat(path, " holds ", A(what),
                    " and can be read by everybody: chmod o-rwx ", path));
}

void FileCheck::WarnOfListener(const ListenerConfig& listener) {
  std::string name = absl::StrCat("listener ", listener.name, ": ");
  bool serves_audit = listener.serves(Served::kAudit);
  bool has_client_ca =
      listener.tls.has_value() && !listener.tls->client_ca_file.empty();
  if (!listener.tokens.file.empty()) {
    WarnIfOthersMayRead(listener.place, "tokens", listener.tokens.file);
  } else if (!listener.tokens.values.empty()) {
    WarnIfOthersMayRead(listener.place, "tokens", config_.file);
  }
  for (const std::string& token : listener.tokens.values) {
    if (token.size() >= kShortTokenBytes) continue;
    Warn(listener.place,
         absl::StrCat(name, "a token of less than ", kShortTokenBytes,
                      " characters can be guessed; make one with: openssl "
                      "rand -hex 32"));
    break;
  }
  if (serves_audit && listener.tokens.values.empty() && !has_client_ca) {
    Warn(listener.place,
         absl::StrCat(name,
                      "every process of this machine can post events, "
                      "and so forge findings; add tls with client_ca_file, or "
                      "tls with tokens_file"));
  }
  if (serves_audit &&
      std::none_of(config_.sources.begin(), config_.sources.end(),
                   [&](const SourceConfig& source) {
                     return source.type == SourceConfig::Type::kWebhook &&
                            source.listener == listener.name;
                   })) {
    Warn(listener.place,
         absl::StrCat(name,
                      "serves audit, but no source of type webhook names "
                      "it: what is posted gets 404"));
  }
  if (has_client_ca &&
      (listener.serves(Served::kHealth) || listener.serves(Served::kMetrics))) {
    Warn(listener.place,
         absl::StrCat(name,
                      "asks for a client certificate, which the "
                      "kubelet's probes and most scrapers do not have; serve "
                      "health and metrics on a listener of their own"));
  }
  if (listener.address.ends_with(":0")) {
    Warn(listener.place,
         absl::StrCat(name, "port 0 is another port at each start"));
  }
}

void FileCheck::WarnOfSettings() {
  for (const IpNetwork& network : config_.trusted_proxies) {
    bool is_all = network.prefix_bits == 0 ||
                  (network.base.is_v4() && network.prefix_bits == 96);
    if (!is_all) continue;
    Warn(absl::StrCat(config_.file, ": trusted_proxies"),
         "every address is a trusted proxy, so each client can claim any "
         "address; name the networks of your load balancers only");
  }
  if (config_.outputs.empty()) {
    Warn(absl::StrCat(config_.file, ": outputs"),
         "findings are written nowhere");
  }
  bool is_watched = std::any_of(
      config_.listeners.begin(), config_.listeners.end(),
      [](const ListenerConfig& l) { return l.serves(Served::kMetrics); });
  if (!is_watched) {
    Warn(absl::StrCat(config_.file, ": listeners"),
         "no listener serves metrics, so nothing tells you when events stop "
         "coming");
  }
}

void FileCheck::WarnOfExpired() {
  for (const SuppressConfig& entry : config_.suppress) {
    if (entry.expires > now_) continue;
    Warn(entry.place,
         absl::StrCat("suppress entry ", entry.name, " has expired at ",
                      MomentValue(entry.expires),
                      ": its findings are told again; remove it, or give it a "
                      "later date"));
  }
  for (const ExpiredAllowance& entry : ExpiredAllowances(config_, now_)) {
    Warn(entry.place,
         absl::StrCat("allow entry ", entry.number, " (", entry.actor,
                      ") has expired at ", MomentValue(entry.expires),
                      ": its refusals are weighed again; remove it, or give "
                      "it a later date"));
  }
}

}  // namespace

ConfigReport CheckConfigFiles(const ServiceConfig& config, absl::Time now) {
  return FileCheck(config, now).Run();
}

std::string ConfigSummary(const ServiceConfig& config) {
  std::vector<std::string> detectors;
  for (const DetectorEntry& entry : AllDetectors()) {
    detectors.emplace_back(entry.name);
  }
  return absl::StrCat(Counted(config.sources.size(), "source"), ", ",
                      Counted(config.listeners.size(), "listener"), ", ",
                      Counted(config.outputs.size(), "output"), "; detectors ",
                      absl::StrJoin(detectors, ", "));
}

int RunCheckConfig(const std::string& path) {
  absl::StatusOr<ServiceConfig> config =
      LoadServiceConfig(path, &ProcessEnvironment);
  if (!config.ok()) {
    TellPlain(S(config.status().message()));
    return kExitUsage;
  }
  ConfigReport report = CheckConfigFiles(*config);
  for (const std::string& warning : report.warnings.lines()) {
    TellPlain(warning);
  }
  if (!report.problems.empty()) {
    TellPlain(S(report.problems.status().message()));
    return kExitUsage;
  }
  OutputFile output(STDOUT_FILENO, "standard output",
                    OutputFile::Ownership::kBorrowed);
  absl::Status status =
      output.Write(absl::StrCat(VisibleText(path, Charset::kUtf8),
                                ": fine: ", ConfigSummary(*config), "\n"));
  return status.ok() ? kExitFine : ReportError(status);
}

}  // namespace oddverb
