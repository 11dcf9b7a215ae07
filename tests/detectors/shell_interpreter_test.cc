#include "detectors/shell_interpreter.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

std::string CommandsOf(const std::string& script) {
  FoldBudget budget;
  ShellInterpreter shell(budget);
  shell.RunText(script);
  return shell.commands();
}

struct ShellCase {
  std::string script;
  std::string commands;
};

void ExpectAll(const std::vector<ShellCase>& cases) {
  for (const ShellCase& c : cases) {
    EXPECT_EQ(CommandsOf(c.script), c.commands) << c.script;
  }
}

TEST(ShellInterpreterTest, UndoesQuotes) {
  ExpectAll({
      {R"(c\u'r'"l" ''169.254)", "curl 169.254\n"},
      {R"(curl $'\x31\0666'9)", "curl 1669\n"},
      {"curl 1''6\"\"9\\\n.254", "curl 169.254\n"},
      {R"(curl "a$b'c\"d")", "curl a'c\"d\n"},
  });
}

TEST(ShellInterpreterTest, ExpandsParameters) {
  ExpectAll({
      {"a=169.254; b=$a; curl $a.${b}", "curl 169.254.169.254\n"},
      {"curl ${x:-169} ${y-254} ${z:=1}$z", "curl 169 254 11\n"},
      {"a=xx169yy; a=${a#xx}; curl ${a%yy} ${#a}", "curl 169 5\n"},
      {"a=1x6x9; curl ${a//x/} ${a/x/.} ${a:2:1}", "curl 169 1.6x9 6\n"},
      {"a=(1 6 9); curl ${a[0]}${a[1]}${a[-1]} ${#a[@]}", "curl 169 3\n"},
      {"a=169; b=a; curl ${!b}", "curl 169\n"},
      {"a=CURL; ${a,,} x", "curl x\n"},
      {"a=1; a+=69; curl $a", "curl 169\n"},
      {"set -- 1 6 9; curl $1$2$3 $#", "curl 169 3\n"},
      {"curl$IFS-s${IFS}169", "curl -s 169\n"},
      {"IFS=.; set -- 1.6.9; curl $1$2$3", "curl 1 6 9\n"},
      {"a='x y'; curl $a \"$a\"", "curl x y x y\n"},
  });
}

TEST(ShellInterpreterTest, Calculates) {
  ExpectAll({
      {"curl $((0xa9)).$((16#fe)).$(( 160 + 9 )).$((0376))",
       "curl 169.254.169.254\n"},
      {"i=160; curl $((i += 9)) $i $[1+1]", "curl 169 169 2\n"},
      {"curl $((1 << 31 >> 24))", "curl 128\n"},
  });
}

TEST(ShellInterpreterTest, SubstitutesCommands) {
  ExpectAll({
      {"curl $(echo 169)`echo .254`", "curl 169.254\n"},
      {R"(curl $(printf '\061%d.%s' 69 254))", "curl 169.254\n"},
      {"curl $(echo MTY5LjI1NA== | base64 -d)", "curl 169.254\n"},
      {"curl $(echo 3136392e323534 | xxd -r -p)", "curl 169.254\n"},
      {"curl $(rev <<< 452.961)", "curl 169.254\n"},
      {"curl $(echo bgj.cfe | tr a-j 0-9)", "curl 169.254\n"},
      {"curl $(echo x169.254 | sed 's/x\\(.*\\)\\./\\1-/')", "curl 169-254\n"},
      {"curl $(echo a,169,b | cut -d, -f2)", "curl 169\n"},
      {"curl $(seq -s . 1 3) $(printf %s {1,6,9}) {a..c}",
       "curl 1.2.3 169 a b c\n"},
      {"curl $(awk 'BEGIN{printf \"%d.%d\", 169, 254}')",
       "awk BEGIN{printf['%d.%d', 169, 254, ]}\ncurl 169.254\n"},
  });
}

TEST(ShellInterpreterTest, FollowsWhatItReads) {
  ExpectAll({
      {"echo 'curl 169' | sh", "curl 169\n"},
      {"sh -c 'curl \"$0\" $1' a b", "curl a b\n"},
      {"x='curl 169'; eval $x", "curl 169\n"},
      {"cat <<EOF | sh\ncurl 16${u}9\nEOF\n", "curl 169\n"},
      {"echo 169 | xargs -I{} curl http://{}/", "curl http://169/\n"},
      {"echo 1 6 | while read a b; do curl $a$b; done", "curl 16\n"},
      {"IFS=. read -r a b <<< 169.254; curl $b.$a", "curl 254.169\n"},
      {"for i in 1 6 9; do s=$s$i; done; curl $s", "curl 169\n"},
      {"for ((i=0;i<2;i++)); do curl $i; done", "curl 0\ncurl 1\n"},
      {"f() { curl $1; }; f 169", "curl 169\n"},
      {"echo 'curl 169' > /tmp/a; sh /tmp/a", "> /tmp/a curl 169\ncurl 169\n"},
      {"case x in y) curl 1;; x) curl 2;; esac", "curl 2\n"},
      {"sudo -u a timeout 5 env A=1 curl $A", "A=1 curl\n"},
      {"exec 3<>/dev/tcp/1$(echo 69)/80", "exec /dev/tcp/169/80\n"},
      {"(a=1; curl $a); curl x$a", "curl 1\ncurl x\n"},
      {"if true; then curl 1; else curl 2; fi", "curl 1\ncurl 2\n"},
  });
}

// What is only said is not run.
TEST(ShellInterpreterTest, LeavesOutWhatIsOnlySaid) {
  ExpectAll({
      {"echo curl 169.254.169.254", ""},
      {"# curl 169\ncurl 1 # 2", "curl 1\n"},
      {"x=169.254.169.254", ""},
      {"cat <<E\n169.254.169.254\nE\ncurl 1", "curl 1\n"},
      {"echo nameserver 169.254.169.254 > /etc/resolv.conf", ""},
  });
}

TEST(ShellInterpreterTest, SaysWhenItIsNotSure) {
  auto is_sure = [](const std::string& script) {
    FoldBudget budget;
    ShellInterpreter shell(budget);
    shell.RunText(script);
    return shell.is_sure();
  };
  EXPECT_TRUE(is_sure("a=1; curl \"$a\" | grep x > /tmp/y"));
  EXPECT_FALSE(is_sure("curl 'a"));
  EXPECT_FALSE(is_sure("curl $(a"));
  EXPECT_FALSE(is_sure("while a"));
}

// A work that is not counted shows as minutes here.
TEST(ShellInterpreterTest, BoundsTheWorkOfHostileScripts) {
  for (const char* piece :
       {"(((", "$(a ", "${a:-", "`a", "{a,b}", "'a'+", "x=$x$x;", "f(){ f;};f;",
        "eval eval ", "echo a|", "while a;do ", "for i in 1 2;do ", "<<a ",
        "case a in ", "$((", "a=(", "python3 -c '169.254.", "\"$(", "\\"}) {
    std::string script;
    while (script.size() < 500'000) script += piece;
    FoldBudget budget;
    ShellInterpreter shell(budget);
    shell.RunText(script);
    EXPECT_TRUE(budget.exhausted) << piece;
    EXPECT_LE(shell.commands().size(), FoldBudget::kDefaultWork) << piece;
  }
}

TEST(ShellInterpreterTest, SurvivesAnyBytes) {
  std::mt19937_64 random(3);
  const std::vector<std::string> kHot = {"$(",
                                         ")",
                                         "${",
                                         "}",
                                         "`",
                                         "'",
                                         "\"",
                                         "\\",
                                         "|",
                                         ";",
                                         "\n",
                                         "<<E",
                                         "<<<",
                                         ">",
                                         "{a,b}",
                                         "[",
                                         "]",
                                         "echo ",
                                         "a=",
                                         "$a",
                                         "$((",
                                         "))",
                                         "1",
                                         "sh -c ",
                                         "for ",
                                         "do ",
                                         "done ",
                                         "tr ",
                                         "sed ",
                                         "s/a/",
                                         "xargs ",
                                         "read ",
                                         "python3 -c ",
                                         "perl -e ",
                                         ".",
                                         "+",
                                         "%",
                                         "x",
                                         "join(",
                                         "chr(",
                                         "map{",
                                         "f'{",
                                         "[::-1]",
                                         "=>",
                                         "printf ",
                                         "%d",
                                         "eval ",
                                         "case a in a) ",
                                         "esac ",
                                         "function f { ",
                                         " "};
  for (int round = 0; round < 20'000; ++round) {
    std::string script;
    for (size_t n = random() % 40; n > 0; --n) {
      script += random() % 16 == 0 ? std::string(1, static_cast<char>(random()))
                                   : kHot[random() % kHot.size()];
    }
    CommandsOf(script);
  }
}

}  // namespace
}  // namespace oddverb
