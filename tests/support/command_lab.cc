#include "tests/support/command_lab.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <clocale>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

namespace oddverb {
namespace {

constexpr std::string_view kStub = R"(#!/bin/sh
{
  printf '%s' "${0##*/}"
  for argument in "$@"; do printf '\037%s' "$argument"; done
  printf '\036'
} >> "$ODDVERB_LAB_RECORD"
)";

constexpr const char* kStubs[] = {"curl", "wget", "nc"};

std::vector<std::string> Split(const std::string& text, char divider) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == divider) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// The host of a URL as curl reads it, names of other scripts in ASCII.
std::string UrlHost(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(),
                                                             curl_url_cleanup);
  unsigned flags = CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME;
  if (curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), flags) !=
      CURLUE_OK) {
    return "";
  }
  unsigned get_flags = 0;
#ifdef CURLU_PUNYCODE
  get_flags = CURLU_PUNYCODE;
#endif
  char* host = nullptr;
  std::string text;
  if (curl_url_get(handle.get(), CURLUPART_HOST, &host, get_flags) ==
      CURLUE_OK) {
    text = host;
  }
  curl_free(host);  // libcurl 7.88 leaves a copy there in case of errors, too
  return text;
}

// The words of curl's, wget's and nc's command lines that are no options.
std::vector<std::string> Operands(const std::vector<std::string>& words) {
  constexpr std::string_view kWithValue[] = {"-H",
                                             "-o",
                                             "-m",
                                             "-X",
                                             "-d",
                                             "-A",
                                             "--header",
                                             "--max-time",
                                             "-T",
                                             "-w",
                                             "--connect-timeout",
                                             "--header-name"};
  std::vector<std::string> operands;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].size() < 2 || words[i][0] != '-') {
      operands.push_back(words[i]);
      continue;
    }
    bool skips = std::find(std::begin(kWithValue), std::end(kWithValue),
                           words[i]) != std::end(kWithValue);
    if (skips) ++i;
  }
  return operands;
}

}  // namespace

CommandLab::CommandLab() : record_(folder_.path("record")) {
  // libidn2 reads names of other scripts in the locale's encoding.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  for (const char* stub : kStubs) {
    std::string path = folder_.Write(std::string("bin/") + stub, kStub);
    chmod(path.c_str(), 0700);
  }
  folder_.Write("work/empty", "");
}

bool CommandLab::Has(std::string_view program) {
  for (const char* folder : {"/usr/bin/", "/bin/"}) {
    std::string path = folder + std::string(program);
    if (access(path.c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string CommandLab::PlainHost(const std::string& host) {
  std::string plain = host;
  if (plain.starts_with('[') && plain.ends_with(']')) {
    plain = plain.substr(1, plain.size() - 2);
  }
  in_addr v4{};
  in6_addr v6{};
  char text[INET6_ADDRSTRLEN] = "";
  if (inet_aton(plain.c_str(), &v4) != 0) {
    return inet_ntop(AF_INET, &v4, text, sizeof text);
  }
  if (inet_pton(AF_INET6, plain.c_str(), &v6) == 1) {
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      return inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof text);
    }
    return inet_ntop(AF_INET6, &v6, text, sizeof text);
  }
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (plain.ends_with('.')) plain.pop_back();
  return plain;
}

std::vector<std::string> CommandLab::Reached(
    const std::vector<std::string>& command) {
  unlink(record_.c_str());
  std::vector<std::string> environment = {
      "PATH=" + folder_.path("bin") + ":/usr/bin:/bin",
      "LD_PRELOAD=" ODDVERB_CALL_RECORDER,
      "ODDVERB_LAB_RECORD=" + record_,
      "LC_ALL=C.UTF-8",
      "HOME=" + folder_.path("work"),
      "PYTHONDONTWRITEBYTECODE=1"};
  std::vector<char*> arguments;
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (std::string& variable : environment)
    variables.push_back(variable.data());
  variables.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (int file : {0, 1, 2}) {
    posix_spawn_file_actions_addopen(&files, file, "/dev/null", O_RDWR, 0);
  }
  posix_spawn_file_actions_addchdir_np(&files, folder_.path("work").c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  std::string program = command[0];
  for (const char* stub : kStubs) {
    if (program == stub) program = folder_.path("bin/" + program);
  }
  if (program.find('/') == std::string::npos) program = "/usr/bin/" + program;
  pid_t child = 0;
  int error = posix_spawn(&child, program.c_str(), &files, &attributes,
                          arguments.data(), variables.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return {};
  // Polls: most end within milliseconds.
  constexpr int kPatience = 10'000;
  int status = 0;
  bool ended = false;
  for (int i = 0; i < kPatience && !ended; ++i) {
    ended = waitpid(child, &status, WNOHANG) == child;
    if (!ended) usleep(i < 100 ? 200 : 1000);
  }
  kill(-child, SIGKILL);
  if (!ended) waitpid(child, &status, 0);

  std::ifstream stream(record_, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(stream)),
                      std::istreambuf_iterator<char>());
  std::vector<std::string> hosts;
  for (const std::string& record : Split(content, '\x1e')) {
    std::vector<std::string> words = Split(record, '\x1f');
    if (words.size() < 2) continue;
    if (words[0] == "recorder") {
      hosts.push_back(PlainHost(words[1]));
    } else if (words[0] == "nc") {
      std::vector<std::string> operands = Operands(words);
      if (!operands.empty()) hosts.push_back(PlainHost(operands[0]));
    } else {
      for (const std::string& url : Operands(words)) {
        hosts.push_back(PlainHost(UrlHost(url)));
      }
    }
  }
  return hosts;
}

}  // namespace oddverb
