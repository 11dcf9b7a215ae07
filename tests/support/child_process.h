// Runs a program as a person or a script would: arguments, standard input,
// environment in; standard output, standard error and exit code out. Nothing
// here waits longer than a deadline: a program that hangs is killed, and the
// test fails.
#ifndef ODDVERB_TESTS_SUPPORT_CHILD_PROCESS_H_
#define ODDVERB_TESTS_SUPPORT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace oddverb {

struct ChildSetup {
  std::string program;
  std::vector<std::string> arguments;  // without the program's name
  std::string folder;                  // to start in; empty = this one's
  // Added to this process's environment, of which what steers terminals and
  // languages is left out; LC_ALL is C.UTF-8.
  std::vector<std::pair<std::string, std::string>> environment;
  // Standard output is a terminal of that many columns; 0 = a pipe.
  unsigned short terminal_columns = 0;
};

struct ChildResult {
  // 128 + signal if one ended it, as a shell says it.
  int exit_code = -1;
  std::string output;
  std::string errors;
};

// One thread. The destructor kills what still runs.
class ChildProcess {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(60);

  explicit ChildProcess(const ChildSetup& setup);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Returns when all is written, reading what the child writes meanwhile; false
  // if the child does not want it or does not take it within `patience`.
  bool Write(std::string_view text, absl::Duration patience = kPatience);
  void CloseInput();
  // From now on the child's writes to standard output fail.
  void CloseOutput();
  // Reads until standard output holds `wanted` line ends in all; false if that
  // does not come within `patience`.
  bool ReadLines(size_t wanted, absl::Duration patience = kPatience);
  // The same until standard error holds `text`.
  bool ReadErrors(std::string_view text, absl::Duration patience = kPatience);
  const std::string& output() const { return result_.output; }
  const std::string& errors() const { return result_.errors; }

  // Reads what is there; false once the child has closed both outputs, as it
  // does when it ends.
  bool Running();
  void Signal(int signal_number);
  // Reads all output and waits for the end. The input stays as it is.
  ChildResult Wait(absl::Duration patience = kPatience);

 private:
  struct Pipes;

  void Start(const ChildSetup& setup, const Pipes& pipes);
  // Reads and writes what is possible now, after at most `patience`; takes
  // what was written off `text`. False if nothing is left to wait for.
  bool Pump(std::string_view& text, absl::Duration patience);
  bool PumpUntil(const std::function<bool()>& done, absl::Duration patience);
  static bool Drain(int& descriptor, std::string& out);

  pid_t process_ = -1;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  ChildResult result_;
};

// Runs to the end with `input` as standard input.
ChildResult RunChild(const ChildSetup& setup, std::string_view input = "");

// `text` without its last line end, split at line ends.
std::vector<std::string> LinesOf(std::string_view text);

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_CHILD_PROCESS_H_
