#include <algorithm>
#include <initializer_list>

#include "tests/support/command_composer.h"
#include "tests/support/command_spelling.h"

namespace oddverb {
namespace {

using command_spelling::Base64;
using command_spelling::Escaped;
using command_spelling::Hex;
using command_spelling::Reversed;
using std::string;
using Words = std::initializer_list<const char*>;

}  // namespace

string CommandComposer::PythonText(const string& text, int depth) {
  if (depth > 0 && text.size() > 1 && Chance(50)) {
    size_t cut = 1 + Below(text.size() - 1);
    return PythonText(text.substr(0, cut), depth - 1) + "+" +
           PythonText(text.substr(cut), depth - 1);
  }
  string codes;
  for (char c : text) {
    codes += (codes.empty() ? "" : ",") +
             std::to_string(static_cast<unsigned char>(c));
  }
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
  for (char c : text) {
    codes += (codes.empty() ? "" : ",") +
             std::to_string(static_cast<unsigned char>(c));
  }
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

}  // namespace oddverb
