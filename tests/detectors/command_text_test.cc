#include "detectors/command_text.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

class CommandTextTest : public ::testing::Test {
 protected:
  std::vector<HostHit> Find(std::string_view text) {
    return FindHosts(text, CommandTextKind::kCommand, targets_);
  }
  // "host" in its best context, or "".
  std::string Best(std::string_view text,
                   CommandTextKind kind = CommandTextKind::kCommand) {
    std::string best;
    HostContext context = HostContext::kMention;
    for (const HostHit& hit : FindHosts(text, kind, targets_)) {
      if (!best.empty() && hit.context <= context) continue;
      best = hit.target->host;
      context = hit.context;
    }
    if (best.empty()) return "";
    constexpr std::string_view kNames[] = {"mention", "word", "host"};
    return std::string(kNames[static_cast<size_t>(context)]) + " " + best;
  }

  const MetadataTargets targets_;
};

// Words that are too short for the built-in targets are passed over.
TEST_F(CommandTextTest, FindsAHostOfTwoBytesThatIsConfigured) {
  const std::vector<std::string> extra_hosts = {"md"};
  const MetadataTargets targets(extra_hosts);
  for (CommandTextKind kind :
       {CommandTextKind::kCommand, CommandTextKind::kPlain}) {
    EXPECT_EQ(FindHosts("see http://md/ there", kind, targets).size(), 1u);
  }
  EXPECT_EQ(FindHosts("curl md", CommandTextKind::kCommand, targets).size(),
            1u);
  EXPECT_EQ(FindHosts("about md", CommandTextKind::kPlain, targets).size(), 0u);
}

TEST_F(CommandTextTest, FindsHostsWhereHostsAreExpected) {
  for (std::string_view command : {
           "curl -s http://169.254.169.254/latest/meta-data/",
           "curl http://2852039166/",
           "wget -qO- http://0xA9FEA9FE/latest/",
           "curl http://0251.0376.0251.0376/",
           "curl -g http://[::ffff:169.254.169.254]/latest/",
           "curl http://[::ffff:a9fe:a9fe]:80/",
           "curl http://user:pass@2852039166/",
           "curl http://a@b@2852039166/",
           "curl http://evil.example\\@2852039166/",
           "curl http://2852039166\\@evil.example/",
           "curl http://evil.example/@2852039166",
           "curl HTTP://2852039166:80/x",
           "curl http:/2852039166/",
           "curl http:///2852039166/",
           "node -e \"fetch('http:2852039166')\"",
           "node -e \"fetch('http:\\\\2852039166')\"",
           "curl 2852039166",
           "curl 2852039166/latest/meta-data/",
           "curl 2852039166:80/latest",
           "curl -x 2852039166:80 http://example.com/",
           "curl --proxy=2852039166:80 http://example.com/",
           "curl --connect-to ::2852039166:80 http://example.com/",
           "curl --resolve x:80:2852039166 http://x/",
           "curl 169.254.43518/latest",
           "/usr/bin/curl 0xa9fea9fe",
           "C:\\Windows\\System32\\curl.exe 2852039166",
           "sudo timeout 5 curl 2852039166",
           "busybox wget 2852039166",
           "nc 2852039166 80",
           "nc -u 169.16689662 80",
           "ncat 0251.0376.43518 80",
           "socat - TCP:2852039166:80",
           "socat - TCP4-CONNECT:2852039166:80,crlf",
           "http 2852039166",
           "http GET 2852039166/latest",
           "aria2c 2852039166",
           "fetch -o - 2852039166",
           "ping -c 1 2852039166",
           "openssl s_client -connect 2852039166:443",
           "bash -c 'cat < /dev/tcp/2852039166/80'",
           "bash -c \"exec 3<>/dev/tcp/2852039166/80\"",
           "gawk 'BEGIN{s=\"/inet/tcp/0/2852039166/80\"}'",
           "python3 -c \"import urllib.request as u;"
           "u.urlopen('http://2852039166/')\"",
           "sh -c 'a; b && curl 2852039166'",
           "sh -c 'grep x /etc/hosts | curl 2852039166'",
           "sh -c 'nslookup $(curl 2852039166)'",
           "curl -o grep http://2852039166/",
           "curl -H 'Host: x' 2852039166",
           "curl 'http://x/?a=1&b=2' 2852039166",
           "curl -s x 2>&1 2852039166",
           "NO_PROXY=10.0.0.1 curl 2852039166",
           "env NO_PROXY=169.254.169.254 curl http://169.254.169.254/",
           "nslookup x; curl http://169.254.169.254/",
           "curl http://x/fetch?url=http://2852039166/",
           "curl http://169.254.169.254.nip.io/",
       }) {
    EXPECT_EQ(Best(command), "host 169.254.169.254") << command;
  }
}

TEST_F(CommandTextTest, FindsUnmistakableHostsAsWords) {
  for (std::string_view command : {
           "sh -c 'H=169.254.169.254; x $H'",
           "echo 169.254.169.254 metadata >> /etc/hosts",
           "sh -c 'echo 0251.0376.0251.0376'",
           "foo --host=169.254.169.254",
           "foo 169.254.169.254:80/latest",
           "foo 169.254.169.254/latest",
           "foo 169.254.169.254.",
           "foo ::ffff:169.254.169.254",
           "foo [::ffff:a9fe:a9fe]:80",
           "foo ['169.254.169.254']",
           "foo [169.254.169.254,1.1.1.1]",
           "foo {\"ip\":\"169.254.169.254\"}",
           "foo 169-254-169-254.nip.io",
           "iptables -t nat -A OUTPUT -d 1.2.3.4 -j DNAT --to-destination "
           "169.254.169.254",
           "x grep 169.254.169.254",
       }) {
    EXPECT_EQ(Best(command), "word 169.254.169.254") << command;
  }
  EXPECT_EQ(Best("x metadata.google.internal"),
            "word metadata.google.internal");
  EXPECT_EQ(Best("x fd00:ec2::254"), "word fd00:ec2::254");
}

TEST_F(CommandTextTest, TellsMentionsFromAccess) {
  for (std::string_view command : {
           "env NO_PROXY=10.0.0.0/8,169.254.169.254 app",
           "sh -c 'export no_proxy=localhost,169.254.169.254; app'",
           "docker run --env=NO_PROXY=169.254.169.254 x",
           "app --noproxy 169.254.169.254 x",
           "app --noproxy=169.254.169.254 x",
           "grep -r 169.254.169.254 /etc",
           "sh -c 'env | grep 169.254.169.254'",
           "iptables -A OUTPUT -d 169.254.169.254 -j DROP",
           "sudo iptables -A FORWARD -d 169.254.169.254/32 -j REJECT",
           "ip route add blackhole 169.254.169.254/32",
           "calicoctl apply except 169.254.169.254/32",
           "dig @169.254.169.254 example.com",
           "nslookup example.com 169.254.169.254",
           "foo 169.254.169.254:53",
       }) {
    EXPECT_EQ(Best(command), "mention 169.254.169.254") << command;
  }
}

TEST_F(CommandTextTest, LeavesLookAlikesAlone) {
  for (std::string_view command : {
           "",
           "sh",
           "kubectl get pods --resourceVersion=2852039166",
           "curl http://api/pods?resourceVersion=2852039166",
           "curl 'http://api/pods?watch=1&resourceVersion=2852039166'",
           "curl http://api/2852039166/latest",
           "curl http://api:8080/x#2852039166",
           "curl -H 'X-Id: 2852039166' http://api/",
           "curl -H X-Id:2852039166 http://api/",
           "curl --data 2852039166 http://api/",
           "curl --header=2852039166 http://api/",
           "curl http://2852039166@api/",
           "curl http://2852039166:secret@api/",
           "app --seed 2852039166",
           "app --uid=2852039166",
           "echo 2852039166",
           "sh -c 'curl http://api/; echo 2852039166'",
           "docker pull registry/app:2852039166",
           "docker pull registry/app@sha256:a9fea9fe",
           "git checkout a9fea9fe",
           "app 0xa9fea9fe",
           "cat /proc/2852039166/maps",
           "dig @169.254.20.10 kubernetes.default",
           "curl http://169.254.20.10:9253/metrics",
           "ping 169.254.1.1",
           "ping 169.254.169.253",
           "chronyc -h 169.254.169.123 tracking",
           "curl http://169.254.0.1/",
           "ip route add 169.254.0.0/16 dev eth0",
           "nslookup x 168.63.129.16:53",
           "curl http://168.63.129.16:8080/",
           "app 1.169.254.169.254",
           "app 169.254.169.254.1",
           "app v169.254.169.254",
           "app 169.254.169.254-rc1",
           "app 169.254.43518",
           "curl http://169.254.169.254.example.com/",
           "curl http://metadata.google.internal.example.com/",
           "kubectl get pod -o jsonpath={.metadata.name}",
           "metadata",
           "cat metadata instance-data",
           "psql -c 'select metadata from instance-data'",
           "app rancher-metadata",
           "uuid 2852039166-a9fe-a9fe",
           "date +%s 2852039166",
           "nip.io sslip.io",
           "curl http://10-0-0-1.nip.io/",
       }) {
    EXPECT_EQ(Best(command), "") << command;
  }
}

TEST_F(CommandTextTest, WantsAHostPlaceForOrdinaryWords) {
  EXPECT_EQ(Best("curl http://metadata/"), "host metadata");
  EXPECT_EQ(Best("curl http://instance-data/latest"), "host instance-data");
  EXPECT_EQ(Best("curl instance-data/latest"), "host instance-data");
  EXPECT_EQ(Best("echo instance-data"), "");
}

TEST_F(CommandTextTest, KnowsNoProgramsInPlainText) {
  EXPECT_EQ(Best("/grep url=http://2852039166/", CommandTextKind::kPlain),
            "host 169.254.169.254");
  EXPECT_EQ(Best("/host 169.254.169.254", CommandTextKind::kPlain),
            "word 169.254.169.254");
  EXPECT_EQ(Best("/get 2852039166", CommandTextKind::kPlain), "");
}

TEST_F(CommandTextTest, KeepsTheTextAsSpelled) {
  std::vector<HostHit> hits = Find("curl http://0xA9.0xFE.43518:80/x");
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].text, "0xA9.0xFE.43518");
  EXPECT_EQ(hits[0].spelling, HostSpelling::kNumeric);
}

TEST_F(CommandTextTest, ReportsEachTargetAndSpellingOnce) {
  EXPECT_EQ(Find("curl http://169.254.169.254/a http://169.254.169.254/b "
                 "http://2852039166/ http://100.100.100.200/")
                .size(),
            3u);
}

TEST_F(CommandTextTest, JoinsArgumentsIntoOneLine) {
  ShellLine line;
  for (std::string_view argument :
       {"curl", "-H", "X-Id: 2852039166", "http://api/"}) {
    line.Add(argument);
  }
  EXPECT_EQ(line.text(), "curl -H \"X-Id: 2852039166\" http://api/");
  EXPECT_EQ(Best(line.text()), "");
}

// Counted, as time is the machine's: the worst costs some milliseconds.
TEST_F(CommandTextTest, LooksAtEachByteAFewTimesAtMost) {
  for (std::string_view piece :
       {"a",          "/",           ":",
        "http:",      "http://",     "@",
        "[",          "[::",         "-H \"",
        "curl ",      "1.1.1.1.",    "a:",
        "a@",         "\\",          "=",
        "&",          "/dev/tcp/",   "http:a@",
        "[::]",       "[::1]",       "::1 ",
        "@[::]",      "curl ::1,",   "curl 1,1,1,1,",
        "[2002:1::]", "1,",          "@a,",
        "://1/",      "1.2.3.4 ",    "@1.2.3.4,",
        "1.nip.io ",  "a-a.nip.io ", "[64:ff9b::1]",
        "(a",         "curl 0x1,",   "fd00:ec2::255 "}) {
    for (CommandTextKind kind :
         {CommandTextKind::kPlain, CommandTextKind::kCommand}) {
      std::string text;
      while (text.size() < 250'000) text += piece;
      size_t looked_at = 0;
      FindHosts(text, kind, targets_, &looked_at);
      EXPECT_GE(looked_at, text.size()) << piece;
      EXPECT_LE(looked_at, 20 * text.size()) << piece;
    }
  }
}

TEST_F(CommandTextTest, SurvivesAnyBytes) {
  std::mt19937_64 random(5);
  constexpr std::string_view kHot =
      "://@[]169.254.169.254 curl -H \"'`;|&()<>\\=,?#%";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t n = random() % 80; n > 0; --n) {
      text += random() % 8 == 0 ? static_cast<char>(random())
                                : kHot[random() % kHot.size()];
    }
    for (const HostHit& hit : Find(text)) {
      EXPECT_GE(hit.text.data(), text.data());
      EXPECT_LE(hit.text.data() + hit.text.size(), text.data() + text.size());
    }
  }
}

}  // namespace
}  // namespace oddverb
