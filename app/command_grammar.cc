// Long because: one table of flags, command by command; each reads alone.
#include "app/command_grammar.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config_values.h"
#include "base/nearest_name.h"
#include "base/strings.h"
#include "exporters/exporters.h"
#include "pipeline/memory_plan.h"
#include "yaml/yaml_node.h"

namespace oddverb {
namespace {

constexpr int kMaxThreads = 64;

constexpr char kAbout[] =
    "oddverb reads Kubernetes audit logs and says who behaves like an "
    "intruder.\n"
    "Nothing leaves this machine; no cluster access is needed.\n"
    "\n"
    "  oddverb demo                              see it work, no log needed\n"
    "  oddverb /var/log/kubernetes/audit/        your own log (= oddverb scan)";
constexpr char kExitCodes[] =
    "Exit codes:\n"
    "    0  fine, with findings or without\n"
    "    1  failed while running\n"
    "    2  wrong command line or configuration\n"
    "    3  findings at or above --fail-on\n"
    "    4  records that could not be judged, under --strict\n"
    "  130  ended by SIGINT (143: SIGTERM) after judging what was read";
constexpr char kScanAbout[] =
    "Judge audit logs once (`oddverb PATH` means this)\n"
    "\n"
    "PATH is a file, a folder (its own files), a pattern such as "
    "'audit-*.log', or -\n"
    "for standard input. gzip and zstd are recognized by content. Several "
    "inputs are\n"
    "merged by time, so their order does not matter.\n"
    "\n"
    "Findings go to standard output, messages to standard error. The same "
    "input gives\n"
    "the same bytes, whatever the number of threads. Findings of a file come "
    "at its\n"
    "end, sorted by time; those of standard input at once, unless as a table.";
constexpr char kScanExamples[] =
    "Examples:\n"
    "  oddverb scan /var/log/kubernetes/audit/\n"
    "  oddverb scan --min-severity high -o findings.ndjson 'audit-*.log.gz'\n"
    "  tail -F audit.log | oddverb scan -\n"
    "  oddverb scan -q --fail-on high audit.log || echo 'look at this'\n"
    "\n"
    "The configuration is YAML; every part may be left out:\n"
    "  cluster: prod-eu-1\n"
    "  trusted_proxies: [10.0.0.0/8]\n"
    "  detectors:\n"
    "    forbidden_burst: {profile: sensitive}\n"
    "\n";
constexpr char kDemoAbout[] =
    "Judge the built-in log; start here\n"
    "\n"
    "The log is five minutes of a real API server while attacks were staged "
    "on it.\n"
    "The findings are held against the truth: which attacks were found, and "
    "how many\n"
    "findings are false.";

constexpr char kCheckConfigAbout[] =
    "Check the configuration of oddverb run, and the files it names\n"
    "\n"
    "Tells every mistake with line and cure, and every risky setting. Nothing "
    "is\n"
    "started and nothing changed. Run it as the user of the service: it asks "
    "what\n"
    "that user may read and write.";

constexpr char kRulesCheckAbout[] =
    "Find what is wrong with rules, and try them on a log\n"
    "\n"
    "Tells every mistake of Sigma's and Falco's rules with file, line, column "
    "and\n"
    "cure, and what can never match. With --against it then counts what each "
    "rule\n"
    "matches in the logs, before it is switched on.";
constexpr char kRulesTestAbout[] =
    "Judge the cases of rules: events that they must and must not match\n"
    "\n"
    "Cases are YAML beside the rules; docs/rules.md has their form. Tells each "
    "case\n"
    "that fails, and which rules have no case.";
constexpr char kRulesMatchAbout[] =
    "Say which records rules match\n"
    "\n"
    "LOG is an audit log or any other file of JSON objects, one a line. "
    "Writes a line\n"
    "for each match: {\"rule\": its title, \"id\": ..., \"event\": N, "
    "\"time\": ...}, where N\n"
    "counts the records from 0. Of a correlation N is the record that "
    "completed it,\n"
    "null where a window's end did.";

using Names = std::vector<std::string>;

Names FormatNames() {
  Names names;
  for (const ExporterEntry& entry : AllExporters()) {
    names.emplace_back(entry.name);
  }
  return names;
}

// A flag with one value; given again, the last one counts.
CLI::Option* AddValue(CLI::App* app, const std::string& flag,
                      const std::string& type, std::string& value,
                      const std::string& help) {
  return app->add_option(flag, value, help)->type_name(type)->take_last();
}

// A flag whose value is one of `names`.
CLI::Option* AddChoice(CLI::App* app, const std::string& flag,
                       const Names& names, const std::string& help,
                       const std::function<void(const std::string&)>& set) {
  auto check = [flag, names, set](const std::string& value) {
    if (std::find(names.begin(), names.end(), value) == names.end()) {
      std::string message = absl::StrCat("\"", value, "\" is none of ",
                                         absl::StrJoin(names, ", "));
      std::string_view nearest = NearestName(value, names);
      if (!nearest.empty()) {
        absl::StrAppend(&message, "; did you mean ", A(nearest), "?");
      }
      throw CLI::ValidationError(flag, message);
    }
    set(value);
  };
  return app->add_option_function<std::string>(flag, check, help)->take_last();
}

CLI::Option* AddSeverity(CLI::App* app, const std::string& flag,
                         const std::string& help,
                         const std::function<void(Severity)>& set) {
  Names names;
  for (int i = 0; i <= static_cast<int>(Severity::kCritical); ++i) {
    names.emplace_back(SeverityName(static_cast<Severity>(i)));
  }
  auto set_by_name = [set](const std::string& name) {
    Severity severity = Severity::kInfo;
    ParseSeverity(name, severity);
    set(severity);
  };
  return AddChoice(app, flag, names, help, set_by_name)->type_name("SEVERITY");
}

void AddThreads(CLI::App* app, ScanOptions& scan) {
  auto set = [&scan](const std::string& text) {
    int count = 0;
    const char* end = text.data() + text.size();
    auto [rest, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc() || rest != end || count < 1 ||
        count > kMaxThreads) {
      throw CLI::ValidationError(
          "--threads",
          absl::StrCat("\"", text, "\" is no number from 1 to ", kMaxThreads,
                       "; leave the flag out for one a core"));
    }
    scan.threads = count;
  };
  app->add_option_function<std::string>(
         "--threads", set,
         "Worker threads, 1 to 64; default: one a core. Never changes the "
         "findings")
      ->type_name("N")
      ->take_last()
      ->group("Running");
}

void AddMemory(CLI::App* app, ScanOptions& scan) {
  auto set = [&scan](const std::string& text) {
    absl::StatusOr<YamlNode> node = YamlNode::Parse(text, "--memory");
    absl::StatusOr<int64_t> bytes =
        node.ok() ? node->AsBytes(0) : absl::StatusOr<int64_t>(node.status());
    if (!bytes.ok() || *bytes < int64_t{MemoryPlan::kLeastBudget}) {
      throw CLI::ValidationError(
          "--memory", absl::StrCat("\"", text, "\" is no size of at least ",
                                   SizeValue(MemoryPlan::kLeastBudget),
                                   ", such as 512MiB"));
    }
    scan.memory = static_cast<uint64_t>(*bytes);
  };
  app->add_option_function<std::string>(
         "--memory", set,
         "What the scan may take, such as 512MiB; default: 1,000,000 "
         "identities of each kind. What is not in use is packed, then "
         "forgotten")
      ->type_name("SIZE")
      ->take_last()
      ->group("Running");
}

// Flags that demo and scan share.
void AddOutputFlags(CLI::App* app, ScanOptions& scan) {
  const char* group = "Findings";
  AddChoice(app, "--format", FormatNames(),
            absl::StrCat(absl::StrJoin(FormatNames(), ", "),
                         "; default: table on a terminal, else ndjson (one "
                         "JSON object a line, see oddverb schema finding). The "
                         "others are what SIEMs, brokers and falcosidekick "
                         "read, one JSON object a line: docs/outputs.md"),
            [&scan](const std::string& name) { scan.format = name; })
      ->type_name("FORMAT")
      ->group(group);
  AddValue(app, "-o,--output", "FILE", scan.output,
           "Where the findings go; default: -, standard output")
      ->group(group);
  AddSeverity(app, "--min-severity",
              "Leave out findings below: info, low, medium, high or critical",
              [&scan](Severity s) { scan.min_severity = s; })
      ->group(group);
  AddThreads(app, scan);
  AddMemory(app, scan);
  AddValue(app, "--metrics-out", "FILE", scan.metrics_file,
           "Write Prometheus metrics of the run to this file at its end")
      ->group("Running");
  app->add_flag("-q,--quiet", scan.quiet,
                "No progress and no summary; warnings and errors remain")
      ->group("Running");
}

void AddBuiltin(CLI::App* app, ScanOptions& scan) {
  app->add_flag_callback(
         "--builtin", [&scan] { scan.builtin = true; },
         "With the rules that come with oddverb (oddverb rules list)")
      ->group("Reading");
}

void AddReadingFlags(CLI::App* app, ScanOptions& scan) {
  app->add_option("path", scan.paths)->type_name("PATH")->expected(0, -1);
  const char* group = "Reading";
  AddValue(app, "--config", "FILE", scan.config_file,
           "YAML with cluster, trusted_proxies, suppress, rules and the "
           "detectors' options")
      ->group(group);
  app->add_option("--rules", scan.rules,
                  "Sigma or Falco rules: a file, or a folder of *.yml and "
                  "*.yaml files; may be repeated")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("PATH")
      ->group(group);
  AddBuiltin(app, scan);
  app->add_flag_callback(
         "--no-builtin", [&scan] { scan.builtin = false; },
         "Without them, whatever the configuration says")
      ->group(group);
  AddValue(app, "--cluster", "NAME", scan.cluster,
           "Name of the cluster, part of every finding and of its id")
      ->group(group);
  app->add_option("--trusted-proxies", scan.trusted_proxies,
                  "Networks of your load balancers and proxies: passed over "
                  "in sourceIPs, from the right, to find the client's address")
      ->delimiter(',')
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("CIDR,...")
      ->group(group);
  app->add_flag("--strict", scan.strict,
                "Exit with 4 if a record could not be judged")
      ->group(group);
  AddValue(app, "--dead-letter", "FILE", scan.dead_letter_file,
           "Keep the records that could not be judged, with place and reason")
      ->group(group);
}

void AddScanFlags(CLI::App* app, ScanOptions& scan) {
  AddReadingFlags(app, scan);
  AddOutputFlags(app, scan);
  AddSeverity(app, "--fail-on",
              "Exit with 3 if there is a finding of this severity or above",
              [&scan](Severity s) { scan.fail_on = s; })
      ->group("Findings");
  AddChoice(app, "--log-format", {"logfmt", "json"},
            "Of warnings on standard error: logfmt or json",
            [&scan](const std::string& name) {
              scan.log.format =
                  name == "json" ? LogFormat::kJson : LogFormat::kLogfmt;
            })
      ->type_name("FORMAT")
      ->group("Running");
  AddChoice(
      app, "--log-level", {"debug", "info", "warn", "error"},
      "Write messages from here up: debug, info, warn or error",
      [&scan](const std::string& name) { ParseLogLevel(name, scan.log.level); })
      ->type_name("LEVEL")
      ->group("Running");
}

void AddListFormat(CLI::App* app, ListFormat& format) {
  AddChoice(app, "--format", {"text", "markdown", "json"},
            "text for people (default), markdown for documents, json for "
            "programs",
            [&format](const std::string& name) {
              format = name == "json"       ? ListFormat::kJson
                       : name == "markdown" ? ListFormat::kMarkdown
                                            : ListFormat::kText;
            })
      ->type_name("FORMAT");
}

void AddRuleFlags(CommandGrammar& g, CLI::App* rules,
                  RuleCommandOptions& options) {
  rules->require_subcommand(1);
  const char* paths_help =
      "Files and folders (of these *.yml and *.yaml); without any, the rules "
      "that come with oddverb";
  g.rules_check = rules->add_subcommand("check", kRulesCheckAbout);
  g.rules_check->add_option("path", options.rules, paths_help)
      ->type_name("PATH");
  g.rules_check
      ->add_option("--against", options.logs,
                   "Audit logs, as scan takes them: what would the rules have "
                   "matched in them, a day, and by whom?")
      ->type_name("LOG...");
  g.rules_list = rules->add_subcommand("list", "Say what rules there are");
  g.rules_list->add_option("path", options.rules, paths_help)
      ->type_name("PATH");
  g.rules_test = rules->add_subcommand("test", kRulesTestAbout);
  g.rules_test
      ->add_option("path", options.rules,
                   "Files and folders of rules and of their cases")
      ->type_name("PATH")
      ->required();
  g.rules_match = rules->add_subcommand("match", kRulesMatchAbout);
  g.rules_match->add_option("log", options.logs)->type_name("LOG")->required();
  g.rules_match->add_option("--rules", options.rules, paths_help)
      ->type_name("PATH")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  for (CLI::App* command :
       {g.rules_check, g.rules_list, g.rules_match, g.rules_test}) {
    command->add_flag("--builtin", options.builtin,
                      "Besides PATH, the rules that come with oddverb");
    command
        ->add_option("-c,--config,--config.file", options.config_file,
                     "Its rules.placeholders count; without PATH also its "
                     "rules.paths and rules.builtin")
        ->type_name("FILE");
  }
  AddChoice(g.rules_match, "--matching", {"all", "first"},
            "Of Falco's rules that match an event: all (default), or as Falco "
            "does only the first",
            [&options](const std::string& name) {
              options.first_match_only = name == "first";
            })
      ->type_name("WHICH");
  AddListFormat(g.rules_list, options.format);
  AddChoice(g.rules_check, "--format", {"text", "json"},
            "Of what --against counts: text for people (default), json for "
            "programs",
            [&options](const std::string& name) {
              options.format =
                  name == "json" ? ListFormat::kJson : ListFormat::kText;
            })
      ->type_name("FORMAT");
}

void AddForwardFlags(CLI::App* app, ForwardOptions& forward) {
  app->add_option("-c,--config,--config.file", forward.config_file,
                  "Its sources, listeners and state directory; the rest does "
                  "not matter here")
      ->required()
      ->type_name("FILE");
  app->add_option("--to", forward.to,
                  "The receiver, https://HOST:PORT/audit/CLUSTER, or a topic, "
                  "kafka://HOST:PORT[,HOST:PORT...][/TOPIC] (default topic: "
                  "oddverb.events)")
      ->required()
      ->type_name("URL");
  app->add_option("--ca-file", forward.ca_file,
                  "Who signed the receiver's certificate (default: the "
                  "system's authorities)")
      ->type_name("FILE");
  app->add_option("--certificate-file", forward.certificate_file,
                  "Client certificate, PEM")
      ->type_name("FILE");
  app->add_option("--key-file", forward.key_file, "Its key")->type_name("FILE");
  app->add_option("--token-file", forward.token_file, "Bearer token, one line")
      ->type_name("FILE");
  app->add_flag("--tls", forward.tls,
                "To a topic: over TLS (--ca-file and --certificate-file imply "
                "it)");
  app->add_option_function<std::string>(
         "--sasl",
         [&forward](const std::string& name) {
           forward.sasl = name == "plain"           ? KafkaSasl::kPlain
                          : name == "scram-sha-256" ? KafkaSasl::kScramSha256
                                                    : KafkaSasl::kScramSha512;
         },
         "To a topic: how to log in: plain, scram-sha-256 or scram-sha-512")
      ->check(CLI::IsMember({"plain", "scram-sha-256", "scram-sha-512"}))
      ->type_name("MECHANISM");
  app->add_option("--username", forward.username, "To a topic: of --sasl")
      ->type_name("NAME");
  app->add_option("--password-file", forward.password_file,
                  "To a topic: of --sasl, one line")
      ->type_name("FILE");
  app->add_option("--dead-letters", forward.dead_letter_topic,
                  "To a topic: another one for what is no event, with place "
                  "and reason in headers, e.g. oddverb.dlq (default: only the "
                  "dead letters of the state directory)")
      ->type_name("TOPIC");
  app->add_option("--property", forward.properties,
                  "To a topic: a property of librdkafka; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
}

}  // namespace

CommandGrammar::CommandGrammar(CommandLine& line)
    : app(std::make_unique<CLI::App>(kAbout, "oddverb")) {
  app->set_help_flag("-h,--help", "This text");
  app->add_flag_callback(
      "--version", [&line] { line.command = CommandLine::Command::kVersion; },
      "The same as the command version");
  app->require_subcommand(0, 1);
  demo = app->add_subcommand("demo", kDemoAbout);
  AddOutputFlags(demo, line.scan);
  AddBuiltin(demo, line.scan);
  scan = app->add_subcommand("scan", kScanAbout);
  AddScanFlags(scan, line.scan);
  scan->footer(absl::StrCat(kScanExamples, kExitCodes));
  run = app->add_subcommand(
      "run", "Judge what comes, as a service: tail, webhook, files");
  run->add_option("-c,--config,--config.file", line.config_file,
                  "What to read, where to keep state, what to answer; see "
                  "deploy/oddverb.yaml")
      ->required()
      ->type_name("FILE");
  forward = app->add_subcommand(
      "forward", "Send what comes to another oddverb, which judges it");
  AddForwardFlags(forward, line.forward);
  CLI::App* check =
      app->add_subcommand("check", "Find mistakes before they matter");
  check->require_subcommand(1);
  check_config = check->add_subcommand("config", kCheckConfigAbout);
  check_config->add_option("FILE", line.config_file)
      ->required()
      ->type_name("FILE");
  CLI::App* list = app->add_subcommand("list", "Say what there is");
  list->require_subcommand(1);
  list_detectors = list->add_subcommand(
      "detectors", "What is looked for, and the rules that findings name");
  list_metrics = list->add_subcommand(
      "metrics", "What /metrics and --metrics-out count, and its labels");
  list_outputs = list->add_subcommand("outputs", "How findings are written");
  for (CLI::App* command : {list_detectors, list_metrics, list_outputs}) {
    AddListFormat(command, line.list_format);
  }
  explain = app->add_subcommand(
      "explain", "Say what a rule finds, how, and what to do about it");
  explain
      ->add_option("NAME", line.explained,
                   "A rule (forbidden.fanout) or a detector; see oddverb "
                   "list detectors")
      ->required();
  AddRuleFlags(*this,
               app->add_subcommand("rules", "For people who write rules"),
               line.rule_command);
  CLI::App* schema = app->add_subcommand("schema", "Print a JSON Schema");
  schema->require_subcommand(1);
  schema_config = schema->add_subcommand(
      "config", "Of the configuration of oddverb run, for editors");
  schema_finding = schema->add_subcommand(
      "finding", "Of a finding, as --format ndjson writes it");
  version = app->add_subcommand("version", "Say version and build");
  version->add_flag("--json", line.json, "As JSON");
  // Only for lists and suggestions: ParseCommandLine() answers it.
  app->add_subcommand("help", "Say more: oddverb help COMMAND");
  // Last, as commands inherit it.
  app->footer(kExitCodes);
}

CommandGrammar::~CommandGrammar() = default;

}  // namespace oddverb
