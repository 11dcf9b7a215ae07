// Computes what is constant in a shell script, as sh and bash would, and writes
// down the commands that it would run with their arguments expanded: variables,
// quotes, substitutions, arithmetic, pipes through programs that only rewrite
// text, here-documents, eval, functions, loops over constants, files that the
// script itself writes, and the constants of embedded Python, Perl and
// JavaScript. It runs nothing: what it does not know is empty.
//
// Lenient where shells differ, and where a condition decides: both branches
// run. Bounded by the budget and by depth. One thread.
#ifndef ODDVERB_DETECTORS_SHELL_INTERPRETER_H_
#define ODDVERB_DETECTORS_SHELL_INTERPRETER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "detectors/fold_budget.h"
#include "detectors/shell_filters.h"
#include "detectors/shell_syntax.h"

namespace oddverb {

class ShellInterpreter {
 public:
  explicit ShellInterpreter(FoldBudget& budget);

  // As execve() would run it: the program and its arguments.
  void RunArguments(const ShellWords& arguments);
  // As a shell would: a script.
  void RunText(std::string_view script);

  // One a line: program, arguments, where it reads from and writes to.
  const std::string& commands() const { return commands_; }
  // All was read as a shell reads it: what is not in commands() is not run.
  bool is_sure() const { return is_sure_ && !budget_.exhausted; }

 private:
  class Fields;
  // What a program reads on standard input, shared by those who read on; null
  // = nothing that is known.
  using Input = std::string*;
  using Output = std::optional<std::string>;

  struct Parse {
    std::string_view text;
    size_t at = 0;
    Input input = nullptr;
    std::string output;
    // A here-document begins behind this line end, and goes on until there.
    size_t here_from = std::string_view::npos;
    size_t here_to = 0;
  };
  struct Command {
    ShellWords words;
    std::vector<std::pair<std::string, ShellWords>> assignments;
    ShellWords redirected;  // /dev/tcp/HOST/PORT behind < or >
    std::string write_to;   // a file, if any
    bool appends = false;
    std::optional<std::string> here;  // standard input of its own
  };

  // shell_interpreter.cc: the grammar.
  std::string Run(std::string_view script, Input input);
  std::optional<ShellBody> ReadBody(const Parse& p, size_t at,
                                    std::string_view open,
                                    std::string_view close);
  void SkipSpace(Parse& p);
  void SkipLineSpace(Parse& p);
  void RunPipeline(Parse& p);
  Output RunCommand(Parse& p, Input input);
  Output RunParentheses(Parse& p, Input input);
  std::optional<Output> RunKeyword(std::string_view word, Parse& p,
                                   Input input);
  Output RunFor(Parse& p, Input input);
  Output RunWhile(Parse& p, Input input);
  Output RunCase(Parse& p, Input input);
  bool ReadFunction(std::string_view word, Parse& p);
  Output RunSimple(Parse& p, Input input);
  bool ReadAssignment(std::string_view raw, Command& command);
  bool ReadRedirection(Parse& p, Command& command);
  void ReadHereDocument(Parse& p, Command& command);
  Output RunBody(Parse& p, std::string_view body, Input input);
  Output Finish(Command& command, Input input);

  // shell_programs.cc: what programs do.
  Output RunWords(ShellWords words, Command& command, Input input);
  Output RunBuiltin(const ShellWords& words, Command& command, Input input);
  Output RunShell(const ShellWords& words, Command& command, Input input);
  Output RunXargs(const ShellWords& words, Command& command, Input input);
  Output RunCode(const ShellWords& words, Command& command, Input input);
  Output RunFilter(const ShellWords& words, Command& command, Input input);
  Output RunFunction(const ShellWords& words, Input input);
  void ReadVariables(const ShellWords& words, Input input);
  void Declare(const ShellWords& words);
  Output Cat(const ShellWords& words, Input input);
  void Report(const ShellWords& words, const Command& command,
              std::string_view input);

  // shell_expansion.cc: words.
  void Expand(std::string_view raw, ShellWords& out);
  std::string ExpandText(std::string_view raw, bool in_quotes);
  void ExpandInto(std::string_view raw, bool in_quotes, Fields& fields);
  size_t ExpandDollar(std::string_view raw, size_t at, bool in_quotes,
                      Fields& fields);
  size_t ExpandParentheses(std::string_view raw, size_t at, bool in_quotes,
                           Fields& fields);
  void ExpandParameter(std::string_view inside, bool in_quotes, Fields& fields);
  std::string Modified(std::string value, std::string_view operation);
  std::string CommandOutput(std::string_view script);
  std::optional<std::string> Arithmetic(std::string_view text);
  ShellWords Values(std::string_view name) const;
  std::string Value(std::string_view name) const;
  bool IsSet(std::string_view name) const;
  void Set(std::string_view name, ShellWords values);

  FoldBudget& budget_;
  std::string commands_;
  StringMap<ShellWords> variables_;
  StringMap<std::string> functions_;
  StringMap<std::string> files_;
  ShellWords positional_ = {"sh"};  // $0 and on
  int depth_ = 0;
  bool is_sure_ = true;
  bool echo_escapes_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_DETECTORS_SHELL_INTERPRETER_H_
