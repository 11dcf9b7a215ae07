#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

extern char** environ;

namespace oddverb {
namespace {

constexpr std::array<std::string_view, 7> kLeftOut = {
    "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG", "TERM", "COLUMNS", "LINES"};

std::vector<std::string> EnvironmentOf(const ChildSetup& setup) {
  std::vector<std::string> entries = {"LC_ALL=C.UTF-8", "TERM=xterm"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    std::string_view name = text.substr(0, text.find('='));
    if (std::find(kLeftOut.begin(), kLeftOut.end(), name) == kLeftOut.end()) {
      entries.emplace_back(text);
    }
  }
  for (const auto& [name, value] : setup.environment) {
    std::string start = name + "=";
    std::erase_if(entries, [&start](const std::string& entry) {
      return entry.starts_with(start);
    });
    entries.push_back(start + value);
  }
  return entries;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void Close(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

int Milliseconds(absl::Duration patience) {
  return static_cast<int>(absl::ToInt64Milliseconds(
      std::clamp(patience, absl::ZeroDuration(), absl::Seconds(100))));
}

}  // namespace

// The child's ends; ours are the members of ChildProcess.
struct ChildProcess::Pipes {
  int input = -1;
  int output = -1;
  int errors = -1;
};

ChildProcess::ChildProcess(const ChildSetup& setup) {
  // A child that ends early must not end the test.
  ::signal(SIGPIPE, SIG_IGN);
  Pipes pipes;
  int pair[2];
  EXPECT_EQ(::pipe2(pair, O_CLOEXEC), 0);
  pipes.input = pair[0];
  input_ = pair[1];
  if (setup.terminal_columns > 0) {
    winsize size{};
    size.ws_row = 50;
    size.ws_col = setup.terminal_columns;
    EXPECT_EQ(::openpty(&output_, &pipes.output, nullptr, nullptr, &size), 0);
    ::fcntl(output_, F_SETFD, FD_CLOEXEC);
    ::fcntl(pipes.output, F_SETFD, FD_CLOEXEC);
  } else {
    EXPECT_EQ(::pipe2(pair, O_CLOEXEC), 0);
    output_ = pair[0];
    pipes.output = pair[1];
  }
  EXPECT_EQ(::pipe2(pair, O_CLOEXEC), 0);
  errors_ = pair[0];
  pipes.errors = pair[1];
  for (int descriptor : {input_, output_, errors_}) {
    ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  }
  Start(setup, pipes);
  Close(pipes.input);
  Close(pipes.output);
  Close(pipes.errors);
}

void ChildProcess::Start(const ChildSetup& setup, const Pipes& pipes) {
  std::vector<std::string> words = {setup.program};
  words.insert(words.end(), setup.arguments.begin(), setup.arguments.end());
  std::vector<std::string> environment = EnvironmentOf(setup);
  std::vector<char*> argv = Pointers(words);
  std::vector<char*> envp = Pointers(environment);
  process_ = ::fork();
  if (process_ != 0) {
    EXPECT_GT(process_, 0) << std::strerror(errno);
    return;
  }
  // In the child: only what is safe after fork().
  ::signal(SIGPIPE, SIG_DFL);
  bool ready = ::dup2(pipes.input, STDIN_FILENO) >= 0 &&
               ::dup2(pipes.output, STDOUT_FILENO) >= 0 &&
               ::dup2(pipes.errors, STDERR_FILENO) >= 0 &&
               (setup.folder.empty() || ::chdir(setup.folder.c_str()) == 0);
  if (ready) ::execve(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

ChildProcess::~ChildProcess() {
  Close(input_);
  Close(output_);
  Close(errors_);
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
}

bool ChildProcess::Drain(int& descriptor, std::string& out) {
  char buffer[1 << 16];
  ssize_t got = ::read(descriptor, buffer, sizeof(buffer));
  if (got > 0) {
    out.append(buffer, static_cast<size_t>(got));
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  // The end; EIO is how a terminal says it.
  Close(descriptor);
  return false;
}

bool ChildProcess::Pump(std::string_view& text, absl::Duration patience) {
  std::array<pollfd, 3> wanted = {{{output_, POLLIN, 0},
                                   {errors_, POLLIN, 0},
                                   {text.empty() ? -1 : input_, POLLOUT, 0}}};
  if (output_ < 0 && errors_ < 0 && wanted[2].fd < 0) return false;
  ::poll(wanted.data(), wanted.size(), Milliseconds(patience));
  if (wanted[0].revents != 0) Drain(output_, result_.output);
  if (wanted[1].revents != 0) Drain(errors_, result_.errors);
  if (wanted[2].revents != 0) {
    ssize_t got = ::write(input_, text.data(), text.size());
    if (got > 0) text.remove_prefix(static_cast<size_t>(got));
    if (got < 0 && errno != EAGAIN && errno != EINTR) Close(input_);
  }
  return true;
}

bool ChildProcess::Write(std::string_view text, absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  while (!text.empty() && input_ >= 0 && absl::Now() < deadline) {
    Pump(text, deadline - absl::Now());
  }
  return text.empty();
}

void ChildProcess::CloseInput() { Close(input_); }

void ChildProcess::CloseOutput() { Close(output_); }

bool ChildProcess::PumpUntil(const std::function<bool()>& done,
                             absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  std::string_view nothing;
  while (!done() && absl::Now() < deadline) {
    if (!Pump(nothing, deadline - absl::Now())) break;
  }
  return done();
}

bool ChildProcess::ReadLines(size_t wanted, absl::Duration patience) {
  const std::string& out = result_.output;
  auto enough = [&] {
    return static_cast<size_t>(std::count(out.begin(), out.end(), '\n')) >=
           wanted;
  };
  return PumpUntil(enough, patience);
}

bool ChildProcess::ReadErrors(std::string_view text, absl::Duration patience) {
  auto found = [&] { return result_.errors.find(text) != std::string::npos; };
  return PumpUntil(found, patience);
}

bool ChildProcess::Running() {
  std::string_view nothing;
  Pump(nothing, absl::ZeroDuration());
  return output_ >= 0 || errors_ >= 0;
}

void ChildProcess::Signal(int signal_number) {
  EXPECT_EQ(::kill(process_, signal_number), 0);
}

ChildResult ChildProcess::Wait(absl::Duration patience) {
  PumpUntil([this] { return output_ < 0 && errors_ < 0; }, patience);
  if (output_ >= 0 || errors_ >= 0) {
    ADD_FAILURE() << "does not end; so far it wrote:\n"
                  << result_.output << result_.errors;
    ::kill(process_, SIGKILL);
  }
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  result_.exit_code =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result_;
}

ChildResult RunChild(const ChildSetup& setup, std::string_view input) {
  ChildProcess child(setup);
  // A child may well end before it has read everything.
  child.Write(input);
  child.CloseInput();
  return child.Wait();
}

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace oddverb
