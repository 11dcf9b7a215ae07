// The commands and flags of the program, as CLI11 reads them: names, meaning,
// and where each value goes.
#ifndef ODDVERB_APP_COMMAND_GRAMMAR_H_
#define ODDVERB_APP_COMMAND_GRAMMAR_H_

#include <memory>

#include "app/command_line.h"

namespace CLI {
class App;
}

namespace oddverb {

// Parsing with `app` fills the `line` of the constructor, which must outlive
// this; the choice of the command is read from which of the others was parsed.
struct CommandGrammar {
  explicit CommandGrammar(CommandLine& line);
  ~CommandGrammar();
  CommandGrammar(const CommandGrammar&) = delete;
  CommandGrammar& operator=(const CommandGrammar&) = delete;

  std::unique_ptr<CLI::App> app;
  // Owned by `app`.
  CLI::App* demo = nullptr;
  CLI::App* scan = nullptr;
  CLI::App* run = nullptr;
  CLI::App* forward = nullptr;
  CLI::App* check_config = nullptr;
  CLI::App* explain = nullptr;
  CLI::App* list_detectors = nullptr;
  CLI::App* list_metrics = nullptr;
  CLI::App* list_outputs = nullptr;
  CLI::App* rules_check = nullptr;
  CLI::App* rules_list = nullptr;
  CLI::App* rules_match = nullptr;
  CLI::App* rules_test = nullptr;
  CLI::App* schema_config = nullptr;
  CLI::App* schema_finding = nullptr;
  CLI::App* version = nullptr;
};

}  // namespace oddverb

#endif  // ODDVERB_APP_COMMAND_GRAMMAR_H_
