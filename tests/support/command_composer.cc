// Long because: one grammar of disguises.
#include "tests/support/command_composer.h"

#include <algorithm>
#include <initializer_list>

#include "tests/support/command_spelling.h"

namespace oddverb {
namespace {

using command_spelling::Base64;
using command_spelling::Bytes;
using command_spelling::Escaped;
using command_spelling::Formatted;
using command_spelling::Hex;
using command_spelling::IsNumber;
using command_spelling::Quoted;
using command_spelling::Reversed;
using std::string;
using Words = std::initializer_list<const char*>;

}  // namespace

const std::vector<string>& CommandComposer::Targets() {
  static const std::vector<string> targets = {"169.254.169.254",
                                              "169.254.170.2",
                                              "169.254.170.23",
                                              "168.63.129.16",
                                              "100.100.100.200",
                                              "192.0.0.192",
                                              "169.254.0.23",
                                              "169.254.169.250",
                                              "169.254.169.252",
                                              "169.254.42.42",
                                              "fd00:ec2::254",
                                              "fd20:ce::254",
                                              "metadata.google.internal",
                                              "metadata.goog",
                                              "metadata.tencentyun.com",
                                              "instance-data.ec2.internal",
                                              "metadata.packet.net"};
  return targets;
}

string CommandComposer::Spelled(const string& host) {
  if (host.find(':') != string::npos) return "[" + host + "]";
  if (std::isalpha(static_cast<unsigned char>(host[0]))) {
    string text = host;
    if (Chance(20)) {
      for (char& c : text) {
        if (Chance(50))
          c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      }
    }
    return Chance(10) ? text + "." : text;
  }
  std::vector<unsigned> b = Bytes(host);
  unsigned whole = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
  auto number = [&](unsigned value) {
    switch (Below(4)) {
      case 0:
        return Formatted("0x%x", value);
      case 1:
        return Formatted("0X%02X", value);
      case 2:
        return Formatted("0%o", value);
      default:
        return Formatted("%u", value);
    }
  };
  switch (Below(10)) {
    case 0:
      return number(whole);
    case 1:
      return number(b[0]) + "." + number(whole & 0xffffff);
    case 2:
      return number(b[0]) + "." + number(b[1]) + "." + number(whole & 0xffff);
    case 3:
      return number(b[0]) + "." + number(b[1]) + "." + number(b[2]) + "." +
             number(b[3]);
    case 4:
      return "[::ffff:" + host + "]";
    case 5:
      return "[::ffff:" + Formatted("%x", b[0] << 8 | b[1]) + ":" +
             Formatted("%x", b[2] << 8 | b[3]) + "]";
    default:
      return host;
  }
}

string CommandComposer::Url(const string& host) {
  const Words kPaths = {"",
                        "/",
                        "/latest/meta-data/",
                        "/x",
                        "/latest/user-data",
                        "/a/b?c=d",
                        "/computeMetadata/v1/"};
  const Words kSchemes = {"http://", "http://", "http://", "HTTP://", ""};
  string url = Pick(kSchemes);
  if (!url.empty() && Chance(8)) url += "u:p@";
  url += host;
  if (Chance(15)) url += ":80";
  // A metadata path is a find of its own, whoever is asked for it.
  return url + (is_honest_ ? "/v1/status" : Pick(kPaths));
}

// As curl and browsers read it (IDNA): other digits and dots.
string CommandComposer::Unicode(const string& v4) {
  string text;
  for (char c : v4) {
    if (c == '.') {
      text += Pick(Words{".", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"});
      continue;
    }
    size_t digit = static_cast<size_t>(c - '0');
    switch (Below(4)) {
      case 0:
        text += "\xef\xbc" + string(1, static_cast<char>(0x90 + digit));
        break;
      case 1:  // mathematical bold
        text += "\xf0\x9d\x9f" + string(1, static_cast<char>(0x8e + digit));
        break;
      case 2:  // circled
        text += digit == 0
                    ? string("\xe2\x93\xaa")
                    : "\xe2\x91" + string(1, static_cast<char>(0x9f + digit));
        break;
      default:
        text += c;
    }
  }
  return text;
}

string CommandComposer::Name() {
  string name(1, static_cast<char>('a' + Below(26)));
  return name + std::to_string(names_++);
}

std::vector<string> CommandComposer::Pieces(const string& text, size_t most) {
  std::vector<string> pieces;
  size_t at = 0;
  size_t count = 1 + Below(most);
  while (at < text.size()) {
    size_t length = pieces.size() + 1 >= count ? text.size() - at
                                               : 1 + Below(text.size() - at);
    pieces.push_back(text.substr(at, length));
    at += length;
  }
  return pieces;
}

string CommandComposer::ShellWord(const string& text, int depth) {
  string word;
  // Single characters of a word hide it, too.
  for (const string& piece : Pieces(text, depth > 0 ? 4 : 2)) {
    word += ShellPiece(piece, depth);
  }
  return word;
}

string CommandComposer::NumberWord(const string& digits) {
  unsigned value = static_cast<unsigned>(std::stoul(digits));
  unsigned part = static_cast<unsigned>(Below(value + 1));
  switch (Below(bash_ ? 5 : 3)) {
    case 0:
      return "$((" + Formatted("0x%x", value) + "))";
    case 1:
      return "$((" + std::to_string(part) + " + " +
             std::to_string(value - part) + "))";
    case 2:
      return "$((0" + Formatted("%o", value) + "))";
    case 3:
      return "$((16#" + Formatted("%x", value) + "))";
    default:
      return "$((2 * " + std::to_string(value / 2) + " + " +
             std::to_string(value % 2) + "))";
  }
}

// Through programs that rewrite text.
string CommandComposer::Filtered(const string& text) {
  form_ += " filter";
  switch (Below(9)) {
    case 0:
      return "$(echo " + Base64(text) + " | base64 -d)";
    case 1:
      return "$(echo " + Hex(text) + " | xxd -r -p)";
    case 2:
      return "$(echo " + Quoted(Reversed(text)) + " | rev)";
    case 3: {
      string swapped = text;
      for (char& c : swapped) {
        if (c >= '0' && c <= '9')
          c = static_cast<char>('a' + (c - '0'));
        else if (c >= 'a' && c <= 'j')
          c = static_cast<char>('0' + (c - 'a'));
      }
      return "$(echo " + Quoted(swapped) + " | tr 0-9a-j a-j0-9)";
    }
    case 4:
      return "$(echo " + Quoted("@@" + text) + " | sed 's/@@//')";
    case 5:
      return "$(printf " + Quoted(Escaped(text, "\\%03o")) + ")";
    case 6:
      return "$(printf '%b' " + Quoted(Escaped(text, "\\0%03o")) + ")";
    case 7:
      return "$(echo " + Quoted("zz," + text + ",yy") + " | cut -d, -f2)";
    default:
      return "$(echo " + Quoted(text + "xyz") + " | head -c " +
             std::to_string(text.size()) + ")";
  }
}

string CommandComposer::BashPiece(const string& text) {
  string name = Name();
  form_ += " bash";
  switch (Below(8)) {
    case 0:
      return "$'" + Escaped(text, "\\x%02x") + "'";
    case 1:
      return "$'" + Escaped(text, "\\%03o") + "'";
    case 2: {
      before_ += name + "=" + Quoted("pq" + text + "rs") + ";";
      return "${" + name + ":2:" + std::to_string(text.size()) + "}";
    }
    case 3: {
      before_ += name + "=" + Quoted(text + "@@") + ";";
      return "${" + name + "/@@/}";
    }
    case 4: {
      before_ += name + "=(";
      for (char c : text) before_ += Quoted(string(1, c)) + " ";
      before_ += ");";
      string word;
      for (size_t i = 0; i < text.size(); ++i)
        word += "${" + name + "[" + std::to_string(i) + "]}";
      return word;
    }
    case 5: {
      before_ += "printf -v " + name + " '%s' " + Quoted(text) + ";";
      return "${" + name + "}";
    }
    case 6: {
      string other = Name();
      before_ += other + "=" + Quoted(text) + ";" + name + "=" + other + ";";
      return "${!" + name + "}";
    }
    default:
      if (text.size() < 2) return Quoted(text);
      {
        string list;
        for (char c : text) {
          if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.')
            return Quoted(text);
          list += (list.empty() ? "" : ",") + string(1, c);
        }
        return "$(printf %s {" + list + "})";
      }
  }
}

string CommandComposer::ShellPiece(const string& text, int depth) {
  if (IsNumber(text) && Chance(50)) {
    form_ += " number";
    return NumberWord(text);
  }
  string name = Name();
  switch (Below(depth > 0 ? 16 : 5)) {
    case 0:
      return Quoted(text);
    case 1: {
      string word;
      for (char c : text) {
        bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '.';
        word += plain && Chance(50) ? string(1, c) : "\\" + string(1, c);
      }
      return word;
    }
    case 2: {
      string word;
      for (char c : text)
        word += Chance(40) ? "''" + string(1, c) : Quoted(string(1, c));
      return word.find_first_of("&;|<>()*? {}[") == string::npos ? word
                                                                 : Quoted(text);
    }
    case 3:
      return "\"" + text + "\"";
    case 4:
      return Quoted(text) + "\"\"";
    case 5:
    case 6: {
      form_ += " variable";
      string value = ShellWord(text, depth - 1);
      before_ += name + "=" + value + (Chance(50) ? ";" : "\n");
      return Chance(50) ? "${" + name + "}" : "\"$" + name + "\"";
    }
    case 7:
      form_ += " default";
      return "${" + name + (Chance(50) ? ":-" : "-") + "\"" + text + "\"}";
    case 8:
      form_ += " trim";
      before_ += name + "=" + Quoted("qq" + text + "kk") + ";" + name + "=${" +
                 name + "#qq};";
      return "${" + name + "%kk}";
    case 9:
      form_ += " substitution";
      return Chance(50) ? "$(echo " + ShellWord(text, depth - 1) + ")"
                        : "`echo " + Quoted(text) + "`";
    case 10:
      form_ += " function";
      before_ += name + "() { printf '%s%s' \"$1\" \"$2\"; }; ";
      {
        size_t cut = Below(text.size() + 1);
        return "$(" + name + " " + Quoted(text.substr(0, cut)) + " " +
               Quoted(text.substr(cut)) + ")";
      }
    case 11: {
      form_ += " loop";
      string list;
      for (char c : text) list += " " + Quoted(string(1, c));
      before_ += name + "=; for i in" + list + "; do " + name + "=$" + name +
                 "$i; done; ";
      return "$" + name + "\"\"";
    }
    case 12: {
      form_ += " here";
      before_ += "\nread -r " + name + " <<EOF\n" + text + "\nEOF\n";
      return "${" + name + "}";
    }
    case 13:
    case 14:
      return Filtered(text);
    default:
      return bash_ ? BashPiece(text) : Filtered(text);
  }
}

// A script that reaches `host`.
string CommandComposer::Script(const string& host) {
  before_.clear();
  string client = Pick(Words{"curl", "curl", "wget", "nc"});
  const Words kFetch = {" -s ", " -s -m 3 ", " -H 'Metadata-Flavor: Google' ",
                        " -s -X PUT "};
  string bare = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  if (bash_ && Chance(12)) {
    form_ = "devtcp" + form_;
    string word = ShellWord(bare, 2);
    return before_ + "exec 3<>/dev/tcp/" + word + "/80";
  }
  string argument = client == "nc" ? bare : Url(host);
  string options = client == "nc"     ? " "
                   : client == "wget" ? " -q -O - "
                                      : Pick(kFetch);
  string tail = client == "nc" ? " 80" : "";
  string program = Chance(30) ? ShellWord(client, 1) : client;
  form_ = client + form_;
  switch (Below(10)) {
    case 0:
      form_ += " xargs";
      return "echo " + Quoted(argument) + " | xargs " + client + options +
             (tail.empty() ? "" : "-w 1 ");
    case 1: {
      form_ += " eval";
      string line = client + options + Quoted(argument) + tail;
      if (Chance(50)) return "eval " + Quoted(line);
      string word = ShellWord(line, 1);
      return before_ + "eval \"" +
             (word.find('"') == string::npos && word.find('\\') == string::npos
                  ? word
                  : "$(printf '%s' " + Quoted(line) + ")") +
             "\"";
    }
    case 2:
      form_ += " pipesh";
      return "echo " + Base64(client + options + Quoted(argument) + tail) +
             " | base64 -d | sh";
    case 3:
      form_ += " envsh";
      return "u=" + Quoted(argument) + " sh -c " +
             Quoted(client + options + "\"$u\"" + tail);
    case 4:
      form_ += " read";
      return "echo " + Quoted(argument) + " | while read -r line; do " +
             client + options + "\"$line\"" + tail + "; done";
    case 5: {
      form_ += " nested";
      string word = ShellWord(argument, 1);
      string inner = before_ + client + options + word + tail;
      before_.clear();
      return (bash_ ? "bash -c " : "sh -c ") + Quoted(inner);
    }
    case 6: {
      form_ += " positional";
      return "set -- " + Quoted(argument) + "; " + client + options + "\"$1\"" +
             tail;
    }
    default: {
      string word = ShellWord(argument, 2);
      return before_ + program + options + word + tail;
    }
  }
}

ComposedCommand CommandComposer::Reach(const string& target,
                                       const string& host) {
  ComposedCommand composed;
  composed.target = target;
  form_.clear();
  names_ = 0;
  size_t way = Below(100);
  bool is_v4 = std::isdigit(static_cast<unsigned char>(target[0])) != 0 &&
               target.find(':') == string::npos;
  if (way < 3 && is_v4) {
    composed.words = {"curl", "-s", "http://" + Unicode(target) + "/x"};
    form_ = "unicode";
  } else if (way < 8) {
    composed.words = {"curl", "-s", Url(host)};
    form_ = "plain";
  } else if (way < 18 && languages_.python) {
    composed.words = {"python3", "-S", "-c", Python(host)};
    form_ = "python";
  } else if (way < 26 && languages_.perl) {
    composed.words = {"perl", "-e", Perl(host)};
    form_ = "perl";
  } else {
    bash_ = Chance(55);
    composed.words = {bash_ ? "bash" : "sh", "-c", ""};
    composed.words[2] = Script(host);
  }
  composed.form = form_;
  return composed;
}

ComposedCommand CommandComposer::Attack() {
  string target = Chance(50) ? Targets()[0] : Pick(Targets());
  return Reach(target, Spelled(target));
}

ComposedCommand CommandComposer::Mention() {
  string target = Chance(60) ? Targets()[0] : Pick(Targets());
  ComposedCommand composed;
  composed.form = "mention";
  bash_ = false;
  before_.clear();
  form_.clear();
  names_ = 0;
  string script;
  switch (Below(12)) {
    case 0:
      composed.words = {"grep", "-r", target, "/etc"};
      return composed;
    case 1:
      composed.words = {"env", "NO_PROXY=localhost," + target, "curl", "-s",
                        "http://10.0.0.1/"};
      return composed;
    case 2:
      composed.words = {"iptables", "-A", "OUTPUT", "-d", target, "-j", "DROP"};
      return composed;
    case 3:
      composed.words = {"echo", target};
      return composed;
    case 4:
      script = "# never " + target + "\ncurl -s http://10.0.0.1/";
      break;
    case 5: {
      string word = ShellWord(target, 1);
      script = before_ + "echo " + word;
      break;
    }
    case 6:
      script = "export NO_PROXY=" + target + "; curl -s http://example.com/";
      break;
    case 7:
      script = "cat /proc/net/route | grep " + target;
      break;
    case 8:
      script = "cat <<EOF\nno route to " + target + "\nEOF";
      break;
    case 9:
      script = "x=" + target + "; curl -s http://10.1.2.3/";
      break;
    case 10:
      script = "ip route add blackhole " + target +
               "/32; iptables -A OUTPUT -d " + target + "/32 -j REJECT";
      break;
    default:
      script = "printf 'see %s\\n' " + target + " > /dev/null";
      break;
  }
  composed.words = {"sh", "-c", script};
  return composed;
}

ComposedCommand CommandComposer::Honest() {
  if (Chance(35)) return Mention();
  const Words kHosts = {"10.0.0.1",     "169.254.20.10",   "169.254.169.253",
                        "192.168.1.10", "example.com",     "127.0.0.1",
                        "api.internal", "169.254.169.123", "172.16.0.254"};
  string host = Pick(kHosts);
  bool named = std::isalpha(static_cast<unsigned char>(host[0])) != 0;
  is_honest_ = true;
  ComposedCommand composed = Reach(host, named ? host : Spelled(host));
  is_honest_ = false;
  return composed;
}

}  // namespace oddverb
