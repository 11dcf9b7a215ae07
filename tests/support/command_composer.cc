// Long because: one grammar of disguises.
#include "tests/support/command_composer.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <initializer_list>

namespace oddverb {
namespace {

using std::string;
using Words = std::initializer_list<const char*>;

string Base64(const string& bytes) {
  const char* digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) {
      three = three << 8 |
              (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k])
                                    : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

string Formatted(const char* format, unsigned value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

string Hex(const string& bytes) {
  string text;
  for (unsigned char c : bytes) text += Formatted("%02x", c);
  return text;
}

string Escaped(const string& bytes, const char* format) {
  string text;
  for (unsigned char c : bytes) text += Formatted(format, c);
  return text;
}

string Reversed(string text) {
  std::reverse(text.begin(), text.end());
  return text;
}

string Quoted(const string& text) {
  string quoted = "'";
  for (char c : text) quoted += c == '\'' ? string("'\\''") : string(1, c);
  return quoted + "'";
}

bool IsNumber(const string& text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isdigit(c); }) &&
         (text.size() == 1 || text[0] != '0');
}

std::vector<unsigned> Bytes(const string& v4) {
  std::vector<unsigned> bytes(4);
  std::sscanf(v4.c_str(), "%u.%u.%u.%u", &bytes[0], &bytes[1], &bytes[2],
              &bytes[3]);
  return bytes;
}

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

string CommandComposer::PythonText(const string& text, int depth) {
  if (depth > 0 && text.size() > 1 && Chance(50)) {
    size_t cut = 1 + Below(text.size() - 1);
    return PythonText(text.substr(0, cut), depth - 1) + "+" +
           PythonText(text.substr(cut), depth - 1);
  }
  string codes;
  for (unsigned char c : text)
    codes += (codes.empty() ? "" : ",") + std::to_string(c);
  string letters;
  for (char c : text)
    letters += (letters.empty() ? "" : ",") + string("'") + c + "'";
  switch (Below(14)) {
    case 0:
      return "'" + text + "'";
    case 1:
      return "'" + Escaped(text, "\\x%02x") + "'";
    case 2:
      return "''.join([" + letters + "])";
    case 3:
      return "''.join(chr(c) for c in [" + codes + "])";
    case 4:
      return "''.join(map(chr,[" + codes + "]))";
    case 5:
      return "bytes.fromhex('" + Hex(text) + "').decode()";
    case 6:
      return "__import__('base64').b64decode('" + Base64(text) + "').decode()";
    case 7:
      return "'" + Reversed(text) + "'[::-1]";
    case 8:
      return "'%s%s'%('" + text.substr(0, text.size() / 2) + "','" +
             text.substr(text.size() / 2) + "')";
    case 9:
      return "'{}{}'.format('" + text.substr(0, text.size() / 2) + "','" +
             text.substr(text.size() / 2) + "')";
    case 10:
      return "bytes([" + codes + "]).decode()";
    case 11:
      return "'@" + text + "'.replace('@','')";
    case 12:
      return "''.join(reversed('" + Reversed(text) + "'))";
    default:
      return "'" + text + "_'[:-1]";
  }
}

string CommandComposer::Python(const string& host) {
  string bare = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  bool plain = Chance(20);
  auto text = [&](const string& value) {
    return plain ? "'" + value + "'" : PythonText(value, 3);
  };
  string url = "http://" + host + "/latest/";
  switch (Below(8)) {
    case 0:
    case 1:
      return "import urllib.request as r;r.urlopen(" + text(url) +
             ",timeout=1)";
    case 2:
      return "import socket;socket.create_connection((" + text(bare) +
             ",80),1)";
    case 3:
      return "import os;os.system('curl -s '+" + text(url) + ")";
    case 4:
      return "import subprocess as s;s.run(['curl','-s'," + text(url) + "])";
    case 5:
      return "h=" + text(bare) +
             "\nimport http.client as "
             "c;c.HTTPConnection(h,80,timeout=1).request('GET','/')";
    case 6:
      return "exec(__import__('base64').b64decode('" +
             Base64("import socket;socket.create_connection(('" + bare +
                    "',80),1)") +
             "'))";
    default:
      return "h=" + text(host) +
             ";import urllib.request as r;r.urlopen(f'http://{h}/x',timeout=1)";
  }
}

string CommandComposer::PerlText(const string& text, int depth) {
  if (depth > 0 && text.size() > 1 && Chance(50)) {
    size_t cut = 1 + Below(text.size() - 1);
    return PerlText(text.substr(0, cut), depth - 1) + "." +
           PerlText(text.substr(cut), depth - 1);
  }
  string codes;
  for (unsigned char c : text)
    codes += (codes.empty() ? "" : ",") + std::to_string(c);
  string letters;
  for (char c : text)
    letters += (letters.empty() ? "" : ",") + string("'") + c + "'";
  switch (Below(9)) {
    case 0:
      return "'" + text + "'";
    case 1:
      return "\"" + Escaped(text, "\\x%02x") + "\"";
    case 2:
      return "join('',(" + letters + "))";
    case 3:
      return "join('',map{chr}(" + codes + "))";
    case 4:
      return "join('',map{chr($_)}(" + codes + "))";
    case 5:
      return "pack('H*','" + Hex(text) + "')";
    case 6:
      return "scalar(reverse('" + Reversed(text) + "'))";
    case 7:
      return "pack('C*'," + codes + ")";
    default:
      return "sprintf('%s%s','" + text.substr(0, text.size() / 2) + "','" +
             text.substr(text.size() / 2) + "')";
  }
}

string CommandComposer::Perl(const string& host) {
  string bare = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  string url = "http://" + host + "/latest/";
  switch (Below(4)) {
    case 0:
      if (bare.find(':') != string::npos)
        return "system('curl','-s'," + PerlText(url, 2) + ")";
      return "use IO::Socket::INET;IO::Socket::INET->new(PeerAddr=>" +
             PerlText(bare, 2) + ",PeerPort=>80)";
    case 1:
      return "system('curl','-s'," + PerlText(url, 2) + ")";
    case 2:
      return "my $h=" + PerlText(host, 2) + ";system(\"curl -s http://$h/x\")";
    default:
      return "exec 'curl -s '." + PerlText(url, 2);
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
