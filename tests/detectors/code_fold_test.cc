#include "detectors/code_fold.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace oddverb {
namespace {

using ::testing::ElementsAre;

FoldedCode Fold(const std::string& code,
                CodeLanguage language = CodeLanguage::kPython) {
  FoldBudget budget;
  CodeContext context;
  context.language = language;
  context.arguments = {"169.254"};
  context.environment = [](std::string_view name) {
    return name == "H" ? std::string("169.254") : std::string();
  };
  return FoldCode(code, context, budget);
}

struct FoldCase {
  CodeLanguage language;
  std::string expression;
};

// All of them are the text 169.254.
TEST(CodeFoldTest, ComputesConstantExpressions) {
  constexpr CodeLanguage kPython = CodeLanguage::kPython;
  constexpr CodeLanguage kPerl = CodeLanguage::kPerl;
  constexpr CodeLanguage kJs = CodeLanguage::kJavaScript;
  constexpr CodeLanguage kRuby = CodeLanguage::kRuby;
  constexpr CodeLanguage kPhp = CodeLanguage::kPhp;
  for (const FoldCase& c : std::vector<FoldCase>{
           {kPython, "'169'+'.'+\"254\""},
           {kPython, "'169' '.254'"},
           {kPython, "'.'.join(['169','254'])"},
           {kPython, "'.'.join((['169','254']*2)[:2])"},
           {kPython, "'.'.join((2*['169','254'])[2:])"},
           {kPython, "'.'.join(str(x) for x in (169,254))"},
           {kPython, "'.'.join(map(str,[169,0xfe]))"},
           {kPython, "''.join(chr(c) for c in [49,54,57,46,50,53,52])"},
           {kPython, "''.join(map(lambda x: chr(x+1),[48,53,56,45,49,52,51]))"},
           {kPython, "bytes([49,54,57,46,50,53,52]).decode()"},
           {kPython, "bytes.fromhex('3136392e323534').decode()"},
           {kPython, "__import__('base64').b64decode('MTY5LjI1NA==').decode()"},
           {kPython, "'452.961'[::-1]"},
           {kPython, "'%d.%s' % (169, '254')"},
           {kPython, "'{}.{}'.format(169, 254)"},
           {kPython, "f'{160+9}.254'"},
           {kPython, "'1x6x9.254'.replace('x','')"},
           {kPython, "str(0xa9)+'.'+str(int('fe',16))"},
           {kPython, "'\\x31\\u0036\\0719.254'[:2]+'9.254'"},
           {kPython, "os.environ['H']"},
           {kPython, "os.environ.get('H')"},
           {kPython, "sys.argv[1]"},
           {kPerl, "'169'.\".\".'254'"},
           {kPerl, "join('.',169,254)"},
           {kPerl, "join '.', (169, 254)"},
           {kPerl, "join('',map{chr}(49,54,57,46,50,53,52))"},
           {kPerl, "pack('H*','3136392e323534')"},
           {kPerl, "pack('C*',49,54,57,46,50,53,52)"},
           {kPerl, "scalar reverse('452.961')"},
           {kPerl, "sprintf('%d.%d',169,254)"},
           {kPerl, "join('.',qw(169 254))"},
           {kPerl, "\"\\x{31}69\".\".254\""},
           {kPerl, "$ENV{H}"},
           {kJs, "'169'+'.254'"},
           {kJs, "String.fromCharCode(49,54,57,46,50,53,52)"},
           {kJs, "[169,254].join('.')"},
           {kJs, "[169,254].map(x=>x+0).join('.')"},
           {kJs, "atob('MTY5LjI1NA==')"},
           {kJs, "Buffer.from('3136392e323534','hex').toString()"},
           {kJs, "'452.961'.split('').reverse().join('')"},
           {kJs, "`${160+9}.254`"},
           {kRuby, "[169,254].join('.')"},
           {kRuby, "['169','254']*'.'"},
           {kRuby, "'452.961'.reverse"},
           {kRuby, "\"#{160+9}.254\""},
           {kRuby, "[49,54,57,46,50,53,52].map(&:chr).join"},
           {kPhp, "'169'.'.254'"},
           {kPhp, "base64_decode('MTY5LjI1NA==')"},
           {kPhp, "strrev('452.961')"},
           {kPhp, "implode('.',array(169,254))"},
       }) {
    EXPECT_EQ(Fold("get(" + c.expression + ")", c.language).text,
              "get('169.254')")
        << c.expression;
  }
}

TEST(CodeFoldTest, RemembersVariables) {
  EXPECT_EQ(Fold("a='169';b=a+'.254';get(b)").text,
            "'a'='169';'b'='169.254';get('169.254')");
  EXPECT_EQ(Fold("my $a='169'; get(\"$a.254\")", CodeLanguage::kPerl).text,
            "'a'='169'; get('169.254')");
  EXPECT_EQ(
      Fold("const a=169; get(`${a}.254`)", CodeLanguage::kJavaScript).text,
      "'a'=169; get('169.254')");
}

TEST(CodeFoldTest, HandsOnWhatAShellOrAnInterpreterRuns) {
  EXPECT_THAT(Fold("import os;os.system('cu'+'rl x')").scripts,
              ElementsAre("curl x"));
  EXPECT_THAT(Fold("subprocess.run(['curl','a b'],shell=True)").scripts,
              ElementsAre("'curl' 'a b' "));
  EXPECT_THAT(
      Fold("exec(bytes.fromhex('6f732e73797374656d2827782729'))").scripts,
      ElementsAre("x"));
  EXPECT_THAT(Fold("system('curl','x')", CodeLanguage::kPerl).scripts,
              ElementsAre("'curl' 'x' "));
  EXPECT_EQ(Fold("print('a'+'b',1)").output, "ab 1\n");
  EXPECT_EQ(Fold("print(169,254,sep='.')").output, "169.254\n");
  EXPECT_EQ(Fold("print 'a'.'b'", CodeLanguage::kPerl).output, "ab");
}

// A number there is an address.
TEST(CodeFoldTest, MarksHostsOfConnections) {
  EXPECT_EQ(Fold("s.connect((str(2852039166),80))").text,
            "s.connect tcp://2852039166 ");
  EXPECT_EQ(Fold("X->new(PeerAddr=>'2852'.'039166')", CodeLanguage::kPerl).text,
            "X->new(PeerAddr tcp://2852039166 )");
}

TEST(CodeFoldTest, LeavesTheUnknownAsItIs) {
  for (const char* code : {"x + 'a'", "f(y)", "'a' - ", "[z]", "1 +", "(",
                           "a.b.c", "lambda x: x"}) {
    EXPECT_EQ(Fold(code).text, code) << code;
  }
}

TEST(CodeFoldTest, BoundsTheWorkOfHostileCode) {
  for (const char* piece : {"169.254.", "(", "[1,", "chr(", "'a'+", "a.b.",
                            "f(x for x in ", "map(", "'%s'%", "f'{", "a=", "-",
                            "exec(", "eval('", "x=x+x;", "x=[x]*4096;"}) {
    for (CodeLanguage language : {CodeLanguage::kPython, CodeLanguage::kPerl,
                                  CodeLanguage::kJavaScript}) {
      std::string code;
      while (code.size() < 500'000) code += piece;
      FoldBudget budget;
      CodeContext context;
      context.language = language;
      FoldedCode folded = FoldCode(code, context, budget);
      EXPECT_TRUE(budget.exhausted) << piece;
      EXPECT_LE(folded.text.size(), FoldBudget::kDefaultWork);
    }
  }
}

}  // namespace
}  // namespace oddverb
